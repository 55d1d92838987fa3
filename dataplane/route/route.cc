// SPDX-License-Identifier: Apache-2.0
#include "route/route.h"

#include <algorithm>

#include "egress/ip_fragment.h"
#include "egress/offload.h"
#include "egress/past_path.h"
#include "icmp/quote.h"
#include "icmp/report.h"
#include "packet/destination.h"
#include "packet/mss.h"
#include "route/local.h"
#include "route/out.h"
#include "worker/came_by.h"
#include "worker/originate.h"
#include "worker/path_mtu.h"

namespace adit {
namespace {

// Of a datagram whose source is one of our addresses now, which others with this id may have too:
// ids are mapped per original sender (RFC 6864 section 5.3.1), as forward_cut() does.
void map_id(const Worker& worker, Packet& packet) noexcept {
  const CameBy came = came_by(worker, packet.mbuf, read_flow(packet.mbuf, packet.network));
  // What was IPv6 has an id of our own.
  if (came.half == nullptr || !came.other_source || came.half->ipv6 != 0) return;
  packet.origin.id_is = Origin::kMappedId;
  auto& ip = header_of<Ipv4>(packet.mbuf);
  ip.id =
      be16::from_raw(ipv4_id_elsewhere(ip.id.raw(), source_tag(came.half->source, came.half->vrf)));
}

template <class Ip>
void send_in_fragments(Worker& worker, Packet& packet, const RouteTarget& target) noexcept {
  const be32 id = next_fragment_id<Ip>(worker, packet.network, packet.mbuf);
  if constexpr (!Ip::kIpv6) {
    const bool was_ipv6 = packet.origin.id_is == Origin::kWasIpv6;
    const uint32_t bytes = packet.mbuf->pkt_len + (was_ipv6 ? kLongerAsIpv6 : 0u);
    if (packet.translated) {
      const SentFragment sent{header_of<Ip>(packet.mbuf).id.raw(),
                              static_cast<uint16_t>(std::min(bytes, 0xffffu)), false,
                              packet.origin.label()};
      map_id(worker, packet);
      note_sent(worker, packet.mbuf, packet.network, 0, sent);
    }
  }
  send_cut<Ip>(worker, packet, target, target.max_bytes, id);
}

// Of a packet that was one of IPv4 without options.
constexpr uint16_t as_ipv4_bytes(uint32_t ipv6_bytes) noexcept {
  return static_cast<uint16_t>(ipv6_bytes - kLongerAsIpv6);
}

// Fragments a reassembled packet again, no larger than the fragments that arrived: their size
// fitted the path so far. DF stays as it was.
template <class Ip>
[[gnu::cold, gnu::noinline]] void forward_cut(Worker& worker, Packet& packet,
                                              const RouteTarget& target) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const AsItCame came = as_it_came(mbuf);
  if (!Ip::kIpv6 && came.largest > target.max_bytes && mbuf->pkt_len > target.max_bytes &&
      !Ip::may_fragment(header_of<Ip>(mbuf))) {
    report_to_sender(worker, packet, IcmpProblem::kTooBig, target.max_bytes);
    return drop_of(worker, target.tunnel, mbuf, DropReason::k_mtu_exceeded);
  }
  Ip::lower_ttl(header_of<Ip>(mbuf));
  clear_put_together(mbuf);
  const bool was_whole = came.largest == 0;
  const uint32_t most =
      was_whole ? target.max_bytes : std::min<uint32_t>(came.largest, target.max_bytes);
  const SentFragment sent = was_whole
                                ? SentFragment{came.id, as_ipv4_bytes(mbuf->pkt_len), false}
                                : SentFragment{came.id, came.largest, true, packet.origin.label()};
  if (mbuf->pkt_len <= most) {
    if (!Ip::kIpv6 && packet.translated) note_sent(worker, mbuf, packet.network, 0, sent);
    return send<Ip>(worker, packet, target);
  }
  uint32_t id = came.id;
  // Its source is one of our addresses now, which other packets with this id may have too: ids are
  // mapped per original sender.
  if (came.source != source_tag(Ip::key_at(Ip::source(header_of<Ip>(mbuf))), packet.origin.vrf)) {
    packet.origin.id_is = Origin::kMappedId;
    id = id_elsewhere(came.id, came.source);
    if constexpr (!Ip::kIpv6)
      header_of<Ip>(mbuf).id = be16::from_raw(ipv4_id_elsewhere(came.id, came.source));
  }
  if (packet.translated) note_sent(worker, mbuf, packet.network, id, sent);
  send_cut<Ip>(worker, packet, target, most, be32::from_raw(id));
}

template <class Ip>
bool may_fragment(const Packet& packet) noexcept {
  return Ip::may_fragment(header_of<Ip>(packet.mbuf)) || (Ip::kIpv6 && packet.may_fragment);
}

// Most bytes of a packet by the route, as far as is known of the path.
uint32_t most_bytes(const Worker& worker, const RouteTarget& target) noexcept {
  if (target.kind != RouteTarget::Kind::kTunnel) return target.max_bytes;
  return std::min(target.max_bytes,
                  most_frame_bytes(worker, worker.snapshot->bridge_ports[target.tunnel], true));
}

// The same back to who sent the packet, by the route to its source, whatever its ingress was; as of
// the packet's IP version now, if it was translated from the other one. 0: not known.
template <class Ip>
uint32_t most_bytes_back(const Worker& worker, const Packet& packet) noexcept {
  const RouteTable& routes = worker.snapshot->routes;
  if (!packet.translated)
    return most_bytes(
        worker, routes.find(packet.network, Ip::source(header_of<Ip>(packet.mbuf)), Ip::kIpv6));
  const CameBy came = came_by(worker, packet.mbuf, read_flow(packet.mbuf, packet.network));
  if (came.half == nullptr) return 0;
  const bool ipv6 = came.half->ipv6 != 0;
  const uint32_t most =
      most_bytes(worker, routes.find(came.half->vrf, bytes_of(came.half->source, ipv6), ipv6));
  constexpr uint32_t kDifference = sizeof(Ipv6Header) - sizeof(Ipv4Header);
  if (most == 0 || ipv6 == Ip::kIpv6) return most;
  return ipv6 ? most - kDifference : most + kDifference;
}

// Clamps the MSS of a SYN to the smaller MTU of both directions.
template <class Ip>
void clamp_connection(Worker& worker, const Packet& packet, const RouteTarget& target) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  constexpr uint16_t kType = Ip::kIpv6 ? kEtherTypeIpv6 : kEtherTypeIpv4;
  const unsigned tcp_offset = find_syn(be16(kType), frame_of(mbuf), mbuf->data_len);
  if (tcp_offset == 0) return;
  const uint32_t there = most_bytes(worker, target), back = most_bytes_back<Ip>(worker, packet);
  const uint32_t most = back == 0 ? there : std::min(there, back);
  clamp_mss(frame_of(mbuf), mbuf->data_len, tcp_offset, most, tcp_checksum_of(mbuf));
}

// Whether the packet is a GSO frame whose segments fit.
bool segments_fit(const rte_mbuf* mbuf, uint32_t max_bytes) noexcept {
  const uint32_t bytes = is_gso_frame(mbuf) ? segment_bytes(mbuf, FirstHeader::kIp) : 0;
  return bytes != 0 && bytes <= max_bytes;
}

bool takes_pending_offload(const Snapshot& snapshot, LinkId link) noexcept {
  const PortId port = is_port_link(link) ? static_cast<PortId>(link)
                                         : snapshot.subinterfaces[subinterface_of_link(link)].port;
  return snapshot.ports[port].takes_pending_offload;
}

// The MTU to report. An IPv6 sender need not send less than 1280 bytes; into a tunnel with a
// smaller MTU such packets go in fragments of the outer packet.
template <class Ip>
uint32_t most_into_tunnel(const RouteTarget& target) noexcept {
  return Ip::kIpv6 && target.kind == RouteTarget::Kind::kTunnel
             ? std::max<uint32_t>(target.max_bytes, kLeastIpv6Mtu)
             : target.max_bytes;
}

// Fragments a packet that exceeds the egress MTU.
template <class Ip>
void send_in_parts(Worker& worker, Packet& packet, const RouteTarget& target) noexcept {
  if (!Ip::kIpv6 || target.kind != RouteTarget::Kind::kTunnel || packet.may_fragment ||
      packet.mbuf->pkt_len > kLeastIpv6Mtu)
    return send_in_fragments<Ip>(worker, packet, target);
  InnerFlow flow{};
  describe_ip(be16(kEtherTypeIpv6), frame_of(packet.mbuf), packet.mbuf->data_len, flow);
  packet.out = target.tunnel;
  packet.inner = flow;
  send_past_path(worker, packet);
}

// Whether the packet is our encapsulation of an IPv6 packet of at most 1280 bytes, whose sender
// need not send less. We are the outer packet's source, so it may be fragmented.
template <class Ip>
bool may_cut_wrapped(Worker& worker, const Packet& packet) noexcept {
  const rte_mbuf* mbuf = packet.mbuf;
  const uint32_t headers = packet.origin.wrapped_bytes;
  if (packet.translated || headers == 0 || headers >= mbuf->data_len ||
      mbuf->pkt_len > headers + kLeastIpv6Mtu || frame_of(packet.mbuf)[headers] >> 4 != 6 ||
      Ip::is_fragment(header_of<Ip>(packet.mbuf)))
    return false;
  if constexpr (!Ip::kIpv6) {
    auto& ip = header_of<Ip>(packet.mbuf);
    ip.fragment = be16(0);
    ip.id = be16(next_ip_id(worker, tenant_of_vrf(packet.network), Ip::host_key(ip)));
    write_ipv4_checksum(&ip);
  }
  return true;
}

// Whether a packet that exceeds the MTU and may not be fragmented can be sent nevertheless.
template <class Ip>
[[gnu::cold, gnu::noinline]] bool goes_in_parts(Worker& worker, Packet& packet,
                                                const RouteTarget& target) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const uint32_t most = most_into_tunnel<Ip>(target);
  if (mbuf->pkt_len <= most || segments_fit(mbuf, most)) return true;
  if (may_cut_wrapped<Ip>(worker, packet)) return true;
  report_to_sender(worker, packet, IcmpProblem::kTooBig, most);
  drop_of(worker, target.tunnel, mbuf, DropReason::k_mtu_exceeded);
  return false;
}

// Leaves pending offload to a port that supports it, else completes it here. `fits`: the packet
// needs no fragmentation.
template <class Ip>
[[gnu::cold, gnu::noinline]] void forward_pending_offload(Worker& worker, const Packet& packet,
                                                          const RouteTarget& target,
                                                          bool fits) noexcept {
  const bool by_link = fits && target.kind != RouteTarget::Kind::kTunnel;
  // A network handles it as it does frames of its hosts.
  if (by_link && is_network_link(target.link)) return send_by_link<Ip>(worker, packet, target);
  if (by_link && takes_pending_offload(*worker.snapshot, target.link)) {
    Packet handed = packet;
    handed.mbuf = prepare_tx_offload(worker, packet.mbuf, FirstHeader::kIp);
    if (handed.mbuf != nullptr) send_by_link<Ip>(worker, handed, target);
    return;
  }
  FinishedFrames room;
  for (rte_mbuf* mbuf : finish(worker, packet.mbuf, FirstHeader::kIp, room)) {
    Packet finished = packet;
    finished.mbuf = mbuf;
    if (mbuf->pkt_len <= target.max_bytes)
      send_also<Ip>(worker, finished, mbuf, target);
    else
      send_in_parts<Ip>(worker, finished, target);
  }
}

template <class Ip>
void forward(Worker& worker, Packet& packet, const RouteTarget& target) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  auto& ip = header_of<Ip>(mbuf);
  if (!may_take_hop<Ip>(worker, packet)) return;
  if (was_put_together(mbuf)) [[unlikely]]
    return forward_cut<Ip>(worker, packet, target);
  const bool fits = mbuf->pkt_len <= target.max_bytes || segments_fit(mbuf, target.max_bytes);
  if (!fits && !may_fragment<Ip>(packet) && !goes_in_parts<Ip>(worker, packet, target)) [[unlikely]]
    return;
  if (target.mss_clamp) clamp_connection<Ip>(worker, packet, target);
  Ip::lower_ttl(ip);
  if (is_pending_offload(mbuf)) [[unlikely]]
    return forward_pending_offload<Ip>(worker, packet, target, fits);
  if (!fits) [[unlikely]]
    return send_in_parts<Ip>(worker, packet, target);
  send<Ip>(worker, packet, target);
}

// For a tunnel whose path MTU is lower than its configured MTU.
template <class Ip>
[[gnu::cold, gnu::noinline]] void forward_narrowed(Worker& worker, Packet& packet,
                                                   const RouteTarget& target) noexcept {
  RouteTarget narrowed = target;
  const bool df = !Ip::kIpv6 && !Ip::may_fragment(header_of<Ip>(packet.mbuf));
  const BridgePort& out = worker.snapshot->bridge_ports[target.tunnel];
  narrowed.max_bytes = std::min(target.max_bytes, path_frame_bytes(worker, out, df));
  forward<Ip>(worker, packet, narrowed);
}

template <class Ip>
DropReason check_version(const OwnSources& own, VrfId vrf, rte_mbuf* mbuf) noexcept {
  if (mbuf->data_len < sizeof(typename Ip::Header)) return DropReason::k_ip_truncated;
  uint32_t bytes = 0;
  if (const DropReason wrong = Ip::check(header_of<Ip>(mbuf), mbuf->data_len, bytes);
      wrong != DropReason::kNone) [[unlikely]]
    return wrong;
  if (bytes > mbuf->pkt_len || !trim_to(mbuf, bytes)) return DropReason::k_ip_total_length;
  // RFC 1812 section 5.3.8: a packet that arrives with one of our addresses as source is spoofed.
  if (own.has(vrf, Ip::key_at(Ip::source(header_of<Ip>(mbuf))), Ip::kIpv6)) [[unlikely]]
    return DropReason::k_ip_source;
  return DropReason::kNone;
}

template <class Ip>
void route_version(Worker& worker, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const uint8_t* to = packet.via != nullptr ? packet.via : Ip::destination(header_of<Ip>(mbuf));
  const RouteTarget& target = worker.snapshot->routes.find(packet.network, to, Ip::kIpv6);
  switch (target.kind) {
    case RouteTarget::Kind::kTunnel:
      if (mbuf->pkt_len > worker.fits_all_paths) [[unlikely]]
        return forward_narrowed<Ip>(worker, packet, target);
      [[fallthrough]];
    case RouteTarget::Kind::kNextHop:
    case RouteTarget::Kind::kConnected:
      return forward<Ip>(worker, packet, target);
    case RouteTarget::Kind::kLocal:
      return handle_local<Ip>(worker, packet);
    case RouteTarget::Kind::kVirtual:
      return handle_virtual<Ip>(worker, packet, target);
    case RouteTarget::Kind::kBroadcast:  // RFC 1812 section 4.3.2.7: nor is there an error
      return drop(worker, mbuf, DropReason::k_not_routable);
    case RouteTarget::Kind::kNone:
      report_to_sender(worker, packet, IcmpProblem::kNoRoute);
      return drop(worker, mbuf, DropReason::k_no_route);
  }
}

// Whether the packet, for whose source there is no route, is an echo request or a fragment of one,
// from the other end of the tunnel that it came by, to one of our addresses.
[[gnu::cold, gnu::noinline]] bool is_echo_by_tunnel(const Worker& worker,
                                                    const Packet& packet) noexcept {
  constexpr uint32_t kHeader = sizeof(Ipv6Header);
  const Snapshot& snapshot = *worker.snapshot;
  rte_mbuf* mbuf = packet.mbuf;
  if (is_ipv4(packet) || packet.in == 0 || mbuf->data_len <= kHeader ||
      snapshot.bridge_ports[packet.in].kind != BridgePortKind::kRouted)
    return false;
  const auto& ip = header_of<Ipv6>(mbuf);
  if (!is_link_local(ip.src) ||
      snapshot.routes.find(packet.network, ip.dst.data(), true).kind != RouteTarget::Kind::kLocal)
    return false;
  const uint8_t next = frame_of(mbuf)[kHeader];
  const bool wanted = Ipv6::is_fragment(ip)
                          ? next == kIpProtocolIcmpv6
                          : ip.next_header == kIpProtocolIcmpv6 && next == Ipv6::kEchoRequest;
  const uint32_t bytes = kHeader + ip.payload_length.host();
  return wanted && bytes <= mbuf->pkt_len && trim_to(mbuf, bytes);
}

// Routes a packet that we originated.
template <class Ip>
void send_ours(Worker& worker, Packet& packet) noexcept {
  const RouteTarget& target = worker.snapshot->routes.find(
      packet.network, Ip::destination(header_of<Ip>(packet.mbuf)), Ip::kIpv6);
  // Its originator has taken care of that.
  if (!target.leads_out()) return drop(worker, packet.mbuf, DropReason::k_no_route);
  send<Ip>(worker, packet, target);
}

void route_one(Worker& worker, Packet& packet) noexcept {
  if (is_ipv4(packet))
    route_version<Ipv4>(worker, packet);
  else
    route_version<Ipv6>(worker, packet);
}

}  // namespace

void check_packets(Worker& worker) noexcept {
  PacketList& routed = worker.routed;
  const OwnSources& own = worker.snapshot->own_sources;
  unsigned kept = 0;
  for (Packet* packet : routed.span()) {
    const DropReason wrong = is_ipv4(*packet)
                                 ? check_version<Ipv4>(own, packet->network, packet->mbuf)
                                 : check_version<Ipv6>(own, packet->network, packet->mbuf);
    if (wrong != DropReason::kNone &&
        (wrong != DropReason::k_not_routable || !is_echo_by_tunnel(worker, *packet))) [[unlikely]]
      drop(worker, packet->mbuf, wrong);
    else
      routed.items[kept++] = packet;
  }
  routed.count = kept;
}

void route_outbox(Worker& worker) noexcept {
  OutboxList<PacketToRoute>& list = worker.outbox.to_route;
  unsigned n = 0;
  while (const PacketToRoute* item = list.take()) {
    Packet& packet = worker.outbox_packets[n];
    packet = packet_of(*item);
    if (item->kind == PacketToRoute::Kind::kOnItsWay)
      route_one(worker, packet);
    else if (is_ipv4(packet))
      send_ours<Ipv4>(worker, packet);
    else
      send_ours<Ipv6>(worker, packet);
    if (++n < worker.outbox_packets.size()) continue;
    finish_encap(worker);
    n = 0;
  }
  finish_encap(worker);
}

void route_all(Worker& worker, PacketList& list) noexcept {
  // Packets to be sent before one of the list, such as a PROXY protocol header, are in the outbox.
  route_outbox(worker);
  [[maybe_unused]] const unsigned count = list.count;
  for (Packet* packet : list.span()) route_one(worker, *packet);
  ADIT_ASSERT(list.count == count);  // nothing joined them meanwhile
  finish_encap(worker);
  list.count = 0;
}

}  // namespace adit
