// SPDX-License-Identifier: Apache-2.0
#include "api/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>

#include "api/rpc.h"

namespace adit {
namespace {

using boost::system::error_code;

Caller peer_of(ApiSession::Socket& socket) {
  ucred credentials = {};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return {static_cast<uid_t>(-1), 0};
  return {credentials.uid, credentials.pid};
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

ApiSession::ApiSession(Socket socket, SessionOwner& owner, size_t max_line_bytes)
    : socket_(std::move(socket)), owner_(&owner), max_line_bytes_(max_line_bytes) {
  caller_ = peer_of(socket_);
}

void ApiSession::close() {
  if (!socket_.is_open()) return;
  error_code ignored;  // the client has disconnected
  socket_.close(ignored);
  if (owner_ != nullptr) owner_->closed(shared_from_this());
}

void ApiSession::read_or_wait_for_turn() {
  if (has_line_)
    owner_->line_ready(shared_from_this());
  else
    read();
}

void ApiSession::read() {
  socket_.async_read_some(boost::asio::buffer(chunk_),
                          [self = shared_from_this()](error_code error, size_t size) {
                            if (self->owner_ == nullptr || !self->socket_.is_open()) return;
                            if (error) return self->close();
                            self->took(self->chunk_.data(), size);
                          });
}

void ApiSession::took(const char* data, size_t size) {
  const size_t before = input_.size();
  input_.append(data, size);
  const size_t newline = input_.find('\n', before);
  has_line_ = newline != std::string::npos;
  line_end_ = newline;
  if (std::min(newline, input_.size()) > max_line_bytes_) {
    hang_up_ = true;
    send(error_line(kInvalidRequest,
                    "the line is longer than " + std::to_string(max_line_bytes_) + " bytes"));
    return;
  }
  read_or_wait_for_turn();
}

void ApiSession::turn() {
  if (owner_ == nullptr || !socket_.is_open() || !has_line_) return;
  last_active_ = Clock::now();
  const std::string_view line(input_.data(), line_end_);
  std::optional<std::string> answer = is_blank(line) ? std::string() : owner_->serve(*this, line);
  input_.erase(0, line_end_ + 1);
  line_end_ = input_.find('\n');
  has_line_ = line_end_ != std::string::npos;
  // A client that once sent a long line shall not keep its room.
  if (!has_line_ && input_.capacity() > 2 * chunk_.size()) input_.shrink_to_fit();
  if (answer) send(std::move(*answer));
}

void ApiSession::answer(std::string text) {
  if (owner_ == nullptr || !socket_.is_open()) return;
  last_active_ = Clock::now();
  send(std::move(text));
}

void ApiSession::send(std::string text) {
  output_ = std::move(text);
  written_ = 0;
  if (output_.empty()) return read_or_wait_for_turn();
  write();
}

void ApiSession::write() {
  socket_.async_write_some(
      boost::asio::buffer(output_.data() + written_, output_.size() - written_),
      [self = shared_from_this()](error_code error, size_t size) {
        if (self->owner_ == nullptr || !self->socket_.is_open()) return;
        if (error) return self->close();
        self->last_active_ = Clock::now();
        self->written_ += size;
        if (self->written_ < self->output_.size()) return self->write();
        self->output_ = {};
        if (self->hang_up_) return self->close();
        self->read_or_wait_for_turn();
      });
}

}  // namespace adit
