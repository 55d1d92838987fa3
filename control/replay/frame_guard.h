// SPDX-License-Identifier: Apache-2.0
// For programs that guard captured frames (adit/frame_guard.h): buffers that are taken anew have
// none.
#pragma once

#include <rte_mempool.h>

#include "adit/frame_guard.h"

namespace adit::replay {

// From now on the pool hands out buffers without guard: the pipeline may free a frame and take its
// buffer for a packet of its own. To be called for a pool of mbufs before any is taken.
inline void hand_out_unguarded([[maybe_unused]] rte_mempool* pool) noexcept {
#if defined(ADIT_GUARDS_FRAMES)
  static rte_mempool_dequeue_t dequeue = nullptr;
  static int index = -1;
  if (index < 0) {
    rte_mempool_ops ops = *rte_mempool_get_ops(pool->ops_index);
    dequeue = ops.dequeue;
    constexpr char kName[] = "adit_guarded";
    static_assert(sizeof kName <= sizeof ops.name);
    __builtin_memcpy(ops.name, kName, sizeof kName);
    ops.dequeue = [](rte_mempool* from, void** objects, unsigned n) {
      const int result = dequeue(from, objects, n);
      for (unsigned i = 0; result == 0 && i < n; ++i)
        lift_guard(static_cast<const rte_mbuf*>(objects[i]));
      return result;
    };
    index = rte_mempool_register_ops(&ops);
  }
  if (index < 0) __builtin_abort();
  pool->ops_index = index;
  if (pool->cache_size == 0) return;
  for (unsigned i = 0; i < RTE_MAX_LCORE; ++i)  // what a cache has does not come by here
    pool->local_cache[i].size = pool->local_cache[i].flushthresh = 0;
#endif
}

}  // namespace adit::replay
