// SPDX-License-Identifier: Apache-2.0
#include "ingress/decap.h"

#include <rte_prefetch.h>

#include "egress/egress.h"
#include "ingress/enter.h"
#include "packet/inner.h"
#include "packet/ip_version.h"
#include "tunnel/outer_ip.h"
#include "worker/doors.h"

namespace adit {
namespace {

// Drops a packet from an unknown sender, and reports it to control if the network learns remotes.
[[gnu::cold, gnu::noinline]] void refuse_sender(Worker& worker, const Packet& packet) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const Ipv6Key source = outer_source(packet);
  if (source == Ipv6Key{} || snapshot.own_sources.has(0, source, packet.outer_ipv6))
    return drop(worker, packet.mbuf, DropReason::k_ip_source);
  const uint32_t network = snapshot.tunnels[packet.tunnel].ids.find(packet.tunnel_id);
  const BridgePortId other = snapshot.remote_addresses.find(outer_source(packet));
  if (network == 0) {
    const bool routed = kTunnelKinds[packet.tunnel].routed;
    return drop_of(worker, other, packet.mbuf,
                   routed ? DropReason::k_remote_unknown : DropReason::k_tunnel_id_unknown);
  }
  const SenderKey key{outer_source(packet), packet.tunnel_id};
  if (snapshot.networks[network].learns_from == packet.tunnel + 1 &&
      worker.reported->first_in(worker.now_s, hash_of(key), 0)) {
    Event event{};
    event.kind = Event::Kind::kRemoteSeen;
    event.network = static_cast<NetworkId>(network);
    event.ip = to_address(key.source, packet.outer_ipv6);
    report(worker, event);
  }
  drop_of(worker, other, packet.mbuf, DropReason::k_remote_unknown);
}

OuterFields outer_fields(const Packet& packet, const BridgePort& in) noexcept {
  return {packet.outer_tos, outer_time_to_live(packet), (in.outer & outer::kUniformDscp) != 0,
          (in.outer & outer::kUniformTtl) != 0};
}

// The length of an IP packet; 0: an IPv4 header with options, or with a wrong checksum.
unsigned end_of(const Ipv4Header& ip) noexcept {
  return ip.version_ihl == 0x45 && ipv4_header_sum_ok(&ip, sizeof ip) ? ip.total_length.host() : 0;
}
unsigned end_of(const Ipv6Header& ip) noexcept {
  return unsigned{sizeof ip} + ip.payload_length.host();
}

// GRE keepalives, by which routers check a tunnel: the payload is a packet from our end of the
// tunnel to theirs, GRE without a payload, which we send back. Cisco defines them over IPv4; others
// send the same over IPv6. False: it is none.
template <class Ip>
[[gnu::cold, gnu::noinline]] bool answer_keepalive(Worker& worker, const Packet& packet,
                                                   const BridgePort& in) noexcept {
  using Header = typename Ip::Header;
  constexpr unsigned kBytes = sizeof(Header) + sizeof(GreHeader);
  rte_mbuf* mbuf = packet.mbuf;
  if (in.tunnel != tunnel_index(TunnelKind::kGreIp) ||
      ((in.outer & outer::kIpv6) != 0) != Ip::kIpv6 || mbuf->data_len < kBytes)
    return false;
  auto* ip = rte_pktmbuf_mtod(mbuf, Header*);
  const auto* ours = reinterpret_cast<const Header*>(in.header.data() + sizeof(EthernetHeader));
  const auto* gre = reinterpret_cast<const GreHeader*>(ip + 1);
  const unsigned end = end_of(*ip);
  if (ip->src != ours->src || ip->dst != ours->dst || gre->protocol != be16(0) ||
      Ip::ttl(*ip) <= 1 || end < kBytes || end > mbuf->pkt_len)
    return false;
  rte_pktmbuf_trim(mbuf, static_cast<uint16_t>(mbuf->pkt_len - end));
  Ip::lower_ttl(*ip);
  auto* ethernet = rte_pktmbuf_prepend(mbuf, sizeof(EthernetHeader));
  if (ethernet == nullptr) return false;
  std::memcpy(ethernet, in.header.data(), sizeof(EthernetHeader));
  send_to_next_hop(worker, tenant_of(in), in.port, in.adjacency, mbuf);
  return true;
}

// True: it was a keepalive, and was answered.
bool take_keepalive(Worker& worker, const Packet& packet, const BridgePort& in,
                    const uint8_t* at) noexcept {
  if (packet.mbuf->data_len < sizeof(Ipv4Header)) [[unlikely]]
    return false;
  const bool v4 = at[0] >> 4 == 4;
  const uint8_t protocol =
      at[v4 ? offsetof(Ipv4Header, protocol) : offsetof(Ipv6Header, next_header)];
  if (protocol != kIpProtocolGre) [[likely]]
    return false;
  return v4 ? answer_keepalive<Ipv4>(worker, packet, in)
            : answer_keepalive<Ipv6>(worker, packet, in);
}

// Enters the packet into the VRF of its tunnel, Packet::in.
void enter_vrf(Worker& worker, Packet& packet, const BridgePort& in,
               const OuterFields& outer) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  uint8_t* at = frame_of(mbuf);
  const be16 type(at[0] >> 4 == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
  if (outer.any() && !apply_outer_fields(type, at, mbuf->data_len, outer)) [[unlikely]]
    return drop_of(worker, packet.in, mbuf, DropReason::k_ecn_illegal);
  enter(worker, packet.in, mbuf->pkt_len);
  if (take_keepalive(worker, packet, in, at)) [[unlikely]]
    return;
  enter_routing(worker, packet, in.network);
}

// Removes the outer headers. The remote determines the network, a tunnel the VRF.
void rejoin(Worker& worker, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  if (packet.in == 0) [[unlikely]]
    return refuse_sender(worker, packet);
  const BridgePort& in = worker.snapshot->bridge_ports[packet.in];
  const OuterFields outer = outer_fields(packet, in);
  cut_front(mbuf, packet.inner_offset);
  if (in.kind == BridgePortKind::kRouted) return enter_vrf(worker, packet, in, outer);
  if (mbuf->data_len < sizeof(EthernetHeader)) [[unlikely]]
    return drop_of(worker, packet.in, mbuf, DropReason::k_inner_runt);
  if (outer.any() && !apply_outer_fields(frame_of(mbuf), mbuf->data_len, outer)) [[unlikely]]
    return drop_of(worker, packet.in, mbuf, DropReason::k_ecn_illegal);
  enter_network(worker, packet, packet.in);
}

// Removes packets from the list that the tunnel kind dropped or keeps.
void compact(Worker& worker, PacketList& list) noexcept {
  unsigned kept = 0;
  for (Packet* packet : list.span()) {
    if (packet->mbuf == nullptr) continue;
    if (packet->drop != DropReason::kNone) [[unlikely]] {
      const BridgePortId remote =
          remote_of(*worker.snapshot, packet->tunnel, {outer_source(*packet), packet->tunnel_id});
      drop_of(worker, remote, packet->mbuf, packet->drop);
      continue;
    }
    list.items[kept++] = packet;
  }
  list.count = kept;
}

}  // namespace

void decap(Worker& worker) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const auto registry = tunnel_registry();
  for (unsigned kind = 0; kind < registry.size(); ++kind) {
    PacketList& list = worker.to_decap[kind];
    if (list.empty()) continue;
    registry[kind]->decap(worker, list.span());
    compact(worker, list);
    const auto key = [](const Packet& packet) noexcept {
      return SenderKey{outer_source(packet), packet.tunnel_id};
    };
    for (Packet* packet : list.span())
      snapshot.tunnels[packet->tunnel].senders.prefetch(key(*packet));
    for (Packet* packet : list.span()) {
      packet->in = snapshot.tunnels[packet->tunnel].senders.find(key(*packet));
      rte_prefetch0(&snapshot.bridge_ports[packet->in]);
      rte_prefetch0(&worker.bridge_port_counters[packet->in]);
    }
    for (Packet* packet : list.span()) rejoin(worker, *packet);
    list.count = 0;
  }
}

}  // namespace adit
