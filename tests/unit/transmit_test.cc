// SPDX-License-Identifier: Apache-2.0
// The hold queue on the way out: order, bounds, expiry.
#include "transmit.h"

#include <gtest/gtest.h>

#include "test_dataplane.h"

namespace adit {
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

}  // namespace
}  // namespace adit
