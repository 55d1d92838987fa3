// SPDX-License-Identifier: Apache-2.0
#include "offload.h"

#include <rte_errno.h>

#include "egress.h"
#include "segment.h"

namespace adit {
namespace {

bool is_stt(const BridgePort& out) noexcept {
  return out.kind == BridgePortKind::kTunnel && out.tunnel == tunnel_index(TunnelKind::kStt);
}

unsigned refuse(Worker& worker, rte_mbuf* frame, bool no_buffer) noexcept {
  drop(worker, frame, no_buffer ? DropReason::k_no_buffer : DropReason::k_offload_malformed);
  return 0;
}

}  // namespace

unsigned finish_frames(Worker& worker, rte_mbuf* frame,
                       std::span<rte_mbuf*, kMostSegments> out) noexcept {
  if (is_super_frame(frame)) {
    const unsigned count = segment_tcp(frame, worker.pool, frame->tso_segsz, out);
    if (count == 0) return refuse(worker, frame, rte_errno == ENOMEM);
    worker.counters.copied.add(count - 1);
    discard(worker, frame);
    return count;
  }
  out[0] = frame;
  if (complete_checksum(frame)) return 1;
  // Others may share the headers: then a copy of our own.
  out[0] = rte_pktmbuf_copy(frame, worker.pool, 0, UINT32_MAX);
  if (out[0] == nullptr || !complete_checksum(out[0])) {
    rte_pktmbuf_free(out[0]);
    return refuse(worker, frame, out[0] == nullptr);
  }
  discard(worker, frame);
  return 1;
}

bool finish_offload(Worker& worker, Packet& packet) noexcept {
  // STT says in its header what is left to do.
  if (is_stt(worker.snapshot->bridge_ports[packet.out])) return true;
  std::array<rte_mbuf*, kMostSegments> frames;
  const bool stays_one = !is_super_frame(packet.mbuf);
  const unsigned count = finish_frames(worker, packet.mbuf, frames);
  if (stays_one) {
    packet.mbuf = frames[0];
    return count == 1;
  }
  for (rte_mbuf* frame : std::span(frames).first(count))
    send_another(worker, packet, frame, packet.out);
  return false;
}

}  // namespace adit
