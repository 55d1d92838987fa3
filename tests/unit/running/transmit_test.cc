// SPDX-License-Identifier: Apache-2.0
// The way out: the hold queue's order, bounds and expiry; frames of several buffers.
#include "egress/transmit.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <utility>

#include "adit/tunnel_ops.h"
#include "compile/compile.h"
#include "egress/egress.h"
#include "test_dataplane.h"

namespace adit::transmit_test {
namespace {

constexpr AdjacencyId kHop = 5;
const MacAddr kPeer = *parse_mac("02:00:00:00:00:22");

struct TransmitTest : testing::Test {
  TransmitTest() {
    auto snapshot = std::make_unique<Snapshot>();
    snapshot->ports.resize(2);
    dataplane->publish(std::move(snapshot));
    worker.snapshot = worker.current->load();
  }
  // A frame of 14 bytes whose last one is its number.
  void send(uint8_t number, AdjacencyId hop = kHop, TenantId tenant = 1) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane->pool());
    char* frame = rte_pktmbuf_append(mbuf, 14);
    std::memset(frame, 0, 14);
    frame[13] = static_cast<char>(number);
    send_to_next_hop(worker, tenant, 0, hop, mbuf);
  }
  std::vector<unsigned> sent_numbers() {
    flush_all(worker);
    std::vector<unsigned> numbers;
    for (const auto& frame : dataplane.sent) numbers.push_back(frame[13]);
    dataplane.sent.clear();
    return numbers;
  }
  uint64_t drops(DropReason reason) { return dataplane->drops(reason); }

  TestDataplane dataplane;
  Worker& worker = dataplane->worker(0);
};

TEST_F(TransmitTest, LaterPacketsQueueBehindThoseThatWait) {
  send(1);
  dataplane->adjacencies().resolve(kHop, kPeer);
  send(2);  // the next hop is known by now, but 1 has not left yet
  EXPECT_TRUE(sent_numbers().empty());
  sweep_held(worker);
  EXPECT_EQ(sent_numbers(), (std::vector<unsigned>{1, 2}));
  send(3);
  EXPECT_EQ(sent_numbers(), (std::vector<unsigned>{3}));
}

TEST_F(TransmitTest, SentFramesBearTheNextHopsMac) {
  dataplane->adjacencies().resolve(kHop, kPeer);
  send(1);
  flush_all(worker);
  ASSERT_EQ(dataplane.sent.size(), 1u);
  EXPECT_TRUE(std::equal(kPeer.bytes.begin(), kPeer.bytes.end(), dataplane.sent[0].begin()));
}

TEST_F(TransmitTest, OneNextHopCannotTakeTheWholeQueue) {
  for (unsigned i = 0; i < HoldQueue::kPerNextHop + 3; ++i) send(0);
  EXPECT_EQ(drops(DropReason::k_neighbour_queue_full), 3u);
  send(7, kHop + 1);
  EXPECT_EQ(drops(DropReason::k_neighbour_queue_full), 3u);
  EXPECT_EQ(worker.held.size(), HoldQueue::kPerNextHop + 1);
}

TEST_F(TransmitTest, TheOldestForANextHopGivesWay) {
  for (unsigned i = 0; i < HoldQueue::kPerNextHop + 2; ++i) send(static_cast<uint8_t>(i));
  dataplane->adjacencies().resolve(kHop, kPeer);
  sweep_held(worker);
  const auto numbers = sent_numbers();
  ASSERT_EQ(numbers.size(), HoldQueue::kPerNextHop);
  EXPECT_EQ(numbers.front(), 2u);
  EXPECT_EQ(numbers.back(), HoldQueue::kPerNextHop + 1);
}

TEST_F(TransmitTest, OneTenantsPacketsTakeNoPlaceFromAnothersAtTheSameNextHop) {
  send(7, kHop, 2);
  for (unsigned i = 0; i < 2 * HoldQueue::kPerNextHop; ++i) send(0);
  dataplane->adjacencies().resolve(kHop, kPeer);
  sweep_held(worker);
  const auto numbers = sent_numbers();
  ASSERT_EQ(numbers.size(), HoldQueue::kPerNextHop + 1);
  EXPECT_EQ(numbers.front(), 7u);
}

// What a queue holds of each tenant, and whom it dropped.
struct HoldQueueTest : testing::Test {
  void push(TenantId tenant, uint32_t host, unsigned times = 1) {
    for (; times > 0; --times)
      queue.push(&packet, {tenant, 0, 0, false, {0, host}}, 0, [this](rte_mbuf*) { ++dropped; });
  }
  std::map<TenantId, unsigned> held() {
    std::map<TenantId, unsigned> counts;
    queue.sweep(
        [&](const HeldPacket& held) {
          ++counts[held.hop.tenant];
          return std::optional<int>();
        },
        [](const HeldPacket&, int) {});
    return counts;
  }
  HoldQueueTest() { packet.nb_segs = 1; }

  HoldQueue queue;
  rte_mbuf packet{};
  unsigned dropped = 0;
};

TEST_F(HoldQueueTest, ScanOfOneTenantLeavesOthersPacketsWaiting) {
  for (uint32_t host = 0; host < 20; ++host) push(2, host, 4);
  for (uint32_t host = 0; host < 5000; ++host) push(1, host);
  EXPECT_EQ(held(), (std::map<TenantId, unsigned>{{1, HoldQueue::kCapacity - 80}, {2, 80}}));
  EXPECT_EQ(dropped, 5080 - HoldQueue::kCapacity);
}

TEST_F(HoldQueueTest, WhoHoldsMostGivesWayUntilAllHaveTheSame) {
  for (uint32_t host = 0; host < 5000; ++host) push(1, host);
  for (uint32_t host = 0; host < 5000; ++host) push(2, host), push(3, host);
  for (const auto& [tenant, count] : held())
    EXPECT_NEAR(count, HoldQueue::kCapacity / 3, 1) << tenant;
}

TEST_F(HoldQueueTest, HostsThatAreNotKnownHaveTheirOwnPlaces) {
  push(1, 1, HoldQueue::kPerNextHop + 10);
  EXPECT_EQ(dropped, 10u);
  push(1, 2, HoldQueue::kPerNextHop);
  EXPECT_EQ(dropped, 10u);
}

TEST_F(HoldQueueTest, LongChainsCannotTakeAllBuffers) {
  push(2, 1);
  packet.nb_segs = HoldQueue::kMostBuffers / 32;
  for (uint32_t host = 1; host < 32; ++host) push(1, host);
  EXPECT_EQ(dropped, 0u);
  push(1, 32);
  EXPECT_EQ(dropped, 1u);
  EXPECT_EQ(held()[2], 1u);
  packet.nb_segs = HoldQueue::kMostBuffers + 1;
  push(1, 33);
  EXPECT_EQ(dropped, 2u);
  EXPECT_EQ(queue.size(), 32u);
}

// A packet that is sent may be held again, elsewhere, and make others give way.
TEST_F(HoldQueueTest, SweepBearsPacketsThatAreHeldMeanwhile) {
  for (uint32_t host = 0; host < HoldQueue::kCapacity; ++host) push(1, host);
  unsigned taken = 0;
  queue.sweep(
      [](const HeldPacket& held) {
        return held.hop.tenant == 1 ? std::optional(1) : std::optional<int>();
      },
      [&](const HeldPacket&, int) {
        ++taken;
        push(2, taken, 3);
      });
  EXPECT_GT(taken, 100u);
  EXPECT_EQ(queue.size() + dropped + taken, HoldQueue::kCapacity + 3 * taken);
}

TEST_F(TransmitTest, WhatWaitsTooLongIsDroppedByName) {
  send(1);
  worker.now_ns += HoldQueue::kPatienceNs - 1;
  sweep_held(worker);
  EXPECT_EQ(drops(DropReason::k_neighbour_unresolved), 0u);
  worker.now_ns += 1;
  sweep_held(worker);
  EXPECT_EQ(drops(DropReason::k_neighbour_unresolved), 1u);
  EXPECT_TRUE(worker.held.empty());
}

TEST_F(TransmitTest, OneTenantsNewsLeaveRoomForAnothers) {
  const auto report_mac = [&](NetworkId network, uint64_t mac) {
    Event event{};
    event.kind = Event::Kind::kMacSeen;
    event.fdb_key = uint64_t{network} << 48 | mac;
    report(worker, event);
  };
  for (uint64_t mac = 1; mac <= 20000; ++mac) report_mac(1, mac);
  const uint64_t lost = worker.counters.events_lost.get();
  for (uint64_t mac = 1; mac <= 1000; ++mac) report_mac(2, mac);
  EXPECT_EQ(worker.counters.events_lost.get(), lost);
  std::map<TenantId, unsigned> told;
  std::array<Event, 256> events;
  for (unsigned count; (count = dataplane->poll_events(events)) != 0;)
    for (const Event& event : std::span(events).first(count)) ++told[event.tenant];
  EXPECT_EQ(told[tenant_of_network(2)], 1000u);
  EXPECT_GE(told[tenant_of_network(1)], 4000u);
  EXPECT_EQ(told[tenant_of_network(1)] + lost, 20000u);
  // What control has taken is not counted any more.
  report_mac(1, 1);
  EXPECT_EQ(worker.counters.events_lost.get(), lost);
}

TEST_F(TransmitTest, ControlIsToldOncePerWaitingNextHop) {
  send(1);
  send(2);
  std::array<Event, 8> events;
  ASSERT_EQ(dataplane->poll_events(events), 1u);
  EXPECT_EQ(events[0].kind, Event::Kind::kNeighbourWanted);
  EXPECT_EQ(events[0].adjacency, kHop);
}

struct ChainTest : TransmitTest {
  ChainTest() { worker.tx[0].max_buffers = 3; }
  // `count` buffers of `size` bytes, numbered through.
  rte_mbuf* chain(unsigned count, uint16_t size) {
    rte_mbuf* head = nullptr;
    for (unsigned i = 0; i < count; ++i) {
      rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane->pool());
      char* bytes = rte_pktmbuf_append(mbuf, size);
      for (unsigned n = 0; n < size; ++n) bytes[n] = static_cast<char>(i * size + n);
      if (head == nullptr)
        head = mbuf;
      else if (rte_pktmbuf_chain(head, mbuf) != 0)
        ADD_FAILURE();
    }
    return head;
  }
  static std::vector<uint8_t> numbers(std::size_t size) {
    std::vector<uint8_t> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i);
    return bytes;
  }
  // What left, first buffers only; all buffers must be back.
  std::vector<std::vector<uint8_t>> sent() {
    flush_all(worker);
    if (worker.garbage_count != 0)
      rte_pktmbuf_free_bulk(worker.garbage.data(), worker.garbage_count);
    worker.garbage_count = 0;
    EXPECT_EQ(dataplane->buffers_in_use(), 0u);
    return std::exchange(dataplane.sent, {});
  }
};

TEST_F(ChainTest, WhatThePortTakesLeavesAsItIs) {
  enqueue(worker, 0, chain(3, 100));
  EXPECT_EQ(sent(), (std::vector<std::vector<uint8_t>>{numbers(100)}));
}

TEST_F(ChainTest, LongerChainsLeaveInOneBuffer) {
  enqueue(worker, 0, chain(4, 100));
  worker.tx[0].max_buffers = 1;
  enqueue(worker, 0, chain(2, 500));
  EXPECT_EQ(sent(), (std::vector{numbers(400), numbers(1000)}));
}

TEST_F(ChainTest, SharedBuffersAreLeftAlone) {
  rte_mbuf* original = chain(4, 100);
  enqueue(worker, 0, rte_pktmbuf_clone(original, dataplane->pool()));
  rte_mbuf_refcnt_update(original, 1);  // a copy that goes elsewhere as it is
  enqueue(worker, 0, original);
  EXPECT_EQ(original->nb_segs, 4u);
  EXPECT_EQ(original->data_len, 100u);
  rte_pktmbuf_free(original);
  EXPECT_EQ(sent(), (std::vector{numbers(400), numbers(400)}));
}

TEST_F(ChainTest, WhatFitsNoBufferIsDroppedOnce) {
  enqueue(worker, 0, chain(4, 1000));
  EXPECT_EQ(drops(DropReason::k_no_buffer), 1u);
  EXPECT_TRUE(sent().empty());
}

// STT makes segments of a header buffer and shared slices of the frame.
TEST_F(ChainTest, SttSegmentsLeaveWholeByAPortThatTakesOneBuffer) {
  Config config;
  config.ports.resize(1);
  config.ports[0].name = "up";
  config.ports[0].addresses = {{*parse_ip("192.0.2.1"), 24}};
  NetworkConfig red;
  red.name = "red";
  red.vni = 100;
  red.remotes = {{.address = *parse_ip("192.0.2.2"), .kind = TunnelKind::kStt}};
  config.networks = {red};
  Compiled compiled = compile(config, {{*parse_mac("02:00:00:00:00:01"), false}}, {}, 1, 1);
  worker.snapshot = compiled.snapshot.get();
  dataplane->adjacencies().resolve(1, kPeer);
  worker.tx[0].max_buffers = 1;

  constexpr unsigned kFrame = 3000, kHeaders = 14 + 20 + 20, kStt = 18;
  Packet packet{};
  packet.mbuf = chain(3, kFrame / 3);
  packet.out = compiled.ids.bridge_ports.begin()->second.id;
  packet.drop = DropReason::kNone;
  ASSERT_EQ(compiled.ids.bridge_ports.begin()->second.adjacency, 1u);
  worker.to_encap[tunnel_index(TunnelKind::kStt)].push(packet);
  encap_pending(worker);
  ASSERT_EQ(packet.drop, DropReason::kNone);

  std::vector<uint8_t> frame;
  for (const auto& segment : sent()) {
    ASSERT_GT(segment.size(), kHeaders);
    EXPECT_EQ(segment.size() - 14, segment[16] * 256u + segment[17]);  // IPv4 total length
    frame.insert(frame.end(), segment.begin() + kHeaders, segment.end());
  }
  ASSERT_EQ(frame.size(), kStt + kFrame);
  frame.erase(frame.begin(), frame.begin() + kStt);
  EXPECT_EQ(frame, numbers(kFrame));
}

}  // namespace
}  // namespace adit::transmit_test
