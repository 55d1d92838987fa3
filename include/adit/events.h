// SPDX-License-Identifier: Apache-2.0
// What workers and control tell each other, through bounded rings.
#pragma once

#include <cstdint>
#include <type_traits>

#include "adit/addr.h"
#include "adit/ids.h"

namespace adit {

// Worker to control.
struct Event {
  enum class Kind : uint32_t {
    kMacSeen,          // fdb_key came in by bridge_port, and the FDB says otherwise
    kNeighbourSeen,    // ip on link has mac, says an ARP packet
    kNeighbourWanted,  // packets wait for this adjacency
    kRemoteSeen,       // ip sent into network, which learns remotes
    kHostWanted,       // packets wait for ip, on a subnet of the routed link
    kRouterSolicited,  // a host on link asks who routes
  };
  Kind kind;
  union {
    BridgePortId bridge_port;
    AdjacencyId adjacency;
    LinkId link;
    NetworkId network;
  };
  uint64_t fdb_key;
  IpAddr ip;
  MacAddr mac;
};

// Control to worker: send an ARP request or a neighbour solicitation for target_ip. With a
// broadcast destination_mac it asks everyone, else just that neighbour. Where source_ip is
// target_ip it announces our own address instead. Or send the link's router advertisement.
struct Command {
  enum class Kind : uint8_t {
    kAsk,
    kAdvertiseRouter,  // of the rest, `link` alone counts
    kCeaseRouter,      // the same, with a lifetime of 0: no router any more
  };
  LinkId link;
  MacAddr source_mac;
  MacAddr destination_mac;
  IpAddr source_ip;
  IpAddr target_ip;
  Kind kind = Kind::kAsk;
};

static_assert(std::is_trivially_copyable_v<Event> && std::is_trivially_copyable_v<Command>);

}  // namespace adit
