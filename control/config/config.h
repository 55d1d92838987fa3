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
#include "adit/bond.h"
#include "adit/ids.h"
#include "adit/scheduler_ops.h"
#include "adit/tunnel_keys.h"
#include "adit/tunnel_kinds.h"
#include "base/log_options.h"
#include "health/check_options.h"

namespace adit {

enum class PollMode { kAdaptive, kBusy };
enum class HugepageMode { kAuto, kYes, kNo };

// `system:`; a change of any of these needs a restart.
inline constexpr char kAutoUser[] = "auto";
struct SystemConfig {
  std::optional<unsigned> workers;  // 1..64; none: auto, one per core but the first
  PollMode poll = PollMode::kAdaptive;
  HugepageMode hugepages = HugepageMode::kAuto;
  std::optional<unsigned> memory_mb;  // 64..1048576; none: by the number of buffers
  std::optional<unsigned> mbufs;      // 1024..16777216 buffers; none: by ports and queues
  uint32_t fdb_capacity = 65536;      // 1024..16777216 MAC addresses over all networks
  std::string socket = "/run/adit/adit.sock";
  std::string user = kAutoUser;  // an account that there is; kAutoUser: `adit` where ports allow
  LogTarget log_target = LogTarget::kStderr;
  LogLevel log_level = LogLevel::kInfo;
  friend bool operator==(const SystemConfig&, const SystemConfig&) = default;
};

// What stands in `device:` of a port, e.g. "tap:red0": kind kTap, argument "red0".
enum class OffloadMode { kAuto, kOff };
enum class Steer { kAuto, kAll };
enum class DeviceKind { kPci, kTap, kAfPacket, kAfXdp, kVdev, kBond };
struct Device {
  DeviceKind kind = DeviceKind::kTap;
  std::string argument;  // PCI address, interface name, or the whole vdev string; of a bond empty
  friend bool operator==(const Device&, const Device&) = default;
};

// `bond:` of a port.
struct BondConfig {
  BondMode mode = BondMode::kActiveBackup;
  std::vector<Device> members = {};    // 1..kMaxBondMembers, no bonds among them
  std::optional<Device> primary = {};  // one of them
  BondHash hash_policy = BondHash::kLayer34;
  LacpSelect lacp_select = LacpSelect::kStable;
  unsigned link_check_ms = 20;  // 10..1000, between two looks at the members' links
  unsigned up_delay_ms = 0;     // 0..60000, for which the bond's link has to be up
  unsigned down_delay_ms = 0;   // likewise, down
  friend bool operator==(const BondConfig&, const BondConfig&) = default;
};

// `router_advertisements:` of a link that a VRF routes (RFC 4861 section 6.2.1).
struct RouterAdvertisements {
  unsigned interval_s = 600;  // 4..1800, between two at most
  // 0, or interval_s..9000, that hosts use us as their router; none: three intervals.
  std::optional<unsigned> lifetime_s = {};
  bool autonomous = true;          // hosts make addresses in subnets of 64 bits
  bool mtu = true;                 // hosts are told that of the link
  std::vector<IpAddr> rdnss = {};  // DNS servers, IPv6 (RFC 8106)
  friend bool operator==(const RouterAdvertisements&, const RouterAdvertisements&) = default;
};

// The id of a port: no part of what the file says, so that configurations may be equal without it.
struct PortNumber {
  PortId value = 0;
  operator PortId() const noexcept { return value; }
  friend bool operator==(const PortNumber&, const PortNumber&) { return true; }
};

// One entry of `ports:`.
struct PortConfig {
  std::string name;
  PortNumber id = {};                   // the parser's: the place in the file; see port_ids.h
  Device device;                        // of a bond: kBond
  std::optional<BondConfig> bond = {};  // in place of a device
  unsigned mtu_bytes = 1500;            // 576..65000, the IP packet's size, without Ethernet header
  std::optional<MacAddr> mac;
  bool promiscuous = false;           // access ports are always promiscuous, whatever stands here
  std::optional<unsigned> rx_queues;  // 1..64; none: one per worker, as many as the NIC has
  std::optional<unsigned> tx_queues;
  unsigned rx_ring = 1024;  // 64..8192 descriptors, power of two
  unsigned tx_ring = 1024;
  // Frames with checksum and segmentation left to the receiver; auto: with TAP interfaces.
  OffloadMode offload = OffloadMode::kAuto;
  // With AF_XDP, auto: the kernel keeps what is not adit's.
  Steer steer = Steer::kAuto;
  std::vector<IpPrefix> addresses;  // with any, the port is of the underlay, or of a VRF
  std::optional<RouterAdvertisements> router_advertisements = {};  // of a VRF's port
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
  TunnelValues own = {};        // of the kind's own keys: tunnel_keys()
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

// One entry of a network's `static_macs:`: behind a member, `port` and `vlan`, or behind a remote.
struct StaticMacConfig {
  MacAddr mac;                           // unicast, not zero
  std::optional<std::string> port = {};  // exactly one of port and remote
  std::optional<uint16_t> vlan = {};
  std::optional<IpAddr> remote = {};
  friend bool operator==(const StaticMacConfig&, const StaticMacConfig&) = default;
};

// `kernel_fdb:` of a network: a VXLAN interface of the kernel whose remotes and MACs it takes.
struct KernelFdbConfig {
  std::string interface;
  std::optional<std::string> network_namespace = {};  // of `ip netns`; default: our own
  uint32_t limit = 1024;                              // 1..65536 remotes
  std::optional<std::string> announce = {};  // behind which of its interfaces members' MACs are
  friend bool operator==(const KernelFdbConfig&, const KernelFdbConfig&) = default;
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
  std::optional<KernelFdbConfig> kernel_fdb = {};
  bool learn_remotes = false;
  TunnelKind learn_kind = TunnelKind::kVxlan;
  uint32_t learn_limit = 64;  // 1..65536 learned remotes
  friend bool operator==(const NetworkConfig&, const NetworkConfig&) = default;
};

// Whether remotes come to it beside those of the file, and how many at most.
inline bool takes_remotes(const NetworkConfig& network) {
  return network.learn_remotes || network.kernel_fdb.has_value();
}
inline uint32_t taken_remotes_limit(const NetworkConfig& network) {
  return (network.learn_remotes ? network.learn_limit : 0) +
         (network.kernel_fdb ? network.kernel_fdb->limit : 0);
}

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
  std::optional<IpAddr> via = {};  // on the subnet of one of the VRF's ports or networks
  std::optional<std::string> tunnel = {};
  friend bool operator==(const VrfRouteConfig&, const VrfRouteConfig&) = default;
};

// One entry of a VRF's `networks:`, the gateway of that network.
struct GatewayConfig {
  std::string name;  // the network's
  std::vector<IpPrefix> addresses;
  std::optional<MacAddr> mac = {};         // none: default_gateway_mac()
  std::optional<unsigned> mtu_bytes = {};  // 576..65000; none: what fits every bridge port
  std::optional<RouterAdvertisements> router_advertisements = {};
  friend bool operator==(const GatewayConfig&, const GatewayConfig&) = default;
};

// One entry of a VRF's `vlans:`, a VLAN of a port as an interface of the VRF.
struct VlanConfig {
  std::string port;
  uint16_t vlan = 0;                       // 1..4094
  std::vector<IpPrefix> addresses;         // at least one
  std::optional<unsigned> mtu_bytes = {};  // 576..65000, of the IP packet; none: the port's
  std::optional<RouterAdvertisements> router_advertisements = {};
  friend bool operator==(const VlanConfig&, const VlanConfig&) = default;
};

// Networks have a VNI of their own each, and so has each of their gateways a MAC.
constexpr MacAddr default_gateway_mac(uint32_t vni) {
  return MacAddr::from_u64(0x02ad'1700'0000 | vni);
}
inline MacAddr gateway_mac(const NetworkConfig& network, const GatewayConfig& gateway) {
  return gateway.mac.value_or(default_gateway_mac(network.vni));
}

// `kernel_routes:` of a VRF: a routing table of the kernel whose routes it takes.
struct KernelRoutesConfig {
  uint32_t table = 0;
  std::optional<std::string> network_namespace = {};  // of `ip netns`; default: our own
  uint32_t limit = 131'072;                           // routes
  friend bool operator==(const KernelRoutesConfig&, const KernelRoutesConfig&) = default;
};

// `kernel_neighbours:` of a VRF or of the underlay: interfaces of the kernel whose neighbours it
// takes.
struct KernelNeighboursConfig {
  std::vector<std::string> interfaces;                // at least one, each once
  std::optional<std::string> network_namespace = {};  // of `ip netns`; default: our own
  uint32_t limit = 65536;                             // neighbours
  friend bool operator==(const KernelNeighboursConfig&, const KernelNeighboursConfig&) = default;
};

// `host:` of a VRF or of the underlay: an interface of the kernel with its addresses, to which
// packets go that are for them and that adit does not answer itself.
struct HostConfig {
  std::string interface;
  std::optional<std::string> network_namespace = {};  // of `ip netns`; default: our own
  friend bool operator==(const HostConfig&, const HostConfig&) = default;
};

// One entry of `vrfs:`, a routing table of its own.
struct VrfConfig {
  std::string name;
  std::vector<std::string> ports;       // each in one VRF at most, and with addresses
  std::vector<GatewayConfig> networks;  // each in one VRF at most
  std::vector<VlanConfig> vlans;        // each port and VLAN in one VRF at most, and in no network
  std::vector<VrfTunnelConfig> tunnels;
  std::vector<VrfRouteConfig> routes;
  std::optional<KernelRoutesConfig> kernel_routes = {};
  std::optional<KernelNeighboursConfig> kernel_neighbours = {};
  std::optional<HostConfig> host = {};
  std::vector<NeighbourConfig> neighbours;  // on the ports' and networks' subnets
  bool mss_clamp = false;
  uint32_t connections = 0;  // of its services, over all workers; 0: by what is free
  friend bool operator==(const VrfConfig&, const VrfConfig&) = default;
};

// What stands for the underlay where a VRF is named.
inline constexpr const char* kUnderlayName = "underlay";

enum class Protocol : uint8_t { kTcp = 6, kUdp = 17, kSctp = 132 };

// One entry of a service's `backends:`.
struct BackendConfig {
  IpAddr address;
  uint16_t port = 0;                          // 0: that of the packet
  uint16_t weight = 1;                        // 0: drained
  std::optional<Forwarding> forwarding = {};  // default: the service's
  std::optional<std::string> vrf = {};        // another one than the service's
  uint32_t upper_connections = 0;             // 0: no threshold
  uint32_t lower_connections = 0;             // 0: three quarters of the upper one
  friend bool operator==(const BackendConfig&, const BackendConfig&) = default;
};

// What becomes of a backend's connections when it goes down: they are forgotten at their next
// packet, or go on.
enum class OnDown : uint8_t { kExpire, kKeep };

// Seconds without a packet after which a connection is forgotten, by its state; 1..86400.
struct TimeoutsConfig {
  uint32_t none_s = 2, syn_sent_s = 120, syn_recv_s = 60, synack_s = 120, established_s = 900,
           fin_wait_s = 120, time_wait_s = 120, close_s = 10, close_wait_s = 60, last_ack_s = 30,
           listen_s = 120, udp_s = 300, sctp_s = 900, udp_new_s = 30;
  friend bool operator==(const TimeoutsConfig&, const TimeoutsConfig&) = default;
};
// Those of one service, which leaves the others to the former.
struct ServiceTimeoutsConfig {
  std::optional<uint32_t> none_s, syn_sent_s, syn_recv_s, synack_s, established_s, fin_wait_s,
      time_wait_s, close_s, close_wait_s, last_ack_s, listen_s, udp_s, sctp_s, udp_new_s;
  friend bool operator==(const ServiceTimeoutsConfig&, const ServiceTimeoutsConfig&) = default;
};

// Over all workers; 0: no limit.
struct ConnectionLimits {
  uint32_t connections = 0;               // at one time
  uint32_t connections_per_s = 0;         // new ones of the service
  uint32_t source_connections_per_s = 0;  // of a client's address, of its /64 with IPv6
  friend bool operator==(const ConnectionLimits&, const ConnectionLimits&) = default;
};

// `persistence:` of a service: a client's connections go to one backend.
struct PersistenceConfig {
  uint32_t timeout_s = 300;                // 1..2678400, after the last of them began
  uint8_t netmask_bits = 32;               // 1..32, of an IPv4 address, that tell clients apart
  uint8_t ipv6_prefix_bits = 128;          // 1..128, the same of an IPv6 address
  bool expire_quiescent_template = false;  // those of a drained backend go to another one
  friend bool operator==(const PersistenceConfig&, const PersistenceConfig&) = default;
};

// One entry of `services:`, known by its fwmark (`mark` in YAML), or by address, protocol and port.
struct ServiceConfig {
  std::string name;
  std::string vrf = kUnderlayName;  // where the virtual address is
  IpAddr address;
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;                       // 0: all ports that no other service of the address has
  std::optional<uint16_t> last_port = {};  // of a range that begins with `port`
  std::string scheduler = "wlc";
  SchedulerOptions scheduler_options = {};
  Forwarding forwarding = Forwarding::kNat;
  WrapKind wrap = WrapKind::kIpip;
  uint16_t gue_port = 6080;  // UDP destination port
  bool one_packet = false;   // UDP: each packet is scheduled by itself
  Unmatched unmatched = Unmatched::kDrop;
  ClientAddress client_address = ClientAddress::kNone;  // kNone where not TCP by NAT or full NAT
  std::vector<IpAddr> local_addresses;                  // of full NAT
  std::vector<BackendConfig> backends;
  std::optional<HealthOptions> health = {};  // of all backends; none: they count as up
  OnDown on_down = OnDown::kExpire;
  // 0..3600, for a backend that comes up, or to a running service; 0: at once.
  unsigned slow_start_s = 0;
  // 0..86400, after which UDP flows leave a backend of weight 0; 0: they stay. None: the timeout of
  // such flows, after which the silent ones are gone.
  std::optional<unsigned> drain_udp_s = {};
  std::optional<BackendConfig> sorry = {};  // takes connections when no backend does
  ServiceTimeoutsConfig timeouts = {};
  ConnectionLimits limits = {};
  uint32_t fwmark = 0;  // 0: none
  std::optional<PersistenceConfig> persistence = {};
  friend bool operator==(const ServiceConfig&, const ServiceConfig&) = default;
};

// One entry of `classifier:`. The first rule that matches a packet that begins a connection gives
// the fwmark. What a rule does not name, matches all.
struct FwmarkRuleConfig {
  uint32_t fwmark = 0;  // 0: none
  std::string vrf = kUnderlayName;
  std::vector<IpPrefix> destinations;  // at least one, all of one IP version, host bits zero
  std::optional<IpPrefix> source = {};
  std::optional<Protocol> protocol = {};
  std::optional<uint16_t> port = {}, last_port = {};
  std::optional<uint16_t> source_port = {}, last_source_port = {};
  std::optional<std::string> in_port = {};
  friend bool operator==(const FwmarkRuleConfig&, const FwmarkRuleConfig&) = default;
};

// `balancer:`, what all services have in common.
struct BalancerConfig {
  uint32_t connections = 65536;  // 1024..16777216 over all workers; a change needs a restart
  TimeoutsConfig timeouts = {};
  WhenFull when_full = WhenFull::kReplaceHalfOpen;
  // Connections of a backend that was removed: forgotten at their next packet, or silent until
  // they expire.
  bool expire_nodest = true;
  uint32_t persistence_entries = 65536;  // 1024..16777216, over all workers; `templates` in YAML
  friend bool operator==(const BalancerConfig&, const BalancerConfig&) = default;
};

// `fragments:`, what IP datagrams that wait for the rest of their fragments may take.
struct FragmentsConfig {
  unsigned memory_mb = 8;      // 1..1024, of each worker
  unsigned timeout_ms = 1000;  // 10..60000 after the first fragment
  friend bool operator==(const FragmentsConfig&, const FragmentsConfig&) = default;
};

using TunnelConfigs = std::array<TunnelConfig, kTunnelKindCount>;  // by tunnel_index()

inline TunnelConfigs default_tunnels() {
  TunnelConfigs tunnels;
  for (size_t i = 0; i < tunnels.size(); ++i) {
    tunnels[i].port = kTunnelKinds[i].default_port;
    tunnels[i].own = default_values(i);
  }
  return tunnels;
}

struct Config {
  SystemConfig system;
  std::vector<PortConfig> ports;  // in the file's order, as are all lists
  std::vector<RouteConfig> routes;
  std::vector<NeighbourConfig> neighbours;
  std::optional<KernelNeighboursConfig> kernel_neighbours = {};  // of the underlay
  std::optional<HostConfig> host = {};                           // of the underlay
  TunnelConfigs tunnels = default_tunnels();
  bool reassemble = false;  // fragments of outer packets
  FragmentsConfig fragments;
  std::vector<NetworkConfig> networks;
  std::vector<VrfConfig> vrfs;
  BalancerConfig balancer;
  std::vector<ServiceConfig> services;
  std::vector<FwmarkRuleConfig> classifier;
  friend bool operator==(const Config&, const Config&) = default;
};

// Index of the VRF that each port is in, in the order of `ports`; none: the port is of the
// underlay, or a network's. `Any`: Config, or a draft of one.
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
