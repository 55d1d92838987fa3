// SPDX-License-Identifier: Apache-2.0
// What probes have in common that send one datagram over a connected socket and wait for the
// answer to it.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <span>

#include "health/probe_context.h"
#include "health/probe_kinds.h"
#include "health/probe_socket.h"

namespace adit {

// `Protocol`: boost::asio::ip::udp or icmp.
template <class Protocol>
class DatagramProbe : public Probe {
 public:
  DatagramProbe(const std::shared_ptr<ProbeContext>& context, const HealthTarget& target)
      : Probe(context, target), socket_(context->io()) {}

 protected:
  using Socket = typename Protocol::socket;

  // Sends the request and receives until answered() has finished. The kernel passes on only what
  // comes from the peer, and ICMP errors about it as ECONNREFUSED and the like.
  void exchange(std::span<const uint8_t> request, uint16_t peer_port) {
    using boost::system::error_code;
    const typename Protocol::endpoint peer(peer_address(context(), target()), peer_port);
    if (const auto failure = open_socket(socket_, peer.protocol(), context(), target()))
      return fail(failure.doing, failure.error);
    error_code error;
    socket_.connect(peer, error);
    if (error) return fail("connect", error);
    if (!opened(socket_)) return;
    socket_.non_blocking(true, error);
    if (error) return fail("open a socket", error);
    // One datagram fits into a new socket's buffer: no waiting.
    socket_.send(boost::asio::buffer(request.data(), request.size()), 0, error);
    if (error) return fail("send", error);
    receive();
  }

  // The socket is connected; false: it can not be used, and the probe is finished.
  virtual bool opened(Socket&) { return true; }
  // Finishes the probe, or does nothing when this is no answer to our request.
  virtual void answered(std::span<const uint8_t> datagram) = 0;

 private:
  void receive() {
    socket_.async_receive(
        boost::asio::buffer(buffer_),
        [self = shared_from_this(), this](const boost::system::error_code& error, size_t size) {
          if (finished()) return;
          if (error == boost::asio::error::connection_refused)
            return finish(Verdict::kDown, "port unreachable");
          if (error) return fail("receive", error);
          answered(std::span(buffer_).first(size));
          if (!finished()) receive();
        });
  }

  void close() noexcept final {
    boost::system::error_code ignored;  // the verdict stands
    socket_.close(ignored);
  }

  Socket socket_;
  std::array<uint8_t, 4096> buffer_;  // what is longer is cut off
};

}  // namespace adit
