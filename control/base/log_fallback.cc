// SPDX-License-Identifier: Apache-2.0
#include "base/log_fallback.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace adit {
namespace {

// 0, or errno of why nobody reads from it. One of another type, as some syslog daemons have, is
// read.
int look_for_reader(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int error =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  close(fd);
  return error == EPROTOTYPE ? 0 : error;
}

}  // namespace

LogFallback::LogFallback(std::string name, std::string socket_path,
                         std::shared_ptr<spdlog::sinks::sink> first,
                         std::shared_ptr<spdlog::sinks::sink> second)
    : name_(std::move(name)),
      socket_path_(std::move(socket_path)),
      first_(std::move(first)),
      second_(std::move(second)) {}

void LogFallback::tell(spdlog::level::level_enum level, const std::string& text) {
  (error_ == 0 ? first_ : second_)->log({"", level, text});
}

void LogFallback::sink_it_(const spdlog::details::log_msg& message) {
  const int error = look_for_reader(socket_path_);
  if (const int former = std::exchange(error_, error); error != 0 && error != former)
    tell(spdlog::level::warn, "event=log_target_missing target=" + name_ +
                                  " socket=" + log_value(socket_path_) +
                                  " error=" + log_value(std::strerror(error)) + " instead=stderr");
  else if (error == 0 && former != 0)
    tell(spdlog::level::info, "event=log_target_back target=" + name_);
  (error == 0 ? first_ : second_)->log(message);
}

void LogFallback::flush_() {
  (error_ == 0 ? first_ : second_)->flush();
}

}  // namespace adit
