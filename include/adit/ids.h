// SPDX-License-Identifier: Apache-2.0
// Stable identifiers. State that outlives a Snapshot (learned MACs, counters, held packets) keeps
// ids, never pointers. An id keeps its meaning over every reload, and is assigned again only after
// all workers have left the snapshot that used it.
#pragma once

#include <cstdint>

#include "adit/addr.h"

namespace adit {

using PortId = uint16_t;          // from 0; a port keeps its id over reloads
using NetworkId = uint16_t;       // 0: none
using BridgePortId = uint32_t;    // 0: none
using AdjacencyId = uint32_t;     // 0: none
using VrfId = uint16_t;           // 0: the underlay; a VRF keeps its id over reloads
using LinkId = uint32_t;          // where neighbours have MAC addresses: see below
using SubinterfaceId = uint16_t;  // 0: none; a VLAN of a port, in a VRF
using ServiceId = uint32_t;       // 0: none
using BackendId = uint32_t;       // 0: none; of a backend within its service

inline constexpr unsigned kMaxPorts = 1023;
inline constexpr PortId kNoPort = UINT16_MAX;
inline constexpr unsigned kMaxNetworks = 65534;
inline constexpr unsigned kMaxBridgePorts = 1 << 20;  // members and remotes of all networks
inline constexpr unsigned kMaxVrfs = 4096;
inline constexpr unsigned kMaxNextHops = 1 << 16;  // in the configuration
inline constexpr unsigned kMaxHosts = 1 << 16;     // on the subnets of routed links
inline constexpr unsigned kMaxAdjacencies = kMaxNextHops + kMaxHosts;  // hosts come last
inline constexpr unsigned kMaxSubinterfaces = 16384;
inline constexpr unsigned kMaxServices = 65535;
inline constexpr unsigned kMaxBackends = 1 << 18;  // of all services
inline constexpr unsigned kMaxBurst = 64;

// A link is a port, a network that has a gateway, or a VLAN subinterface. Their LinkIds are in this
// order, and those of ports are PortIds.
inline constexpr LinkId kFirstNetworkLink = kMaxPorts;
inline constexpr LinkId kFirstSubinterfaceLink = kFirstNetworkLink + kMaxNetworks + 1;
inline constexpr unsigned kMaxLinks = kFirstSubinterfaceLink + kMaxSubinterfaces + 1;
// Each function to a port, network or subinterface is for links of that kind only.
constexpr bool is_port_link(LinkId link) noexcept {
  return link < kFirstNetworkLink;
}
constexpr LinkId network_link(NetworkId network) noexcept {
  return kFirstNetworkLink + network;
}
constexpr bool is_network_link(LinkId link) noexcept {
  return link >= kFirstNetworkLink && link < kFirstSubinterfaceLink;
}
constexpr NetworkId network_of_link(LinkId link) noexcept {
  return static_cast<NetworkId>(link - kFirstNetworkLink);
}
constexpr LinkId subinterface_link(SubinterfaceId id) noexcept {
  return kFirstSubinterfaceLink + id;
}
constexpr SubinterfaceId subinterface_of_link(LinkId link) noexcept {
  return static_cast<SubinterfaceId>(link - kFirstSubinterfaceLink);
}

// A tenant: the underlay, a VRF, or a network. Resources that tenants share are divided by it.
using TenantId = uint32_t;
inline constexpr TenantId kUnderlayTenant = 0;
inline constexpr TenantId kFirstNetworkTenant = 1 << 16;  // above all VrfIds
inline constexpr unsigned kMaxTenants = kFirstNetworkTenant + kMaxNetworks + 1;
// VRF 0 is the underlay.
constexpr TenantId tenant_of_vrf(VrfId vrf) noexcept {
  return vrf;
}
constexpr TenantId tenant_of_network(NetworkId network) noexcept {
  return kFirstNetworkTenant + network;
}

// The FDB's key: the network in the upper 16 bits, the MAC in the lower 48.
constexpr uint64_t fdb_key(NetworkId network, const MacAddr& mac) noexcept {
  return uint64_t{network} << 48 | mac.to_u64();
}
// The two parts of an fdb_key().
constexpr NetworkId fdb_key_network(uint64_t key) noexcept {
  return static_cast<NetworkId>(key >> 48);
}
constexpr MacAddr fdb_key_mac(uint64_t key) noexcept {
  return MacAddr::from_u64(key & 0xffff'ffff'ffff);
}

}  // namespace adit
