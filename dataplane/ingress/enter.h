// SPDX-License-Identifier: Apache-2.0
// Where a packet begins its way through a network or a VRF.
#pragma once

#include "egress/egress.h"
#include "packet/mss.h"
#include "packet/vlan.h"
#include "worker/doors.h"
#include "worker/worker.h"

namespace adit {

// Takes tags off that carry a priority alone. False: another one is left.
[[gnu::cold, gnu::noinline]] inline bool becomes_untagged(rte_mbuf* mbuf) noexcept {
  return strip_priority_tags(mbuf) &&
         !is_vlan_type(reinterpret_cast<const EthernetHeader*>(frame_of(mbuf))->ether_type);
}

// The frame is in its network from here on, by the bridge port `in`.
inline void enter_network(Worker& worker, Packet& packet, BridgePortId in) noexcept {
  const BridgePort& bridge_port = worker.snapshot->bridge_ports[in];
  rte_mbuf* mbuf = packet.mbuf;
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame_of(mbuf));
  // RFC 7348 section 6.1: no inner tag unless the network is told to carry them.
  if (is_vlan_type(ethernet->ether_type) && !(bridge_port.flags & BridgePort::kCarryVlans) &&
      !becomes_untagged(mbuf)) [[unlikely]]
    return drop_of(worker, in, mbuf, DropReason::k_vlan_in_network);
  if (bridge_port.flags & BridgePort::kMssClamp) [[unlikely]]
    clamp_mss(mbuf, most_connection_bytes(worker, bridge_port));
  packet.in = in;
  packet.network = bridge_port.network;
  packet.split_group = bridge_port.split_group;
  packet.in_flags = bridge_port.flags;
  enter(worker, in, mbuf->pkt_len);
  worker.bridged.push(packet);
}

// The packet, which begins with its IP header, is in the VRF from here on.
inline void enter_routing(Worker& worker, Packet& packet, VrfId vrf) noexcept {
  packet.network = vrf;
  packet.origin = origin_in(vrf);
  packet.via = nullptr;
  packet.handed_over = packet.translated = packet.may_fragment = false;
  worker.routed.push(packet);
}

}  // namespace adit
