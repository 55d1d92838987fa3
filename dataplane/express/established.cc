// SPDX-License-Identifier: Apache-2.0
#include "express/established.h"

#include "egress/transmit.h"
#include "express/plain_packets.h"
#include "packet/destination.h"
#include "packet/patch.h"
#include "rewrite/wrap.h"
#include "worker/follow.h"

namespace adit {
namespace {

// --- rewrite and send

struct Way {
  const RouteTarget* target;
  uint64_t next_hop;  // AdjacencyTable's word
};

BackendWays::Way look_up_way(const Worker& worker, VrfId vrf, const Ipv6Key& to,
                             bool ipv6) noexcept {
  const RouteTarget& target = worker.snapshot->routes.find(vrf, bytes_of(to, ipv6), ipv6);
  const bool is_host = target.kind == RouteTarget::Kind::kConnected;
  return {&target, is_host ? worker.hosts->find(target.link, to, ipv6) : target.adjacency, vrf};
}

// The way of the packets of `other`'s connection that go to whom that half comes from, where it
// leads out of a port whose next hop is known, and nothing waits for that one.
[[gnu::always_inline]] inline bool find_way(Worker& worker, const Connection& connection,
                                            Direction from, const FlowKey& other,
                                            Way& way) noexcept {
  BackendWays& ways = worker.balancer->ways;
  const bool to_backend = from != Direction::kFromBackend;
  const BackendWays::Way* known = to_backend ? ways.find(connection.backend, other.vrf) : nullptr;
  BackendWays::Way found;
  if (known == nullptr) [[unlikely]] {
    found = look_up_way(worker, other.vrf, other.source, other.ipv6 != 0);
    if (to_backend) ways.note(connection.backend, found);
    known = &found;
  }
  const RouteTarget& target = *known->target;
  way = {&target, worker.adjacencies->load(known->adjacency)};
  return (target.kind == RouteTarget::Kind::kConnected ||
          target.kind == RouteTarget::Kind::kNextHop) &&
         is_port_link(target.link) && way.next_hop != 0 &&
         (worker.held.empty() || worker.held.waiting_for(known->adjacency) == 0);
}

// What the pipeline's follow() does with such a packet. False: it is not one, and nothing is noted.
[[gnu::always_inline]] inline bool note(Connection& connection, Direction from,
                                        const PlainPacket& plain) noexcept {
  if (plain.key.protocol == kIpProtocolUdp) return connection.state == ConnectionState::kUdp;
  return connection.state == ConnectionState::kEstablished &&
         tcp_numbers::note_plain(connection, from == Direction::kFromBackend, plain.end, plain.ack);
}

// Writes the addresses and ports of `other`, the other half of the packet's connection, the other
// way round: it goes to whom that one's packets come from. An address that stays is written too;
// the checksums are the same.
template <class Ip>
[[gnu::always_inline]] inline void translate(typename Ip::Header& ip,
                                             const FlowKey& other) noexcept {
  uint64_t growth = 0;
  if constexpr (Ip::kIpv6) {
    growth += replace(&ip.src, &other.destination, sizeof ip.src);
    growth += replace(&ip.dst, &other.source, sizeof ip.dst);
  } else {
    growth += replace(&ip.src, &other.destination.low, sizeof ip.src);
    growth += replace(&ip.dst, &other.source.low, sizeof ip.dst);
    adjust(ip.checksum, growth);
  }
  auto* l4 = reinterpret_cast<uint8_t*>(&ip + 1);
  const std::array<be16, 2> ports = {other.destination_port, other.source_port};
  growth += replace(l4, ports.data(), sizeof ports);
  if (other.protocol == kIpProtocolTcp) {
    adjust(reinterpret_cast<TcpHeader*>(l4)->checksum, growth);
    return;
  }
  be16& checksum = reinterpret_cast<UdpHeader*>(l4)->checksum;
  if (checksum == be16(0)) return;  // RFC 768: none
  adjust(checksum, growth);
  if (checksum == be16(0)) checksum = be16(0xffff);
}

template <class Ip>
[[gnu::always_inline]] inline void rewrite(uint8_t* frame, const FlowKey* other) noexcept {
  auto& ip = *reinterpret_cast<typename Ip::Header*>(frame + kIpOffset);
  if (other != nullptr) translate<Ip>(ip, *other);
  Ip::lower_ttl(ip);
}

// How a packet to a backend with Forwarding::kTunnel is wrapped, where that needs nothing but room.
// False: it does, as an identification (RFC 6864), which the pipeline gives.
bool find_wrapping(const Worker& worker, const Connection& connection, const RouteTarget& target,
                   rte_mbuf* mbuf, const PlainPacket& plain, Wrapping& how) noexcept {
  const auto& inside = *rte_pktmbuf_mtod_offset(mbuf, const Ipv4Header*, kIpOffset);
  const ServiceEntry& service = worker.snapshot->services[connection.owner.id];
  const bool ipv6 = connection.reverse.ipv6 != 0;
  how.source = target.source;
  how.destination = to_address(connection.reverse.source, ipv6);
  how.kind = service.wrap;
  how.dont_fragment = Wrapping::DontFragment::kInherit;
  --how.ttl;  // we are a hop to the outer packet as well
  how.port = service.gue_port;
  how.udp_checksum = ipv6;
  const bool needs_id = !ipv6 && plain.key.ipv6 == 0 && Ipv4::may_fragment(inside);
  return target.has_source && !needs_id && plain.ip_bytes <= worker.fits_all_paths &&
         plain.ip_bytes + wrapping_bytes(how) <= target.max_bytes &&
         wrapping_bytes(how) <= rte_pktmbuf_headroom(mbuf);
}

// The buffer has the room.
void wrap_frame(rte_mbuf* mbuf, const Wrapping& how) noexcept {
  cut_front(mbuf, sizeof(EthernetHeader));
  [[maybe_unused]] const DropReason why = wrap(mbuf, how, 0);
  ADIT_ASSERT(why == DropReason::kNone);
  auto& ethernet = *reinterpret_cast<EthernetHeader*>(put_front(mbuf, sizeof(EthernetHeader)));
  ethernet.ether_type = be16(how.destination.is_v4() ? kEtherTypeIpv4 : kEtherTypeIpv6);
}

// What is counted and remembered of a packet that is taken; its buffer ends where the packet does.
[[gnu::always_inline]] inline void account(Worker& worker, rte_mbuf* mbuf, const PlainPacket& plain,
                                           ConnectionTable::Found found,
                                           const Connection& connection) noexcept {
  extend(worker, found.id);
  count_packet(*worker.balancer, connection.backend, found.direction, plain.ip_bytes);
  mbuf->data_len = static_cast<uint16_t>(kIpOffset + plain.ip_bytes);
  mbuf->pkt_len = mbuf->data_len;
}

[[gnu::always_inline]] inline void transmit(Worker& worker, rte_mbuf* mbuf,
                                            const Way& way) noexcept {
  const auto port = static_cast<PortId>(way.target->link);
  uint8_t* frame = frame_of(mbuf);
  reinterpret_cast<EthernetHeader*>(frame)->src = worker.snapshot->ports[port].mac;
  AdjacencyTable::write_mac(way.next_hop, frame);
  enqueue(worker, port, mbuf);
}

// To a backend with Forwarding::kTunnel. False: it is left as it was.
[[gnu::noinline]] bool send_wrapped(Worker& worker, rte_mbuf* mbuf, const PlainPacket& plain,
                                    ConnectionTable::Found found, Connection& connection,
                                    const Way& way) noexcept {
  Wrapping how;
  if (!find_wrapping(worker, connection, *way.target, mbuf, plain, how) ||
      !note(connection, found.direction, plain))
    return false;
  account(worker, mbuf, plain, found, connection);
  if (plain.key.ipv6 != 0)
    rewrite<Ipv6>(frame_of(mbuf), nullptr);
  else
    rewrite<Ipv4>(frame_of(mbuf), nullptr);
  wrap_frame(mbuf, how);
  transmit(worker, mbuf, way);
  return true;
}

// False: it is left as it was.
[[gnu::always_inline]] inline bool send(Worker& worker, rte_mbuf* mbuf,
                                        const PlainPacket& plain) noexcept {
  constexpr uint8_t kNotPlain = Connection::kChangesPackets | Connection::kTwoStreams;
  Connections& connections = *worker.connections;
  const auto found = connections.table().find(plain.key, plain.hash);
  if (found.id == 0) [[unlikely]]
    return false;
  Connection& connection = connections.at(found.id);
  if (connection.owner.kind != OwnerKind::kService || connection.has(kNotPlain) ||
      !worker.backend_status->load(connection.backend).is_plain()) [[unlikely]]
    return false;
  const FlowKey& other =
      found.direction == Direction::kFromBackend ? connection.forward : connection.reverse;
  Way way;
  if (!find_way(worker, connection, found.direction, other, way)) [[unlikely]]
    return false;
  if (connection.forwarding == Forwarding::kTunnel)
    return send_wrapped(worker, mbuf, plain, found, connection, way);
  if (plain.ip_bytes > way.target->max_bytes || !note(connection, found.direction, plain))
      [[unlikely]]
    return false;
  account(worker, mbuf, plain, found, connection);
  const FlowKey* rewritten = connection.has_reverse() ? &other : nullptr;
  if (plain.key.ipv6 != 0)
    rewrite<Ipv6>(frame_of(mbuf), rewritten);
  else
    rewrite<Ipv4>(frame_of(mbuf), rewritten);
  transmit(worker, mbuf, way);
  return true;
}

// --- the burst

// Each pass is a function of its own, so that its few pointers stay in registers.
[[gnu::noinline]] void prefetch_connections(const PlainBurst& burst) noexcept {
  const ConnectionTable& table = burst.worker.connections->table();
  for (unsigned i = 0; i < burst.count; ++i) table.prefetch_connection(burst.plain.packets[i].hash);
}

// Sends those from `first` on that need not wait for others; the rest is kept in order. Returns how
// many are kept.
[[gnu::noinline]] unsigned send_in_order(PlainBurst& burst, unsigned first,
                                         uint64_t& bytes) noexcept {
  uint64_t left_pairs = 0;
  unsigned kept = 0;
  unsigned next = first;
  for (unsigned i = first == 0 ? 0 : burst.plain[first - 1].index + 1; i < burst.n; ++i) {
    rte_mbuf* mbuf = burst.mbufs[i];
    if ((burst.unread & bit_of(i)) != 0) {
      left_pairs |= pair_bit_of(mbuf);
      burst.mbufs[kept++] = mbuf;
      continue;
    }
    const PlainPacket& plain = burst.plain[next++];
    const uint32_t frame_bytes = mbuf->pkt_len;
    const uint64_t pair = pair_bit(plain.key.source, plain.key.destination);
    if ((left_pairs & pair) == 0 && send(burst.worker, mbuf, plain)) {
      bytes += frame_bytes;
      continue;
    }
    left_pairs |= pair;
    burst.mbufs[kept++] = mbuf;
  }
  return kept;
}

// All, up to the first one that is left.
[[gnu::noinline]] unsigned send_all(PlainBurst& burst, uint64_t& bytes) noexcept {
  Worker& worker = burst.worker;
  const unsigned count = burst.unread == 0 ? burst.count : 0;
  uint64_t sum = 0;
  unsigned sent = 0;
  for (; sent < count; ++sent) {
    const PlainPacket& plain = burst.plain[sent];
    const uint32_t frame_bytes = plain.mbuf->pkt_len;
    if (!send(worker, plain.mbuf, plain)) [[unlikely]]
      break;
    sum += frame_bytes;
  }
  bytes = sum;
  if (sent == burst.n) [[likely]]
    return 0;
  return send_in_order(burst, sent, bytes);
}

}  // namespace

unsigned send_established(Worker& worker, PortId port_id, rte_mbuf** mbufs, unsigned n) noexcept {
  ExpressUse& use = worker.express_use[port_id];
  if (is_skipped(use, n)) [[unlikely]]
    return n;
  worker.balancer->ways.renew(*worker.snapshot, *worker.hosts);
  PlainBurst burst(worker, port_id, mbufs, n);
  read_plain_packets(burst);
  unsigned kept = n;
  uint64_t bytes = 0;
  if (burst.count != 0) {
    prefetch_connections(burst);
    kept = send_all(burst, bytes);
  }
  note_taken(worker, port_id, use, n, kept, bytes);
  return kept;
}

}  // namespace adit
