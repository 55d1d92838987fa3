// SPDX-License-Identifier: Apache-2.0
#include "offload.h"

#include <rte_errno.h>

#include "egress.h"
#include "segment.h"

namespace adit {
namespace {

constexpr unsigned kMostSegments = 128;

bool segment(Worker& worker, const Packet& packet) noexcept {
  std::array<rte_mbuf*, kMostSegments> frames;
  const unsigned count = segment_tcp(packet.mbuf, worker.pool, packet.mbuf->tso_segsz, frames);
  if (count == 0) {
    drop(worker, packet.mbuf,
         rte_errno == ENOMEM ? DropReason::k_no_buffer : DropReason::k_offload_malformed);
    return false;
  }
  worker.counters.copied.add(count - 1);
  discard(worker, packet.mbuf);
  for (rte_mbuf* frame : std::span(frames).first(count))
    send_another(worker, packet, frame, packet.out);
  return false;
}

}  // namespace

bool finish_offload(Worker& worker, Packet& packet) noexcept {
  const BridgePort& out = worker.snapshot->bridge_ports[packet.out];
  if (out.kind == BridgePortKind::kTunnel && out.tunnel == tunnel_index(TunnelKind::kStt))
    return true;  // says in its header what is left to do
  if (is_super_frame(packet.mbuf)) return segment(worker, packet);
  if (complete_checksum(packet.mbuf)) return true;
  // Others may share the headers: then a copy of our own.
  rte_mbuf* copy = rte_pktmbuf_copy(packet.mbuf, worker.pool, 0, UINT32_MAX);
  const bool done = copy != nullptr && complete_checksum(copy);
  if (!done) {
    drop(worker, packet.mbuf,
         copy == nullptr ? DropReason::k_no_buffer : DropReason::k_offload_malformed);
    rte_pktmbuf_free(copy);
    return false;
  }
  discard(worker, packet.mbuf);
  packet.mbuf = copy;
  return true;
}

}  // namespace adit
