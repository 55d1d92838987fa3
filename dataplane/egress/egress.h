// SPDX-License-Identifier: Apache-2.0
// From the bridge's decision to the transmit queue, for one copy of a frame.
#pragma once

#include "egress/offload.h"
#include "egress/too_big.h"
#include "egress/transmit.h"
#include "packet/inner.h"
#include "packet/mss.h"
#include "packet/segment.h"
#include "packet/vlan.h"
#include "worker/doors.h"
#include "worker/path_mtu.h"
#include "worker/worker.h"

namespace adit {

// Notes what encapsulation has to know of the frame.
inline void describe(Packet& packet) noexcept {
  packet.inner = describe_inner(frame_of(packet.mbuf), packet.mbuf->data_len);
}

// As most_connection_bytes() of where it entered: here of where it leaves.
[[gnu::cold, gnu::noinline]] inline void clamp_to_path(const Worker& worker, const BridgePort& out,
                                                       rte_mbuf* mbuf) noexcept {
  // Not a flooded copy, whose first buffer is empty: it shares the frame with others.
  if (mbuf->data_len >= sizeof(EthernetHeader) && owns_data(mbuf))
    clamp_mss(mbuf, path_frame_bytes(worker, out, true));
}

// Whether the frame's tag, if it has one, names a VLAN of the port that belongs to others: a switch
// would take the frame for theirs.
[[gnu::cold, gnu::noinline]] inline bool is_in_vlan_of_others(const PortEntry& port,
                                                              const rte_mbuf* mbuf) noexcept {
  struct {
    be16 ether_type;
    be16 tci;
  } copy;
  // A flooded copy has its headers in buffers of its own.
  const auto* tag = static_cast<const decltype(copy)*>(
      rte_pktmbuf_read(mbuf, offsetof(EthernetHeader, ether_type), sizeof copy, &copy));
  if (tag == nullptr || tag->ether_type != be16(kEtherTypeVlan)) return false;
  const uint16_t vlan_id = tag->tci.host() & kVlanIdMask;
  return (!port.by_vlan.empty() && port.by_vlan[vlan_id] != 0) ||
         (!port.subinterface_by_vlan.empty() && port.subinterface_by_vlan[vlan_id] != 0);
}

// Sends the packet to its bridge port Packet::out: at once to an access port, by way of
// Worker::to_encap to a remote. For a remote, describe() was called.
inline void dispatch(Worker& worker, Packet& packet) noexcept {
  const BridgePort& out = worker.snapshot->bridge_ports[packet.out];
  if (is_pending_offload(packet.mbuf) && !finish_offload(worker, packet)) [[unlikely]]
    return;
  rte_mbuf* mbuf = packet.mbuf;
  if ((out.flags & BridgePort::kMssClamp) != 0 && worker.fits_all_paths != UINT32_MAX) [[unlikely]]
    clamp_to_path(worker, out, mbuf);
  // Of a GSO frame that is still one, the segments fit.
  if (is_too_big(worker, out, mbuf->pkt_len, packet.inner.df) && !is_gso_frame(mbuf)) [[unlikely]]
    return handle_too_big(worker, packet);
  if ((out.flags & BridgePort::kGuardsVlans) != 0 &&
      is_in_vlan_of_others(worker.snapshot->ports[out.port], mbuf)) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_vlan_not_member);
  leave(worker, packet.out, mbuf->pkt_len);
  if (out.kind == BridgePortKind::kTunnel) return worker.to_encap[out.tunnel].push(packet);
  if (out.vlan_id != 0 && !push_vlan(mbuf, out.vlan_id)) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_no_headroom);
  enqueue(worker, out.port, mbuf);
}

inline void encap_pending(Worker& worker) noexcept;

// Room for one more packet, a copy of `like`; the caller puts its buffer in.
inline Packet& take_copy(Worker& worker, const Packet& like) noexcept {
  if (worker.copy_count == worker.copies.size()) {
    encap_pending(worker);
    worker.copy_count = 0;
  }
  ADIT_ASSERT(worker.copy_count < worker.copies.size());
  Packet& packet = worker.copies[worker.copy_count++];
  packet = like;
  packet.drop = DropReason::kNone;
  return packet;
}

// Sends one more frame, on account of `like`.
inline void send_another(Worker& worker, const Packet& like, rte_mbuf* mbuf,
                         BridgePortId out) noexcept {
  Packet& packet = take_copy(worker, like);
  packet.mbuf = mbuf;
  packet.out = out;
  if (worker.snapshot->bridge_ports[out].kind == BridgePortKind::kTunnel) describe(packet);
  dispatch(worker, packet);
}

[[gnu::cold, gnu::noinline]] inline void send_pieces(Worker& worker) noexcept {
  while (const PieceToRemote* piece = worker.outbox.pieces.take()) {
    const BridgePort& out = worker.snapshot->bridge_ports[piece->out];
    send_to_next_hop(worker, tenant_of(out), out.port, out.adjacency, piece->mbuf);
  }
}

// Encapsulates and sends what dispatch() gathered for remotes.
inline void encap_pending(Worker& worker) noexcept {
  const auto registry = tunnel_registry();
  for (unsigned kind = 0; kind < registry.size(); ++kind) {
    PacketList& list = worker.to_encap[kind];
    if (list.empty()) continue;
    for (std::span<Packet* const> rest = list.span(); !rest.empty();) {
      rest = rest.subspan(registry[kind]->encap(worker, rest));
      if (!worker.outbox.pieces.empty()) [[unlikely]]
        send_pieces(worker);
    }
    for (Packet* packet : list.span()) {
      if (packet->drop != DropReason::kNone) [[unlikely]] {
        drop_of(worker, packet->out, packet->mbuf, packet->drop);
        continue;
      }
      const BridgePort& out = worker.snapshot->bridge_ports[packet->out];
      if (!send_if_resolved(worker, out.port, out.adjacency, packet->mbuf, nullptr)) [[unlikely]]
        hold(worker, tenant_of(out), out.port, out.adjacency, packet->mbuf, {}, nullptr);
    }
    list.count = 0;
  }
}

// The same at the end of a step, when no list refers to a packet in Worker::copies any more.
inline void finish_encap(Worker& worker) noexcept {
  encap_pending(worker);
  worker.copy_count = 0;
}

}  // namespace adit
