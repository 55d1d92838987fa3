// SPDX-License-Identifier: Apache-2.0
#include "route.h"

#include <algorithm>
#include <bit>

#include "balance.h"
#include "egress.h"
#include "flow_reader.h"
#include "ip_fragment.h"
#include "mss.h"
#include "tcp_reset.h"

namespace adit {
namespace {

constexpr uint8_t kReplyTtl = 64;
// RFC 7600 section 4.8: the source of ICMP errors where there is no IPv4 address.
const IpAddr kIpv4Dummy = IpAddr::v4(be32(0xc000'0008));

// What differs between the IP versions. check() looks at the header, of which the fixed part
// is contiguous, and gives the length of the packet; kCount: it is right.
struct Ipv4 {
  using Header = Ipv4Header;
  static constexpr bool kIpv6 = false;
  static constexpr uint8_t kIcmp = kIpProtocolIcmp, kEchoRequest = 8, kEchoReply = 0;

  static DropReason check(const Header& ip, unsigned contiguous, uint32_t& bytes) noexcept {
    const unsigned header_len = (ip.version_ihl & 15u) * 4;
    if (header_len < sizeof ip || header_len > contiguous) return DropReason::k_ip_header_length;
    bytes = ip.total_length.host();
    if (bytes < header_len) return DropReason::k_ip_total_length;
    // The usual length is known to the compiler, which unrolls the sum.
    const bool right = header_len == sizeof ip ? ipv4_header_sum_ok(&ip, sizeof ip)
                                               : ipv4_header_sum_ok(&ip, header_len);
    if (!right) return DropReason::k_ip_checksum;
    if (!underlay::can_be_source(ip.src)) return DropReason::k_ip_source;
    const uint32_t first = ip.dst.host() >> 24;
    if (first == 0 || first == 127 || first >= 224 || is_link_local(ip.src) ||
        is_link_local(ip.dst))
      return DropReason::k_not_routable;
    return DropReason::kCount;
  }
  // RFC 3927 section 2.7: 169.254.0.0/16 is never forwarded.
  static bool is_link_local(be32 address) noexcept { return address.host() >> 16 == 0xa9fe; }

  static const uint8_t* destination(const Header& ip) noexcept {
    return reinterpret_cast<const uint8_t*>(&ip.dst);
  }
  static const uint8_t* source(const Header& ip) noexcept {
    return reinterpret_cast<const uint8_t*>(&ip.src);
  }
  static Ipv6Key host_key(const Header& ip) noexcept { return {0, ip.dst.raw()}; }
  static Ipv6Key key_at(const uint8_t* address) noexcept { return {0, sum_words(address, 4)}; }
  static uint8_t ttl(const Header& ip) noexcept { return ip.ttl; }
  static void set_ttl(Header& ip, uint8_t ttl) noexcept {
    ip.checksum = update_checksum(ip.checksum, be16(static_cast<uint16_t>(ip.ttl << 8)),
                                  be16(static_cast<uint16_t>(ttl << 8)));
    ip.ttl = ttl;
  }
  // RFC 1141: the word that has the TTL in its upper byte grows less by 0x0100, so the sum
  // more by as much; as it stands in memory that is 1.
  static void lower_ttl(Header& ip) noexcept {
    static_assert(std::endian::native == std::endian::little);
    const uint32_t sum = ip.checksum.raw() + 1u;
    ip.checksum = be16::from_raw(static_cast<uint16_t>(sum + (sum >= 0xffff)));
    --ip.ttl;
  }
  static uint8_t protocol(const Header& ip) noexcept { return ip.protocol; }
  static unsigned header_len(const Header& ip) noexcept { return (ip.version_ihl & 15u) * 4; }
  static bool is_fragment(const Header& ip) noexcept {
    return (ip.fragment.host() & (kIpv4MoreFragments | kIpv4OffsetMask)) != 0;
  }
  static bool may_fragment(const Header& ip) noexcept {
    return (ip.fragment.host() & kIpv4DontFragment) == 0;
  }
  static uint64_t icmp_pseudo_sum(const Header&, uint32_t) noexcept { return 0; }
};

struct Ipv6 {
  using Header = Ipv6Header;
  static constexpr bool kIpv6 = true;
  static constexpr uint8_t kIcmp = kIpProtocolIcmpv6, kEchoRequest = 128, kEchoReply = 129;

  static DropReason check(const Header& ip, unsigned, uint32_t& bytes) noexcept {
    bytes = unsigned{sizeof ip} + ip.payload_length.host();
    const Ipv6Key from = wire_key(ip.src);
    if (!underlay::can_be_source(from) || (from.high | from.low) == 0)
      return DropReason::k_ip_source;
    const bool loopback = wire_key(ip.dst) == Ipv6Key{0, be64(1).raw()};
    if (ip.dst[0] == 0xff || loopback || is_link_local(ip.src) || is_link_local(ip.dst))
      return DropReason::k_not_routable;
    return DropReason::kCount;
  }
  // RFC 4291 section 2.5.6
  static bool is_link_local(const std::array<uint8_t, 16>& address) noexcept {
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
  }

  static Ipv6Key wire_key(const std::array<uint8_t, 16>& address) noexcept {
    Ipv6Key key;
    std::memcpy(&key, address.data(), sizeof key);
    return key;
  }
  static const uint8_t* destination(const Header& ip) noexcept { return ip.dst.data(); }
  static const uint8_t* source(const Header& ip) noexcept { return ip.src.data(); }
  static Ipv6Key host_key(const Header& ip) noexcept { return wire_key(ip.dst); }
  static Ipv6Key key_at(const uint8_t* address) noexcept {
    Ipv6Key key;
    std::memcpy(&key, address, sizeof key);
    return key;
  }
  static uint8_t ttl(const Header& ip) noexcept { return ip.hop_limit; }
  static void set_ttl(Header& ip, uint8_t ttl) noexcept { ip.hop_limit = ttl; }
  static void lower_ttl(Header& ip) noexcept { --ip.hop_limit; }
  static uint8_t protocol(const Header& ip) noexcept { return ip.next_header; }
  static unsigned header_len(const Header&) noexcept { return sizeof(Header); }
  static bool is_fragment(const Header& ip) noexcept {
    return ip.next_header == kIpProtocolFragment;
  }
  static bool may_fragment(const Header&) noexcept { return false; }
  static uint64_t icmp_pseudo_sum(const Header& ip, uint32_t bytes) noexcept {
    return sum_words(ip.src.data(), 32) + be16(kIpProtocolIcmpv6).raw() + be32(bytes).raw();
  }
};

template <class Ip>
typename Ip::Header& header_of(rte_mbuf* mbuf) noexcept {
  return *rte_pktmbuf_mtod(mbuf, typename Ip::Header*);
}

// Control makes the host known: packets for it wait. Told once a second.
void want_host(Worker& worker, LinkId link, const Ipv6Key& host, bool ipv6) noexcept {
  if (!worker.reported->first_in(worker.now_s, hash_of(host), link)) return;
  Event event{};
  event.kind = Event::Kind::kHostWanted;
  event.link = link;
  event.ip = to_address(host, ipv6);
  report(worker, event);
}

// --- the way out

template <class Ip>
void send_by_link(Worker& worker, const Packet& packet, const RouteTarget& target) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const auto& ip = header_of<Ip>(mbuf);
  AdjacencyId adjacency = target.adjacency;
  if (target.kind == RouteTarget::Kind::kConnected) {
    const Ipv6Key host = packet.via != nullptr ? Ip::key_at(packet.via) : Ip::host_key(ip);
    adjacency = worker.hosts->find(target.link, host, Ip::kIpv6);
    if (adjacency == 0) want_host(worker, target.link, host, Ip::kIpv6);
  }
  auto* ethernet =
      reinterpret_cast<EthernetHeader*>(rte_pktmbuf_prepend(mbuf, sizeof(EthernetHeader)));
  if (ethernet == nullptr) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_no_headroom);
  *ethernet = {MacAddr{}, interface_of(*worker.snapshot, target.link)->mac,
               be16(Ip::kIpv6 ? kEtherTypeIpv6 : kEtherTypeIpv4)};
  send_to_next_hop(worker, target.link, adjacency, mbuf);
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

// Sends a packet of our own, on account of `like`.
template <class Ip>
void send_own(Worker& worker, const Packet& like, rte_mbuf* mbuf,
              const RouteTarget& target) noexcept {
  Packet own = like;
  own.via = nullptr;
  send_also<Ip>(worker, own, mbuf, target);
}

// Whether a packet of our own can go that way.
bool leads_out(const RouteTarget& target) noexcept {
  return target.kind != RouteTarget::Kind::kNone && target.kind != RouteTarget::Kind::kLocal &&
         target.kind != RouteTarget::Kind::kVirtual;
}

// Tells the source, by the way that leads there, of the packet as it was sent. Afterwards the
// packet can only be dropped.
template <class Ip>
void answer(Worker& worker, Packet& packet, IcmpProblem problem, unsigned mtu = 0) noexcept {
  if (packet.translated && !take_back(worker, packet)) return;
  const rte_mbuf* mbuf = packet.mbuf;
  const auto& ip = header_of<Ip>(packet.mbuf);
  if (!icmp_error_permitted(frame_of(packet.mbuf), mbuf->data_len, Ip::kIpv6, problem)) return;
  const RouteTarget& back = worker.snapshot->routes.find(packet.network, Ip::source(ip), Ip::kIpv6);
  if (!leads_out(back) || (Ip::kIpv6 && !back.has_source)) return;
  rte_mbuf* error = make_icmp_error(worker, mbuf, 0, Ip::kIpv6, problem, mtu,
                                    back.has_source ? &back.source : &kIpv4Dummy, back.max_bytes);
  if (error != nullptr) send_own<Ip>(worker, packet, error, back);
}

template <class Ip>
void answer_by_route(Worker& worker, const Packet& packet, rte_mbuf* reply) noexcept {
  const RouteTarget& target = worker.snapshot->routes.find(
      packet.network, Ip::destination(header_of<Ip>(reply)), Ip::kIpv6);
  if (!leads_out(target)) return rte_pktmbuf_free(reply);
  worker.counters.originated.add(1);
  send_own<Ip>(worker, packet, reply, target);
}

// --- what becomes of a packet

template <class Ip>
void send_in_fragments(Worker& worker, Packet& packet, const RouteTarget& target) noexcept {
  Fragments room;
  const auto fragments = fragment_ipv4(worker, packet.mbuf, target.max_bytes, room);
  for (rte_mbuf* fragment : fragments) send_also<Ip>(worker, packet, fragment, target);
  if (fragments.empty()) return drop(worker, packet.mbuf, DropReason::k_mtu_exceeded);
  discard(worker, packet.mbuf);
}

// The TCP connection that the packet may begin fits both its ways: what is sent back goes by the
// route to the source, wherever the packet came in.
template <class Ip>
void clamp_connection(Worker& worker, const Packet& packet, const RouteTarget& target) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  constexpr uint16_t kType = Ip::kIpv6 ? kEtherTypeIpv6 : kEtherTypeIpv4;
  const unsigned tcp_offset = find_syn(be16(kType), frame_of(mbuf), mbuf->data_len);
  if (tcp_offset == 0) return;
  const uint8_t* source = Ip::source(header_of<Ip>(mbuf));
  const RouteTarget& back = worker.snapshot->routes.find(packet.network, source, Ip::kIpv6);
  const uint32_t most =
      back.max_bytes == 0 ? target.max_bytes : std::min(target.max_bytes, back.max_bytes);
  clamp_mss(frame_of(mbuf), mbuf->data_len, tcp_offset, most, tcp_checksum_of(mbuf));
}

// Whether the packet is to be cut, into such as fit.
bool segments_fit(const rte_mbuf* mbuf, uint32_t max_bytes) noexcept {
  const uint32_t bytes = is_super_frame(mbuf) ? segment_bytes(mbuf, FirstHeader::kIp) : 0;
  return bytes != 0 && bytes <= max_bytes;
}

// Leaves to a port what it takes, and does the rest here. `fits`: needs no fragmentation.
template <class Ip>
[[gnu::cold, gnu::noinline]] void forward_unfinished(Worker& worker, const Packet& packet,
                                                     const RouteTarget& target,
                                                     bool fits) noexcept {
  const bool by_link = fits && target.kind != RouteTarget::Kind::kTunnel;
  // A network sees to it like to the frames of its hosts.
  if (by_link && is_network_link(target.link)) return send_by_link<Ip>(worker, packet, target);
  if (by_link && worker.snapshot->ports[target.link].takes_unfinished) {
    Packet handed = packet;
    handed.mbuf = hand_over(worker, packet.mbuf, FirstHeader::kIp);
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
      send_in_fragments<Ip>(worker, finished, target);
  }
}

// False: this hop is one too many.
template <class Ip>
bool may_take_hop(Worker& worker, Packet& packet) noexcept {
  if (Ip::ttl(header_of<Ip>(packet.mbuf)) > 1) [[likely]]
    return true;
  answer<Ip>(worker, packet, IcmpProblem::kTimeExceeded);
  drop(worker, packet.mbuf, DropReason::k_ttl_expired);
  return false;
}

template <class Ip>
void forward(Worker& worker, Packet& packet, const RouteTarget& target) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  auto& ip = header_of<Ip>(mbuf);
  if (!may_take_hop<Ip>(worker, packet)) return;
  const bool fits = mbuf->pkt_len <= target.max_bytes || segments_fit(mbuf, target.max_bytes);
  if (!fits && !Ip::may_fragment(ip)) [[unlikely]] {
    answer<Ip>(worker, packet, IcmpProblem::kTooBig, target.max_bytes);
    return drop_of(worker, target.tunnel, mbuf, DropReason::k_mtu_exceeded);
  }
  if (target.mss_clamp) clamp_connection<Ip>(worker, packet, target);
  Ip::lower_ttl(ip);
  if (is_unfinished(mbuf)) [[unlikely]]
    return forward_unfinished<Ip>(worker, packet, target, fits);
  if (!fits) [[unlikely]]
    return send_in_fragments<Ip>(worker, packet, target);
  send<Ip>(worker, packet, target);
}

// An echo request for one of our addresses becomes the reply.
template <class Ip>
void answer_echo(Worker& worker, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  auto& ip = header_of<Ip>(mbuf);
  const unsigned offset = Ip::header_len(ip);
  if (offset + sizeof(IcmpEcho) > mbuf->data_len)
    return drop(worker, mbuf, DropReason::k_icmp_truncated);
  const uint32_t bytes = mbuf->pkt_len - offset;
  if (fold_sum(Ip::icmp_pseudo_sum(ip, bytes) + sum_mbuf(mbuf, offset, bytes)) != 0xffff)
    return drop(worker, mbuf, DropReason::k_icmp_checksum);
  auto* icmp = reinterpret_cast<IcmpEcho*>(frame_of(mbuf) + offset);
  if (icmp->type != Ip::kEchoRequest || icmp->code != 0)
    return drop(worker, mbuf, DropReason::k_icmp_ignored);
  const RouteTarget& back = worker.snapshot->routes.find(packet.network, Ip::source(ip), Ip::kIpv6);
  if (back.kind == RouteTarget::Kind::kNone) return drop(worker, mbuf, DropReason::k_no_route);
  if (!leads_out(back)) return drop(worker, mbuf, DropReason::k_ip_source);
  if (mbuf->pkt_len > back.max_bytes) return drop(worker, mbuf, DropReason::k_mtu_exceeded);
  std::swap(ip.src, ip.dst);
  Ip::set_ttl(ip, kReplyTtl);
  icmp->checksum = update_message_checksum(icmp->checksum, be16(uint16_t{Ip::kEchoRequest} << 8),
                                           be16(uint16_t{Ip::kEchoReply} << 8));
  icmp->type = Ip::kEchoReply;
  worker.counters.echo_requests_answered.add(1);
  send<Ip>(worker, packet, back);
}

template <class Ip>
void handle_local(Worker& worker, Packet& packet) noexcept {
  const auto& ip = header_of<Ip>(packet.mbuf);
  if (Ip::is_fragment(ip)) return drop(worker, packet.mbuf, DropReason::k_ip_fragment);
  if (Ip::protocol(ip) == Ip::kIcmp) return answer_echo<Ip>(worker, packet);
  if (Ip::protocol(ip) != kIpProtocolUdp)
    return drop(worker, packet.mbuf, DropReason::k_ip_protocol_unknown);
  answer<Ip>(worker, packet, IcmpProblem::kPortUnreachable);
  drop(worker, packet.mbuf, DropReason::k_udp_port_closed);
}

// Whether some backend of the address is alive: then it answers echo requests.
bool is_alive(const Worker& worker, const RouteTarget& target) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const Range ports = snapshot.virtual_addresses[target.virtual_address];
  for (uint32_t i = ports.begin; i < ports.end; ++i) {
    const Range backends = snapshot.services[snapshot.service_ports[i].service].backends;
    for (uint32_t place = backends.begin; place < backends.end; ++place)
      if (worker.lives->load(snapshot.service_backends[place].id).up) return true;
  }
  return false;
}

// To a virtual address, and none of its services takes it.
template <class Ip>
void handle_virtual(Worker& worker, Packet& packet, const RouteTarget& target) noexcept {
  constexpr DropReason kWhy = DropReason::k_service_unknown;
  const auto& ip = header_of<Ip>(packet.mbuf);
  if (Ip::is_fragment(ip)) return drop(worker, packet.mbuf, DropReason::k_ip_fragment);
  switch (Ip::protocol(ip)) {
    case Ip::kIcmp:
      if (is_alive(worker, target)) return answer_echo<Ip>(worker, packet);
      return drop(worker, packet.mbuf, DropReason::k_no_backend);
    case kIpProtocolTcp: {
      const Flow flow = read_flow(packet.mbuf, packet.network);
      if (flow.kind == FlowKind::kFlow)
        answer_with(worker, packet, make_tcp_reset(packet.mbuf, flow, worker.pool));
      return drop(worker, packet.mbuf, kWhy);
    }
    case kIpProtocolUdp:
      answer<Ip>(worker, packet, IcmpProblem::kPortUnreachable);
      return drop(worker, packet.mbuf, kWhy);
    default:
      return drop(worker, packet.mbuf, kWhy);
  }
}

template <class Ip>
DropReason check_version(rte_mbuf* mbuf) noexcept {
  if (mbuf->data_len < sizeof(typename Ip::Header)) return DropReason::k_ip_truncated;
  uint32_t bytes = 0;
  if (const DropReason wrong = Ip::check(header_of<Ip>(mbuf), mbuf->data_len, bytes);
      wrong != DropReason::kCount) [[unlikely]]
    return wrong;
  if (bytes > mbuf->pkt_len || !underlay::trim(mbuf, bytes)) return DropReason::k_ip_total_length;
  return DropReason::kCount;
}

template <class Ip>
void route_version(Worker& worker, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const uint8_t* to = packet.via != nullptr ? packet.via : Ip::destination(header_of<Ip>(mbuf));
  const RouteTarget& target = worker.snapshot->routes.find(packet.network, to, Ip::kIpv6);
  switch (target.kind) {
    case RouteTarget::Kind::kTunnel:
    case RouteTarget::Kind::kNextHop:
    case RouteTarget::Kind::kConnected:
      return forward<Ip>(worker, packet, target);
    case RouteTarget::Kind::kLocal:
      return handle_local<Ip>(worker, packet);
    case RouteTarget::Kind::kVirtual:
      return handle_virtual<Ip>(worker, packet, target);
    case RouteTarget::Kind::kNone:
      answer<Ip>(worker, packet, IcmpProblem::kNoRoute);
      return drop(worker, mbuf, DropReason::k_no_route);
  }
}

// Who put it on the list has looked at the version.
bool is_ipv4(const Packet& packet) noexcept {
  return frame_of(packet.mbuf)[0] >> 4 == 4;
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
  unsigned kept = 0;
  for (Packet* packet : routed.span()) {
    const DropReason wrong =
        is_ipv4(*packet) ? check_version<Ipv4>(packet->mbuf) : check_version<Ipv6>(packet->mbuf);
    if (wrong != DropReason::kCount) [[unlikely]]
      drop(worker, packet->mbuf, wrong);
    else
      routed.items[kept++] = packet;
  }
  routed.count = kept;
}

void refuse_with(Worker& worker, Packet& packet, IcmpProblem problem, DropReason reason) noexcept {
  if (is_ipv4(packet))
    answer<Ipv4>(worker, packet, problem);
  else
    answer<Ipv6>(worker, packet, problem);
  drop(worker, packet.mbuf, reason);
}

bool take_hop(Worker& worker, Packet& packet) noexcept {
  if (is_ipv4(packet)) {
    if (!may_take_hop<Ipv4>(worker, packet)) return false;
    Ipv4::lower_ttl(header_of<Ipv4>(packet.mbuf));
  } else {
    if (!may_take_hop<Ipv6>(worker, packet)) return false;
    Ipv6::lower_ttl(header_of<Ipv6>(packet.mbuf));
  }
  return true;
}

bool refuse_too_big(Worker& worker, Packet& packet, uint32_t mtu) noexcept {
  const bool ipv4 = is_ipv4(packet);
  if (ipv4 && Ipv4::may_fragment(header_of<Ipv4>(packet.mbuf))) return false;
  if (ipv4)
    answer<Ipv4>(worker, packet, IcmpProblem::kTooBig, mtu);
  else
    answer<Ipv6>(worker, packet, IcmpProblem::kTooBig, mtu);
  drop(worker, packet.mbuf, DropReason::k_mtu_exceeded);
  return true;
}

void answer_with(Worker& worker, const Packet& packet, rte_mbuf* reply) noexcept {
  if (reply == nullptr) return;
  if (is_ipv4(packet))
    answer_by_route<Ipv4>(worker, packet, reply);
  else
    answer_by_route<Ipv6>(worker, packet, reply);
}

void route_now(Worker& worker, Packet& packet) noexcept {
  route_one(worker, packet);
  encap_pending(worker);  // its lists keep the packet's address
}

void route_all(Worker& worker) noexcept {
  for (Packet* packet : worker.routed.span()) route_one(worker, *packet);
  encap_pending(worker);
  worker.copy_count = 0;
  worker.routed.count = 0;
}

void report_host_unreachable(Worker& worker, LinkId link, const rte_mbuf* frame) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const Interface* out = interface_of(snapshot, link);
  const VrfId vrf = out != nullptr ? out->vrf : VrfId{0};
  const auto* ethernet = rte_pktmbuf_mtod(frame, const EthernetHeader*);
  const bool ipv6 = ethernet->ether_type == be16(kEtherTypeIpv6);
  const auto* at = reinterpret_cast<const uint8_t*>(ethernet + 1);
  constexpr IcmpProblem kProblem = IcmpProblem::kHostUnreachable;
  if (vrf == 0 ||
      !icmp_error_permitted(at, frame->data_len - unsigned{sizeof *ethernet}, ipv6, kProblem))
    return;
  const uint8_t* source = ipv6 ? Ipv6::source(*reinterpret_cast<const Ipv6Header*>(at))
                               : Ipv4::source(*reinterpret_cast<const Ipv4Header*>(at));
  const RouteTarget& back = snapshot.routes.find(vrf, source, ipv6);
  if (!leads_out(back) || !back.has_source) return;
  rte_mbuf* error = make_icmp_error(worker, frame, sizeof *ethernet, ipv6, kProblem, 0,
                                    &back.source, back.max_bytes);
  if (error == nullptr) return;
  Packet like{};
  like.network = vrf;
  like.drop = DropReason::kCount;
  if (ipv6)
    send_also<Ipv6>(worker, like, error, back);
  else
    send_also<Ipv4>(worker, like, error, back);
}

}  // namespace adit
