// SPDX-License-Identifier: Apache-2.0
// A destination of the log behind a Unix socket, and another one for the time when nobody reads
// there: sd_journal_send(3) and syslog(3) take such lines without a word, and they are gone.
#pragma once

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <memory>
#include <string>

namespace adit {

// For one thread.
class LogFallback final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  // `name` and `socket_path`: what lines about it call the first one, and where its reader listens.
  LogFallback(std::string name, std::string socket_path, std::shared_ptr<spdlog::sinks::sink> first,
              std::shared_ptr<spdlog::sinks::sink> second);

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override;
  void tell(spdlog::level::level_enum level, const std::string& text);

  std::string name_, socket_path_;
  std::shared_ptr<spdlog::sinks::sink> first_, second_;
  int error_ = 0;  // errno of the last look
};

}  // namespace adit
