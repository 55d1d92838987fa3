// SPDX-License-Identifier: Apache-2.0
// Messages between workers and control, through bounded rings.
#pragma once

#include <cstdint>
#include <type_traits>

#include "adit/addr.h"
#include "adit/ids.h"

struct rte_mbuf;

namespace adit {

// Flags of a neighbour message (RFC 4861 section 4.4). An ARP reply counts as solicited; every ARP
// message has the override flag.
namespace claim {
inline constexpr uint8_t kSolicited = 1;
inline constexpr uint8_t kOverride = 2;
inline constexpr uint8_t kNoMac = 4;  // the message has no MAC: Event::mac is not valid
}  // namespace claim

// Worker to control.
struct Event {
  enum class Kind : uint32_t {
    kMacSeen,          // fdb_key was received from bridge_port, unlike in the FDB
    kNeighbourSeen,    // ARP or neighbour discovery: ip on link has mac
    kAddressConflict,  // mac on link uses ip, which is ours
    kNeighbourWanted,  // packets wait for this adjacency
    kRemoteSeen,       // ip sent to network, which learns remotes
    kHostWanted,       // packets wait for ip, on a subnet of the routed link
  };
  Kind kind;
  union {
    BridgePortId bridge_port;
    AdjacencyId adjacency;
    LinkId link;
    NetworkId network;
  };
  TenantId tenant;  // uses this tenant's share of the ring; see report()
  uint64_t fdb_key;
  IpAddr ip;
  MacAddr mac;
  uint8_t claim = 0;  // kNeighbourSeen: claim::k...
};

// Control to worker: send an ARP request or neighbour solicitation for target_ip, by broadcast or
// multicast if destination_mac is broadcast, else by unicast. If source_ip equals target_ip,
// announce our own address instead. Or send the link's router advertisement, or an IP packet.
struct Command {
  enum class Kind : uint8_t {
    kSolicit,
    kAdvertiseRouter,  // only `link` is used
    kCeaseRouter,      // the same, with a router lifetime of 0
    kSendPacket,       // only `packet` and what follows it are used
  };
  LinkId link;
  MacAddr source_mac;
  MacAddr destination_mac;
  IpAddr source_ip;
  IpAddr target_ip;
  Kind kind = Kind::kSolicit;
  rte_mbuf* packet = nullptr;  // begins with its IP header
  VrfId vrf = 0;               // whose routes it takes
  BackendId backend = 0;       // other than 0: it goes to this backend, as its clients' packets do
};

static_assert(std::is_trivially_copyable_v<Event> && std::is_trivially_copyable_v<Command>);

}  // namespace adit
