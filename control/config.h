// SPDX-License-Identifier: Apache-2.0
// The configuration as typed values, after the YAML walker has checked every key, type,
// range and reference. Nothing here is invalid; defaults are filled in.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "adit/addr.h"
#include "adit/tunnel_kinds.h"

namespace adit {

enum class PollMode { kAdaptive, kBusy };
enum class HugepageMode { kAuto, kYes, kNo };
enum class LogTarget { kStderr, kJournald, kSyslog };
enum class LogLevel { kDebug, kInfo, kWarn, kError };

// `system:`; a change of any of these takes a restart.
struct SystemConfig {
  std::optional<unsigned> workers;  // 1..64; none: auto, one per core but the first
  PollMode poll = PollMode::kAdaptive;
  HugepageMode hugepages = HugepageMode::kAuto;
  std::optional<unsigned> memory_mb;  // 64..1048576; none: by the number of buffers
  std::optional<unsigned> mbufs;      // 1024..16777216 buffers; none: by ports and queues
  uint32_t fdb_capacity = 65536;      // 1024..16777216 MAC addresses over all networks
  std::string socket = "/run/adit/adit.sock";
  LogTarget log_target = LogTarget::kStderr;
  LogLevel log_level = LogLevel::kInfo;
  friend bool operator==(const SystemConfig&, const SystemConfig&) = default;
};

// What stands in `device:` of a port, e.g. "tap:red0": kind kTap, argument "red0".
enum class OffloadMode { kAuto, kOff };
enum class DeviceKind { kPci, kTap, kAfPacket, kAfXdp, kVdev };
struct Device {
  DeviceKind kind = DeviceKind::kTap;
  std::string argument;  // PCI address, interface name, or the whole vdev string
  friend bool operator==(const Device&, const Device&) = default;
};

// One entry of `ports:`. All but `addresses` takes a restart to change.
struct PortConfig {
  std::string name;
  Device device;
  unsigned mtu_bytes = 1500;  // 576..65000, the IP packet's size, without Ethernet header
  std::optional<MacAddr> mac;
  bool promiscuous = false;           // access ports are always promiscuous, whatever stands here
  std::optional<unsigned> rx_queues;  // 1..64; none: one per worker, as many as the NIC has
  std::optional<unsigned> tx_queues;
  unsigned rx_ring = 1024;  // 64..8192 descriptors, power of two
  unsigned tx_ring = 1024;
  // Frames with checksum and segmentation left to the receiver; auto: with TAP interfaces.
  OffloadMode offload = OffloadMode::kAuto;
  std::vector<IpPrefix> addresses;  // with any, the port is of the underlay, or of a VRF
  friend bool operator==(const PortConfig&, const PortConfig&) = default;
};

// One entry of `routes:`.
struct RouteConfig {
  IpPrefix to;  // host bits zero
  IpAddr via;   // on a connected subnet of some port
  friend bool operator==(const RouteConfig&, const RouteConfig&) = default;
};

// One entry of `neighbours:`; never asked for, never aged.
struct NeighbourConfig {
  IpAddr address;  // on a connected subnet of some port
  MacAddr mac;
  friend bool operator==(const NeighbourConfig&, const NeighbourConfig&) = default;
};

// `tunnels:` `vxlan:` and so on: what all tunnels of a kind have in common.
struct TunnelConfig {
  uint16_t port = 0;            // 1..65535, of kinds that have one; default: the kind's
  uint8_t ttl = 64;             // 1..255, of the outer header
  uint8_t dscp = 0;             // 0..63, of the outer header
  bool zero_checksum6 = false;  // UDP over IPv6: send no checksum, accept none (RFC 6935)
  // STT: frames that are not complete yet. MiB of packet buffers for each worker, 1..1024, and
  // of these for each sender, no more than that.
  unsigned reassembly_mb = 8;
  unsigned reassembly_peer_mb = 2;
  unsigned reassembly_timeout_ms = 1000;  // 10..60000 after the frame's first segment
  friend bool operator==(const TunnelConfig&, const TunnelConfig&) = default;
};

// Pipe: what is configured. Uniform: copied from the inner IP header (RFC 2983).
enum class HeaderMode { kPipe, kUniform };
enum class DfPolicy { kSet, kClear, kInherit };

// `tunnel:` of a network and of a remote; what is not there comes from the one above, at last
// from `tunnels:`.
struct TunnelOptions {
  std::optional<uint8_t> ttl = {};
  std::optional<uint8_t> dscp = {};
  std::optional<HeaderMode> ttl_mode = {};   // default: pipe
  std::optional<HeaderMode> dscp_mode = {};  // default: pipe
  std::optional<DfPolicy> df = {};           // default: set
  friend auto operator<=>(const TunnelOptions&, const TunnelOptions&) = default;
};

// What becomes of a frame that does not fit its way out.
enum class TooBig { kIcmp, kFragment, kDrop };

// One entry of a network's `members:`.
struct MemberConfig {
  std::string port;
  std::optional<uint16_t> vlan;  // 1..4094; none: untagged frames (and those tagged VLAN 0)
  friend auto operator<=>(const MemberConfig&, const MemberConfig&) = default;
};

// One entry of a network's `remotes:`.
struct RemoteConfig {
  IpAddr address;
  TunnelKind kind = TunnelKind::kVxlan;
  std::optional<uint64_t> id = {};  // within the kind's range; none: the network's VNI, GRE: no key
  bool checksum = false;            // GRE
  bool sequence = false;            // GRE
  // 0..65000, 0: no group; none: all remotes of the kind that do not say otherwise.
  std::optional<uint16_t> split_horizon = {};
  TunnelOptions tunnel = {};
  friend auto operator<=>(const RemoteConfig&, const RemoteConfig&) = default;
};

// One entry of a network's `static_macs:`: behind a member or behind a remote.
struct StaticMacConfig {
  MacAddr mac;                         // unicast, not zero
  std::optional<MemberConfig> member;  // exactly one of the two
  std::optional<IpAddr> remote;
  friend bool operator==(const StaticMacConfig&, const StaticMacConfig&) = default;
};

// One entry of `networks:`.
struct NetworkConfig {
  std::string name;
  uint32_t vni = 0;  // 1..16777215
  std::vector<MemberConfig> members;
  std::vector<RemoteConfig> remotes;
  bool learning = true;
  bool carry_vlans = false;    // frames may carry a (further) 802.1Q tag
  unsigned mac_aging_s = 300;  // 10..1000000
  uint32_t mac_limit = 16384;  // 0..16777216 learned addresses; beyond, none is learned
  std::vector<StaticMacConfig> static_macs;
  // Packets per second over all workers; none: no limit. 1..1000000000
  std::optional<uint32_t> broadcast_pps;
  std::optional<uint32_t> multicast_pps;
  std::optional<uint32_t> unknown_unicast_pps = {};
  TunnelOptions tunnel = {};
  TooBig too_big = TooBig::kIcmp;
  bool mss_clamp = false;
  bool learn_remotes = false;
  TunnelKind learn_kind = TunnelKind::kVxlan;
  uint32_t learn_limit = 64;  // 1..65536 learned remotes
  friend bool operator==(const NetworkConfig&, const NetworkConfig&) = default;
};

// The id that the remote's packets carry; none only for a kind that can do without.
inline std::optional<uint64_t> effective_id(const NetworkConfig& network,
                                            const RemoteConfig& remote) {
  if (remote.id || !info_of(remote.kind).needs_id) return remote.id;
  return network.vni;
}

// One entry of a VRF's `tunnels:`.
struct VrfTunnelConfig {
  std::string name;
  IpAddr address;                        // the other end, in the underlay
  TunnelKind kind = TunnelKind::kGreIp;  // one of those that carry IP
  std::optional<uint64_t> id = {};       // GRE: key
  bool checksum = false;                 // GRE
  bool sequence = false;                 // GRE
  std::vector<IpPrefix> addresses;       // own ones within the VRF, with their subnets
  TunnelOptions tunnel = {};
  friend bool operator==(const VrfTunnelConfig&, const VrfTunnelConfig&) = default;
};

// One entry of a VRF's `routes:`, with exactly one of `via` and `tunnel`.
struct VrfRouteConfig {
  IpPrefix to;                     // host bits zero
  std::optional<IpAddr> via = {};  // on the subnet of one of the VRF's ports
  std::optional<std::string> tunnel = {};
  friend bool operator==(const VrfRouteConfig&, const VrfRouteConfig&) = default;
};

// One entry of `vrfs:`, a routing table of its own.
struct VrfConfig {
  std::string name;
  std::vector<std::string> ports;  // each in one VRF at most, and with addresses
  std::vector<VrfTunnelConfig> tunnels;
  std::vector<VrfRouteConfig> routes;
  std::vector<NeighbourConfig> neighbours;  // on the ports' subnets
  friend bool operator==(const VrfConfig&, const VrfConfig&) = default;
};

using TunnelConfigs = std::array<TunnelConfig, kTunnelKindCount>;  // by tunnel_index()

constexpr TunnelConfigs default_tunnels() {
  TunnelConfigs tunnels;
  for (size_t i = 0; i < tunnels.size(); ++i) tunnels[i].port = kTunnelKinds[i].default_port;
  return tunnels;
}

struct Config {
  SystemConfig system;
  std::vector<PortConfig> ports;  // in the file's order, as are all lists
  std::vector<RouteConfig> routes;
  std::vector<NeighbourConfig> neighbours;
  TunnelConfigs tunnels = default_tunnels();
  bool reassemble = false;  // fragments of outer packets
  std::vector<NetworkConfig> networks;
  std::vector<VrfConfig> vrfs;
  friend bool operator==(const Config&, const Config&) = default;
};

// Index of the VRF that each port is in, by PortId; none: the port is of the underlay, or a
// network's. `Any`: Config, or a draft of one.
template <class Any>
std::vector<std::optional<size_t>> vrfs_of_ports(const Any& config) {
  std::unordered_map<std::string, size_t> vrf_of;
  for (size_t i = 0; i < config.vrfs.size(); ++i)
    for (const std::string& port : config.vrfs[i].ports) vrf_of.emplace(port, i);
  std::vector<std::optional<size_t>> vrfs;
  for (const auto& port : config.ports) {
    const auto found = vrf_of.find(port.name);
    vrfs.push_back(found == vrf_of.end() ? std::nullopt : std::optional(found->second));
  }
  return vrfs;
}

}  // namespace adit
