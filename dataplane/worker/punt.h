// SPDX-License-Identifier: Apache-2.0
// Packets for control (adit/punt.h), from the worker's side.
#pragma once

#include "adit/punt.h"
#include "worker/worker.h"

namespace adit {

// Packets that one worker leaves to control on account of one tenant, in a second.
inline const RateLimit kPuntLimit = RateLimit::per_second(200);

// Leaves the packet to control, which frees it; it counts as consumed. Nobody may have more in the
// ring than is left of it, as of events. What is beyond a bound is dropped by name.
[[gnu::cold, gnu::noinline]] inline void punt(Worker& worker, const LocalPort& to, LinkId link,
                                              bool has_ethernet, rte_mbuf* mbuf) noexcept {
  const TenantId whose = tenant_of_vrf(to.vrf);
  if (!worker.punt_meters[whose].allow(kPuntLimit, worker.now_ns))
    return drop(worker, mbuf, DropReason::k_punt_limit);
  std::atomic<uint32_t>& waiting = worker.punts_waiting[whose];
  PuntedPacket packet{mbuf, link, to.vrf, to.port, to.protocol, has_ethernet};
  if (waiting.load(std::memory_order_relaxed) >= rte_ring_free_count(worker.punted))
    return drop(worker, mbuf, DropReason::k_punt_full);
  waiting.fetch_add(1, std::memory_order_relaxed);
  if (rte_ring_sp_enqueue_elem(worker.punted, &packet, sizeof packet) == 0)
    return worker.counters.consumed.add(1);
  waiting.fetch_sub(1, std::memory_order_relaxed);
  drop(worker, mbuf, DropReason::k_punt_full);
}

}  // namespace adit
