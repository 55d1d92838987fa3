// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/ip/tcp.hpp>

#include "health/probe_context.h"
#include "health/probe_kinds.h"
#include "health/probe_socket.h"
#include "health/proxy_header.h"

namespace adit {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

class TcpProbe final : public Probe {
 public:
  TcpProbe(const std::shared_ptr<ProbeContext>& context, const HealthTarget& target)
      : Probe(context, target), socket_(context->io()) {}

 private:
  void begin() override {
    const tcp::endpoint peer(peer_address(context(), target()), port());
    if (const auto failure = open_socket(socket_, peer.protocol(), context(), target()))
      return fail(failure.doing, failure.error);
    socket_.async_connect(peer, [self = shared_from_this(), this](error_code error) {
      if (finished()) return;
      if (error) return fail("connect", error);
      if (sends_proxy()) send_proxy_header(socket_.native_handle(), error);
      if (error) return fail("send", error);
      finish(Verdict::kUp, "connected");
    });
  }

  void close() noexcept override {
    error_code ignored;  // the verdict stands
    socket_.close(ignored);
  }

  tcp::socket socket_;
};

}  // namespace

std::shared_ptr<Probe> make_tcp_probe(const std::shared_ptr<ProbeContext>& context,
                                      const HealthTarget& target) {
  return std::make_shared<TcpProbe>(context, target);
}

}  // namespace adit
