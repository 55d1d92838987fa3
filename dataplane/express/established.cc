// SPDX-License-Identifier: Apache-2.0
#include "express/established.h"

#include <rte_prefetch.h>

#include <bit>

#include "egress/transmit.h"
#include "express/lane.h"
#include "packet/destination.h"
#include "packet/patch.h"
#include "rewrite/wrap.h"
#include "worker/follow.h"

namespace adit {
namespace {

// What the lane knows of a packet.
struct Plain {
  FlowKey key;
  uint64_t hash;
  uint32_t ip_bytes;  // of the IP packet
  uint32_t end;       // TCP: the sequence number behind the segment
  uint32_t ack;       // TCP: what it acknowledges
};

// --- the first pass: what is plain

// What follows the IP header, `bytes` bytes, 8 at least.
bool read_l4(const uint8_t* l4, uint32_t bytes, uint8_t protocol, Plain& plain) noexcept {
  if (protocol == kIpProtocolTcp) {
    const auto& tcp = *reinterpret_cast<const TcpHeader*>(l4);
    if (bytes < sizeof tcp) return false;
    const uint32_t header_len = (tcp.data_offset >> 4) * 4u;
    plain.end = tcp.sequence.host() + bytes - header_len;
    plain.ack = tcp.acknowledgment.host();
    return header_len >= sizeof tcp && header_len <= bytes &&
           (tcp.flags & (kTcpSyn | kTcpFin | kTcpRst | kTcpAck)) == kTcpAck;
  }
  const uint32_t length = reinterpret_cast<const UdpHeader*>(l4)->length.host();
  return protocol == kIpProtocolUdp && length >= sizeof(UdpHeader) && length <= bytes;
}

// In whole words, since it is read in such at once.
void write_key(FlowKey& key, const Ipv6Key& source, const Ipv6Key& destination,
               const uint8_t* ports, VrfId vrf, uint8_t protocol, bool ipv6) noexcept {
  static_assert(offsetof(FlowKey, source_port) == 32 && offsetof(FlowKey, vrf) == 36 &&
                offsetof(FlowKey, protocol) == 38 && offsetof(FlowKey, ipv6) == 39 &&
                std::endian::native == std::endian::little);
  uint32_t both_ports;
  std::memcpy(&both_ports, ports, sizeof both_ports);
  const uint64_t words[5] = {
      source.high, source.low, destination.high, destination.low,
      both_ports | uint64_t{vrf} << 32 | uint64_t{protocol} << 48 | uint64_t{ipv6} << 56};
  std::memcpy(&key, words, sizeof key);
}

bool is_plain_header(const Ipv4Header& ip, const rte_mbuf* mbuf) noexcept {
  return ip.version_ihl == 0x45 && !Ipv4::is_fragment(ip) &&
         ((mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD ||
          ipv4_header_sum_ok(&ip, sizeof ip));
}
bool is_plain_header(const Ipv6Header& ip, const rte_mbuf*) noexcept {
  return ip.version_class_label.host() >> 28 == 6;
}

uint32_t packet_bytes(const Ipv4Header& ip) noexcept {
  return ip.total_length.host();
}
uint32_t packet_bytes(const Ipv6Header& ip) noexcept {
  return unsigned{sizeof ip} + ip.payload_length.host();
}

// Where a burst came in.
struct Arrival {
  const Snapshot& snapshot;
  const PortEntry& port;
  Ipv6Key own =
      {};  // the address of the underlay that the last packet for us had: tunnels' have one
};

bool is_own(const Snapshot& snapshot, const Ipv4&, const Ipv6Key& address) noexcept {
  return snapshot.local_ipv4.find(address.low) != 0;
}
bool is_own(const Snapshot& snapshot, const Ipv6&, const Ipv6Key& address) noexcept {
  return snapshot.local_ipv6.find(address) != 0;
}

// Whether it is to an address of the underlay's ports.
template <class Ip>
bool is_for_us(Arrival& arrival, const Ipv6Key& destination) noexcept {
  if (destination == arrival.own) return true;
  if (!is_own(arrival.snapshot, Ip{}, destination)) return false;
  arrival.own = destination;
  return true;
}

// What depends on the configuration is checked anew: the rest of the addresses was when the
// connection began.
template <class Ip>
bool read_plain(Arrival& arrival, const rte_mbuf* mbuf, Plain& plain) noexcept {
  const uint32_t room = mbuf->data_len - kIpOffset;
  if (room < sizeof(typename Ip::Header) + sizeof(UdpHeader)) return false;
  const auto& ip = *rte_pktmbuf_mtod_offset(mbuf, const typename Ip::Header*, kIpOffset);
  const Ipv6Key source = Ip::key_at(Ip::source(ip)), destination = Ip::host_key(ip);
  if (arrival.port.is_underlay && is_for_us<Ip>(arrival, destination)) return false;
  const uint32_t bytes = packet_bytes(ip);
  plain.ip_bytes = bytes;
  if (!is_plain_header(ip, mbuf) || bytes < sizeof ip + sizeof(UdpHeader) || bytes > room ||
      Ip::ttl(ip) <= 1)
    return false;
  const auto* l4 = reinterpret_cast<const uint8_t*>(&ip + 1);
  if (!read_l4(l4, bytes - unsigned{sizeof ip}, Ip::protocol(ip), plain) ||
      arrival.snapshot.own_sources.may_have(source))
    return false;
  write_key(plain.key, source, destination, l4, arrival.port.vrf, Ip::protocol(ip), Ip::kIpv6);
  return true;
}

bool read_frame(Arrival& arrival, const rte_mbuf* mbuf, Plain& plain) noexcept {
  if (!is_plain_buffer(mbuf) || mbuf->data_len < kIpOffset) return false;
  const auto& ethernet = *rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  if (ethernet.dst != arrival.port.mac) return false;
  if (ethernet.ether_type == be16(kEtherTypeIpv4)) return read_plain<Ipv4>(arrival, mbuf, plain);
  return ethernet.ether_type == be16(kEtherTypeIpv6) && read_plain<Ipv6>(arrival, mbuf, plain);
}

// --- the last pass: rewrite and send

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
bool find_way(Worker& worker, const Connection& connection, Direction from, const FlowKey& other,
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
bool note(Connection& connection, Direction from, const Plain& plain) noexcept {
  if (plain.key.protocol == kIpProtocolUdp) return connection.state == ConnectionState::kUdp;
  return connection.state == ConnectionState::kEstablished &&
         tcp_numbers::note_plain(connection, from == Direction::kFromBackend, plain.end, plain.ack);
}

// Writes the addresses and ports of `other`, the other half of the packet's connection, the other
// way round: it goes to whom that one's packets come from. An address that stays is written too;
// the checksums are the same.
template <class Ip>
void translate(typename Ip::Header& ip, const FlowKey& other) noexcept {
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
void rewrite(uint8_t* frame, const FlowKey* other) noexcept {
  auto& ip = *reinterpret_cast<typename Ip::Header*>(frame + kIpOffset);
  if (other != nullptr) translate<Ip>(ip, *other);
  Ip::lower_ttl(ip);
}

// How a packet to a backend with Forwarding::kTunnel is wrapped, where that needs nothing but room.
// False: it does, as an identification (RFC 6864), which the pipeline gives.
bool find_wrapping(const Worker& worker, const Connection& connection, const RouteTarget& target,
                   rte_mbuf* mbuf, const Plain& plain, Wrapping& how) noexcept {
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

// False: it is left as it was.
bool send(Worker& worker, rte_mbuf* mbuf, const Plain& plain) noexcept {
  constexpr uint8_t kNotPlain = Connection::kChangesPackets | Connection::kTwoStreams;
  Connections& connections = *worker.connections;
  const auto found = connections.table().find(plain.key, plain.hash);
  if (found.id == 0) return false;
  Connection& connection = connections.at(found.id);
  if (connection.owner.kind != OwnerKind::kService || connection.has(kNotPlain) ||
      !worker.backend_status->load(connection.backend).is_plain())
    return false;
  const FlowKey& other =
      found.direction == Direction::kFromBackend ? connection.forward : connection.reverse;
  Way way;
  if (!find_way(worker, connection, found.direction, other, way)) return false;
  const bool wraps = connection.forwarding == Forwarding::kTunnel;
  Wrapping how;
  const bool fits = wraps ? find_wrapping(worker, connection, *way.target, mbuf, plain, how)
                          : plain.ip_bytes <= way.target->max_bytes;
  if (!fits || !note(connection, found.direction, plain)) return false;
  extend(worker, found.id);
  count_packet(*worker.balancer, connection.backend, found.direction, plain.ip_bytes);
  mbuf->data_len = static_cast<uint16_t>(kIpOffset + plain.ip_bytes);
  mbuf->pkt_len = mbuf->data_len;
  const FlowKey* rewritten = connection.has_reverse() ? &other : nullptr;
  if (plain.key.ipv6 != 0)
    rewrite<Ipv6>(frame_of(mbuf), rewritten);
  else
    rewrite<Ipv4>(frame_of(mbuf), rewritten);
  if (wraps) wrap_frame(mbuf, how);
  const auto port = static_cast<PortId>(way.target->link);
  uint8_t* frame = frame_of(mbuf);
  reinterpret_cast<EthernetHeader*>(frame)->src = worker.snapshot->ports[port].mac;
  AdjacencyTable::write_mac(way.next_hop, frame);
  enqueue(worker, port, mbuf);
  return true;
}

}  // namespace

unsigned send_established(Worker& worker, PortId port_id, rte_mbuf** mbufs, unsigned n) noexcept {
  static_assert(kMaxBurst <= 64);
  ExpressUse& use = worker.express_use[port_id];
  if (is_skipped(use, n)) [[unlikely]]
    return n;
  const Snapshot& snapshot = *worker.snapshot;
  Arrival arrival{snapshot, snapshot.ports[port_id]};
  const ConnectionTable& table = worker.connections->table();
  worker.balancer->ways.renew(snapshot, *worker.hosts);
  Room<Plain> plain;
  uint64_t left = 0;  // bits of those that are for the pipeline
  for (unsigned i = 0; i < n && i < kPrefetchAhead; ++i) rte_prefetch0(frame_of(mbufs[i]));
  for (unsigned i = 0; i < n; ++i) {
    if (i + kPrefetchAhead < n) rte_prefetch0(frame_of(mbufs[i + kPrefetchAhead]));
    if (!read_frame(arrival, mbufs[i], plain[i])) {
      left |= uint64_t{1} << i;
      continue;
    }
    plain[i].hash = table.hash(plain[i].key);
    table.prefetch(plain[i].hash);
  }
  if (static_cast<unsigned>(std::popcount(left)) == n) {
    note_in_vain(use, n);
    return n;
  }
  for (unsigned i = 0; i < n; ++i)
    if ((left >> i & 1) == 0) table.prefetch_connection(plain[i].hash);

  uint64_t left_pairs = 0, bytes = 0;
  unsigned kept = 0;
  for (unsigned i = 0; i < n; ++i) {
    rte_mbuf* mbuf = mbufs[i];
    if ((left >> i & 1) != 0) [[unlikely]] {
      left_pairs |= pair_bit_of(mbuf);
    } else {
      const FlowKey& key = plain[i].key;
      const uint32_t frame_bytes = mbuf->pkt_len;
      const uint64_t pair = left_pairs == 0 ? 0 : pair_bit(key.source, key.destination);
      if ((left_pairs & pair) == 0 && send(worker, mbuf, plain[i])) [[likely]] {
        bytes += frame_bytes;
        continue;
      }
      left_pairs |= pair_bit(key.source, key.destination);
    }
    mbufs[kept++] = mbuf;
  }
  if (kept == n) {
    note_in_vain(use, n);
    return n;
  }
  note_taken(worker, port_id, use, n - kept, bytes);
  return kept;
}

}  // namespace adit
