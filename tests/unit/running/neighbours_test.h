// SPDX-License-Identifier: Apache-2.0
// A port with a next hop, and what control asks there.
#pragma once

#include <gtest/gtest.h>

#include "adit/wire.h"
#include "running/neighbours.h"
#include "test_dataplane.h"

namespace adit {

inline constexpr uint64_t kSecond = 1'000'000'000;
inline const MacAddr kOwn = *parse_mac("02:00:00:00:00:01");
inline const MacAddr kPeer = *parse_mac("02:00:00:00:00:22");
inline const MacAddr kOther = *parse_mac("02:00:00:00:00:33");

struct NeighboursTest : testing::Test {
  NeighboursTest() {
    config.ports.resize(2);
    config.ports[1].id = {1};
    config.ports[0].addresses = {{*parse_ip("192.0.2.1"), 24}};
    ids.adjacencies[hop] = 1;
    auto snapshot = std::make_unique<Snapshot>();
    snapshot->ports.resize(2);
    dataplane->publish(std::move(snapshot));
    neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
    run_to(now_ns);
  }
  // Advances in steps of 50 ms; returns the ARP requests that were sent.
  std::vector<ArpPacket> run_to(uint64_t until_ns) {
    dataplane.sent.clear();
    for (; now_ns <= until_ns; now_ns += kSecond / 20) {
      neighbours.tick(now_ns);
      dataplane->step(now_ns);
    }
    std::vector<ArpPacket> requests;
    last_destinations.clear();
    for (const auto& frame : dataplane.sent) {
      const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame.data());
      const auto* arp = reinterpret_cast<const ArpPacket*>(ethernet + 1);
      if (arp->sender_ip == arp->target_ip) {
        ++announcements;
        continue;
      }
      requests.push_back(*arp);
      last_destinations.push_back(ethernet->dst);
    }
    return requests;
  }
  NeighbourState state() { return neighbours.all().at(hop).state; }
  bool usable() { return dataplane->adjacencies().load(1) != 0; }

  NextHop hop{0, *parse_ip("192.0.2.2")};
  TestDataplane dataplane;
  Config config;
  CompiledIds ids;
  Neighbours neighbours{*dataplane};
  uint64_t now_ns = 100 * kSecond;
  std::vector<MacAddr> last_destinations;
  unsigned announcements = 0;
};

}  // namespace adit
