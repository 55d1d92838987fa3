// SPDX-License-Identifier: Apache-2.0
#include "ingress/classify.h"

#include <rte_prefetch.h>

#include "egress/offload.h"
#include "ingress/enter.h"
#include "ingress/routed.h"
#include "ingress/subinterface.h"
#include "ingress/underlay.h"
#include "packet/local_port.h"
#include "worker/punt.h"

namespace adit {
namespace {

constexpr unsigned kPrefetchAhead = 4;

// Finds the network of a tagged frame, and removes the tag that names it. False: there is none.
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

// Removes leading priority tags (VID 0), unless the frame belongs to a network with `carry_vlans`.
// False: the frame ends inside a tag.
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
      packet.link = id_of(*worker.snapshot, port);
      return worker.to_host.push(packet);
    case UnderlayClass::kRoute:
      cut_front(packet.mbuf, sizeof(EthernetHeader));
      packet.in = 0;
      return enter_routing(worker, packet, 0);
    case UnderlayClass::kFragment:
      packet.mbuf->port = id_of(*worker.snapshot, port);
      return worker.outer_fragments.push(packet);
    case UnderlayClass::kControl:
      return punt(worker,
                  {0, packet.outer_protocol,
                   destination_port_of(packet.mbuf, packet.outer_protocol, packet.l4_payload)},
                  id_of(*worker.snapshot, port), true, packet.mbuf);
    case UnderlayClass::kDrop:
      if ((packet.drop == DropReason::k_udp_port_closed ||
           packet.drop == DropReason::k_ip_protocol_unknown) &&
          take_for_host(worker, 0, id_of(*worker.snapshot, port), packet.mbuf,
                        sizeof(EthernetHeader)))
        return;
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
  const bool pending_offload = is_pending_offload(mbuf);
  if (pending_offload && (mbuf->ol_flags & kInvalidTxOffload) == kInvalidTxOffload) [[unlikely]]
    return drop(worker, mbuf, DropReason::k_offload_malformed);
  BridgePortId member = port.untagged;
  if (is_tagged(mbuf)) {
    if (mbuf->data_len < sizeof(EthernetHeader) + sizeof(VlanTag) ||
        !take_priority_tags(snapshot, port, mbuf)) [[unlikely]]
      return drop(worker, mbuf, DropReason::k_runt_frame);
    if (is_tagged(mbuf)) {
      if (const SubinterfaceId id = find_subinterface(port, mbuf); id != 0)
        return enter_subinterface(worker, id, packet);
      if (!place_tagged(snapshot, port, mbuf, member))
        return drop(worker, mbuf, DropReason::k_vlan_not_member);
    }
  }
  if (member != 0) return enter_network(worker, packet, member);
  if (port.is_underlay) {
    if (pending_offload && !complete_for_host(mbuf)) [[unlikely]]
      return drop(worker, mbuf, DropReason::k_offload_malformed);
    return classify_underlay(worker, port, packet);
  }
  if (port.vrf != 0) {
    packet.in = 0;
    return accept_untagged(worker, id_of(snapshot, port), port.mac, port.vrf, packet);
  }
  drop(worker, mbuf, DropReason::k_vlan_not_member);
}

}  // namespace

void classify(Worker& worker, PortId port_id, rte_mbuf** mbufs, unsigned n) noexcept {
  const PortEntry& port = worker.snapshot->ports[port_id];
  uint64_t bytes = 0;
  ADIT_ASSERT(n <= worker.packets.size());
  if (worker.snapshot->fwmarks_by_port) [[unlikely]]
    for (unsigned i = 0; i < n; ++i) mbufs[i]->port = port_id;
  for (unsigned i = 0; i < n && i < kPrefetchAhead; ++i) rte_prefetch0(frame_of(mbufs[i]));
  for (unsigned i = 0; i < n; ++i) {
    if (i + kPrefetchAhead < n) rte_prefetch0(frame_of(mbufs[i + kPrefetchAhead]));
    Packet& packet = worker.packets[i];
    packet.mbuf = mbufs[i];
    packet.drop = DropReason::kNone;
    bytes += mbufs[i]->pkt_len;
    classify_one(worker, port, packet);
  }
  TrafficCounters& counters = worker.port_counters[port_id];
  counters.rx_packets.add(n);
  counters.rx_bytes.add(bytes);
  worker.counters.received.add(n);
}

void classify_list(Worker& worker, PacketList& list) noexcept {
  for (Packet* packet : list.span())
    classify_underlay(worker, worker.snapshot->ports[packet->mbuf->port], *packet);
  list.count = 0;
}

}  // namespace adit
