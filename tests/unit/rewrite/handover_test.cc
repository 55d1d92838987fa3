// SPDX-License-Identifier: Apache-2.0
// Packets go to the worker that has their connection; where its ring is full they are dropped.
#include <gtest/gtest.h>

#include "adit/dataplane.h"
#include "balance/balance.h"
#include "balance/schedule.h"
#include "handed_over_packets.h"

namespace adit {
namespace {

constexpr uint16_t kClientPort = 1000;

struct HandoverTest : testing::Test {
  HandoverTest() {
    DataplaneOptions options;
    options.workers = 2;
    options.mbufs = 16383;
    options.fdb_capacity = 1024;
    options.connections = 1024;
    PortSpec port;
    port.name = "port0";
    port.io = {nullptr, [](void*, rte_mbuf**, uint16_t) -> uint16_t { return 0; },
               [](void*, rte_mbuf** packets, uint16_t n) {
                 rte_pktmbuf_free_bulk(packets, n);
                 return n;
               }};
    options.ports.push_back(port);
    dataplane = std::make_unique<Dataplane>(options);
    auto snapshot = std::make_unique<Snapshot>();
    snapshot->ports.resize(1);
    snapshot->routes = RouteTable({}, 3);
    snapshot->balances = true;
    snapshot->balanced_vrfs = {0, 1, 1};
    dataplane->publish(std::move(snapshot));
    for (unsigned id = 0; id < 2; ++id)
      dataplane->worker(id).snapshot = dataplane->worker(id).current->load();
  }

  // A UDP packet from 10.0.0.1 to that port of 10.0.0.2.
  rte_mbuf* make_packet(uint16_t port) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane->pool());
    if (mbuf == nullptr) return nullptr;
    auto* ip = reinterpret_cast<Ipv4Header*>(rte_pktmbuf_append(mbuf, 28));
    *ip = {0x45,           0,       be16(28),          be16(0),          be16(0), 64,
           kIpProtocolUdp, be16(0), be32(0x0a00'0001), be32(0x0a00'0002)};
    *reinterpret_cast<UdpHeader*>(ip + 1) = {be16(53), be16(port), be16(8), be16(0)};
    return mbuf;
  }
  // The worker that has a connection whose client has that port.
  unsigned owner(uint16_t port) { return owner_of({0, be32(0x0a00'0002).raw()}, be16(port), 2); }
  // The first port of a connection of that worker.
  uint16_t port_of(unsigned worker) {
    uint16_t port = kClientPort;
    while (owner(port) != worker) ++port;
    return port;
  }
  // How many of the packets the worker keeps for itself.
  unsigned balance_one(unsigned id, uint16_t port, VrfId vrf = 1) {
    Worker& worker = dataplane->worker(id);
    Packet& packet = worker.packets[0];
    packet = {};
    packet.mbuf = make_packet(port);
    EXPECT_NE(packet.mbuf, nullptr);
    packet.network = vrf;
    packet.drop = DropReason::kNone;
    worker.routed.count = 0;
    worker.routed.push(packet);
    balance(worker, worker.routed);
    const unsigned kept = worker.routed.count;
    if (kept != 0) rte_pktmbuf_free(packet.mbuf);
    worker.routed.count = 0;
    return kept;
  }

  std::unique_ptr<Dataplane> dataplane;
};

TEST_F(HandoverTest, PacketsGoToTheWorkerOfTheirConnection) {
  EXPECT_EQ(balance_one(0, port_of(0)), 1u);
  EXPECT_EQ(balance_one(0, port_of(1)), 0u);
  Worker& other = dataplane->worker(1);
  ASSERT_EQ(take_all_handed_over(other), 1u);
  ASSERT_EQ(other.routed.count, 1u);
  const Packet& packet = *other.routed.items[0];
  EXPECT_EQ(packet.network, 1);
  EXPECT_TRUE(packet.handed_over);
  balance(other, other.routed);
  EXPECT_EQ(other.routed.count, 1u);
  rte_pktmbuf_free(packet.mbuf);
  other.routed.count = 0;
}

TEST_F(HandoverTest, AVrfTakesNoMoreOfACrowdedRingThanIsLeft) {
  constexpr VrfId kFlood = 1, kOther = 2;
  const uint16_t port = port_of(1);
  Worker& taker = dataplane->worker(1);
  const unsigned room = rte_ring_get_capacity(taker.peers[1].ring);
  const auto waiting = [&] { return rte_ring_count(taker.peers[1].ring); };
  const auto drops = [&] { return dataplane->drops(DropReason::k_handover_full); };
  for (unsigned i = 0; i < 2 * room; ++i) ASSERT_EQ(balance_one(0, port, kFlood), 0u);
  EXPECT_NEAR(waiting(), room * 3 / 4, 2);
  EXPECT_EQ(drops(), 2 * room - waiting());

  // Another VRF finds half of the rest, and again after the flood went on.
  for (unsigned i = 0; i < 500; ++i) balance_one(0, port, kOther);
  EXPECT_EQ(drops(), 2 * room - (waiting() - 500)) << "none of the other's is dropped";
  for (unsigned i = 0; i < room; ++i) balance_one(0, port, kFlood);
  const uint64_t before = drops();
  for (unsigned i = 0; i < 200; ++i) balance_one(0, port, kOther);
  EXPECT_EQ(drops(), before);

  // What was counted is counted out.
  while (take_all_handed_over(taker) != 0) {
    for (Packet* packet : taker.routed.span()) rte_pktmbuf_free(packet->mbuf);
    taker.routed.count = 0;
  }
  EXPECT_EQ(taker.peers[1].counted[kFlood], 0u);
  EXPECT_EQ(taker.peers[1].counted[kOther], 0u);
  EXPECT_EQ(balance_one(0, port, kFlood), 0u);
  EXPECT_EQ(drops(), before);
  EXPECT_EQ(taker.peers[1].counted[kFlood], 0u);
}

// Until the flood has its share, nothing is dropped.
TEST_F(HandoverTest, WhatIsBeyondTheShareIsDropped) {
  const uint16_t port = port_of(1);
  const unsigned room = rte_ring_get_capacity(dataplane->worker(0).peers[1].ring);
  for (unsigned i = 0; i < room / 2; ++i) ASSERT_EQ(balance_one(0, port), 0u);
  EXPECT_EQ(dataplane->drops(DropReason::k_handover_full), 0u);
  for (unsigned i = 0; i < room; ++i) EXPECT_EQ(balance_one(0, port), 0u);
  EXPECT_EQ(dataplane->drops(DropReason::k_handover_full),
            room * 3 / 2 - rte_ring_count(dataplane->worker(0).peers[1].ring));
}

}  // namespace
}  // namespace adit
