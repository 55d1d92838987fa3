// SPDX-License-Identifier: Apache-2.0
// The way out of a VRF: by a link or a tunnel, and back to a packet's source. For route.cc and
// route_local.cc, for both IP versions.
#pragma once

#include <utility>

#include "balance/balance.h"
#include "egress/egress.h"
#include "egress/ip_fragment.h"
#include "icmp/icmp_error.h"
#include "packet/ip_version.h"

namespace adit {

// RFC 7600 section 4.8: the source of ICMP errors where there is no IPv4 address.
inline const IpAddr kIpv4Dummy = IpAddr::v4(be32(0xc000'0008));

// Control makes the host known: packets for it wait. Told once a second.
[[gnu::cold, gnu::noinline]] inline void want_host(Worker& worker, LinkId link, const Ipv6Key& host,
                                                   bool ipv6) noexcept {
  if (!worker.reported->first_in(worker.now_s, hash_of(host), link)) return;
  Event event{};
  event.kind = Event::Kind::kHostWanted;
  event.link = link;
  event.ip = to_address(host, ipv6);
  report(worker, event);
}

template <class Ip>
void send_by_link(Worker& worker, const Packet& packet, const RouteTarget& target) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const auto& ip = header_of<Ip>(mbuf);
  AdjacencyId adjacency = target.adjacency;
  Ipv6Key host{};
  if (target.kind == RouteTarget::Kind::kConnected) {
    host = packet.via != nullptr ? Ip::key_at(packet.via) : Ip::host_key(ip);
    adjacency = worker.hosts->find(target.link, host, Ip::kIpv6);
    if (adjacency == 0) [[unlikely]]
      want_host(worker, target.link, host, Ip::kIpv6);
  }
  auto* ethernet =
      reinterpret_cast<EthernetHeader*>(rte_pktmbuf_prepend(mbuf, sizeof(EthernetHeader)));
  if (ethernet == nullptr) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_no_headroom);
  // The destination is the next hop's to write.
  ethernet->src = interface_of(*worker.snapshot, target.link)->mac;
  ethernet->ether_type = be16(Ip::kIpv6 ? kEtherTypeIpv6 : kEtherTypeIpv4);
  if (!send_if_resolved(worker, target.link, adjacency, mbuf)) [[unlikely]]
    hold(worker, tenant_of_vrf(packet.network), target.link, adjacency, mbuf, {host, Ip::kIpv6},
         &packet);
}

template <class Ip>
void send_by_tunnel(Worker& worker, Packet& packet, const RouteTarget& target) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const BridgePort& out = worker.snapshot->bridge_ports[target.tunnel];
  InnerFlow flow;
  describe_ip(be16(Ip::kIpv6 ? kEtherTypeIpv6 : kEtherTypeIpv4), frame_of(mbuf), mbuf->data_len,
              flow);
  packet.out = target.tunnel;
  note(packet, flow);
  TrafficCounters& counters = worker.bridge_port_counters[packet.out];
  counters.tx_packets.add(1);
  counters.tx_bytes.add(mbuf->pkt_len);
  worker.to_encap[out.tunnel].push(packet);
}

// The packet fits.
template <class Ip>
void send(Worker& worker, Packet& packet, const RouteTarget& target) noexcept {
  if (target.kind == RouteTarget::Kind::kTunnel) return send_by_tunnel<Ip>(worker, packet, target);
  send_by_link<Ip>(worker, packet, target);
}

// One more packet, on account of `like`.
template <class Ip>
void send_also(Worker& worker, const Packet& like, rte_mbuf* mbuf,
               const RouteTarget& target) noexcept {
  Packet& packet = take_copy(worker, like);
  packet.mbuf = mbuf;
  send<Ip>(worker, packet, target);
}

// Sends the packet in fragments of at most `max_bytes`, whatever its DF says; `id`: of IPv6's.
template <class Ip>
void send_cut(Worker& worker, const Packet& packet, const RouteTarget& target, uint32_t max_bytes,
              be32 id) noexcept {
  const DropReason why = cut_packet(
      worker, packet.mbuf, max_bytes, id,
      [&](rte_mbuf* fragment) noexcept { send_also<Ip>(worker, packet, fragment, target); });
  if (why != DropReason::kCount) return drop(worker, packet.mbuf, why);
  discard(worker, packet.mbuf);
}

// Sends a packet of our own, on account of `like`.
template <class Ip>
void send_own(Worker& worker, const Packet& like, rte_mbuf* mbuf,
              const RouteTarget& target) noexcept {
  Packet own = like;
  own.via = nullptr;
  send_also<Ip>(worker, own, mbuf, target);
}

// Whether a packet of our own can go that way.
inline bool leads_out(const RouteTarget& target) noexcept {
  return target.kind != RouteTarget::Kind::kNone && target.kind != RouteTarget::Kind::kLocal &&
         target.kind != RouteTarget::Kind::kVirtual;
}

// The error, by the way that leads to its source, about a packet as it was sent.
template <class Ip>
void tell(Worker& worker, const Packet& packet, IcmpProblem problem, unsigned mtu) noexcept {
  const rte_mbuf* mbuf = packet.mbuf;
  const auto& ip = header_of<Ip>(packet.mbuf);
  if (!icmp_error_permitted(frame_of(packet.mbuf), mbuf->data_len, Ip::kIpv6, problem)) return;
  const RouteTarget& back = worker.snapshot->routes.find(packet.network, Ip::source(ip), Ip::kIpv6);
  if (!leads_out(back) || (Ip::kIpv6 && !back.has_source)) return;
  rte_mbuf* error =
      make_icmp_error(worker, tenant_of_vrf(packet.network), mbuf, 0, Ip::kIpv6, problem, mtu,
                      back.has_source ? &back.source : &kIpv4Dummy, back.max_bytes);
  if (error != nullptr) send_own<Ip>(worker, packet, error, back);
}

// Takes off what we put before the packet. False where it is another part of it than the first.
inline bool unwrap(rte_mbuf* mbuf, uint32_t wrapped_bytes) noexcept {
  const uint8_t* at = frame_of(mbuf);
  if (at[0] >> 4 == 4) {
    if ((header_of<Ipv4>(mbuf).fragment.host() & kIpv4OffsetMask) != 0) return false;
  } else if (Ipv6::is_fragment(header_of<Ipv6>(mbuf))) {
    if (mbuf->data_len < sizeof(Ipv6Header) + 8 || at[42] != 0 || (at[43] & 0xf8) != 0)
      return false;
    wrapped_bytes += 8;
  }
  if (mbuf->data_len < wrapped_bytes + sizeof(Ipv6Header)) return false;
  rte_pktmbuf_adj(mbuf, static_cast<uint16_t>(wrapped_bytes));
  return true;
}

// Makes the packet again what its sender sent, in the VRF that it came by: nobody learns of
// addresses behind us, or hears of packets that are ours. False where that is not known any more.
[[gnu::cold, gnu::noinline]] inline bool restore(Worker& worker, Packet& packet) noexcept {
  if (packet.translated) return take_back(worker, packet);
  const uint8_t wrapped = std::exchange(packet.origin.wrapped_bytes, uint8_t{0});
  if (wrapped != 0 && !unwrap(packet.mbuf, wrapped)) return false;
  packet.network = packet.origin.vrf;
  return true;
}

// Tells the source of the packet as it was sent. Afterwards the packet can only be dropped.
template <class Ip>
[[gnu::cold, gnu::noinline]] void answer(Worker& worker, Packet& packet, IcmpProblem problem,
                                         unsigned mtu = 0) noexcept {
  const unsigned wrapped = packet.origin.wrapped_bytes;
  if (!restore(worker, packet)) return;
  if (wrapped != 0) {
    const unsigned room = mtu - std::min(mtu, wrapped);
    if (is_ipv4(packet)) return tell<Ipv4>(worker, packet, problem, room);
    return tell<Ipv6>(worker, packet, problem, mtu == 0 ? 0 : std::max(room, kLeastIpv6Mtu));
  }
  if (is_ipv4(packet) != Ip::kIpv6) return tell<Ip>(worker, packet, problem, mtu);
  // It was sent as one of the other IP version; RFC 7915 sections 4.2 and 5.2 for the MTU.
  constexpr unsigned kDifference = sizeof(Ipv6Header) - sizeof(Ipv4Header);
  const bool too_big = problem == IcmpProblem::kTooBig;
  if constexpr (Ip::kIpv6)
    tell<Ipv4>(worker, packet, problem, too_big ? mtu - kDifference : 0);
  else
    tell<Ipv6>(worker, packet, problem, too_big ? std::max(mtu + kDifference, kLeastIpv6Mtu) : 0);
}

template <class Ip>
void answer_by_route(Worker& worker, const Packet& packet, rte_mbuf* reply) noexcept {
  const RouteTarget& target = worker.snapshot->routes.find(
      packet.network, Ip::destination(header_of<Ip>(reply)), Ip::kIpv6);
  if (!leads_out(target)) return rte_pktmbuf_free(reply);
  worker.counters.originated.add(1);
  send_own<Ip>(worker, packet, reply, target);
}

}  // namespace adit
