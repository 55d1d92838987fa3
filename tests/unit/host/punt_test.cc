// SPDX-License-Identifier: Apache-2.0
// Packets for control: which are, what control gets of them, and what keeps one tenant from taking
// all of it.
#include "worker/punt.h"

#include <gtest/gtest.h>

#include <vector>

#include "ingress/classify.h"
#include "packet/inner.h"
#include "packet/ip_packet.h"
#include "route/route.h"
#include "test_dataplane.h"

namespace adit::punt_test {
namespace {

const IpAddr kOurs = *parse_ip("192.0.2.1"), kPeer = *parse_ip("192.0.2.9");
const MacAddr kOurMac = *parse_mac("02:00:00:00:00:01");
constexpr uint16_t kTaken = 67, kRefused = 68;
constexpr uint64_t kSecondNs = 1'000'000'000;

// A UDP datagram with four bytes, to port `port`.
struct Datagram {
  EthernetHeader ethernet;
  Ipv4Header ip;
  UdpHeader udp;
  uint8_t payload[4];
};

struct PuntTest : testing::Test {
  PuntTest() {
    auto snapshot = std::make_unique<Snapshot>();
    snapshot->ports.resize(2);
    snapshot->ports[0].is_underlay = true;
    snapshot->ports[0].mac = kOurMac;
    snapshot->balanced_vrfs.resize(2);
    snapshot->local_ipv4 = FlatTable<uint64_t>({{kOurs.as_v4().raw(), 1}});
    RouteTarget ours;
    ours.kind = RouteTarget::Kind::kLocal;
    snapshot->routes = RouteTable({{1, {kOurs, 32}, ours}}, 2);
    snapshot->local_ports = FlatTable<uint64_t>({{LocalPort{0, kIpProtocolUdp, kTaken}.key(), 1},
                                                 {LocalPort{1, kIpProtocolUdp, kTaken}.key(), 1}});
    dataplane->publish(std::move(snapshot));
    worker.snapshot = worker.current->load();
    worker.now_ns = kSecondNs;
  }
  rte_mbuf* datagram(uint16_t port) {
    Datagram sent{};
    sent.ethernet = {kOurMac, *parse_mac("02:00:00:00:00:99"), be16(kEtherTypeIpv4)};
    sent.ip.version_ihl = 0x45;
    sent.ip.total_length = be16(sizeof(Datagram) - sizeof(EthernetHeader));
    sent.ip.ttl = 64;
    sent.ip.protocol = kIpProtocolUdp;
    sent.ip.src = kPeer.as_v4();
    sent.ip.dst = kOurs.as_v4();
    write_ipv4_checksum(&sent.ip);
    sent.udp.dst_port = be16(port);
    sent.udp.length = be16(sizeof(UdpHeader) + sizeof sent.payload);
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane->pool());
    std::memcpy(rte_pktmbuf_append(mbuf, sizeof sent), &sent, sizeof sent);
    return mbuf;
  }
  void come_in_by_underlay(uint16_t port) {
    rte_mbuf* mbuf = datagram(port);
    classify(worker, 0, &mbuf, 1);
  }
  void come_in_by_vrf(uint16_t port) {
    Packet& packet = worker.packets[0];
    packet = {};
    packet.mbuf = datagram(port);
    rte_pktmbuf_adj(packet.mbuf, sizeof(EthernetHeader));
    packet.network = 1;
    packet.origin = origin_in(1);
    packet.drop = DropReason::kNone;
    worker.routed.push(packet);
    route_all(worker, worker.routed);
  }
  void punt_one(VrfId vrf) {
    punt(worker, {vrf, kIpProtocolUdp, kTaken}, 0, true, datagram(kTaken));
  }
  struct Got {
    LocalPort to;
    size_t bytes;
    bool has_ethernet;
    friend bool operator==(const Got&, const Got&) = default;
  };
  std::vector<Got> take() {
    std::vector<Got> got;
    dataplane->take_punted([&](const Punted& packet) {
      got.push_back({packet.to, packet.packet.size(), packet.has_ethernet});
    });
    return got;
  }
  uint64_t drops(DropReason reason) { return dataplane->drops(reason); }

  TestDataplane dataplane;
  Worker& worker = dataplane->worker(0);
};

TEST_F(PuntTest, ControlGetsWhatComesToALocalPortInTheUnderlay) {
  come_in_by_underlay(kTaken);
  come_in_by_underlay(kRefused);
  EXPECT_EQ(take(), (std::vector<Got>{{{0, kIpProtocolUdp, kTaken}, sizeof(Datagram), true}}));
  EXPECT_EQ(drops(DropReason::k_udp_port_closed), 1u);
  EXPECT_EQ(worker.counters.consumed.get(), 1u);
  EXPECT_TRUE(take().empty());
}

TEST_F(PuntTest, ControlGetsWhatComesToALocalPortOfAVrf) {
  come_in_by_vrf(kTaken);
  come_in_by_vrf(kRefused);
  EXPECT_EQ(take(),
            (std::vector<Got>{
                {{1, kIpProtocolUdp, kTaken}, sizeof(Datagram) - sizeof(EthernetHeader), false}}));
  EXPECT_EQ(drops(DropReason::k_udp_port_closed), 1u);
}

TEST_F(PuntTest, APortOfOneVrfIsNoneOfAnother) {
  EXPECT_NE((LocalPort{1, kIpProtocolUdp, kTaken}.key()),
            (LocalPort{2, kIpProtocolUdp, kTaken}.key()));
  EXPECT_NE((LocalPort{1, kIpProtocolUdp, kTaken}.key()),
            (LocalPort{1, kIpProtocolTcp, kTaken}.key()));
}

TEST_F(PuntTest, ATenantHasItsRateAndTakesNoOthers) {
  for (unsigned i = 0; i < 100; ++i) punt_one(1);
  EXPECT_EQ(drops(DropReason::k_punt_limit), 80u) << "the burst is the worth of 100 ms";
  for (unsigned i = 0; i < 20; ++i) punt_one(2);
  EXPECT_EQ(drops(DropReason::k_punt_limit), 80u);
  EXPECT_EQ(take().size(), 40u);
}

TEST_F(PuntTest, AFloodThatNobodyTakesLeavesRoomForOthers) {
  const unsigned room = rte_ring_get_capacity(worker.punted);
  unsigned kept = 0;
  for (; drops(DropReason::k_punt_full) == 0; ++kept, worker.now_ns += kSecondNs) {
    ASSERT_LT(kept, room);
    punt_one(1);
  }
  EXPECT_GE(kept, room / 2);
  EXPECT_LE(kept, room / 2 + 2);
  punt_one(2);
  EXPECT_EQ(drops(DropReason::k_punt_full), 1u) << "the other tenant's finds room";
  unsigned taken = 0;
  for (unsigned n; (n = static_cast<unsigned>(take().size())) != 0;) taken += n;
  EXPECT_EQ(taken, kept);
  punt_one(1);
  EXPECT_EQ(take().size(), 1u);
}

// The same tenant's flood of new flows to its host interface, and flows that are open.
TEST_F(PuntTest, AFloodOfNewFlowsLeavesRoomForThoseThatAreOpen) {
  const auto leave = [&](bool is_fresh) {
    leave_to_control(worker, {datagram(kTaken), 0, 1, 0, kIpProtocolUdp, true, true, is_fresh});
    worker.now_ns += kSecondNs;
  };
  const unsigned room = rte_ring_get_capacity(worker.punted);
  for (unsigned i = 0; i < room; ++i) leave(true);
  const uint64_t refused = drops(DropReason::k_punt_full);
  EXPECT_NEAR(static_cast<double>(room - refused), room / 3.0, 2.0);
  for (unsigned i = 0; i < room / 8; ++i) leave(false);
  EXPECT_EQ(drops(DropReason::k_punt_full), refused);
  EXPECT_EQ(drops(DropReason::k_punt_limit), 0u);
}

TEST_F(PuntTest, WhatIsNotTakenIsFreedWithTheDataplane) {
  punt_one(1);
  punt_one(2);
  EXPECT_EQ(dataplane->buffers_in_use(), 2u);
}

}  // namespace
}  // namespace adit::punt_test
