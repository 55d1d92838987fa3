// SPDX-License-Identifier: Apache-2.0
// The way out: the hold queue's order, bounds and expiry; frames of several buffers.
#include "transmit.h"

#include <gtest/gtest.h>

#include <utility>

#include "adit/tunnel_ops.h"
#include "compile.h"
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
  void send(uint8_t number, AdjacencyId hop = kHop) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane->pool());
    char* frame = rte_pktmbuf_append(mbuf, 14);
    std::memset(frame, 0, 14);
    frame[13] = static_cast<char>(number);
    send_to_next_hop(worker, 0, hop, mbuf);
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

TEST(HoldQueue, LongChainsCannotTakeAllBuffers) {
  HoldQueue queue;
  rte_mbuf chain{};
  chain.nb_segs = HoldQueue::kMostBuffers / 32;
  for (AdjacencyId hop = 1; hop <= 32; ++hop) EXPECT_TRUE(queue.push(&chain, hop, 0, 0));
  EXPECT_FALSE(queue.push(&chain, 33, 0, 0));
  queue.sweep([](const HeldPacket& held) noexcept { return held.adjacency == 7; });
  EXPECT_TRUE(queue.push(&chain, 33, 0, 0));
  EXPECT_FALSE(queue.push(&chain, 34, 0, 0));
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
  packet.drop = DropReason::kCount;
  ASSERT_EQ(compiled.ids.bridge_ports.begin()->second.adjacency, 1u);
  const TunnelOps& stt = *tunnel_registry()[tunnel_index(TunnelKind::kStt)];
  Packet* const pointer = &packet;
  stt.encap(worker, {&pointer, 1});
  ASSERT_EQ(packet.drop, DropReason::kCount);
  send_to_next_hop(worker, 0, 1, packet.mbuf);

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
