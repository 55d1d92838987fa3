// SPDX-License-Identifier: Apache-2.0
#include "fragments/fragments.h"

#include <algorithm>

#include "egress/transmit.h"
#include "fragments/reassembly.h"
#include "icmp/report.h"
#include "packet/destination.h"
#include "packet/extension_headers.h"
#include "packet/ip_packet.h"
#include "packet/ip_rules.h"
#include "worker/handover.h"
#include "worker/originate.h"

namespace adit {
namespace {

enum class Taken : uint8_t {
  kGone,   // kept, handed to another worker, or dropped
  kWhole,  // Packet::mbuf is the whole packet
  kPass,   // nobody's business: as it came
};

// The worker that reassembles a datagram: all workers compute the same one.
unsigned owner_of(const FragmentKey& key, size_t workers) noexcept {
  return static_cast<unsigned>((hash_of(key, 0) >> 32) * workers >> 32);
}

bool is_ours(const Snapshot& snapshot, const FlowKey& key) noexcept {
  const auto kind = target_of(snapshot, key).kind;
  return kind == RouteTarget::Kind::kVirtual || kind == RouteTarget::Kind::kLocal;
}

// Routers on the path to a NAT backend, and the backend itself, send errors about translated
// packets.
bool may_be_error(const Snapshot& snapshot, const Flow& flow) noexcept {
  return is_icmp(flow.packet) && !snapshot.nat_backends.empty();
}

// The VRF may be removed while its fragments wait.
bool is_there(const Snapshot& snapshot, VrfId vrf) noexcept {
  return vrf < snapshot.balanced_vrfs.size();
}

void route_released(Worker& worker) noexcept {
  VrfId vrf = 0;
  while (rte_mbuf* mbuf = worker.fragments->take_released(vrf)) {
    // The underlay does not route packets of others.
    if (vrf == 0 || !is_there(*worker.snapshot, vrf)) {
      drop(worker, mbuf, vrf == 0 ? DropReason::k_ip_not_local : DropReason::k_no_route);
      continue;
    }
    PacketToRoute released{mbuf};
    released.origin = origin_in(vrf);
    released.vrf = vrf;
    if (!worker.outbox.to_route.push(released)) drop(worker, mbuf, DropReason::k_no_buffer);
  }
}

Taken collect(Worker& worker, Packet& packet, uint32_t slot, const Fragment& fragment) noexcept {
  rte_mbuf* whole = worker.fragments->add(worker, slot, packet.mbuf, fragment);
  if (whole == nullptr) return Taken::kGone;
  packet.mbuf = whole;
  packet.may_fragment = true;
  return Taken::kWhole;
}

// What a datagram's first fragment says about the connection that it is of, or is an error about.
enum class Says : uint8_t {
  kKey,      // which one it would be
  kNothing,  // that it is of none
  kUnclear,  // only the whole error can tell
};

Says read_first(const Snapshot& snapshot, const rte_mbuf* mbuf, const Flow& flow,
                FlowKey& key) noexcept {
  if (!begins_icmp_error(mbuf, flow))
    return read_first_ports(mbuf, flow, key) ? Says::kKey : Says::kNothing;
  const Flow error = read_first_error(mbuf, flow);
  key = error.key;
  if (error.kind == FlowKind::kIcmpError) return Says::kKey;
  return !shows_quoted_addresses(mbuf, error) || is_about_backend(snapshot, mbuf, error)
             ? Says::kUnclear
             : Says::kNothing;
}

// The first fragment has come, which says whether the datagram belongs to a connection, and which
// worker owns that.
Taken decide(Worker& worker, Packet& packet, uint32_t slot, const Fragment& fragment,
             const Flow& flow) noexcept {
  using State = FragmentTable::State;
  FragmentTable& table = *worker.fragments;
  rte_mbuf* kept = table.take_kept(slot);
  FlowKey key{};
  const Says says = read_first(*worker.snapshot, packet.mbuf, flow, key);
  const bool known = says == Says::kKey;
  const unsigned owner = known && worker.peers.size() > 1 && !packet.handed_over
                             ? owner_of(key.destination, key.destination_port, worker.peers.size())
                             : worker.id;
  if (owner != worker.id) {
    table.decide(slot, State::kSteered, owner);
    pass_on(worker, packet.mbuf, owner, {.vrf = packet.network});
    while (rte_mbuf* mbuf = FragmentTable::pop(kept))
      pass_on(worker, mbuf, owner, {.vrf = packet.network});
    return Taken::kGone;
  }
  const ConnectionTable& connections = worker.connections->table();
  const uint64_t hash = connections.hash(key);
  // A reply of a forgotten connection is judged after reassembly.
  if (says == Says::kNothing || (known && connections.find(key, hash).id == 0 &&
                                 !worker.balancer->forgotten.has(hash, worker.now_s))) {
    table.decide(slot, State::kPassing);
    while (rte_mbuf* mbuf = FragmentTable::pop(kept)) {
      Packet other = packet;
      other.mbuf = mbuf;
      if (packet.network == 0)
        drop(worker, mbuf, DropReason::k_ip_not_local);
      else
        route_later(worker, other);
    }
    return Taken::kPass;
  }
  table.decide(slot, State::kCollecting);
  table.note_connection(worker, fragment.key);
  while (rte_mbuf* mbuf = FragmentTable::pop(kept)) {
    Fragment other;
    read_fragment(mbuf, 0, fragment.key.place, other);
    // The former fragment may have ended the datagram, by an overlap or for lack of room.
    if (slot != kNoSlot) slot = table.find(worker, fragment.key);
    if (slot == kNoSlot || table.state(slot) != State::kCollecting)
      drop(worker, mbuf, DropReason::k_fragment_overlap);
    else
      table.add(worker, slot, mbuf, other);  // not whole: the first one is not in it
  }
  slot = table.find(worker, fragment.key);
  if (slot != kNoSlot && table.state(slot) == State::kCollecting)
    return collect(worker, packet, slot, fragment);
  drop(worker, packet.mbuf, DropReason::k_fragment_overlap);
  return Taken::kGone;
}

// `flow`: null for a datagram to one of our addresses, which is always reassembled here.
Taken take(Worker& worker, Packet& packet, const Fragment& fragment, const Flow* flow) noexcept {
  using State = FragmentTable::State;
  FragmentTable& table = *worker.fragments;
  uint32_t slot = table.find(worker, fragment.key);
  if (slot == kNoSlot)
    slot =
        table.begin(worker, fragment.key, flow == nullptr ? State::kCollecting : State::kUndecided);
  if (slot == kNoSlot) {
    // An error would reveal addresses behind us.
    if (flow != nullptr && !begins_icmp_error(packet.mbuf, *flow)) return Taken::kPass;
    drop(worker, packet.mbuf, DropReason::k_fragment_evicted);
    return Taken::kGone;
  }
  switch (table.state(slot)) {
    case State::kCollecting:
      return collect(worker, packet, slot, fragment);
    case State::kUndecided:
      if (flow != nullptr && fragment.offset == 0)
        return decide(worker, packet, slot, fragment, *flow);
      table.keep(worker, slot, packet.mbuf);
      return Taken::kGone;
    case State::kPassing:
      return Taken::kPass;
    case State::kSteered:
      pass_on(worker, packet.mbuf, table.owner(slot), {.vrf = packet.network});
      return Taken::kGone;
    case State::kSpoilt:
      break;
  }
  drop(worker, packet.mbuf, DropReason::k_fragment_overlap);
  return Taken::kGone;
}

// RFC 4007 section 6: the same link-local address may exist on each link. False: none has it.
bool scope(Ipv6Key& address, uint64_t link) noexcept {
  // RFC 4291 section 2.5.6: behind the first ten bits are 54 of zero.
  if (address.high != be64(kLinkLocal).raw()) return false;
  address.high = be64(kLinkLocal | (link + 1)).raw();
  return true;
}

// The link of which scope() put the number into the key's addresses.
LinkId link_of(const FragmentKey& key) noexcept {
  const Ipv6Key& scoped = is_link_local(key.source) ? key.source : key.destination;
  return static_cast<LinkId>(be64::from_raw(scoped.high).host() - kLinkLocal - 1);
}

// The same of a packet that came by a tunnel; any other's addresses stay.
bool scope_to_tunnel(const Packet& packet, FragmentKey& key) noexcept {
  if (!key.ipv6 || !is_link_local(key.source)) return true;
  return scope(key.source, (uint64_t{1} << 32) + packet.in);
}

Taken take_routed(Worker& worker, Packet& packet, const Flow* flow) noexcept {
  Fragment fragment;
  if (!read_fragment(packet.mbuf, 0, place_of(packet.network), fragment) ||
      !scope_to_tunnel(packet, fragment.key)) {
    if (flow != nullptr) return Taken::kPass;
    drop(worker, packet.mbuf, DropReason::k_ip_fragment);
    return Taken::kGone;
  }
  const size_t workers = worker.peers.size();
  // A tunnel's packets of one sender come to one worker.
  const bool on_link = fragment.key.ipv6 && is_link_local(fragment.key.source);
  if (workers > 1 && !packet.handed_over && !on_link) {
    const unsigned owner = owner_of(fragment.key, workers);
    if (owner != worker.id) {
      pass_on(worker, packet.mbuf, owner,
              {.vrf = packet.network, .kind = HandoverMeta::Kind::kFragment});
      return Taken::kGone;
    }
  }
  const Taken taken = take(worker, packet, fragment, flow);
  route_released(worker);
  return taken;
}

// For a fragment in a VRF with services.
Taken take_balanced(Worker& worker, Packet& packet, const Flow& flow) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  if (is_ours(snapshot, flow.key)) return take_routed(worker, packet, nullptr);
  if (goes_by_nat(snapshot, flow.key.source, flow.key) || may_be_error(snapshot, flow))
    return take_routed(worker, packet, &flow);
  return Taken::kPass;
}

// True: the packet is the whole frame now.
bool take_outer(Worker& worker, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const bool to_host =
      packet.outer_protocol == (packet.outer_ipv6 ? kIpProtocolIcmpv6 : kIpProtocolIcmp);
  Fragment fragment;
  if (!read_fragment(mbuf, sizeof(EthernetHeader), to_host ? kHostPlace : kTunnelPlace, fragment)) {
    drop(worker, mbuf, DropReason::k_ip_fragment);
    return false;
  }
  const unsigned owner = owner_of(fragment.key, worker.peers.size());
  if (worker.peers.size() > 1 && owner != worker.id) {
    pass_on(worker, mbuf, owner, {.kind = HandoverMeta::Kind::kOuterFragment});
    return false;
  }
  if (take(worker, packet, fragment, nullptr) != Taken::kWhole) return false;
  // The outer packet was fragmented, not the inner one, which is therefore not cut again.
  if (!to_host) clear_put_together(packet.mbuf);
  return true;
}

// Whether the whole packet at `ip` is ICMPv6, perhaps behind extension headers, but not behind
// another fragment header.
bool leads_to_icmpv6(const rte_mbuf* mbuf, uint32_t ip) noexcept {
  const auto* header = rte_pktmbuf_mtod_offset(mbuf, const Ipv6Header*, ip);
  if (header->next_header == kIpProtocolIcmpv6) [[likely]]
    return true;
  IpPacket found;
  return read_at_destination(rte_pktmbuf_mtod(mbuf, const uint8_t*), mbuf->data_len, ip,
                             mbuf->pkt_len, found) &&
         !found.has_fragment_header && found.protocol == kIpProtocolIcmpv6;
}

// For fragments from or to a link-local address. True: the packet is the whole frame now. One
// worker gets them all: ICMPv6 has no ports by which RSS could distribute them.
bool take_on_link(Worker& worker, Packet& packet) noexcept {
  constexpr uint32_t kIp = sizeof(EthernetHeader);
  const Interface& link = *interface_of(*worker.snapshot, packet.link);
  Fragment fragment;
  const auto drop_it = [&](DropReason reason) noexcept {
    drop(worker, packet.mbuf, reason);
    return false;
  };
  if (!read_fragment(packet.mbuf, kIp, place_of(link.vrf), fragment))
    return drop_it(DropReason::k_ip_fragment);
  if (!scope(fragment.key.source, packet.link) && !scope(fragment.key.destination, packet.link))
    return drop_it(DropReason::k_not_routable);
  if (!fragment.is_atomic()) {
    if (take(worker, packet, fragment, nullptr) != Taken::kWhole) return false;
  } else {
    rte_mbuf* own = make_writable(packet.mbuf, fragment.payload, worker.pool);
    if (own == nullptr) return drop_it(DropReason::k_no_buffer);
    packet.mbuf = own;
    take_off_fragment_header(own, kIp, fragment.fragment_header, fragment.next_header_at);
    // RFC 6980 section 5; handle_icmpv6() sees it of those that were reassembled.
    if (is_neighbour_discovery(own, *rte_pktmbuf_mtod_offset(own, const Ipv6Header*, kIp)))
      return drop_it(DropReason::k_nd_malformed);
  }
  return leads_to_icmpv6(packet.mbuf, kIp) || drop_it(DropReason::k_not_routable);
}

void collect_one(Worker& worker, const PacketToRoute& item) noexcept {
  Packet& packet = worker.whole_packets[worker.routed_whole.count];
  packet = packet_of(item);
  if (item.kind == PacketToRoute::Kind::kLocal) {
    if (take_routed(worker, packet, nullptr) == Taken::kWhole) route_later(worker, packet);
    return;
  }
  switch (take_balanced(worker, packet, read_flow(packet.mbuf, packet.network))) {
    case Taken::kGone:
      return;
    case Taken::kWhole:
      return worker.routed_whole.push(packet);
    case Taken::kPass:
      // The underlay does not route packets of others.
      if (packet.network == 0) return drop(worker, packet.mbuf, DropReason::k_ip_not_local);
      return route_later(worker, packet);
  }
}

// Keeps in the list the packets that `take` completed; the others wait, or were dropped.
template <class Take>
void keep_complete(Worker& worker, PacketList& list, Take take) noexcept {
  unsigned kept = 0;
  for (Packet* packet : list.span())
    if (take(worker, *packet)) list.items[kept++] = packet;
  list.count = kept;
}

}  // namespace

void collect_fragments(Worker& worker) noexcept {
  while (worker.routed_whole.count < worker.whole_packets.size()) {
    const PacketToRoute* item = worker.outbox.fragments.take();
    if (item == nullptr) return;
    collect_one(worker, *item);
  }
}

void collect_outer_fragments(Worker& worker) noexcept {
  keep_complete(worker, worker.outer_fragments, take_outer);
}

void collect_link_fragments(Worker& worker) noexcept {
  keep_complete(worker, worker.link_fragments, take_on_link);
}

void expire_fragments(Worker& worker) noexcept {
  worker.fragments->expire(worker);
  route_released(worker);
}

namespace {

// Sends the error back to the ingress port, from the address that the packet was sent to.
void report_to_link(Worker& worker, const rte_mbuf* first, uint32_t ip, bool ipv6,
                    IcmpProblem problem, uint32_t word) noexcept {
  const auto* ethernet = rte_pktmbuf_mtod(first, const EthernetHeader*);
  if (ethernet->src.is_group() || ethernet->src.is_zero() || first->port >= worker.tx.size())
    return;
  rte_mbuf* error = make_icmp_error(worker, tenant_of_vrf(0), first, ip, ipv6, problem, word,
                                    nullptr, UINT32_MAX);
  if (error == nullptr) return;
  auto* header = reinterpret_cast<EthernetHeader*>(put_front(error, sizeof(EthernetHeader)));
  *header = {ethernet->src, ethernet->dst, ethernet->ether_type};
  enqueue(worker, first->port, error);
}

// The same about a fragment that check_link_fragment() in ingress/routed.h found in a VRF: no route
// leads to its sender.
void report_on_link(Worker& worker, const FragmentKey& key, const rte_mbuf* first, uint32_t ip,
                    IcmpProblem problem, uint32_t word) noexcept {
  const LinkId link = link_of(key);
  const Interface* own = interface_of(*worker.snapshot, link);
  if (own == nullptr || own->vrf != vrf_of(key.place)) return;  // removed meanwhile
  const auto* ethernet = rte_pktmbuf_mtod(first, const EthernetHeader*);
  Ipv6Key destination;
  std::memcpy(&destination, rte_pktmbuf_mtod_offset(first, const Ipv6Header*, ip)->dst.data(),
              sizeof destination);
  if (ethernet->src.is_group() || ethernet->src.is_zero() ||
      std::ranges::find(own->own_ipv6, destination) == own->own_ipv6.end())
    return;
  rte_mbuf* error = make_icmp_error(worker, tenant_of_vrf(own->vrf), first, ip, true, problem, word,
                                    nullptr, UINT32_MAX);
  if (error == nullptr) return;
  auto* header = reinterpret_cast<EthernetHeader*>(put_front(error, sizeof(EthernetHeader)));
  *header = {ethernet->src, own->mac, be16(kEtherTypeIpv6)};
  transmit_on_link(worker, link, error, {});
}

void report_to_source(Worker& worker, const FragmentKey& key, rte_mbuf* first, uint32_t ip,
                      IcmpProblem problem, uint32_t word) noexcept {
  const FragmentPlace place = key.place;
  const uint8_t* at = frame_of(first) + ip;
  const bool ipv6 = at[0] >> 4 == 6;
  if (!icmp_error_permitted(at, first->data_len - ip, ipv6, problem)) return;
  if (place == kTunnelPlace || place == kHostPlace)
    return report_to_link(worker, first, ip, ipv6, problem, word);
  if (ip != 0) return report_on_link(worker, key, first, ip, problem, word);
  if (!is_there(*worker.snapshot, vrf_of(place))) return;
  Packet packet{};
  packet.mbuf = first;
  packet.network = vrf_of(place);
  packet.drop = DropReason::kNone;
  report_to_source(worker, packet, problem, word);
}

}  // namespace

void report_reassembly_time(Worker& worker, const FragmentKey& key, rte_mbuf* first,
                            uint32_t ip) noexcept {
  report_to_source(worker, key, first, ip, IcmpProblem::kReassemblyTime, 0);
}

void report_wrong_fragment(Worker& worker, rte_mbuf* mbuf, const Fragment& fragment,
                           uint32_t pointer) noexcept {
  report_to_source(worker, fragment.key, mbuf, fragment.ip, IcmpProblem::kParameter, pointer);
}

}  // namespace adit
