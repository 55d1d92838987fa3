// SPDX-License-Identifier: Apache-2.0
#include "balance/to_backend.h"

#include <algorithm>

#include "balance/to_backend_rewritten.h"
#include "egress/ip_fragment.h"
#include "egress/offload.h"
#include "icmp/quote.h"
#include "icmp/report.h"
#include "packet/ip_version.h"
#include "rewrite/wrap.h"
#include "worker/originate.h"

namespace adit {
namespace {

// Makes the first `bytes` bytes of the packet writable. False: no buffer, and it was dropped.
bool own_bytes(Worker& worker, Packet& packet, uint32_t bytes) noexcept {
  if (owns_data(packet.mbuf)) [[likely]]
    return true;
  rte_mbuf* own = make_writable(packet.mbuf, std::min(bytes, packet.mbuf->pkt_len), worker.pool);
  if (own == nullptr) {
    drop(worker, packet.mbuf, DropReason::k_no_buffer);
    return false;
  }
  packet.mbuf = own;
  return true;
}

PacketVerdict translate_packet(Worker& worker, Packet& packet, const Flow& flow,
                               const Translation& to, VrfId vrf) noexcept {
  if (!own_headers(worker, packet, flow)) return PacketVerdict::kConsumed;
  translate(packet.mbuf, flow, to);
  packet.network = vrf;
  packet.translated = true;
  return PacketVerdict::kRoute;
}

// The packet is not changed: the backend has the virtual address itself. It is routed by the
// backend's own address, which `via` points to in the snapshot, because the connection may be gone
// by then.
PacketVerdict send_direct(Worker& worker, Packet& packet, const Connection& connection) noexcept {
  const ServiceBackend* backend = find_backend(*worker.snapshot, connection.backend);
  if (backend == nullptr) return refuse(worker, packet.mbuf, DropReason::k_no_backend);
  packet.network = connection.reverse.vrf;
  packet.via = backend->address.bytes.data();
  return PacketVerdict::kRoute;
}

// RFC 8200 section 5: a sender need not send smaller packets than this.
bool is_least_ipv6(const Packet& packet) noexcept {
  return !is_ipv4(packet) && packet.mbuf->pkt_len <= kLeastIpv6Mtu;
}

// Identification of the outer packet. With DF, inherited from the inner packet, it needs none (RFC
// 6864).
uint16_t wrapped_id(Worker& worker, const Wrapping& how, VrfId vrf,
                    const rte_mbuf* inside) noexcept {
  const auto* ip = rte_pktmbuf_mtod(inside, const Ipv4Header*);
  const bool inherits = how.dont_fragment == Wrapping::DontFragment::kInherit;
  if (!how.destination.is_v4() ||
      (inherits && (ip->version_ihl >> 4 != 4 || (ip->fragment.host() & kIpv4DontFragment) != 0)))
    return 0;
  return next_ip_id(worker, tenant_of_vrf(vrf), address_key(how.destination));
}

// For a packet that exceeds its path MTU. Over IPv4, routers on the path fragment it (RFC 4213
// section 3.2.2), over IPv6 we do.
[[gnu::cold, gnu::noinline]] PacketVerdict wrap_past_path(Worker& worker, Packet& packet,
                                                          Wrapping how, uint32_t room,
                                                          VrfId vrf) noexcept {
  if (!own_bytes(worker, packet, packet.mbuf->data_len) || !take_hop(worker, packet))
    return PacketVerdict::kConsumed;
  how.dont_fragment = Wrapping::DontFragment::kClear;
  packet.network = vrf;
  const DropReason why = wrap(packet.mbuf, how, wrapped_id(worker, how, vrf, packet.mbuf));
  if (why != DropReason::kNone) return refuse(worker, packet.mbuf, why);
  const uint32_t headers = wrapping_bytes(how);
  packet.origin.wrapped_bytes = static_cast<uint8_t>(headers);
  if (how.destination.is_v4()) return PacketVerdict::kRoute;
  rte_mbuf* mbuf = packet.mbuf;
  const DropReason cut =
      cut_packet(worker, mbuf, room + headers, next_fragment_id<Ipv6>(worker, vrf, mbuf),
                 [&](rte_mbuf* fragment) noexcept {
                   Packet one = packet;
                   one.mbuf = fragment;
                   route_later(worker, one);
                 });
  if (cut != DropReason::kNone) return refuse(worker, mbuf, cut);
  discard(worker, mbuf);
  return PacketVerdict::kConsumed;
}

// Fragments a packet, whose TTL was lowered, and encapsulates the fragments of at most `most`
// bytes. `sent`: what came, whose id IPv6 fragments have.
[[gnu::cold, gnu::noinline]] void wrap_fragments(Worker& worker, Packet& packet,
                                                 const Wrapping& how, uint32_t most,
                                                 const SentFragment& sent, VrfId vrf) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const be32 id = be32::from_raw(sent.id);
  note_sent(worker, mbuf, packet.network, sent.id, sent);
  packet.network = vrf;
  const DropReason cut = cut_packet(worker, mbuf, most, id, [&](rte_mbuf* fragment) noexcept {
    Packet wrapped = packet;
    wrapped.mbuf = fragment;
    const DropReason why = wrap(fragment, how, wrapped_id(worker, how, vrf, fragment));
    if (why != DropReason::kNone) return drop(worker, fragment, why);
    wrapped.origin.wrapped_bytes = static_cast<uint8_t>(wrapping_bytes(how));
    route_later(worker, wrapped);
  });
  if (cut != DropReason::kNone) return drop(worker, mbuf, cut);
  discard(worker, mbuf);
}

// A whole packet of IPv4.
SentFragment as_it_is(const Packet& packet) noexcept {
  return {header_of<Ipv4>(packet.mbuf).id.raw(), static_cast<uint16_t>(packet.mbuf->pkt_len),
          false};
}

// Encapsulates one packet for a backend in `vrf`.
PacketVerdict wrap_one(Worker& worker, Packet& packet, const Wrapping& how, uint32_t room,
                       VrfId vrf) noexcept {
  if (packet.mbuf->pkt_len > room) [[unlikely]] {
    if (is_least_ipv6(packet)) return wrap_past_path(worker, packet, how, room, vrf);
    if (refuse_too_big(worker, packet, is_ipv4(packet) ? room : std::max(room, kLeastIpv6Mtu)))
      return PacketVerdict::kConsumed;
    // RFC 2473 section 7.2: nobody on the way may fragment an outer packet of IPv6.
    if (!how.destination.is_v4()) {
      if (own_bytes(worker, packet, packet.mbuf->data_len) && take_hop(worker, packet))
        wrap_fragments(worker, packet, how, room, as_it_is(packet), vrf);
      return PacketVerdict::kConsumed;
    }
  }
  if (!own_bytes(worker, packet, packet.mbuf->data_len) || !take_hop(worker, packet))
    return PacketVerdict::kConsumed;
  packet.network = vrf;
  const DropReason why = wrap(packet.mbuf, how, wrapped_id(worker, how, vrf, packet.mbuf));
  if (why != DropReason::kNone) return refuse(worker, packet.mbuf, why);
  packet.origin.wrapped_bytes = static_cast<uint8_t>(wrapping_bytes(how));
  return PacketVerdict::kRoute;
}

// Fragments a reassembled packet again before encapsulation, so that neither outer nor inner
// packets are larger than the fragments that arrived.
[[gnu::cold, gnu::noinline]] void wrap_cut(Worker& worker, Packet& packet, const Wrapping& how,
                                           uint32_t room, VrfId vrf) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const AsItCame came = as_it_came(mbuf);
  const uint32_t headers = wrapping_bytes(how);
  // Fragments that arrived can be forwarded, because they are cut smaller to leave room for our
  // headers.
  if (is_ipv4(packet) && came.largest > room + headers && refuse_too_big(worker, packet, room))
    return;
  if (!own_bytes(worker, packet, mbuf->data_len) || !take_hop(worker, packet)) return;
  mbuf = packet.mbuf;
  clear_put_together(mbuf);
  const uint32_t most = std::min(
      room, came.largest < headers + kLeastIpv4Mtu ? came.largest : came.largest - headers);
  wrap_fragments(worker, packet, how, most, {came.id, came.largest, true}, vrf);
}

// Completes the sender's pending offload, which has to be done before encapsulation.
[[gnu::cold, gnu::noinline]] void wrap_pending_offload(Worker& worker, const Packet& packet,
                                                       const Wrapping& how, uint32_t room,
                                                       VrfId vrf) noexcept {
  FinishedFrames frames;
  for (rte_mbuf* mbuf : finish(worker, packet.mbuf, FirstHeader::kIp, frames)) {
    Packet finished = packet;
    finished.mbuf = mbuf;
    if (wrap_one(worker, finished, how, room, vrf) == PacketVerdict::kRoute)
      route_later(worker, finished);
  }
}

// The longest encapsulated packet to the backend: its path MTU, or `most`, that of the egress.
[[gnu::cold, gnu::noinline]] uint32_t most_on_path(const Worker& worker,
                                                   const Connection& connection,
                                                   uint32_t most) noexcept {
  const uint32_t told =
      worker.path_mtus->of_backend(connection.backend, connection.reverse.source, worker.now_s);
  return told == 0 ? most : std::min(most, told);
}

PacketVerdict send_wrapped(Worker& worker, Packet& packet, const Connection& connection) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const FlowKey& reverse = connection.reverse;
  const bool ipv6 = reverse.ipv6 != 0;
  const RouteTarget& target =
      snapshot.routes.find(reverse.vrf, bytes_of(reverse.source, ipv6), ipv6);
  if (!target.has_source) {
    refuse_with(worker, packet, IcmpProblem::kNoRoute, DropReason::k_no_route);
    return PacketVerdict::kConsumed;
  }
  const ServiceEntry& service = snapshot.services[connection.owner.id];
  Wrapping how;
  how.source = target.source;
  how.destination = to_address(reverse.source, ipv6);
  how.kind = service.wrap;
  how.dont_fragment = Wrapping::DontFragment::kInherit;
  how.port = service.gue_port;
  how.udp_checksum = ipv6;
  uint32_t most = target.max_bytes;
  if (packet.mbuf->pkt_len > worker.fits_all_paths) [[unlikely]]
    most = most_on_path(worker, connection, most);
  const uint32_t room = most - std::min(most, wrapping_bytes(how));
  if (is_pending_offload(packet.mbuf)) [[unlikely]] {
    wrap_pending_offload(worker, packet, how, room, reverse.vrf);
    return PacketVerdict::kConsumed;
  }
  if (was_put_together(packet.mbuf)) [[unlikely]] {
    wrap_cut(worker, packet, how, room, reverse.vrf);
    return PacketVerdict::kConsumed;
  }
  return wrap_one(worker, packet, how, room, reverse.vrf);
}

}  // namespace

bool own_headers(Worker& worker, Packet& packet, const Flow& flow) noexcept {
  constexpr uint32_t kMostL4 = 60;
  const IpPacket& last = flow.kind == FlowKind::kIcmpError ? flow.embedded : flow.packet;
  return own_bytes(worker, packet, last.l4 + kMostL4);
}

PacketVerdict send_unchanged(Worker& worker, Packet& packet,
                             const Connection& connection) noexcept {
  return connection.forwarding == Forwarding::kDirect ? send_direct(worker, packet, connection)
                                                      : send_wrapped(worker, packet, connection);
}

PacketVerdict forward_to_backend(Worker& worker, Packet& packet, const Flow& flow,
                                 Connection& connection, Direction from) noexcept {
  count_packet(*worker.balancer, connection.backend, from, packet.mbuf->pkt_len);
  if (connection.has(Connection::kChangesPackets)) [[unlikely]]
    return forward_rewritten(worker, packet, flow, connection, from);
  const bool full = connection.forwarding == Forwarding::kFullNat;
  if (from == Direction::kFromBackend) {
    const Endpoint service = destination_of(connection.forward);
    const Endpoint client = source_of(connection.forward);
    return translate_packet(worker, packet, flow, {&service, full ? &client : nullptr},
                            connection.forward.vrf);
  }
  switch (connection.forwarding) {
    case Forwarding::kNat:
    case Forwarding::kFullNat: {
      const Endpoint backend = source_of(connection.reverse);
      const Endpoint local = destination_of(connection.reverse);
      return translate_packet(worker, packet, flow, {full ? &local : nullptr, &backend},
                              connection.reverse.vrf);
    }
    case Forwarding::kDirect:
      return send_direct(worker, packet, connection);
    case Forwarding::kTunnel:
      return send_wrapped(worker, packet, connection);
  }
  return PacketVerdict::kRoute;
}

}  // namespace adit
