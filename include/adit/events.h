// SPDX-License-Identifier: Apache-2.0
// What workers and control tell each other, through bounded rings.
#pragma once

#include <cstdint>
#include <type_traits>

#include "adit/addr.h"
#include "adit/ids.h"

namespace adit {

// What a message says of a neighbour beside its MAC (RFC 4861 section 4.4). An ARP reply is
// solicited; all of ARP overrides what was known.
namespace claim {
inline constexpr uint8_t kSolicited = 1;
inline constexpr uint8_t kOverride = 2;
inline constexpr uint8_t kNoMac = 4;  // it leaves the MAC out: Event::mac counts for nothing
}  // namespace claim

// Worker to control.
struct Event {
  enum class Kind : uint32_t {
    kMacSeen,          // fdb_key came in by bridge_port, and the FDB says otherwise
    kNeighbourSeen,    // ip on link has mac, says an ARP packet or neighbour discovery
    kAddressConflict,  // mac on link uses ip, which is ours
    kNeighbourWanted,  // packets wait for this adjacency
    kRemoteSeen,       // ip sent into network, which learns remotes
    kHostWanted,       // packets wait for ip, on a subnet of the routed link
  };
  Kind kind;
  union {
    BridgePortId bridge_port;
    AdjacencyId adjacency;
    LinkId link;
    NetworkId network;
  };
  TenantId tenant;  // whose share of the ring it takes; see report()
  uint64_t fdb_key;
  IpAddr ip;
  MacAddr mac;
  uint8_t claim = 0;  // kNeighbourSeen: claim::k...
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
