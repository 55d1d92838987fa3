// SPDX-License-Identifier: Apache-2.0
// The way out of a VRF, by a link or a tunnel, for both IP versions.
#pragma once

#include "egress/egress.h"
#include "egress/ip_fragment.h"
#include "packet/ip_version.h"
#include "worker/doors.h"

namespace adit {

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

// The packet, which begins with its IP header, by a connected route or one with a next hop. Where
// the MAC is not known yet, it waits (hold()).
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
  if (!send_if_resolved(worker, target.link, adjacency, mbuf, &packet)) [[unlikely]]
    hold(worker, tenant_of_vrf(packet.network), target.link, adjacency, mbuf, {host, Ip::kIpv6},
         &packet);
}

// The same by a tunnel of the VRF: it waits in Worker::to_encap.
template <class Ip>
void send_by_tunnel(Worker& worker, Packet& packet, const RouteTarget& target) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const BridgePort& out = worker.snapshot->bridge_ports[target.tunnel];
  InnerFlow flow{};
  describe_ip(be16(Ip::kIpv6 ? kEtherTypeIpv6 : kEtherTypeIpv4), frame_of(mbuf), mbuf->data_len,
              flow);
  packet.out = target.tunnel;
  packet.inner = flow;
  leave(worker, packet.out, mbuf->pkt_len);
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
  if (why != DropReason::kNone) return drop(worker, packet.mbuf, why);
  discard(worker, packet.mbuf);
}

}  // namespace adit
