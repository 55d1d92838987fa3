// SPDX-License-Identifier: Apache-2.0
#include "io/xdp_pools.h"

#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include <algorithm>
#include <string>
#include <vector>

#include "adit/dataplane.h"

namespace adit {
namespace {

// Whether the buffer was in one of the driver's rings, for a frame to receive or with a copy of a
// sent one: the driver writes no length into those. Buffers in use elsewhere, held for a next hop
// or in a NIC's ring, have a length.
bool was_in_a_ring(const rte_mbuf* mbuf) {
  return rte_mbuf_refcnt_read(mbuf) == 1 && mbuf->pkt_len == 0 && mbuf->data_len == 0 &&
         mbuf->nb_segs == 1 && mbuf->next == nullptr;
}

void reclaim_buffers(rte_mempool* pool) {
  std::vector<void*> in_pool;
  for (void* object = nullptr; rte_mempool_get(pool, &object) == 0;) in_pool.push_back(object);
  std::ranges::sort(in_pool);
  struct Search {
    const std::vector<void*>& in_pool;
    std::vector<void*> found = {};
  } search{in_pool};
  rte_mempool_obj_iter(
      pool,
      [](rte_mempool*, void* argument, void* object, unsigned) {
        auto& here = *static_cast<Search*>(argument);
        if (!std::ranges::binary_search(here.in_pool, object) &&
            was_in_a_ring(static_cast<rte_mbuf*>(object)))
          here.found.push_back(object);
      },
      &search);
  for (void* object : search.found) rte_mempool_put(pool, object);
  for (void* object : in_pool) rte_mempool_put(pool, object);
}

// The driver registers as much memory as there are buffers times their size. Without hugepages no
// buffer crosses a page, so the memory would have gaps, and the last buffers would be outside. Here
// each buffer takes exactly one page.
constexpr uint32_t kPageBytes = 4096;

// Null: no memory. Without per-core caches, in which buffers could not be found.
rte_mempool* make_pool(const std::string& name, unsigned buffers) {
  constexpr unsigned kFlags = RTE_MEMPOOL_F_NO_SPREAD;
  uint32_t element = kPageBytes;
  while (rte_mempool_calc_obj_size(element, kFlags, nullptr) > kPageBytes)
    element -= RTE_CACHE_LINE_SIZE;
  rte_mempool* pool =
      rte_mempool_create_empty(name.c_str(), buffers, element, 0, sizeof(rte_pktmbuf_pool_private),
                               static_cast<int>(rte_socket_id()), kFlags);
  if (pool == nullptr) return nullptr;
  rte_pktmbuf_pool_private facts{};
  facts.mbuf_data_room_size = static_cast<uint16_t>(element - sizeof(rte_mbuf));
  if (rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr) != 0) {
    rte_mempool_free(pool);
    return nullptr;
  }
  rte_pktmbuf_pool_init(pool, &facts);
  if (rte_mempool_populate_default(pool) < 0) {
    rte_mempool_free(pool);
    return nullptr;
  }
  rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
  return pool;
}

}  // namespace

XdpPools::Lease XdpPools::take(unsigned queues) {
  const auto fits = [queues](const rte_mempool* pool) { return pool->size >= xdp_buffers(queues); };
  const auto found = std::ranges::find_if(resting_, fits);
  if (found != resting_.end()) {
    rte_mempool* const pool = *found;
    resting_.erase(found);
    reclaim_buffers(pool);
    return {*this, pool};
  }
  const std::string name = "adit_xdp_" + std::to_string(pools_.size());
  rte_mempool* const pool = make_pool(name, xdp_buffers(queues));
  if (pool == nullptr) return {};
  pools_.emplace_back(pool);
  return {*this, pool};
}

}  // namespace adit
