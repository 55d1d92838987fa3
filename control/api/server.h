// SPDX-License-Identifier: Apache-2.0
// Serves a table of methods on a Unix stream socket, one JSON-RPC message a line.
//
// Everything runs in the thread that runs the io_context, and takes turns: one request,
// then whatever else is due there. A client has one request in work and one answer to
// take at a time; before it has taken it, nothing more is read from it. So what a client
// can cost is bounded by ServerLimits, however slow, silent or noisy it is.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "api/method.h"

namespace adit {

struct ServerLimits {
  size_t max_line_bytes = 1 << 20;
  size_t max_answer_bytes = 16 << 20;
  size_t max_clients = 64;
  // Without a whole request, and without taking anything of an answer.
  std::chrono::milliseconds idle_timeout{60'000};
  // When all places are taken, the client that was idle longest makes room for a new one,
  // but none that was idle for less than this.
  std::chrono::milliseconds evict_after{1'000};
};

class ApiServer {
 public:
  // Listens at `path` from now on. Throws std::runtime_error with a sentence for the
  // operator. `methods` and `context` must outlive the server.
  ApiServer(boost::asio::io_context& io, const std::string& path, MethodTable methods,
            ApiContext& context, const ServerLimits& limits = {});
  // Hangs up on everybody and removes the socket's file.
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  size_t client_count() const noexcept;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace adit
