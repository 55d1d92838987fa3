// SPDX-License-Identifier: Apache-2.0
// What a closed AF_XDP device leaves behind is taken back, and nothing else.
#include "io/xdp_pools.h"

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <vector>

#include "test_dataplane.h"

namespace adit::xdp_pools_test {
namespace {

TEST(XdpPools, BuffersOfRingsAreTakenBackAndThoseUnderWayAreNot) {
  TestDataplane dataplane;
  XdpPools pools;
  XdpPools::Lease lease = pools.take(0);
  rte_mempool* pool = lease.get();
  ASSERT_NE(pool, nullptr);
  const unsigned all = rte_mempool_avail_count(pool);
  EXPECT_EQ(all, xdp_buffers(0));
  EXPECT_EQ(rte_mempool_calc_obj_size(pool->elt_size, pool->flags, nullptr), 4096u)
      << "no gaps: the driver registers this times the number";
  std::vector<rte_mbuf*> in_rings(2048);
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(rte_pktmbuf_alloc_bulk(pool, in_rings.data(), 2048), 0);
    rte_mbuf* held = rte_pktmbuf_alloc(pool);
    rte_pktmbuf_append(held, 60);
    rte_mbuf* chain = rte_pktmbuf_alloc(pool);
    rte_pktmbuf_append(chain, 60);
    rte_mbuf* tail = rte_pktmbuf_alloc(pool);
    tail->data_len = 60;
    rte_pktmbuf_chain(chain, tail);
    lease = {};  // its device is closed
    lease = pools.take(0);
    EXPECT_EQ(lease.get(), pool);
    EXPECT_EQ(rte_mempool_avail_count(pool), all - 3);
    rte_pktmbuf_free(held);
    rte_pktmbuf_free(chain);
    EXPECT_EQ(rte_mempool_avail_count(pool), all);
  }
}

TEST(XdpPools, HaveOneOwnerEachAndAreUsedAgain) {
  TestDataplane dataplane;
  XdpPools pools;
  XdpPools::Lease one = pools.take(0), other = pools.take(0);
  ASSERT_NE(one.get(), nullptr);
  ASSERT_NE(other.get(), nullptr);
  EXPECT_NE(one.get(), other.get());
  const rte_mempool* former = one.get();
  one = {};
  EXPECT_EQ(pools.take(0).get(), former);
  // A larger one where more queues need that.
  const XdpPools::Lease larger = pools.take(1);
  ASSERT_NE(larger.get(), nullptr);
  EXPECT_EQ(larger.get()->size, xdp_buffers(1));
}

}  // namespace
}  // namespace adit::xdp_pools_test
