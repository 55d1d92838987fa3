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
  rte_mempool* pool = pools.take("x0", 0, dataplane->pool());
  ASSERT_NE(pool, dataplane->pool());
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
    EXPECT_EQ(pools.take("x0", 0, dataplane->pool()), pool);
    EXPECT_EQ(rte_mempool_avail_count(pool), all - 3);
    rte_pktmbuf_free(held);
    rte_pktmbuf_free(chain);
    EXPECT_EQ(rte_mempool_avail_count(pool), all);
  }
}

}  // namespace
}  // namespace adit::xdp_pools_test
