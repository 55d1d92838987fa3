// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>

#include "base/journal_stream.h"
#include "base/log_fallback.h"

namespace adit {
namespace {

constexpr char kName[] = "aditd";

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// sd-daemon(3): "<N>" at the start of a line is its syslog priority.
class PriorityFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    static constexpr char kDigits[] = {'7', '7', '6', '4', '3', '2', '6'};  // by spdlog's level
    out.push_back('<');
    out.push_back(kDigits[std::min(static_cast<size_t>(message.level), sizeof kDigits - 1)]);
    out.push_back('>');
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<PriorityFlag>();
  }
};

// write(2), not stdio: a line that waits must not hold stderr's lock, which others take.
class StderrSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const char* rest = line.data();
    for (size_t left = line.size(); left > 0;) {
      const ssize_t written = write(STDERR_FILENO, rest, left);
      if (written >= 0) {
        rest += written;
        left -= static_cast<size_t>(written);
      } else if (errno == EAGAIN) {  // a process that shares it made it non-blocking
        pollfd room = {STDERR_FILENO, POLLOUT, 0};
        (void)poll(&room, 1, -1);
      } else if (errno != EINTR) {
        spdlog::throw_spdlog_ex("write to stderr", errno);
      }
    }
  }
  void flush_() override {}
};

std::shared_ptr<spdlog::sinks::sink> stderr_sink() {
  auto sink = std::make_shared<StderrSink>();
  if (stderr_is_journal()) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<PriorityFlag>('*').set_pattern("%*%v");
    sink->set_formatter(std::move(formatter));
  } else {
    sink->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z level=%l %v");
  }
  return sink;
}

// sd_journal_send(3) and syslog(3) write there.
constexpr char kJournalSocket[] = "/run/systemd/journal/socket", kSyslogSocket[] = "/dev/log";

std::shared_ptr<spdlog::sinks::sink> make_destination(LogTarget target) {
  switch (target) {
    case LogTarget::kStderr:
      break;
    case LogTarget::kJournald:
      return std::make_shared<LogFallback>("journald", kJournalSocket,
                                           std::make_shared<spdlog::sinks::systemd_sink_st>(kName),
                                           stderr_sink());
    case LogTarget::kSyslog:
      return std::make_shared<LogFallback>(
          "syslog", kSyslogSocket,
          std::make_shared<spdlog::sinks::syslog_sink_st>(kName, LOG_PID, LOG_DAEMON, false),
          stderr_sink());
  }
  return stderr_sink();
}

// Of the running log; null before set_up_log().
std::shared_ptr<LogQueue>& queue() {
  // Never destroyed: lines may come from threads that outlive main().
  static auto* const instance = new std::shared_ptr<LogQueue>;
  return *instance;
}

// The end of the process does not wait for longer than that for a line to be taken.
constexpr std::chrono::milliseconds kPatience{300};

}  // namespace

void set_up_log(LogTarget target, LogLevel level) {
  flush_log();
  queue() = std::make_shared<LogQueue>(make_destination(target));
  const auto logger = std::make_shared<spdlog::logger>(kName, queue());
  logger->set_level(spdlog_level(level));
  spdlog::set_default_logger(logger);
}

bool flush_log() {
  return !queue() || queue()->drain(kPatience);
}

void close_log() {
  if (flush_log()) return;
  // Drivers and libraries that write to stderr themselves must not wait for its reader.
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null >= 0) (void)dup3(null, STDERR_FILENO, 0);
}

LogStats log_stats() {
  return queue() ? queue()->stats() : LogStats{};
}

void keep_log_on_own_cores() {
  if (queue()) queue()->run_on_cores_of_caller();
}

std::string log_value(std::string_view value) {
  const auto plain = [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '"' && c != '=' && c != '\\' && c != 0x7f;
  };
  if (!value.empty() && std::all_of(value.begin(), value.end(), plain)) return std::string(value);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (c == '\n') {
      text += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      text += "\\x";
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    } else {
      text += c;
    }
  }
  return text + '"';
}

}  // namespace adit
