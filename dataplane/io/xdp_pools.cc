// SPDX-License-Identifier: Apache-2.0
#include "xdp_pools.h"

#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <vector>

#include "adit/dataplane.h"

namespace adit {
namespace {

// A buffer that waited in one of the driver's rings for a frame to come, or carried a copy of one
// out: the driver writes no length into those. What is under way elsewhere, held for a next hop or
// in a NIC's ring, has a length.
bool was_in_a_ring(const rte_mbuf* mbuf) {
  return rte_mbuf_refcnt_read(mbuf) == 1 && mbuf->pkt_len == 0 && mbuf->data_len == 0 &&
         mbuf->nb_segs == 1 && mbuf->next == nullptr;
}

void take_back(rte_mempool* pool) {
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

}  // namespace

rte_mempool* XdpPools::take(const std::string& port, unsigned queues, rte_mempool* like) {
  auto& pool = pools_[port];
  if (pool) {
    take_back(pool.get());
    return pool.get();
  }
  const std::string name = "adit_xdp_" + std::to_string(pools_.size());
  // Without caches of the cores, in which buffers could not be found.
  pool.reset(rte_pktmbuf_pool_create(name.c_str(), xdp_buffers(queues), 0, 0,
                                     rte_pktmbuf_data_room_size(like),
                                     static_cast<int>(rte_socket_id())));
  return pool ? pool.get() : like;
}

}  // namespace adit
