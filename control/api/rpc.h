// SPDX-License-Identifier: Apache-2.0
// JSON-RPC 2.0: one request's text in, one answer's text out. No sockets.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "method.h"

namespace adit {

struct RpcAnswer {
  std::string text;                // with its newline; empty: the request wants no answer
  const Method* method = nullptr;  // what was called, if it exists
  int error_code = 0;              // 0: done
  std::string error_message;
};

// Does what the line asks for. Never throws for what the line holds or a handler throws.
// An answer of more than max_bytes is replaced by an error.
RpcAnswer answer_request(MethodTable methods, ApiContext& context, const Caller& caller,
                         std::string_view line, size_t max_bytes);

// An error as a line of its own, for what is no request at all.
std::string error_line(ApiErrorCode code, const std::string& message);

}  // namespace adit
