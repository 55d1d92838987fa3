// SPDX-License-Identifier: Apache-2.0
// Reads behind a frame's end are found in builds with the address sanitizer.
#include "replay/frame_guard.h"

#include <gtest/gtest.h>

#include <cstring>

namespace adit::replay {
namespace {

class FrameGuardDeathTest : public testing::Test {
 protected:
  void SetUp() override {
#if !defined(ADIT_GUARDS_FRAMES)
    GTEST_SKIP() << "this build has no address sanitizer";
#endif
    ASSERT_NE(pool, nullptr);
    hand_out_unguarded(pool);
  }
  void TearDown() override {
    rte_mempool_free(pool);
  }

  rte_mbuf* frame() {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
    std::memset(rte_pktmbuf_append(mbuf, kBytes), 1, kBytes);
    return mbuf;
  }
  static uint8_t byte(const rte_mbuf* mbuf, unsigned at) {
    return *rte_pktmbuf_mtod_offset(mbuf, const volatile uint8_t*, at);
  }

  static constexpr uint16_t kBytes = 61;
  // Of one buffer, so that what is freed is what is taken next.
  rte_mempool* pool =
      rte_pktmbuf_pool_create("frame_guard", 1, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
};

TEST_F(FrameGuardDeathTest, AReadBehindTheEndIsReported) {
  rte_mbuf* mbuf = frame();
  guard_tail(mbuf);
  EXPECT_EQ(byte(mbuf, kBytes - 1), 1u);
  EXPECT_DEATH(byte(mbuf, kBytes), "use-after-poison");
  EXPECT_DEATH(byte(mbuf, kBytes + rte_pktmbuf_tailroom(mbuf) - 1), "use-after-poison");
  lift_guard(mbuf);
  EXPECT_NE(rte_pktmbuf_append(mbuf, 1), nullptr);
  byte(mbuf, kBytes);
  rte_pktmbuf_free(mbuf);
}

TEST_F(FrameGuardDeathTest, ABufferThatIsTakenAnewHasNone) {
  rte_mbuf* former = frame();
  guard_tail(former);
  rte_pktmbuf_free(former);
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
  ASSERT_EQ(mbuf, former);
  constexpr uint16_t kMore = 1000;
  std::memset(rte_pktmbuf_append(mbuf, kMore), 2, kMore);
  EXPECT_EQ(byte(mbuf, kMore - 1), 2u);
  rte_pktmbuf_free(mbuf);
}

}  // namespace
}  // namespace adit::replay
