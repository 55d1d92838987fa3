// SPDX-License-Identifier: Apache-2.0
// The life of a burst, from top to bottom: process_burst() at the end of the file names the
// steps in their order. Each is a function above it, or of the file of its name, and works on
// all packets of a class before the next step begins, so that look-ups are prefetched and
// done in bulk.
#include "pipeline.h"

#include <rte_prefetch.h>

#include "balance/balance.h"
#include "balance/connection_dump.h"
#include "balance/expiry.h"
#include "bridge/flood.h"
#include "bridge/gateway.h"
#include "egress/egress.h"
#include "fragments/fragments.h"
#include "host/host.h"
#include "host/nd.h"
#include "ingress/decap.h"
#include "ingress/enter.h"
#include "ingress/underlay.h"
#include "ingress/vlan_link.h"
#include "packet/inner.h"
#include "route/route.h"
#include "worker/reassembly.h"

namespace adit {
namespace {

constexpr unsigned kPrefetchAhead = 4;

// The 48 bits of a MAC inside a frame; eight bytes are readable there.
uint64_t mac_bits(const MacAddr& mac) noexcept {
  return __builtin_bswap64(load64(mac.bytes.data())) >> 16;
}
constexpr bool is_group_mac(uint64_t key) noexcept {
  return (key >> 40 & 1) != 0;
}
// IEEE 802.1Q table 8-1: 01:80:c2:00:00:00 to 0f.
constexpr bool is_link_local_mac(uint64_t key) noexcept {
  return (key & 0xffff'ffff'fff0) == 0x0180'c200'0000;
}

// Where a tagged frame belongs: takes the tag off that names its network. False: nowhere.
bool place_tagged(const Snapshot& snapshot, const PortEntry& port, rte_mbuf* mbuf,
                  BridgePortId& member) noexcept {
  const uint8_t* frame = frame_of(mbuf);
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame);
  const auto* tag = reinterpret_cast<const VlanTag*>(frame + sizeof(EthernetHeader));
  const uint16_t vlan_id = tag->tci.host() & kVlanIdMask;
  const bool customer_tag = ethernet->ether_type == be16(kEtherTypeVlan);
  if (customer_tag && !port.by_vlan.empty() && port.by_vlan[vlan_id] != 0) {
    strip_vlan(mbuf);
    member = port.by_vlan[vlan_id];
    return true;
  }
  member = port.untagged;
  return (snapshot.bridge_ports[member].flags & BridgePort::kCarryVlans) != 0;
}

// Takes off leading tags that carry a priority alone, unless the frame goes to a network that
// carries tags. False: the frame ends inside of a tag.
bool take_priority_tags(const Snapshot& snapshot, const PortEntry& port, rte_mbuf* mbuf) noexcept {
  const auto* tag = reinterpret_cast<const VlanTag*>(frame_of(mbuf) + sizeof(EthernetHeader));
  if ((tag->tci.host() & kVlanIdMask) != 0 ||
      (snapshot.bridge_ports[port.untagged].flags & BridgePort::kCarryVlans)) [[likely]]
    return true;
  return strip_priority_tags(mbuf);
}

bool is_tagged(rte_mbuf* mbuf) noexcept {
  return is_vlan_type(reinterpret_cast<const EthernetHeader*>(frame_of(mbuf))->ether_type);
}

PortId id_of(const Snapshot& snapshot, const PortEntry& port) noexcept {
  return static_cast<PortId>(&port - snapshot.ports.data());
}

void classify_underlay(Worker& worker, const PortEntry& port, Packet& packet) noexcept {
  switch (check_underlay(*worker.snapshot, port, packet)) {
    case UnderlayClass::kTunnel:
      packet.tunnel_id = UINT64_MAX;  // not read yet
      return worker.to_decap[packet.tunnel].push(packet);
    case UnderlayClass::kHost:
      return worker.to_host.push(packet);
    case UnderlayClass::kRoute:
      rte_pktmbuf_adj(packet.mbuf, sizeof(EthernetHeader));
      packet.in = 0;
      return enter_routing(worker, packet, 0);
    case UnderlayClass::kFragment:
      // Once at most: a whole packet is no fragment.
      if (take_outer_fragment(worker, id_of(*worker.snapshot, port), packet))
        classify_underlay(worker, port, packet);
      return;
    case UnderlayClass::kDrop:
      return drop(worker, packet.mbuf, packet.drop);
  }
}

void classify_routed(Worker& worker, const PortEntry& port, Packet& packet) noexcept {
  switch (check_routed(port.mac, packet)) {
    case RoutedClass::kRoute:
      packet.in = 0;
      return enter_routing(worker, packet, port.vrf);
    case RoutedClass::kHost:
      return worker.to_host.push(packet);
    case RoutedClass::kDrop:
      return drop(worker, packet.mbuf, packet.drop);
  }
}

// What ends here has to be complete; uncut, it is a packet like any other.
[[gnu::cold, gnu::noinline]] bool complete_for_host(rte_mbuf* mbuf) noexcept {
  mbuf->ol_flags &= ~RTE_MBUF_F_TX_TCP_SEG;
  return complete_checksum(mbuf);
}

void classify_one(Worker& worker, const PortEntry& port, Packet& packet) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  rte_mbuf* mbuf = packet.mbuf;
  if (mbuf->data_len < sizeof(EthernetHeader)) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_runt_frame);
  const bool unfinished = is_unfinished(mbuf);
  if (unfinished && (mbuf->ol_flags & kSenselessMarks) == kSenselessMarks) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_offload_malformed);
  BridgePortId member = port.untagged;
  if (is_tagged(mbuf)) {
    if (mbuf->data_len < sizeof(EthernetHeader) + sizeof(VlanTag) ||
        !take_priority_tags(snapshot, port, mbuf)) [[unlikely]]
      return drop(worker, mbuf, DropReason::k_runt_frame);
    if (is_tagged(mbuf)) {
      if (const VlanLinkId vlan = routed_vlan_of(port, mbuf); vlan != 0)
        return take_from_vlan(worker, vlan, packet);
      if (!place_tagged(snapshot, port, mbuf, member))
        return drop(worker, mbuf, DropReason::k_vlan_not_member);
    }
  }
  if (member != 0) return enter_network(worker, packet, member);
  if (port.is_underlay) {
    if (unfinished && !complete_for_host(mbuf)) [[unlikely]]
      return drop(worker, mbuf, DropReason::k_offload_malformed);
    return classify_underlay(worker, port, packet);
  }
  if (port.vrf != 0) return classify_routed(worker, port, packet);
  drop(worker, mbuf, DropReason::k_vlan_not_member);
}

void classify(Worker& worker, PortId port_id, rte_mbuf** mbufs, unsigned n) noexcept {
  const PortEntry& port = worker.snapshot->ports[port_id];
  uint64_t bytes = 0;
  if (worker.snapshot->marks_by_port) [[unlikely]]
    for (unsigned i = 0; i < n; ++i) mbufs[i]->port = port_id;
  for (unsigned i = 0; i < n && i < kPrefetchAhead; ++i) rte_prefetch0(frame_of(mbufs[i]));
  for (unsigned i = 0; i < n; ++i) {
    if (i + kPrefetchAhead < n) rte_prefetch0(frame_of(mbufs[i + kPrefetchAhead]));
    Packet& packet = worker.packets[i];
    packet.mbuf = mbufs[i];
    packet.drop = DropReason::kCount;
    bytes += mbufs[i]->pkt_len;
    classify_one(worker, port, packet);
  }
  TrafficCounters& counters = worker.port_counters[port_id];
  counters.rx_packets.add(n);
  counters.rx_bytes.add(bytes);
  worker.counters.received.add(n);
}

void answer_host(Worker& worker, PortId port) noexcept {
  for (Packet* packet : worker.to_host.span()) {
    if (packet->l4_payload == 0)
      handle_arp(worker, port, *packet);
    else if (packet->outer_ipv6)
      handle_icmpv6(worker, port, *packet);
    else
      handle_icmp(worker, port, *packet);
  }
  worker.to_host.count = 0;
}

// Tells control of a source that the FDB has not, or elsewhere; once a second.
[[gnu::cold, gnu::noinline]] void report_source(Worker& worker, const Packet& packet) noexcept {
  if (!worker.reported->first_in(worker.now_s, packet.src_key, packet.in)) return;
  Event event{};
  event.kind = Event::Kind::kMacSeen;
  event.bridge_port = packet.in;
  event.fdb_key = packet.src_key;
  report(worker, event);
}

// Frames with impossible addresses end here.
void read_addresses(Worker& worker) noexcept {
  unsigned kept = 0;
  for (Packet* packet : worker.bridged.span()) {
    const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame_of(packet->mbuf));
    const uint64_t network = uint64_t{packet->network} << 48;
    packet->src_key = network | mac_bits(ethernet->src);
    packet->dst_key = network | mac_bits(ethernet->dst);
    if (is_group_mac(packet->src_key) || packet->src_key == network) [[unlikely]] {
      drop(worker, packet->mbuf, DropReason::k_source_mac_invalid);
      continue;
    }
    if ((packet->in_flags & BridgePort::kHasGateway) &&
        packet->src_key == worker.snapshot->networks[packet->network].gateway_key) [[unlikely]] {
      drop_of(worker, packet->in, packet->mbuf, DropReason::k_gateway_mac);
      continue;
    }
    if (is_link_local_mac(packet->dst_key)) [[unlikely]] {
      drop(worker, packet->mbuf, DropReason::k_link_local_multicast);
      continue;
    }
    worker.fdb->prefetch(packet->src_key);
    worker.fdb->prefetch(packet->dst_key);
    worker.bridged.items[kept++] = packet;
  }
  worker.bridged.count = kept;
}

// Compares the FDB with where the sources came in.
void learn(Worker& worker) noexcept {
  for (const Packet* packet : worker.bridged.span()) {
    if (!(packet->in_flags & BridgePort::kLearning)) continue;
    const Fdb::Place place = worker.fdb->lookup(packet->src_key);
    if (place.bridge_port == packet->in) [[likely]]
      worker.fdb->touch(place.slot, worker.now_s);
    else
      report_source(worker, *packet);
  }
}

// The bridge port of its network's gateway, where the frame is for that.
BridgePortId find_gateway(const Snapshot& snapshot, const Packet& packet) noexcept {
  const NetworkEntry& network = snapshot.networks[packet.network];
  if (packet.dst_key != network.gateway_key) return 0;
  return snapshot.gateways[network.gateway].bridge_port;
}

// Looks the destinations up: Packet::out, or 0 for what has to be flooded.
void lookup(Worker& worker) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  for (Packet* packet : worker.bridged.span()) {
    BridgePortId out = 0;
    if (packet->in_flags & BridgePort::kHasGateway) out = find_gateway(snapshot, *packet);
    if (out == 0 && !is_group_mac(packet->dst_key))
      out = worker.fdb->lookup(packet->dst_key).bridge_port;
    // An entry may be older than the snapshot: it only counts where it still fits.
    if (out >= snapshot.bridge_ports.size()) out = 0;
    packet->out = out;
    rte_prefetch0(&snapshot.bridge_ports[out]);
    rte_prefetch0(reinterpret_cast<const char*>(&snapshot.bridge_ports[out]) + 64);
    rte_prefetch0(&worker.bridge_port_counters[out]);
  }
}

// Known unicast goes out, the rest is set aside for flooding.
void forward(Worker& worker) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  for (Packet* packet : worker.bridged.span()) {
    const BridgePort& out = snapshot.bridge_ports[packet->out];
    if (out.network != packet->network) {
      worker.flooded.push(*packet);
    } else if (packet->out == packet->in) [[unlikely]] {
      drop(worker, packet->mbuf, DropReason::k_destination_is_source);
    } else if (out.split_group != 0 && out.split_group == packet->split_group) [[unlikely]] {
      drop(worker, packet->mbuf, DropReason::k_split_horizon);
    } else if (out.kind == BridgePortKind::kGateway) {
      enter_gateway(worker, *packet);
    } else {
      if (out.kind == BridgePortKind::kTunnel) describe(*packet);
      dispatch(worker, *packet);
    }
  }
  encap_pending(worker);
  worker.bridged.count = 0;
}

void flood_all(Worker& worker) noexcept {
  for (Packet* packet : worker.flooded.span()) flood(worker, *packet);
  encap_pending(worker);
  worker.copy_count = 0;
  worker.flooded.count = 0;
}

void free_garbage(Worker& worker) noexcept {
  if (worker.garbage_count == 0) return;
  rte_pktmbuf_free_bulk(worker.garbage.data(), worker.garbage_count);
  worker.garbage_count = 0;
}

}  // namespace

void bridge_from_gateways(Worker& worker) noexcept {
  // The lists have room for a burst and its copies.
  encap_pending(worker);
  worker.copy_count = 0;
  for (Packet& packet : std::span(worker.from_gateways).first(worker.from_gateway_count))
    worker.bridged.push(packet);
  worker.from_gateway_count = 0;
  lookup(worker);
  forward(worker);
  flood_all(worker);
}

template <class Probe>
void route_routed(Worker& worker, Probe& probe) noexcept {
  if (!worker.routed.empty()) {
    check_packets(worker);
    balance(worker);
    probe.done(Step::kBalance);
    route_all(worker);
    probe.done(Step::kRoute);
  }
  if (worker.from_gateway_count != 0) {
    bridge_from_gateways(worker);
    probe.done(Step::kForward);
  }
  flush_all(worker);
  free_garbage(worker);
  probe.done(Step::kTransmit);
}

// The steps between classification and routing.
template <class Probe>
void carry(Worker& worker, PortId port, Probe& probe) noexcept {
  decap(worker);
  probe.done(Step::kDecap);
  answer_host(worker, port);
  probe.done(Step::kHost);
  if (!worker.bridged.empty()) {
    read_addresses(worker);
    learn(worker);
    probe.done(Step::kLearn);
    lookup(worker);
    probe.done(Step::kLookup);
    forward(worker);
    probe.done(Step::kForward);
    flood_all(worker);
    probe.done(Step::kFlood);
  }
}

template <class Probe>
void process_burst(Worker& worker, PortId port, rte_mbuf** mbufs, unsigned n,
                   Probe& probe) noexcept {
  classify(worker, port, mbufs, n);
  probe.done(Step::kClassify);
  carry(worker, port, probe);
  route_routed(worker, probe);
}

// Fragments that came in by the underlay to other workers.
template <class Probe>
[[gnu::cold, gnu::noinline]] void process_handed_frames(Worker& worker, Probe& probe) noexcept {
  for (Packet* packet : worker.handed_frames.span()) {
    const PortId port = packet->mbuf->port;
    classify_underlay(worker, worker.snapshot->ports[port], *packet);
    carry(worker, port, probe);
  }
  worker.handed_frames.count = 0;
}

template <class Probe>
unsigned run_pass(Worker& worker, Probe& probe) noexcept {
  unsigned total = 0;
  for (const RxQueue& queue : worker.rx) {
    std::array<rte_mbuf*, kMaxBurst> mbufs;
    probe.start();
    const unsigned n = queue.io.receive(queue.io.context, mbufs.data(), kRxBurst);
    if (n == 0) continue;
    probe.done(Step::kReceive);
    process_burst(worker, queue.port, mbufs.data(), n, probe);
    total += n;
  }
  if (worker.peers.size() > 1) {
    probe.start();
    const unsigned n = take_handed_over(worker);
    if (!worker.handed_frames.empty()) [[unlikely]]
      process_handed_frames(worker, probe);
    if (n != 0) route_routed(worker, probe);
    total += n;
  }
  expire_connections(worker);
  if (worker.survey.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
    continue_survey(worker, total != 0);
  // What control asked for, and what waits: for a next hop, or for the rest of it.
  if (!rte_ring_empty(worker.commands) || worker.waiting() != 0 || !worker.fragments->is_idle() ||
      worker.held_now.load(std::memory_order_relaxed) != 0) [[unlikely]] {
    sweep_held(worker);
    encap_pending(worker);
    worker.copy_count = 0;
    expire_fragments(worker);
    worker.stt->set_limits(worker.snapshot->stt_limits);
    worker.stt->expire(worker.now_ns);
    run_commands(worker);
    bridge_from_gateways(worker);
    flush_all(worker);
    free_garbage(worker);
    worker.held_now.store(worker.waiting(), std::memory_order_relaxed);
    worker.fragment_datagrams.store(worker.fragments->datagrams(), std::memory_order_relaxed);
    worker.fragment_bytes.store(worker.fragments->held_bytes(), std::memory_order_relaxed);
  }
  return total;
}

template unsigned run_pass(Worker&, NoProbe&) noexcept;
template unsigned run_pass(Worker&, StepProbe&) noexcept;

}  // namespace adit
