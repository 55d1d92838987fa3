// SPDX-License-Identifier: Apache-2.0
// What a tunnel kind keeps, of a kind that there is not.
#include "worker/tunnel_state.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "adit/dataplane.h"
#include "test_dataplane.h"
#include "worker/worker.h"

namespace adit {
namespace {

struct Record {
  unsigned made = 0, ticks = 0, freed = 0, shared_made = 0, shared_freed = 0;
  uint64_t seed = 0;
} record;

struct Kept {
  ~Kept() { ++record.freed; }
  uint32_t passes_left = 2;
};
struct Shared {
  ~Shared() { ++record.shared_freed; }
};

constexpr TunnelKind kPlace{1};

TunnelState make_state(Worker&, uint64_t seed) {
  ++record.made;
  record.seed = seed;
  return TunnelState(std::make_unique<Kept>());
}
TunnelState make_shared() {
  ++record.shared_made;
  return TunnelState(std::make_unique<Shared>());
}
void tick(Worker& worker) noexcept {
  ++record.ticks;
  auto& kept = worker.tunnels.own<Kept>(kPlace);
  if (--kept.passes_left == 0) --worker.tunnels.kept;
}

constexpr TunnelOps kPlain = {nullptr, nullptr, nullptr, nullptr, nullptr};
constexpr TunnelOps kKeeper = {.wire_id = nullptr,
                               .compile = nullptr,
                               .decap = nullptr,
                               .encap = nullptr,
                               .read_quote = nullptr,
                               .make_state = make_state,
                               .make_shared = make_shared,
                               .tick = tick};
constexpr std::array<const TunnelOps*, 2> kKinds = {&kPlain, &kKeeper};

class TunnelStateTest : public testing::Test {
 protected:
  TunnelStateTest() {
    dataplane->publish(std::make_unique<Snapshot>());
    worker.tunnels = TunnelStates(kKinds, shared, worker, 7);
  }
  ~TunnelStateTest() override { worker.tunnels = {}; }

  // Before anything is made.
  struct FreshRecord {
    FreshRecord() { record = {}; }
  } fresh_record;
  SharedTunnelStates shared = make_shared_states(kKinds);
  TestDataplane dataplane;
  Worker& worker = dataplane->worker(0);
};

TEST_F(TunnelStateTest, IsMadeForEachWorkerAndOnceForAll) {
  EXPECT_EQ(record.made, 1u);
  EXPECT_EQ(record.seed, 7u);
  EXPECT_EQ(record.shared_made, 1u);
  EXPECT_EQ(&worker.tunnels.shared<Shared>(1), &shared[1].as<Shared>());
  EXPECT_EQ(shared[0].get(), nullptr);
}

TEST_F(TunnelStateTest, TicksOnceAPassWhilePacketsAreKept) {
  dataplane->step(1);
  EXPECT_EQ(record.ticks, 0u);
  worker.tunnels.kept = 1;
  dataplane->step(2);
  EXPECT_EQ(record.ticks, 1u);
  EXPECT_EQ(dataplane->held_now(), 1u);
  dataplane->step(3);
  EXPECT_EQ(record.ticks, 2u);
  EXPECT_EQ(dataplane->held_now(), 0u);
  dataplane->step(4);
  EXPECT_EQ(record.ticks, 2u) << "nothing is kept any more";
}

TEST_F(TunnelStateTest, IsFreedByWhatTheKindMadeItWith) {
  worker.tunnels = {};
  EXPECT_EQ(record.freed, 1u);
  EXPECT_EQ(record.shared_freed, 0u);
  shared = {};
  EXPECT_EQ(record.shared_freed, 1u);
}

}  // namespace
}  // namespace adit
