// SPDX-License-Identifier: Apache-2.0
// The kernel's interfaces of VRFs and of the underlay, by `host` of the configuration: what workers
// leave to programs of the host goes there, and what comes from there is routed by the VRF.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adit/ids.h"
#include "adit/rate_limit.h"
#include "config/config.h"
#include "host/host_interface.h"

namespace adit {

class HostInterfaces {
 public:
  // Sends an IP packet by the routes of the VRF; false: there is no room.
  using Send = std::function<bool(VrfId, std::span<const uint8_t>)>;
  // Packets since the interface was made.
  struct Counters {
    uint64_t to_host = 0, from_host = 0;
    uint64_t dropped = 0;  // of both, for lack of room or above the rate
    friend bool operator==(const Counters&, const Counters&) = default;
  };
  struct State {
    std::string vrf;
    HostConfig config;
    std::string why;  // there is none; empty: there is
    Counters counters;
  };

  using Now = uint64_t (*)();  // nanoseconds

  HostInterfaces(boost::asio::io_context& io, Now now, Send send)
      : io_(io), now_ns_(now), send_(std::move(send)) {}

  // What a configuration that runs now says. `vrfs`: the ids by name; the underlay's is 0. What
  // fails is logged, and tried again by tick(). To make interfaces takes CAP_NET_ADMIN, and in
  // another namespace CAP_SYS_ADMIN.
  void configure(const Config& config, const std::map<std::string, VrfId>& vrfs, uint64_t now_ns);
  void tick(uint64_t now_ns);

  // A packet for programs of the host, from its IP header on.
  void receive(VrfId vrf, std::span<const uint8_t> packet);

  std::vector<State> states() const;

 private:
  struct Entry {
    Entry(boost::asio::io_context& io, HostConfig its_config)
        : config(std::move(its_config)), reader(io) {}
    ~Entry() {
      // The interface closes it.
      if (reader.is_open()) reader.release();
    }
    HostConfig config;
    VrfId vrf = 0;
    HostInterface::Wanted wanted;
    std::unique_ptr<HostInterface> interface;
    boost::asio::posix::stream_descriptor reader;
    RateMeter meter;
    Counters counters;
    std::string why;
    uint64_t retry_ns = 0;
  };
  void apply(const std::string& vrf, const std::shared_ptr<Entry>& entry, uint64_t now_ns);
  void wait(const std::shared_ptr<Entry>& entry);
  void take(Entry& entry);

  boost::asio::io_context& io_;
  Now now_ns_;
  Send send_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;  // by VRF
  std::vector<Entry*> by_vrf_;                             // by VrfId; null: it has none
  std::vector<uint8_t> packet_ = std::vector<uint8_t>(UINT16_MAX);
};

}  // namespace adit
