// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "api/catalogue.h"
#include "api/method.h"

namespace adit::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kMaxAnswerBytes = 64 << 20;
constexpr std::chrono::milliseconds kBusyRetry{200};
constexpr std::chrono::seconds kBusyPatience{3};

// Who may use the socket, and how to become one of them.
std::string how_to_be_allowed(const std::string& path) {
  struct stat status = {};
  const bool known = stat(path.c_str(), &status) == 0;
  // Root's own group is nobody's to join: the daemon found no group of ours.
  if (known && status.st_gid == 0)
    return "only root may use it, because there is no group adit (`groupadd -r adit`, and restart "
           "the daemon)";
  std::string name = "adit";
  const group* entry = known ? getgrgid(status.st_gid) : nullptr;
  if (entry != nullptr) name = entry->gr_name;
  return "only root and members of group " + name + " may use it (`usermod -aG " + name +
         " USER`, then log in again)";
}

}  // namespace

CallFailed::CallFailed(json error)
    : std::runtime_error(error.value("message", "the daemon refused the request without a reason")),
      error_(std::move(error)),
      code_(error_.value("code", 0)) {}

Client::Client(std::string socket_path, std::optional<std::chrono::milliseconds> timeout)
    : path_(std::move(socket_path)), timeout_(timeout) {}

Client::~Client() {
  disconnect();
}

void Client::disconnect() noexcept {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  input_.clear();
}

void Client::fail_connect(int error) const {
  const std::string start =
      "start the daemon (`systemctl start adit`, or `aditd --config FILE`), or name its "
      "socket with --socket";
  if (error == ENOENT) throw NobodyThere("there is no socket " + path_ + ": " + start);
  if (error == ECONNREFUSED)
    throw NobodyThere("no daemon answers at " + path_ + " any more: " + start);
  if (error == EACCES || error == EPERM)
    throw Unreachable("permission denied for " + path_ + ": " + how_to_be_allowed(path_));
  throw Unreachable("can not connect to " + path_ + ": " + std::generic_category().message(error));
}

void Client::connect() {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof address.sun_path)
    throw Unreachable("the socket's path must have 1.." +
                      std::to_string(sizeof address.sun_path - 1) + " bytes");
  std::memcpy(address.sun_path, path_.data(), path_.size());
  fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) fail_connect(errno);
  // A full backlog says EAGAIN: the daemon is there, but busy.
  while (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EAGAIN && errno != EINTR) fail_connect(errno);
    if (Clock::now() >= deadline_) throw TooLate("the daemon at " + path_ + " does not answer");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void Client::wait_for(short events) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
    pollfd wanted = {fd_, events, 0};
    const int n = left.count() <= 0 ? 0 : poll(&wanted, 1, static_cast<int>(left.count()));
    if (n > 0) return;
    if (n == 0) throw TooLate("the daemon at " + path_ + " does not answer in time");
    if (errno != EINTR) fail_connect(errno);
  }
}

void Client::send(const std::string& text) {
  size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t n = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      wait_for(POLLOUT);
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return;  // the daemon hung up; it may have left a reason to read
    } else if (errno != EINTR) {
      fail_connect(errno);
    }
  }
}

std::string Client::receive_line() {
  std::array<char, 65536> chunk;
  size_t searched = 0;
  for (;;) {
    const size_t newline = input_.find('\n', searched);
    if (newline != std::string::npos) {
      std::string line = input_.substr(0, newline);
      input_.erase(0, newline + 1);
      return line;
    }
    searched = input_.size();
    if (searched > kMaxAnswerBytes)
      throw Unreachable("the program that answers at " + path_ + " is not aditd");
    const ssize_t n = recv(fd_, chunk.data(), chunk.size(), 0);
    if (n > 0)
      input_.append(chunk.data(), static_cast<size_t>(n));
    else if (n == 0 || errno == ECONNRESET)
      throw Unreachable("the daemon at " + path_ + " closed the connection");
    else if (errno == EAGAIN)
      wait_for(POLLIN);
    else if (errno != EINTR)
      fail_connect(errno);
  }
}

json Client::call_once(const std::string& method, const json& params) {
  if (fd_ < 0) connect();
  const unsigned id = next_id_++;
  const json request = {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}};
  send(request.dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
  const json answer = json::parse(receive_line(), nullptr, false);
  if (!answer.is_object())
    throw Unreachable("the program that answers at " + path_ + " is not aditd");
  const auto error = answer.find("error");
  if (error != answer.end() && error->is_object()) throw CallFailed(*error);
  const auto result = answer.find("result");
  if (result == answer.end() || answer.value("id", json()) != id)
    throw Unreachable("the program that answers at " + path_ + " is not aditd");
  return *result;
}

namespace {

// A method that aditctl does not know is as others are.
MethodInfo info_of(const std::string& method) {
  const auto found = std::ranges::find(catalogue(), method, &MethodInfo::name);
  return found == catalogue().end() ? MethodInfo{} : *found;
}

}  // namespace

json Client::call(const std::string& method, const json& params) {
  const auto start = Clock::now();
  for (;;) {
    deadline_ = Clock::now() + timeout_.value_or(std::chrono::seconds(info_of(method).patience_s));
    try {
      return call_once(method, params);
    } catch (const CallFailed& failure) {
      if (failure.code() != kTooManyClients || Clock::now() - start >= kBusyPatience) throw;
      disconnect();
    } catch (const TooLate& error) {
      disconnect();
      if (info_of(method).effect != Effect::kChanges) throw;
      throw TooLate(error.what() + std::string("; what was asked for may still be done: see the "
                                               "log and `aditctl show status`"));
    } catch (const Unreachable&) {
      disconnect();
      throw;
    }
    std::this_thread::sleep_for(kBusyRetry);
  }
}

}  // namespace adit::cli
