// SPDX-License-Identifier: Apache-2.0
// Packets for control (adit/punt.h), from the worker's side.
#pragma once

#include "adit/punt.h"
#include "packet/flow_reader.h"
#include "packet/segment.h"
#include "worker/worker.h"

namespace adit {

// Packets that one worker leaves to control on account of one tenant, in a second.
inline const RateLimit kPuntLimit = RateLimit::per_second(200);
// The same of replies to control's own packets: the checks of a VRF with thousands of backends.
inline const RateLimit kHostLimit = RateLimit::per_second(20'000);

// The same of what others begin with a host interface.
inline const RateLimit kFreshLimit = RateLimit::per_second(5'000);

// Which of the tenant's budgets it is on: so a flood of new flows leaves known ones theirs.
inline bool may_leave(Worker& worker, TenantId whose, const PuntedPacket& packet) noexcept {
  if (!packet.of_host) return worker.punt_meters[whose].allow(kPuntLimit, worker.now_ns);
  if (packet.is_fresh) return worker.fresh_meters[whose].allow(kFreshLimit, worker.now_ns);
  return worker.host_meters[whose].allow(kHostLimit, worker.now_ns);
}

// Leaves the packet to control, which frees it; it counts as consumed. Nobody may have more in the
// ring than is left of it, as of events; with what others begin, a half of that, so that a tenant's
// own flows find room beside a flood of new ones. What is beyond a bound is dropped by name.
[[gnu::cold, gnu::noinline]] inline void leave_to_control(Worker& worker,
                                                          PuntedPacket packet) noexcept {
  const TenantId whose = tenant_of_vrf(packet.vrf);
  if (!may_leave(worker, whose, packet)) return drop(worker, packet.mbuf, DropReason::k_punt_limit);
  std::atomic<uint32_t>& waiting = worker.punts_waiting[whose];
  const uint32_t most = rte_ring_free_count(worker.punted) >> (packet.is_fresh ? 1 : 0);
  if (waiting.load(std::memory_order_relaxed) >= most)
    return drop(worker, packet.mbuf, DropReason::k_punt_full);
  waiting.fetch_add(1, std::memory_order_relaxed);
  if (rte_ring_sp_enqueue_elem(worker.punted, &packet, sizeof packet) == 0)
    return worker.counters.consumed.add(1);
  waiting.fetch_sub(1, std::memory_order_relaxed);
  drop(worker, packet.mbuf, DropReason::k_punt_full);
}

// A packet to a port that control serves. `has_ethernet`: it begins with that header, else with
// IP's. `link`: where it came in; 0: control does not ask.
inline void punt(Worker& worker, const LocalPort& to, LinkId link, bool has_ethernet,
                 rte_mbuf* mbuf) noexcept {
  leave_to_control(worker, {mbuf, link, to.vrf, to.port, to.protocol, has_ethernet, false, false});
}

// Whether the packet, to one of our addresses, is for a program of the host: the VRF has a host
// interface, or it belongs to a flow that control began, as a reply or an ICMP error about it. Then
// it is left to control. `before`: bytes before its IP header.
[[gnu::cold, gnu::noinline]] inline bool take_for_host(Worker& worker, VrfId vrf, LinkId link,
                                                       rte_mbuf* mbuf, uint16_t before) noexcept {
  const auto& hosts = worker.snapshot->host_vrfs;
  const bool has_interface = vrf < hosts.size() && hosts[vrf] != 0;
  if (!has_interface && !worker.host_flows->any()) return false;
  rte_pktmbuf_adj(mbuf, before);
  const Flow flow = read_flow(mbuf, vrf);
  const bool whole = flow.kind != FlowKind::kMalformed && flow.kind != FlowKind::kFragment;
  const bool is_known = whole && worker.host_flows->has(flow.key);
  if (!whole || (!is_known && !has_interface)) {
    rte_pktmbuf_prepend(mbuf, before);
    return false;
  }
  // What control cannot complete itself. A GSO frame is one packet to it.
  mbuf->ol_flags &= ~RTE_MBUF_F_TX_TCP_SEG;
  if (!complete_checksum(mbuf, FirstHeader::kIp))
    drop(worker, mbuf, DropReason::k_offload_malformed);
  else
    leave_to_control(worker, {mbuf, link, vrf, 0, flow.packet.protocol, false, true, !is_known});
  return true;
}

}  // namespace adit
