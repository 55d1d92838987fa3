// SPDX-License-Identifier: Apache-2.0
// Records of flows without connection: how long they hold, and what other VRFs take of them.
#include "connection/forgotten_flows.h"

#include <gtest/gtest.h>

namespace adit {
namespace {

uint64_t hash(uint64_t i, VrfId vrf) {
  return mix64(mix64(i + 1) + vrf);
}

TEST(ForgottenFlows, AreForgottenAfterFiveMinutes) {
  ForgottenFlows flows;
  flows.add(hash(1, 1), 1, 1000);
  EXPECT_TRUE(flows.has(hash(1, 1), 1300));
  EXPECT_FALSE(flows.has(hash(1, 1), 1301));
  EXPECT_FALSE(flows.has(hash(2, 1), 1000));
  flows.add(hash(1, 1), 1, 1301);
  EXPECT_TRUE(flows.has(hash(1, 1), 1601));
}

TEST(ForgottenFlows, OfAVrfHoldBesideAFloodOfOthers) {
  ForgottenFlows flows;
  for (uint64_t i = 0; i < 4000; ++i) flows.add(hash(i, 1), 1, 1000);
  for (uint64_t i = 0; i < 400'000; ++i) flows.add(hash(i, 2), 2, 1001);
  for (uint64_t i = 0; i < 400'000; ++i) flows.add(hash(i, 3), 3, 1002);
  unsigned there = 0;
  for (uint64_t i = 0; i < 4000; ++i) there += flows.has(hash(i, 1), 1100);
  EXPECT_GT(there, 3950u);  // a set may have more than its part of one VRF
  // Those that flood replace their own oldest.
  unsigned latest = 0;
  for (uint64_t i = 390'000; i < 400'000; ++i) latest += flows.has(hash(i, 3), 1100);
  EXPECT_GT(latest, 7000u);
}

TEST(ForgottenFlows, OfOneVrfAloneHaveAllRoom) {
  ForgottenFlows flows;
  for (uint64_t i = 0; i < 30'000; ++i) flows.add(hash(i, 1), 1, 1000);
  unsigned there = 0;
  for (uint64_t i = 0; i < 30'000; ++i) there += flows.has(hash(i, 1), 1000);
  EXPECT_GT(there, 29'000u);
}

FlowKey flow(uint64_t i, VrfId vrf) {
  FlowKey key{};
  key.source.low = i;
  key.destination.low = 7;
  key.vrf = vrf;
  key.protocol = 6;
  return key;
}

TEST(DirectFlows, OfAVrfHoldBesideAFloodOfOthers) {
  DirectFlows flows(5);
  for (uint64_t i = 0; i < 4000; ++i) flows.add(flow(i, 1));
  for (const VrfId vrf : {VrfId{2}, VrfId{3}})
    for (uint64_t i = 0; i < 400'000; ++i) flows.add(flow(i, vrf));
  unsigned there = 0;
  for (uint64_t i = 0; i < 4000; ++i) there += flows.has(flow(i, 1));
  EXPECT_GT(there, 3950u);
  EXPECT_TRUE(flows.has(flow(399'999, 3)));
  EXPECT_FALSE(flows.has(flow(4001, 1)));
}

TEST(DirectFlows, OfTheUnderlayAreInUse) {
  DirectFlows flows(5);
  flows.add(flow(1, 0));
  EXPECT_TRUE(flows.has(flow(1, 0)));
  EXPECT_FALSE(flows.has(flow(2, 0)));
}

}  // namespace
}  // namespace adit
