// SPDX-License-Identifier: Apache-2.0
// The compiled configuration. Control builds it and never changes it afterwards; workers
// load the pointer once a burst; it is freed when every worker has left it (RCU).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "adit/addr.h"
#include "adit/flat_table.h"
#include "adit/ids.h"
#include "adit/rate_limit.h"

namespace adit {

struct PortEntry {
  MacAddr mac;
  bool is_underlay = false;           // has IP addresses
  bool tx_multi_segs = false;         // takes chained buffers
  BridgePortId untagged = 0;          // member for frames without tag
  std::vector<BridgePortId> by_vlan;  // member per VLAN id: 4096 entries, or none at all
};

enum class BridgePortKind : uint8_t { kNone, kAccess, kTunnel };

// Where a network's frames come from and go to: a port and VLAN, or a remote. Two cache
// lines, of which an access port needs the first.
struct alignas(64) BridgePort {
  static constexpr uint8_t kLearning = 1;
  static constexpr uint8_t kCarryVlans = 2;

  BridgePortKind kind = BridgePortKind::kNone;
  uint8_t tunnel = 0;      // index in tunnel_registry()
  uint8_t header_len = 0;  // bytes of `header` in use
  uint8_t flags = 0;       // of its network: kLearning, kCarryVlans
  NetworkId network = 0;
  PortId port = 0;               // frames leave here
  uint16_t vlan_id = 0;          // tag to put on, 0: none
  uint16_t split_group = 0;      // no frame goes between members of one group, 0: no group
  uint32_t max_frame_bytes = 0;  // longest frame that fits, from its Ethernet header on
  AdjacencyId adjacency = 0;     // next hop of a remote
  uint32_t checksum_base = 0;    // sum of the outer IPv4 header without length, ECN and checksum
  std::array<uint8_t, 104> header = {};  // template: Ethernet to tunnel header
};
static_assert(sizeof(BridgePort) == 128);

struct NetworkEntry {
  uint32_t flood_begin = 0;  // in Snapshot::flood_lists
  uint32_t flood_end = 0;
  // Per worker: control has divided the configured rates.
  RateLimit broadcast, multicast, unknown_unicast;
};

struct UdpTunnel {
  uint16_t port = 0;  // UDP destination port, host order
  uint8_t tunnel = 0;
};

struct Snapshot {
  uint64_t generation = 0;
  std::vector<PortEntry> ports;           // by PortId
  std::vector<BridgePort> bridge_ports;   // by BridgePortId; unused ones have kind kNone
  std::vector<NetworkEntry> networks;     // by NetworkId
  std::vector<BridgePortId> flood_lists;  // every network's bridge ports, access ports first
  FlatTable local_addresses;              // IPv4 address (raw be32) -> 1
  FlatTable remotes;                      // remote_key() -> BridgePortId
  FlatTable tunnel_ids;                   // tunnel_id_key() -> NetworkId; only to name a drop
  std::vector<UdpTunnel> udp_tunnels;
};

// An IPv4 sender, the tunnel kind (index in tunnel_registry()) and its 24-bit network id.
constexpr uint64_t remote_key(uint32_t src_raw, uint8_t tunnel, uint32_t id) noexcept {
  return uint64_t{src_raw} << 32 | uint64_t{tunnel} << 24 | id;
}
constexpr uint64_t tunnel_id_key(uint8_t tunnel, uint32_t id) noexcept {
  return remote_key(0, tunnel, id);
}

}  // namespace adit
