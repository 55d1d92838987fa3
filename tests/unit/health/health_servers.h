// SPDX-License-Identifier: Apache-2.0
// Servers on loopback for probes to ask, in the probes' own io_context.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adit/addr.h"

namespace adit {

// Takes connections; what happens with them is the test's. Without a handler they stay open and
// unanswered.
class TcpListener {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  explicit TcpListener(boost::asio::io_context& io, std::function<void(Socket)> handler = {},
                       const char* address = "127.0.0.1")
      : acceptor_(io, {boost::asio::ip::make_address(address), 0}), handler_(std::move(handler)) {
    accept();
  }
  uint16_t port() const { return acceptor_.local_endpoint().port(); }
  size_t accepted() const { return accepted_; }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, Socket socket) {
      if (error) return;
      ++accepted_;
      if (handler_)
        handler_(std::move(socket));
      else
        silent_.push_back(std::move(socket));
      accept();
    });
  }

  boost::asio::ip::tcp::acceptor acceptor_;
  std::function<void(Socket)> handler_;
  std::vector<Socket> silent_;
  size_t accepted_ = 0;
};

// Reads a request up to its empty line, answers, and hangs up or not.
template <class Stream>
class OneAnswer : public std::enable_shared_from_this<OneAnswer<Stream>> {
 public:
  OneAnswer(Stream stream, std::string answer, bool hang_up, std::string* request)
      : stream_(std::move(stream)),
        answer_(std::move(answer)),
        hang_up_(hang_up),
        request_(request) {}

  Stream& stream() { return stream_; }

  void read() {
    stream_.async_read_some(
        boost::asio::buffer(chunk_),
        [self = this->shared_from_this()](boost::system::error_code error, size_t size) {
          if (error) return;
          self->text_.append(self->chunk_.data(), size);
          if (self->text_.find("\r\n\r\n") == std::string::npos) return self->read();
          if (self->request_ != nullptr) *self->request_ = self->text_;
          self->write();
        });
  }

 private:
  void write() {
    boost::asio::async_write(
        stream_, boost::asio::buffer(answer_),
        [self = this->shared_from_this()](boost::system::error_code error, size_t) {
          // Kept open until the client goes.
          if (!error && !self->hang_up_) self->read_on();
        });
  }
  void read_on() {
    stream_.async_read_some(
        boost::asio::buffer(chunk_),
        [self = this->shared_from_this()](boost::system::error_code error, size_t) {
          if (!error) self->read_on();
        });
  }

  Stream stream_;
  const std::string answer_;
  const bool hang_up_;
  std::string* const request_;
  std::string text_;
  std::array<char, 1024> chunk_;
};

// Answers datagrams; none: silence.
class UdpResponder {
 public:
  using Answer = std::function<std::vector<std::string>(const std::string& request)>;

  UdpResponder(boost::asio::io_context& io, Answer answer)
      : socket_(io, {boost::asio::ip::address_v4::loopback(), 0}), answer_(std::move(answer)) {
    receive();
  }
  uint16_t port() const { return socket_.local_endpoint().port(); }

 private:
  void receive() {
    socket_.async_receive_from(boost::asio::buffer(buffer_), from_,
                               [this](boost::system::error_code error, size_t size) {
                                 if (error == boost::asio::error::operation_aborted) return;
                                 if (!error)
                                   for (const std::string& answer : answer_({buffer_.data(), size}))
                                     socket_.send_to(boost::asio::buffer(answer), from_);
                                 receive();
                               });
  }

  boost::asio::ip::udp::socket socket_;
  boost::asio::ip::udp::endpoint from_;
  std::array<char, 2048> buffer_;
  Answer answer_;
};

// A TCP port of ours at which nobody listens.
class ClosedPort {
 public:
  explicit ClosedPort(boost::asio::io_context& io) : socket_(io, boost::asio::ip::tcp::v4()) {
    socket_.bind({boost::asio::ip::address_v4::loopback(), 0});
  }
  uint16_t port() const { return socket_.local_endpoint().port(); }

 private:
  boost::asio::ip::tcp::socket socket_;
};

}  // namespace adit
