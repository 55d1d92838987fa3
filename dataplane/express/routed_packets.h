// SPDX-License-Identifier: Apache-2.0
// The packets of a burst, as the express lane of routed packets reads them.
#pragma once

#include "express/lane.h"
#include "packet/inner.h"

namespace adit {

// What the lane knows of a packet, in one cache line.
struct alignas(64) RoutedPacket {
  rte_mbuf* mbuf;
  uint8_t* ip;                // its IP header, without those of a tunnel
  const RouteTarget* target;  // null: it is left to the pipeline
  uint32_t ip_bytes;          // of the IP packet
  uint32_t carried_bytes;     // of what the tunnel carried; from a port: 0
  BridgePortId in, out;       // tunnels; 0: ports
  PortId port;                // where it leaves
  uint8_t index;              // in the burst
  bool ipv6;
  bool has_outer_fields;  // RoutedPacket::outer changes it
  OuterFields outer;      // of the tunnel's header
};
static_assert(sizeof(RoutedPacket) == 64);

struct RoutedBurst {
  RoutedBurst(Worker& its_worker, PortId port_id, rte_mbuf** its_mbufs, unsigned its_n) noexcept
      : worker(its_worker),
        snapshot(*its_worker.snapshot),
        port(snapshot.ports[port_id]),
        mbufs(its_mbufs),
        n(its_n) {}

  Worker& worker;
  const Snapshot& snapshot;
  const PortEntry& port;
  rte_mbuf** mbufs;
  unsigned n;
  Room<RoutedPacket> packets;  // those that were read, in their order
  unsigned count = 0;          // of them
  uint32_t bytes = 0;          // of their frames, as they came in
  uint64_t unread = 0;         // bits of the others, by their index in the burst
};

// Reads what is plain in the burst, as far as the IP header that is routed, and looks up its route:
// of a VRF's port, or of tunnels that come in by the underlay. What a tunnel carries is read in any
// case, and RoutedPacket::target null where it is not plain.
void read_from_vrf(RoutedBurst& burst) noexcept;
void read_from_tunnels(RoutedBurst& burst) noexcept;

}  // namespace adit
