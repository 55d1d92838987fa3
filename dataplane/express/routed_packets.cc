// SPDX-License-Identifier: Apache-2.0
#include "express/routed_packets.h"

#include <rte_prefetch.h>

#include "express/own_packets.h"
#include "packet/ip_packet.h"
#include "tunnel/plain.h"

namespace adit {
namespace {

// Nothing between the header and the payload, and all of the packet.
bool is_bare_header(const Ipv4Header& ip) noexcept {
  return ip.version_ihl == 0x45 && !Ipv4::is_fragment(ip);
}
bool is_bare_header(const Ipv6Header& ip) noexcept {
  return ip.version_class_label.host() >> 28 == 6 && !is_extension_header(ip.next_header);
}

// Finds the route of a plain packet in the VRF, with `room` bytes from its header on: as
// check_packets() and forward() of the pipeline judge it. Else RoutedPacket::target is null.
template <class Ip>
[[gnu::always_inline]] inline void route_plain(const Snapshot& snapshot, VrfId vrf, uint32_t room,
                                               RoutedPacket& packet) noexcept {
  packet.target = nullptr;
  const auto& ip = *reinterpret_cast<const typename Ip::Header*>(packet.ip);
  uint32_t bytes = 0;
  if (room < sizeof ip || !is_bare_header(ip) || Ip::check(ip, room, bytes) != DropReason::kNone ||
      bytes > room || Ip::ttl(ip) <= 1 || snapshot.own_sources.may_have(Ip::key_at(Ip::source(ip))))
      [[unlikely]]
    return;
  packet.ip_bytes = bytes;
  packet.target = &snapshot.routes.find(vrf, Ip::destination(ip), Ip::kIpv6);
  rte_prefetch0(packet.target);
}

// Of a frame to our MAC. ICMPv6 may be of the link (check_routed() of the pipeline).
[[gnu::always_inline]] inline bool read_frame_of_vrf(const Snapshot& snapshot,
                                                     const PortEntry& port, rte_mbuf* mbuf,
                                                     RoutedPacket& packet) noexcept {
  if (!is_plain_buffer(mbuf) || mbuf->data_len < kIpOffset + sizeof(Ipv4Header)) [[unlikely]]
    return false;
  uint8_t* frame = frame_of(mbuf);
  const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame);
  if (ethernet.dst != port.mac) [[unlikely]]
    return false;
  const uint32_t room = mbuf->data_len - kIpOffset;
  packet.ip = frame + kIpOffset;
  packet.ipv6 = ethernet.ether_type == be16(kEtherTypeIpv6);
  if (ethernet.ether_type == be16(kEtherTypeIpv4)) [[likely]]
    route_plain<Ipv4>(snapshot, port.vrf, room, packet);
  else if (packet.ipv6 &&
           reinterpret_cast<const Ipv6Header*>(packet.ip)->next_header != kIpProtocolIcmpv6)
    route_plain<Ipv6>(snapshot, port.vrf, room, packet);
  else
    return false;
  return packet.target != nullptr;
}

// --- tunnels

// Whom a packet is from, as the tunnel's header says.
struct TunnelSender {
  SenderKey key;
  uint64_t hash;
  const SharedTable<SenderKey>* senders;  // of its tunnel kind
  bool again;                             // the same as of the one before it
};

class TunnelReader : OwnPackets {
 public:
  explicit TunnelReader(const Snapshot& snapshot) noexcept
      : OwnPackets(snapshot), gre_kinds_(snapshot) {}

  // Whether the frame, which is to our MAC, has plain outer headers of IP in IP or GRE, and at
  // least so many bytes behind them as an IPv4 header has. `last`: of the packet before it.
  [[gnu::always_inline]] bool read(const TunnelSender& last, rte_mbuf* mbuf, TunnelSender& sender,
                                   RoutedPacket& packet) noexcept {
    const be16 type = rte_pktmbuf_mtod(mbuf, const EthernetHeader*)->ether_type;
    if (type == be16(kEtherTypeIpv4)) [[likely]]
      return read_ip<Ipv4>(last, mbuf, sender, packet);
    return type == be16(kEtherTypeIpv6) && read_ip<Ipv6>(last, mbuf, sender, packet);
  }

 private:
  template <class Ip>
  [[gnu::always_inline]] bool read_ip(const TunnelSender& last, rte_mbuf* mbuf,
                                      TunnelSender& sender, RoutedPacket& packet) noexcept {
    constexpr uint32_t kL4 = kIpOffset + sizeof(typename Ip::Header);
    static_assert(sizeof(Ipv4Header) >= kMostPlainBytes);
    if (mbuf->data_len < kL4 + sizeof(Ipv4Header)) return false;
    uint8_t* frame = frame_of(mbuf);
    const auto& ip = *reinterpret_cast<const typename Ip::Header*>(frame + kIpOffset);
    const PlainIpHeader header = read_plain_ip_tunnel(gre_kinds_, Ip::protocol(ip), frame + kL4);
    const uint32_t inside = kL4 + header.bytes;
    const uint32_t end = kIpOffset + packet_bytes(ip);
    if (!header.is_plain || !is_plain_header(ip, mbuf) || end > mbuf->data_len ||
        end < inside + sizeof(Ipv4Header) || !is_for_us<Ip>(Ip::host_key(ip))) [[unlikely]]
      return false;
    packet.ip = frame + inside;
    packet.carried_bytes = end - inside;
    packet.ipv6 = header.ipv6;
    packet.outer = {tos(ip), Ip::ttl(ip)};
    sender.key = {Ip::key_at(Ip::source(ip)), header.id};
    sender.senders = &snapshot_.tunnels[header.tunnel].senders;
    sender.again = sender.senders == last.senders && sender.key == last.key;
    if (sender.again) [[likely]]
      return true;
    sender.hash = hash_of(sender.key);
    sender.senders->prefetch_hash(sender.hash);
    return true;
  }

  GreKinds gre_kinds_;
};

// Where the last packet came in.
struct TunnelEntry {
  BridgePortId in = 0;
  VrfId vrf = 0;
  bool is_plain = false;  // it is a tunnel of a VRF without services
  bool is_gre = false;
  bool uniform_dscp = false, uniform_ttl = false;
};

TunnelEntry find_tunnel(const Snapshot& snapshot, const TunnelSender& sender) noexcept {
  TunnelEntry entry;
  entry.in = sender.senders->find(sender.key, sender.hash);
  const BridgePort& tunnel = snapshot.bridge_ports[entry.in];
  entry.vrf = tunnel.network;
  entry.is_plain = tunnel.kind == BridgePortKind::kRouted && !snapshot.balanced_vrfs[entry.vrf];
  entry.is_gre = tunnel.tunnel == tunnel_index(TunnelKind::kGreIp);
  entry.uniform_dscp = (tunnel.outer & outer::kUniformDscp) != 0;
  entry.uniform_ttl = (tunnel.outer & outer::kUniformTtl) != 0;
  return entry;
}

// GRE within GRE may be a question whether the tunnel works (answer_keepalive() of the pipeline).
bool may_be_keepalive(const TunnelEntry& entry, const RoutedPacket& packet) noexcept {
  const uint8_t protocol = packet.ipv6 ? reinterpret_cast<const Ipv6Header*>(packet.ip)->next_header
                                       : reinterpret_cast<const Ipv4Header*>(packet.ip)->protocol;
  return entry.is_gre && protocol == kIpProtocolGre;
}

[[gnu::noinline]] void route_carried(RoutedBurst& burst, const TunnelSender* sender) noexcept {
  const Snapshot& snapshot = burst.snapshot;
  TunnelEntry entry;
  RoutedPacket* const end = burst.packets.packets.data() + burst.count;
  for (RoutedPacket* packet = burst.packets.packets.data(); packet != end; ++packet, ++sender) {
    if (!sender->again) entry = find_tunnel(snapshot, *sender);
    packet->in = entry.in;
    packet->target = nullptr;
    packet->outer.uniform_dscp = entry.uniform_dscp;
    packet->outer.uniform_ttl = entry.uniform_ttl;
    packet->has_outer_fields = packet->outer.any();
    // A TTL that is taken over may run out.
    if (!entry.is_plain || may_be_keepalive(entry, *packet) ||
        (entry.uniform_ttl && packet->outer.ttl <= 1)) [[unlikely]]
      continue;
    if (packet->ipv6)
      route_plain<Ipv6>(snapshot, entry.vrf, packet->carried_bytes, *packet);
    else
      route_plain<Ipv4>(snapshot, entry.vrf, packet->carried_bytes, *packet);
  }
}

}  // namespace

void read_from_vrf(RoutedBurst& burst) noexcept {
  const Snapshot& snapshot = burst.snapshot;
  const PortEntry& port = burst.port;
  rte_mbuf** const mbufs = burst.mbufs;
  const unsigned n = burst.n;
  RoutedPacket* packet = burst.packets.packets.data();
  uint64_t unread = 0;
  uint32_t bytes = 0;
  for (unsigned i = 0; i < n; ++i) {
    if (i + kPrefetchAhead < n) rte_prefetch0(frame_of(mbufs[i + kPrefetchAhead]));
    rte_mbuf* mbuf = mbufs[i];
    if (!read_frame_of_vrf(snapshot, port, mbuf, *packet)) [[unlikely]] {
      unread |= bit_of(i);
      continue;
    }
    packet->mbuf = mbuf;
    packet->index = static_cast<uint8_t>(i);
    packet->in = 0;
    packet->carried_bytes = 0;
    packet->has_outer_fields = false;
    bytes += mbuf->pkt_len;
    ++packet;
  }
  burst.count = static_cast<unsigned>(packet - burst.packets.packets.data());
  burst.bytes = bytes;
  burst.unread = unread;
}

void read_from_tunnels(RoutedBurst& burst) noexcept {
  const MacAddr mac = burst.port.mac;
  rte_mbuf** const mbufs = burst.mbufs;
  const unsigned n = burst.n;
  TunnelReader reader(burst.snapshot);
  Room<TunnelSender> senders;
  TunnelSender nobody = {};
  const TunnelSender* last = &nobody;
  TunnelSender* sender = senders.packets.data();
  RoutedPacket* packet = burst.packets.packets.data();
  uint64_t unread = 0;
  uint32_t bytes = 0;
  for (unsigned i = 0; i < n; ++i) {
    if (i + kPrefetchAhead < n) rte_prefetch0(frame_of(mbufs[i + kPrefetchAhead]));
    rte_mbuf* mbuf = mbufs[i];
    if (!is_plain_buffer(mbuf) || mbuf->data_len < sizeof(EthernetHeader) ||
        rte_pktmbuf_mtod(mbuf, const EthernetHeader*)->dst != mac ||
        !reader.read(*last, mbuf, *sender, *packet)) [[unlikely]] {
      unread |= bit_of(i);
      continue;
    }
    packet->mbuf = mbuf;
    packet->index = static_cast<uint8_t>(i);
    bytes += mbuf->pkt_len;
    ++packet;
    last = sender++;
  }
  burst.count = static_cast<unsigned>(packet - burst.packets.packets.data());
  burst.bytes = bytes;
  burst.unread = unread;
  route_carried(burst, senders.packets.data());
}

}  // namespace adit
