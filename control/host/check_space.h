// SPDX-License-Identifier: Apache-2.0
// Health checks on the way of clients' packets: their sockets are in a network namespace, whose
// only interface leads here; what comes out is translated (check_flows.h) and sent by a worker, and
// replies come back the same way.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include "adit/rate_limit.h"
#include "health/packet_way.h"
#include "host/check_flows.h"
#include "host/net_space.h"

namespace adit {

class CheckSpace final : public PacketWay {
 public:
  using Send = std::function<bool(VrfId, BackendId, std::span<const uint8_t>)>;
  using Now = std::function<uint64_t()>;
  struct Wire {
    CheckFlows::Find find;
    Send send;
    Now now_ns;
  };

  // Null: `why` says why there is none. To be called before privileges are dropped; later none is
  // needed.
  static std::unique_ptr<CheckSpace> make(boost::asio::io_context& io, Wire wire, std::string& why);

  int open_socket(int family, int type, int protocol) override;
  void run(const std::function<void()>& function) override;

  // A packet that came from the VRF. False: it is not about a check.
  bool receive(VrfId vrf, std::span<const uint8_t> packet);

 private:
  CheckSpace(boost::asio::io_context& io, std::unique_ptr<NetSpace> space, int tun, Wire wire);
  void wait();
  void take();

  std::unique_ptr<NetSpace> space_;
  boost::asio::posix::stream_descriptor tun_;
  Wire wire_;
  CheckFlows flows_;
  std::unordered_map<VrfId, RateMeter> meters_;
  std::vector<uint8_t> packet_ = std::vector<uint8_t>(UINT16_MAX);
};

}  // namespace adit
