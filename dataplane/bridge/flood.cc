// SPDX-License-Identifier: Apache-2.0
#include "bridge/flood.h"

#include "bridge/gateway.h"
#include "egress/egress.h"
#include "packet/inner.h"

namespace adit {
namespace {

bool is_broadcast(const Packet& packet) noexcept {
  return fdb_key_mac(packet.dst_key).is_broadcast();
}
bool is_group(const Packet& packet) noexcept {
  return fdb_key_mac(packet.dst_key).is_group();
}

// The rate limit that the frame exceeds, or kNone.
DropReason check_limit(Worker& worker, const Packet& packet, const NetworkEntry& network) noexcept {
  FloodMeters& meters = worker.flood_meters[packet.network];
  if (is_broadcast(packet)) {
    if (!meters.broadcast.allow(network.broadcast, worker.now_ns))
      return DropReason::k_broadcast_limit;
  } else if (is_group(packet)) {
    if (!meters.multicast.allow(network.multicast, worker.now_ns))
      return DropReason::k_multicast_limit;
  } else if (!meters.unknown_unicast.allow(network.unknown_unicast, worker.now_ns)) {
    return DropReason::k_unknown_unicast_limit;
  }
  return DropReason::kNone;
}

// A fresh buffer for the first `own_bytes` of the frame and whatever is put before them,
// chained to a reference to the rest. Null when the pool is empty.
rte_mbuf* share_payload(Worker& worker, rte_mbuf* original, uint16_t own_bytes) noexcept {
  rte_mbuf* head = rte_pktmbuf_alloc(worker.pool);
  if (head == nullptr) return nullptr;
  rte_mbuf* rest = rte_pktmbuf_clone(original, worker.pool);
  if (rest == nullptr) {
    rte_pktmbuf_free(head);
    return nullptr;
  }
  rte_mbuf_dynfield_copy(head, original);
  if (own_bytes != 0) {
    ADIT_ASSERT(own_bytes <= rte_pktmbuf_tailroom(head));
    std::memcpy(rte_pktmbuf_append(head, own_bytes), frame_of(original), own_bytes);
    cut_front(rest, own_bytes);
  }
  head->next = rest;
  head->nb_segs = static_cast<uint16_t>(1 + rest->nb_segs);
  head->pkt_len = original->pkt_len;
  return head;
}

// Makes another copy of the frame for the given egress.
rte_mbuf* replicate(Worker& worker, rte_mbuf* original, const BridgePort& out) noexcept {
  if (!worker.snapshot->ports[out.port].tx_multi_segs)
    return rte_pktmbuf_copy(original, worker.pool, 0, UINT32_MAX);
  if (out.kind == BridgePortKind::kTunnel) return share_payload(worker, original, 0);
  // The tag goes between MACs and type, so the MACs have to be the copy's own.
  if (out.vlan_id != 0) return share_payload(worker, original, kMacsLen);
  return rte_pktmbuf_clone(original, worker.pool);
}

// `last`: the original buffer may be sent itself.
enum class Use { kCopy, kOriginal };

void send_copy(Worker& worker, const Packet& packet, BridgePortId to, Use use,
               BridgePortId widest) noexcept {
  const BridgePort& out = worker.snapshot->bridge_ports[to];
  rte_mbuf* mbuf = packet.mbuf;
  // A tag moves the MACs, which a buffer shared with copies must not.
  const bool original_serves =
      use == Use::kOriginal && (out.vlan_id == 0 || rte_mbuf_refcnt_read(mbuf) == 1);
  if (!original_serves) {
    mbuf = replicate(worker, packet.mbuf, out);
    if (mbuf == nullptr) {
      // The copy that could not be made counts as made and dropped.
      count_drop(worker, packet.mbuf, DropReason::k_no_buffer);
    }
    if (use == Use::kOriginal) discard(worker, packet.mbuf);
    if (mbuf == nullptr) return;
  }
  Packet& copy = take_copy(worker, packet);
  copy.mbuf = mbuf;
  copy.out = to;
  if (widest != 0 && to != widest) [[unlikely]]
    copy.in_flags |= kTooBigUntold;
  dispatch(worker, copy);
}

bool may_leave_by(const Packet& packet, BridgePortId to, const BridgePort& out) noexcept {
  return to != packet.in && (out.split_group == 0 || out.split_group != packet.split_group);
}

// Where the longest frames may leave. Whether the one whom a frame is for is behind a narrower one,
// nobody knows: of that one's size the sender is not told, unless no other is wider.
[[gnu::cold, gnu::noinline]] BridgePortId find_widest(const Worker& worker, const Packet& packet,
                                                      const NetworkEntry& network) noexcept {
  BridgePortId widest = 0;
  uint32_t most = 0;
  for (const BridgePortId to : network.flood.members()) {
    const BridgePort& out = worker.snapshot->bridge_ports[to];
    const uint32_t bytes = most_frame_bytes(worker, out, packet.inner.df);
    if (!may_leave_by(packet, to, out) || bytes <= most) continue;
    widest = to;
    most = bytes;
  }
  return widest;
}

// To every member but the one that it came from.
void flood_frame(Worker& worker, Packet& packet) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const NetworkEntry& network = snapshot.networks[packet.network];
  describe(packet);
  const bool taken = (packet.in_flags & BridgePort::kHasGateway) && is_group(packet) &&
                     offer_to_gateway(worker, packet);
  const uint32_t bytes = packet.mbuf->pkt_len;
  BridgePortId widest = 0;
  // A group's members may be behind all of them.
  if ((bytes > network.flood.least_frame_bytes() || bytes > worker.fits_all_paths) &&
      !is_group(packet)) [[unlikely]]
    widest = find_widest(worker, packet, network);
  BridgePortId pending = 0;  // one way behind, so that the last one gets the original
  for (const BridgePortId to : network.flood.members()) {
    if (!may_leave_by(packet, to, snapshot.bridge_ports[to])) continue;
    if (pending != 0) {
      worker.counters.copied.add(1);
      send_copy(worker, packet, pending, Use::kCopy, widest);
    }
    pending = to;
  }
  if (pending == 0 && taken) {
    worker.counters.consumed.add(1);
    return discard(worker, packet.mbuf);
  }
  if (pending == 0) return drop(worker, packet.mbuf, DropReason::k_flood_no_member);
  send_copy(worker, packet, pending, Use::kOriginal, widest);
}

// Copies share the frame's data, so its pending offload is completed first.
[[gnu::cold, gnu::noinline]] void flood_pending_offload(Worker& worker,
                                                        const Packet& packet) noexcept {
  FinishedFrames room;
  for (rte_mbuf* frame : finish(worker, packet.mbuf, FirstHeader::kEthernet, room)) {
    Packet finished = packet;
    finished.mbuf = frame;
    flood_frame(worker, finished);
  }
}

}  // namespace

void flood(Worker& worker, Packet& packet) noexcept {
  const NetworkEntry& network = worker.snapshot->networks[packet.network];
  const DropReason limit = check_limit(worker, packet, network);
  if (limit != DropReason::kNone) return drop(worker, packet.mbuf, limit);

  worker.counters.flooded.add(1);
  if (is_pending_offload(packet.mbuf)) [[unlikely]]
    return flood_pending_offload(worker, packet);
  flood_frame(worker, packet);
}

}  // namespace adit
