// SPDX-License-Identifier: Apache-2.0
// What workers do with packets for a port whose link is down.
#include <gtest/gtest.h>

#include "egress/transmit.h"
#include "port_bindings.h"
#include "run_loop.h"
#include "test_dataplane.h"

namespace adit::link_down_test {
namespace {

constexpr AdjacencyId kHop = 5;

struct LinkDownTest : testing::Test {
  LinkDownTest() {
    auto snapshot = std::make_unique<Snapshot>();
    snapshot->ports.resize(2);
    snapshot->subinterfaces.resize(2);
    snapshot->subinterfaces[1].port = 1;
    dataplane->publish(std::move(snapshot));
    begin_pass(worker, 1);
  }
  rte_mbuf* frame() {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane->pool());
    std::memset(rte_pktmbuf_append(mbuf, 60), 0, 60);
    return mbuf;
  }
  void send(PortId port) {
    enqueue(worker, port, frame());
    flush_all(worker);
  }
  void set_down(PortId port, bool down) {
    dataplane->set_link_down(port, down);
    begin_pass(worker, 1);
  }
  uint64_t drops(DropReason reason) { return dataplane->drops(reason); }

  TestDataplane dataplane;
  Worker& worker = dataplane->worker(0);
};

TEST_F(LinkDownTest, FramesForADownPortAreCountedAsSuchAndOthersLeave) {
  set_down(0, true);
  send(0);
  send(1);
  EXPECT_EQ(drops(DropReason::k_link_down), 1u);
  EXPECT_EQ(drops(DropReason::k_tx_full), 0u);
  EXPECT_EQ(dataplane.sent.size(), 1u);
  EXPECT_EQ(dataplane->port_traffic(0).tx_packets, 0u);
  set_down(0, false);
  send(0);
  EXPECT_EQ(dataplane.sent.size(), 2u);
  EXPECT_EQ(drops(DropReason::k_link_down), 1u);
}

TEST_F(LinkDownTest, NothingWaitsForANextHopBehindADownPort) {
  set_down(1, true);
  send_to_next_hop(worker, 1, 1, kHop, frame());
  send_to_next_hop(worker, 1, subinterface_link(1), kHop, frame());
  EXPECT_EQ(drops(DropReason::k_link_down), 2u);
  EXPECT_EQ(worker.held.size(), 0u);
  send_to_next_hop(worker, 1, 0, kHop, frame());
  EXPECT_EQ(worker.held.size(), 1u);
}

TEST_F(LinkDownTest, APortThatSaysItselfThatItIsDownIsBelieved) {
  static bool is_down = false;
  worker.tx[0].io.transmit = dead_end().transmit;
  worker.tx[0].io.is_down = [](void*) { return is_down; };
  send(0);
  EXPECT_EQ(drops(DropReason::k_tx_full), 1u);
  is_down = true;
  send(0);
  EXPECT_EQ(drops(DropReason::k_tx_full), 1u);
  EXPECT_EQ(drops(DropReason::k_link_down), 1u);
}

TEST_F(LinkDownTest, ManyChangesFreeWhatTheyReplace) {
  for (int i = 0; i < 1000; ++i) {
    set_down(0, i % 2 == 0);
    dataplane->look_at_links();
  }
  send(0);
  EXPECT_EQ(dataplane.sent.size(), 1u);
}

}  // namespace
}  // namespace adit::link_down_test
