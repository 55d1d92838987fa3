// SPDX-License-Identifier: Apache-2.0
// JSON-RPC 2.0: one request's text in, one answer's text out. No sockets.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "api/method.h"

namespace adit {

struct RpcAnswer {
  std::string text;                // with its newline; empty: the request wants no answer
  const Method* method = nullptr;  // what was called, if it exists
  int error_code = 0;              // 0: done
  std::string error_message;
  LaterAnswer later;   // set: the rest is not there yet, see finish_answer()
  nlohmann::json id;   // of the request; what follows is for finish_answer()
  bool wanted = true;  // also where it cannot be told: section 5, "id" is null then
};

// Does what the line asks for. Never throws for what the line holds or a handler throws.
// An answer of more than max_bytes is replaced by an error.
RpcAnswer answer_request(MethodTable methods, ApiContext& context, const Caller& caller,
                         std::string_view line, size_t max_bytes);

// Looks whether an answer that is to come later is there; true: it is. The same otherwise.
bool finish_answer(RpcAnswer& answer, size_t max_bytes);

// An error as a line of its own, for what is no request at all.
std::string error_line(ApiErrorCode code, const std::string& message);

}  // namespace adit
