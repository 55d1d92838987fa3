// SPDX-License-Identifier: Apache-2.0
#include "egress/offload.h"

#include <rte_errno.h>

#include "egress/egress.h"

namespace adit {
namespace {

// Changes the frame by `change`, or where others share its headers, a copy. Null: dropped.
template <class Change>
rte_mbuf* change_own(Worker& worker, rte_mbuf* frame, Change change) noexcept {
  if (change(frame)) return frame;
  rte_mbuf* copy = rte_pktmbuf_copy(frame, worker.pool, 0, UINT32_MAX);
  if (copy != nullptr && change(copy)) {
    discard(worker, frame);
    return copy;
  }
  drop(worker, frame, copy == nullptr ? DropReason::k_no_buffer : DropReason::k_offload_malformed);
  rte_pktmbuf_free(copy);
  return nullptr;
}

// Whether what is behind the way out does what is left to do.
bool takes_pending_offload(const Snapshot& snapshot, const BridgePort& out,
                           const rte_mbuf* frame) noexcept {
  if (out.kind == BridgePortKind::kAccess) return snapshot.ports[out.port].takes_pending_offload;
  // A frame longer than the kind's length field can tell has to be cut.
  return out.kind == BridgePortKind::kTunnel &&
         tunnel_registry()[out.tunnel]->takes_pending_offload &&
         (!is_gso_frame(frame) || frame->pkt_len <= out.max_frame_bytes);
}

bool cut_and_send(Worker& worker, const Packet& packet) noexcept {
  FinishedFrames room;
  const BridgePortId out = packet.out;
  for (rte_mbuf* frame : finish(worker, packet.mbuf, FirstHeader::kEthernet, room))
    send_another(worker, packet, frame, out);
  return false;
}

}  // namespace

std::span<rte_mbuf*> finish(Worker& worker, rte_mbuf* frame, FirstHeader first,
                            FinishedFrames& room) noexcept {
  if (!is_gso_frame(frame)) {
    room[0] = change_own(worker, frame,
                         [first](rte_mbuf* mbuf) { return complete_checksum(mbuf, first); });
    return std::span(room).first(room[0] != nullptr ? 1 : 0);
  }
  const unsigned count = segment_tcp(frame, worker.pool, frame->tso_segsz, room, first);
  if (count == 0) {
    drop(worker, frame,
         rte_errno == ENOMEM ? DropReason::k_no_buffer : DropReason::k_offload_malformed);
    return {};
  }
  worker.counters.copied.add(count - 1);
  discard(worker, frame);
  return std::span(room).first(count);
}

rte_mbuf* prepare_tx_offload(Worker& worker, rte_mbuf* frame, FirstHeader first) noexcept {
  return change_own(worker, frame,
                    [first](rte_mbuf* mbuf) { return write_pseudo_sum(mbuf, first); });
}

bool finish_offload(Worker& worker, Packet& packet) noexcept {
  const BridgePort& out = worker.snapshot->bridge_ports[packet.out];
  if (is_gso_frame(packet.mbuf)) {
    const uint32_t bytes = segment_bytes(packet.mbuf);
    if (bytes == 0) {
      drop(worker, packet.mbuf, DropReason::k_offload_malformed);
      return false;
    }
    if (is_too_big(worker, out, bytes, packet.inner.df)) {
      // Segments may be fragmented; if not, one ICMP error is enough.
      if (out.flags & BridgePort::kTooBigFragment) return cut_and_send(worker, packet);
      handle_too_big(worker, packet);
      return false;
    }
    if (!takes_pending_offload(*worker.snapshot, out, packet.mbuf))
      return cut_and_send(worker, packet);
  } else if (packet.mbuf->pkt_len > out.max_frame_bytes ||
             !takes_pending_offload(*worker.snapshot, out, packet.mbuf)) {
    FinishedFrames room;
    const auto finished = finish(worker, packet.mbuf, FirstHeader::kEthernet, room);
    if (!finished.empty()) packet.mbuf = finished[0];
    return !finished.empty();
  }
  if (out.kind == BridgePortKind::kTunnel) return true;
  packet.mbuf = prepare_tx_offload(worker, packet.mbuf, FirstHeader::kEthernet);
  return packet.mbuf != nullptr;
}

}  // namespace adit
