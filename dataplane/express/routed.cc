// SPDX-License-Identifier: Apache-2.0
#include "express/routed.h"

#include <rte_prefetch.h>

#include "express/routed_packets.h"
#include "packet/ip_version.h"
#include "packet/mss.h"
#include "tunnel/outer_ip.h"
#include "worker/doors.h"

namespace adit {
namespace {

// --- wrap

// The buffer begins at `begin` from now on, `before` bytes before the IP header, and ends where the
// packet does.
[[gnu::always_inline]] inline void set_bounds(const RoutedPacket& packet, const uint8_t* begin,
                                              unsigned before) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  mbuf->data_off = static_cast<uint16_t>(begin - static_cast<const uint8_t*>(mbuf->buf_addr));
  mbuf->data_len = static_cast<uint16_t>(packet.ip_bytes + before);
  mbuf->pkt_len = packet.ip_bytes + before;
}

// Any header with a PlainOuter but STT's and UDP's, which no VRF's tunnel has.
[[gnu::noinline]] void wrap_packet(Worker& worker, const BridgePort& out, uint64_t next_hop,
                                   const RoutedPacket& packet, uint8_t* header) noexcept {
  InnerFlow inner{};
  describe_ip(be16(packet.ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4), packet.ip, packet.ip_bytes,
              inner);
  copy_header(header, out);
  patch_outer_ip(worker, header, out, packet.ip_bytes + out.header_len - outer_ip_len(out), inner);
  AdjacencyTable::write_mac(next_hop, header);
}

// The same over IPv4, where nothing is taken from the inner header but its ECN.
[[gnu::always_inline]] inline void wrap_packet_ipv4(const BridgePort& out, uint64_t next_hop,
                                                    const RoutedPacket& packet,
                                                    uint8_t* header) noexcept {
  constexpr unsigned kIp = sizeof(EthernetHeader);
  const unsigned len = out.header_len;
  ADIT_ASSERT(len >= 34 && len <= 54);
  // Behind the next hop's MAC, by 16 bytes, which overlap.
  const uint8_t* from = out.header.data();
  std::memcpy(header, &next_hop, sizeof next_hop);
  std::memcpy(header + 6, from + 6, 16);
  if (len > 38) std::memcpy(header + 22, from + 22, 16);
  std::memcpy(header + len - 16, from + len - 16, 16);
  uint8_t ecn;
  if (packet.ipv6)
    ecn = static_cast<uint8_t>(
        reinterpret_cast<const Ipv6Header*>(packet.ip)->version_class_label.host() >> 20);
  else
    ecn = reinterpret_cast<const Ipv4Header*>(packet.ip)->tos;
  ecn &= kEcnMask;
  auto* ip = reinterpret_cast<Ipv4Header*>(header + kIp);
  const be16 length(static_cast<uint16_t>(packet.ip_bytes + (len - kIp)));
  ip->total_length = length;
  ip->tos = static_cast<uint8_t>(reinterpret_cast<const Ipv4Header*>(from + kIp)->tos | ecn);
  // At most 18 bits: folded twice at once.
  const uint32_t sum = uint32_t{out.checksum_base} + length.raw() + (uint32_t{ecn} << 8);
  ip->checksum = be16::from_raw(static_cast<uint16_t>(~((sum + std::rotl(sum, 16)) >> 16)));
}

// --- send

// What finishing packets has at hand.
struct Leaving {
  explicit Leaving(RoutedBurst& burst) noexcept
      : worker(&burst.worker),
        ports(burst.snapshot.ports.data()),
        tunnels(burst.snapshot.bridge_ports.data()),
        adjacencies(burst.worker.adjacencies) {}

  Worker* worker;
  const PortEntry* ports;
  const BridgePort* tunnels;
  const AdjacencyTable* adjacencies;
};

// Whether more than the route decides what becomes of packets.
bool is_careful_now(const Worker& worker) noexcept {
  return !worker.held.empty() || worker.fits_all_paths != UINT32_MAX;
}

// Whether the pipeline would change what a TCP connection begins with.
[[gnu::cold, gnu::noinline]] bool is_to_be_clamped(const RoutedPacket& packet) noexcept {
  return find_syn(be16(packet.ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4), packet.ip,
                  packet.ip_bytes) != 0;
}

// What is done within on the way. False: the pipeline drops it, and nothing was changed.
[[gnu::always_inline]] inline bool change_header(const RoutedPacket& packet) noexcept {
  if (packet.has_outer_fields) [[unlikely]]
    if (!apply_outer_fields(be16(packet.ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4), packet.ip,
                            packet.ip_bytes, packet.outer))
      return false;
  if (packet.ipv6)
    Ipv6::lower_ttl(*reinterpret_cast<Ipv6Header*>(packet.ip));
  else
    Ipv4::lower_ttl(*reinterpret_cast<Ipv4Header*>(packet.ip));
  return true;
}

template <bool kCareful>
[[gnu::always_inline]] inline bool enter_tunnel(const Leaving& now, RoutedPacket& packet) noexcept {
  const RouteTarget& target = *packet.target;
  const BridgePort& out = now.tunnels[target.tunnel];
  const uint64_t next_hop = now.adjacencies->load(out.adjacency);
  const unsigned before = out.header_len;
  uint8_t* header = packet.ip - before;
  if (out.plain_outer == PlainOuter::kNone || next_hop == 0 ||
      header < static_cast<const uint8_t*>(packet.mbuf->buf_addr)) [[unlikely]]
    return false;
  if (kCareful && (packet.ip_bytes > now.worker->fits_all_paths ||
                   now.worker->held.waiting_for(out.adjacency) != 0))
    return false;
  if (!change_header(packet)) return false;
  set_bounds(packet, header, before);
  if ((out.outer & (outer::kIpv6 | outer::kInnerDependent)) == 0) [[likely]]
    wrap_packet_ipv4(out, next_hop, packet, header);
  else
    wrap_packet(*now.worker, out, next_hop, packet, header);
  packet.out = target.tunnel;
  packet.port = out.port;
  return true;
}

template <bool kCareful>
[[gnu::always_inline]] inline bool leave_by_port(const Leaving& now,
                                                 RoutedPacket& packet) noexcept {
  const RouteTarget& target = *packet.target;
  if (!is_port_link(target.link)) [[unlikely]]
    return false;
  AdjacencyId adjacency = target.adjacency;
  if (target.kind == RouteTarget::Kind::kConnected) {
    const Ipv6Key host = packet.ipv6
                             ? Ipv6::host_key(*reinterpret_cast<const Ipv6Header*>(packet.ip))
                             : Ipv4::host_key(*reinterpret_cast<const Ipv4Header*>(packet.ip));
    adjacency = now.worker->hosts->find(target.link, host, packet.ipv6);
  }
  const uint64_t next_hop = now.adjacencies->load(adjacency);
  if (next_hop == 0) [[unlikely]]
    return false;
  if (kCareful && now.worker->held.waiting_for(adjacency) != 0) return false;
  if (!change_header(packet)) return false;
  uint8_t* begin = packet.ip - sizeof(EthernetHeader);
  set_bounds(packet, begin, sizeof(EthernetHeader));
  packet.out = 0;
  packet.port = static_cast<PortId>(target.link);
  std::memcpy(begin, &next_hop, sizeof next_hop);
  auto& ethernet = *reinterpret_cast<EthernetHeader*>(begin);
  ethernet.src = now.ports[packet.port].mac;
  ethernet.ether_type = be16(packet.ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4);
  return true;
}

// Makes the packet what leaves. False: it is left as it was.
template <bool kCareful>
[[gnu::always_inline]] inline bool finish(const Leaving& now, RoutedPacket& packet) noexcept {
  if (packet.target == nullptr) [[unlikely]]
    return false;
  const RouteTarget& target = *packet.target;
  // 0 where nothing leaves by the route.
  if (packet.ip_bytes > target.max_bytes || (target.mss_clamp && is_to_be_clamped(packet)))
      [[unlikely]]
    return false;
  if (target.kind == RouteTarget::Kind::kTunnel) return enter_tunnel<kCareful>(now, packet);
  if (target.kind != RouteTarget::Kind::kNextHop && target.kind != RouteTarget::Kind::kConnected)
      [[unlikely]]
    return false;
  return leave_by_port<kCareful>(now, packet);
}

// What came in, or leaves, by one tunnel, one behind the other.
struct TunnelTally {
  BridgePortId tunnel = 0;  // 0: a port, of which nothing is counted here
  uint32_t packets = 0;
  uint64_t bytes = 0;

  void add(uint32_t its_bytes) noexcept {
    ++packets;
    bytes += its_bytes;
  }
};

inline void enter_together(Worker& worker, const TunnelTally& entered) noexcept {
  if (entered.tunnel != 0) enter(worker, entered.tunnel, entered.packets, entered.bytes);
}
inline void leave_together(const Exits& exits, const TunnelTally& left) noexcept {
  if (left.tunnel != 0) exits.leave(left.tunnel, left.packets, left.bytes);
}

// Lets packets that finish() has made pass the doors, and puts them in the queues.
[[gnu::always_inline]] inline void enqueue(Worker& worker, const RoutedPacket* packet,
                                           const RoutedPacket* end) noexcept {
  const Exits exits(worker);
  TunnelTally entered, left;
  Enqueuer queues(worker);
  for (; packet != end; ++packet) {
    if (packet->in != entered.tunnel) [[unlikely]] {
      enter_together(worker, entered);
      entered = {.tunnel = packet->in, .packets = 0, .bytes = 0};
    }
    entered.add(packet->carried_bytes);
    if (packet->out != left.tunnel) [[unlikely]] {
      leave_together(exits, left);
      left = {.tunnel = packet->out, .packets = 0, .bytes = 0};
    }
    left.add(packet->ip_bytes);
    queues.put(packet->port, packet->mbuf);
  }
  enter_together(worker, entered);
  leave_together(exits, left);
}

// --- the order of those that are left

// Bits of senders and receivers: of packets as they are routed, and of frames that were not read,
// which may be those of a tunnel.
struct LeftRouted {
  uint64_t packets = 0, frames = 0;

  static uint64_t bit_of_packet(const RoutedPacket& packet) noexcept {
    if (!packet.ipv6) {
      const auto& ip = *reinterpret_cast<const Ipv4Header*>(packet.ip);
      return pair_bit(Ipv4::key_at(Ipv4::source(ip)), Ipv4::host_key(ip));
    }
    // What is shorter is dropped.
    if (packet.target == nullptr && packet.carried_bytes < sizeof(Ipv6Header)) return 0;
    const auto& ip = *reinterpret_cast<const Ipv6Header*>(packet.ip);
    return pair_bit(Ipv6::key_at(Ipv6::source(ip)), Ipv6::host_key(ip));
  }
  bool may_have(const RoutedPacket& packet) const noexcept {
    return (packets & bit_of_packet(packet)) != 0 ||
           (frames != 0 && (frames & pair_bit_of(packet.mbuf)) != 0);
  }
};

// Sends those from `first` on that need not wait for others; the rest is kept in order. Returns how
// many are kept.
[[gnu::noinline]] unsigned send_in_order(RoutedBurst& burst, unsigned first) noexcept {
  const Leaving now(burst);
  LeftRouted left;
  unsigned kept = 0;
  unsigned next = first;
  for (unsigned i = first == 0 ? 0 : burst.packets[first - 1].index + 1u; i < burst.n; ++i) {
    rte_mbuf* mbuf = burst.mbufs[i];
    if ((burst.unread & bit_of(i)) != 0) {
      left.frames |= pair_bit_of(mbuf);
      burst.mbufs[kept++] = mbuf;
      continue;
    }
    RoutedPacket& packet = burst.packets[next++];
    const uint32_t bytes = mbuf->pkt_len;
    if (packet.target != nullptr && !left.may_have(packet) && finish<true>(now, packet)) {
      enqueue(burst.worker, &packet, &packet + 1);
    } else {
      left.packets |= LeftRouted::bit_of_packet(packet);
      burst.bytes -= bytes;
      burst.mbufs[kept++] = mbuf;
    }
  }
  return kept;
}

// Returns the first packet that is left.
[[gnu::noinline]] RoutedPacket* finish_all(RoutedBurst& burst) noexcept {
  const Leaving now(burst);
  RoutedPacket* packet = burst.packets.packets.data();
  RoutedPacket* const end = packet + burst.count;
  while (packet != end && finish<false>(now, *packet)) ++packet;
  return packet;
}

// All, up to the first one that is left. Returns how many are sent.
[[gnu::noinline]] unsigned send_all(RoutedBurst& burst) noexcept {
  const RoutedPacket* const begin = burst.packets.packets.data();
  const RoutedPacket* const end = finish_all(burst);
  enqueue(burst.worker, begin, end);
  return static_cast<unsigned>(end - begin);
}

// Returns how many are kept, in their order, and leaves in RoutedBurst::bytes those of the others.
unsigned send_read(RoutedBurst& burst) noexcept {
  const bool at_once = burst.unread == 0 && !is_careful_now(burst.worker);
  const unsigned sent = at_once ? send_all(burst) : 0;
  return sent == burst.n ? 0 : send_in_order(burst, sent);
}

}  // namespace

unsigned send_routed(Worker& worker, PortId port_id, rte_mbuf** mbufs, unsigned n) noexcept {
  ExpressUse& use = worker.routed_use[port_id];
  if (is_skipped(use, n)) [[unlikely]]
    return n;
  RoutedBurst burst(worker, port_id, mbufs, n);
  for (unsigned i = 0; i < n && i < kPrefetchAhead; ++i) rte_prefetch0(frame_of(mbufs[i]));
  if (burst.port.is_underlay)
    read_from_tunnels(burst);
  else
    read_from_vrf(burst);
  const unsigned kept = burst.count != 0 ? send_read(burst) : n;
  note_taken(worker, port_id, use, n, kept, burst.bytes);
  worker.counters.express.add(n - kept);
  return kept;
}

}  // namespace adit
