// SPDX-License-Identifier: Apache-2.0
#include "express/established.h"

#include "express/plain_packets.h"
#include "packet/destination.h"
#include "packet/patch.h"
#include "rewrite/wrap.h"
#include "worker/follow.h"
#include "worker/handover.h"

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

// To whom packets of `other` come from: a client, or a backend whose way is not known yet.
[[gnu::noinline]] BackendWays::Way find_new_way(Worker& worker, const Connection& connection,
                                                Direction from, const FlowKey& other) noexcept {
  const BackendWays::Way found = look_up_way(worker, other.vrf, other.source, other.ipv6 != 0);
  if (from != Direction::kFromBackend) worker.balancer->ways.note(connection.backend, found);
  return found;
}

// The way of the packets of `other`'s connection that go to whom that half comes from, where it
// leads out of a port whose next hop is known, and nothing waits for that one.
[[gnu::always_inline]] inline bool find_way(Worker& worker, const Connection& connection,
                                            Direction from, const FlowKey& other,
                                            Way& way) noexcept {
  const BackendWays::Way* known = from != Direction::kFromBackend
                                      ? worker.balancer->ways.find(connection.backend, other.vrf)
                                      : nullptr;
  AdjacencyId adjacency;
  if (known != nullptr) [[likely]] {
    way.target = known->target;
    adjacency = known->adjacency;
  } else {
    const BackendWays::Way found = find_new_way(worker, connection, from, other);
    way.target = found.target;
    adjacency = found.adjacency;
  }
  const RouteTarget& target = *way.target;
  way.next_hop = worker.adjacencies->load(adjacency);
  return (target.kind == RouteTarget::Kind::kConnected ||
          target.kind == RouteTarget::Kind::kNextHop) &&
         is_port_link(target.link) && way.next_hop != 0 &&
         (worker.held.empty() || worker.held.waiting_for(adjacency) == 0);
}

// What the pipeline's follow() does with such a packet. False: it is not one, and nothing is noted.
[[gnu::always_inline]] inline bool note(Connection& connection, Direction from,
                                        const PlainPacket& plain) noexcept {
  if (plain.key.protocol == kIpProtocolUdp) return connection.state == ConnectionState::kUdp;
  return connection.state == ConnectionState::kEstablished &&
         tcp_numbers::note_plain(connection, from == Direction::kFromBackend, plain.end, plain.ack);
}

// The checksum of a message whose sum grew so much, not folded.
[[gnu::always_inline]] inline be16 grown(be16 checksum, uint64_t growth) noexcept {
  return be16::from_raw(complement(static_cast<uint16_t>(~checksum.raw()) + growth));
}

// A hop less, in a header whose sum has grown besides. What it is then is never 0xffff, as no
// header's sum is 0 (RFC 1624 section 3).
[[gnu::always_inline]] inline void lower_ttl(Ipv4Header& ip, uint64_t growth) noexcept {
  constexpr be16 kHop(0x0100);
  --ip.ttl;
  ip.checksum = grown(ip.checksum, growth + complement(kHop.raw()));
}
[[gnu::always_inline]] inline void lower_ttl(Ipv6Header& ip, uint64_t) noexcept {
  --ip.hop_limit;
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
  }
  lower_ttl(ip, growth);
  auto* l4 = reinterpret_cast<uint8_t*>(&ip + 1);
  // Both are in the lower half of the word, the source's first.
  const uint32_t ports = std::rotl(static_cast<uint32_t>(other.word(4)), 16);
  growth += replace(l4, &ports, sizeof ports);
  if (other.protocol == kIpProtocolTcp) {
    be16& checksum = reinterpret_cast<TcpHeader*>(l4)->checksum;
    checksum = grown(checksum, growth);
    return;
  }
  be16& checksum = reinterpret_cast<UdpHeader*>(l4)->checksum;
  if (checksum == be16(0)) return;  // RFC 768: none
  checksum = grown(checksum, growth);
  if (checksum == be16(0)) checksum = be16(0xffff);
}

template <class Ip>
[[gnu::always_inline]] inline void rewrite(uint8_t* frame, const FlowKey* other) noexcept {
  auto& ip = *reinterpret_cast<typename Ip::Header*>(frame + kIpOffset);
  if (other != nullptr)
    translate<Ip>(ip, *other);
  else
    lower_ttl(ip, 0);
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
                                           Connection& connection) noexcept {
  extend_settled(worker, found.id, connection);
  count_packet(*worker.balancer, connection.backend, found.direction, plain.ip_bytes);
  mbuf->data_len = static_cast<uint16_t>(kIpOffset + plain.ip_bytes);
  mbuf->pkt_len = mbuf->data_len;
}

[[gnu::always_inline]] inline PortId write_macs(const Worker& worker, uint8_t* frame,
                                                const Way& way) noexcept {
  const auto port = static_cast<PortId>(way.target->link);
  reinterpret_cast<EthernetHeader*>(frame)->src = worker.snapshot->ports[port].mac;
  AdjacencyTable::write_mac(way.next_hop, frame);
  return port;
}

// To a backend with Forwarding::kTunnel. False: it is left as it was.
[[gnu::noinline]] bool finish_wrapped(Worker& worker, PlainPacket& plain,
                                      ConnectionTable::Found found, Connection& connection,
                                      const Way& way) noexcept {
  rte_mbuf* mbuf = plain.mbuf;
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
  plain.out = write_macs(worker, frame_of(mbuf), way);
  return true;
}

// Makes the packet what leaves by its port. False: it is left as it was.
[[gnu::always_inline]] inline bool finish(Worker& worker, PlainPacket& plain) noexcept {
  constexpr uint8_t kNotPlain = Connection::kChangesPackets | Connection::kTwoStreams;
  Connections& connections = *worker.connections;
  const auto found = connections.table().confirm(plain.guess, plain.key, plain.hash);
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
    return finish_wrapped(worker, plain, found, connection, way);
  if (plain.ip_bytes > way.target->max_bytes || !note(connection, found.direction, plain))
      [[unlikely]]
    return false;
  rte_mbuf* mbuf = plain.mbuf;
  account(worker, mbuf, plain, found, connection);
  const FlowKey* rewritten = connection.has_reverse() ? &other : nullptr;
  uint8_t* frame = frame_of(mbuf);
  if (plain.key.ipv6 != 0)
    rewrite<Ipv6>(frame, rewritten);
  else
    rewrite<Ipv4>(frame, rewritten);
  plain.out = write_macs(worker, frame, way);
  return true;
}

// --- connections of other workers

template <class Ip>
bool has_good_addresses(const rte_mbuf* mbuf) noexcept {
  return Ip::check_addresses(*rte_pktmbuf_mtod_offset(mbuf, const typename Ip::Header*,
                                                      kIpOffset)) == DropReason::kNone;
}

// What the pipeline does with a packet that is another worker's. False: it is none, or to be
// dropped.
[[gnu::noinline]] bool hand_over(Worker& worker, const PlainPacket& plain) noexcept {
  const unsigned owner = owner_of_flow(worker, plain.key);
  if (owner == worker.id || !(plain.key.ipv6 != 0 ? has_good_addresses<Ipv6>(plain.mbuf)
                                                  : has_good_addresses<Ipv4>(plain.mbuf)))
    return false;
  cut_front(plain.mbuf, sizeof(EthernetHeader));
  pass_on(worker, plain.mbuf, owner, {.vrf = plain.key.vrf});
  return true;
}

// --- the burst

// Each pass is a function of its own, so that its few pointers stay in registers.
[[gnu::noinline]] void prefetch_connections(PlainBurst& burst) noexcept {
  const ConnectionTable& table = burst.worker.connections->table();
  uint32_t bytes = 0;
  PlainPacket* const end = burst.plain.packets.data() + burst.count;
  for (PlainPacket* plain = burst.plain.packets.data(); plain != end; ++plain) {
    bytes += plain->mbuf->pkt_len;
    plain->guess = table.prefetch_connection(plain->hash);
  }
  burst.bytes = bytes;
}

// Of what was handed over and was not plain.
[[gnu::cold, gnu::noinline]] uint64_t pair_bit_of_packet(const rte_mbuf* mbuf) noexcept {
  if (mbuf->data_len == 0) return 0;
  const auto* ip = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  return pair_bit_of_ip(ip, mbuf->data_len, *ip >> 4 == 6);
}

// Sends those from `first` on that need not wait for others; the rest is kept in order. Returns how
// many are kept.
[[gnu::noinline]] unsigned send_in_order(PlainBurst& burst, unsigned first) noexcept {
  Enqueuer queues(burst.worker);
  uint64_t left_pairs = 0;
  unsigned kept = 0;
  unsigned next = first;
  for (unsigned i = first == 0 ? 0 : burst.plain[first - 1].index + 1u; i < burst.n; ++i) {
    rte_mbuf* mbuf = burst.mbufs[i];
    if ((burst.unread & bit_of(i)) != 0) {
      left_pairs |= burst.from_peers ? pair_bit_of_packet(mbuf) : pair_bit_of(mbuf);
      burst.mbufs[kept++] = mbuf;
      continue;
    }
    PlainPacket& plain = burst.plain[next++];
    const uint32_t frame_bytes = mbuf->pkt_len;
    const uint64_t pair = pair_bit(plain.key.source, plain.key.destination);
    if ((left_pairs & pair) == 0) {
      if (finish(burst.worker, plain)) {
        queues.put(plain.out, mbuf);
        continue;
      }
      if (burst.may_hand_over && hand_over(burst.worker, plain)) {
        ++burst.handed_over;
        continue;
      }
    }
    left_pairs |= pair;
    burst.bytes -= frame_bytes;
    if (burst.from_peers) cut_front(mbuf, sizeof(EthernetHeader));
    burst.mbufs[kept++] = mbuf;
  }
  return kept;
}

// Returns the first packet that is left.
[[gnu::noinline]] PlainPacket* finish_all(PlainBurst& burst) noexcept {
  Worker& worker = burst.worker;
  PlainPacket* plain = burst.plain.packets.data();
  PlainPacket* const end = plain + burst.count;
  while (plain != end && finish(worker, *plain)) ++plain;
  return plain;
}

// All, up to the first one that is left. Returns how many are sent.
[[gnu::noinline]] unsigned send_all(PlainBurst& burst) noexcept {
  Enqueuer queues(burst.worker);
  PlainPacket* const begin = burst.plain.packets.data();
  PlainPacket* const end = finish_all(burst);
  for (const PlainPacket* plain = begin; plain != end; ++plain) queues.put(plain->out, plain->mbuf);
  return static_cast<unsigned>(end - begin);
}

// Returns how many are kept, in their order, and leaves in PlainBurst::bytes those of the others.
unsigned send_read(PlainBurst& burst) noexcept {
  if (burst.count == 0) return burst.n;
  burst.worker.balancer->ways.renew(*burst.worker.snapshot, *burst.worker.hosts);
  prefetch_connections(burst);
  const unsigned sent = burst.unread == 0 ? send_all(burst) : 0;
  return sent == burst.n ? 0 : send_in_order(burst, sent);
}

}  // namespace

unsigned send_established(Worker& worker, PortId port_id, rte_mbuf** mbufs, unsigned n) noexcept {
  ExpressUse& use = worker.express_use[port_id];
  if (is_skipped(use, n)) [[unlikely]]
    return n;
  PlainBurst burst(worker, mbufs, n);
  // Rules with an ingress port need what classify() notes in the buffer.
  burst.may_hand_over = worker.peers.size() > 1 && !worker.snapshot->fwmarks_by_port;
  read_plain_packets(burst, worker.snapshot->ports[port_id]);
  const unsigned kept = send_read(burst);
  note_taken(worker, port_id, use, n, kept, burst.bytes);
  worker.counters.express.add(n - kept - burst.handed_over);
  return kept;
}

unsigned send_handed_over(Worker& worker, rte_mbuf** mbufs, unsigned n) noexcept {
  HandedOver packets;
  unsigned others = 0, count = 0;
  for (unsigned i = 0; i < n; ++i) {
    if (handover_of(mbufs[i]).kind == HandoverMeta::Kind::kPacket)
      packets[count++] = mbufs[i];
    else
      mbufs[others++] = mbufs[i];
  }
  PlainBurst burst(worker, packets.data(), count);
  burst.from_peers = true;
  read_handed_over(burst);
  const unsigned kept = send_read(burst);
  worker.counters.express.add(count - kept);
  std::copy_n(packets.data(), kept, mbufs + others);
  return others + kept;
}

}  // namespace adit
