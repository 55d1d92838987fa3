// SPDX-License-Identifier: Apache-2.0
// The compiled configuration. Control builds it; workers load the pointer once a burst; it is freed
// when every worker has left it (RCU). Afterwards control changes nothing in it but what has room
// for it: remotes that are learned come and go in SharedTable, FloodList and unused bridge ports.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "adit/addr.h"
#include "adit/connection_state.h"
#include "adit/flat_table.h"
#include "adit/flood_list.h"
#include "adit/ids.h"
#include "adit/rate_limit.h"
#include "adit/route_table.h"
#include "adit/scheduler_ops.h"
#include "adit/shared_table.h"
#include "adit/tunnel_kinds.h"

namespace adit {

struct Ipv6Key {
  uint64_t high = 0, low = 0;  // the address in network byte order
  friend auto operator<=>(const Ipv6Key&, const Ipv6Key&) = default;
};
constexpr uint64_t hash_of(const Ipv6Key& key) noexcept {
  return mix64(key.high * 0xff51'afd7'ed55'8ccd + key.low);
}

// Our IP interface on a link.
struct Interface {
  MacAddr mac;
  VrfId vrf = 0;                            // other than 0: it routes received packets
  std::vector<Ipv6Key> own_ipv4, own_ipv6;  // a few addresses
  std::vector<Ipv6Key> broadcasts;          // of its IPv4 subnets
  // The router advertisement as a frame, without its checksum; empty: none is sent.
  std::vector<uint8_t> router_advertisement;
};

struct PortEntry : Interface {
  bool is_underlay = false;            // has IP addresses
  bool tx_multi_segs = false;          // can send chained buffers
  bool takes_pending_offload = false;  // completes checksums and segments GSO frames
  bool has_connections = false;        // what comes in untagged may be of services' connections
  bool has_bridged = false;            // frames of networks may come in
  bool has_routed = false;             // packets of VRFs without services may come in untagged
  BridgePortId untagged = 0;           // member for frames without tag
  std::vector<BridgePortId> by_vlan;   // member per VLAN id: 4096 entries, or none at all
  std::vector<SubinterfaceId> subinterface_by_vlan;  // the same for VRFs
};

// A VLAN subinterface: a VLAN of a port whose frames a VRF routes.
struct SubinterfaceEntry : Interface {
  PortId port = 0;
  uint16_t vlan_id = 0;          // 0: the SubinterfaceId is free
  BridgePortId bridge_port = 0;  // for its counters, of kind kSubinterface
};

// The gateway of a network in a VRF.
struct GatewayEntry : Interface {
  BridgePortId bridge_port = 0;  // the network's, of kind kGateway
};

// kRouted: a tunnel of a VRF, for packets of one IP version. kGateway: a network's gateway; no
// frame fits it, as none is sent by it. kSubinterface: only counts packets of a subinterface.
enum class BridgePortKind : uint8_t { kNone, kAccess, kTunnel, kRouted, kGateway, kSubinterface };

// Flags that modify the outer header of a remote's packets, beside its template.
namespace outer {
inline constexpr uint8_t kIpv6 = 1;
inline constexpr uint8_t kUdpChecksum = 2;  // UDP over IPv6
inline constexpr uint8_t kGreChecksum = 4;
inline constexpr uint8_t kGreSequence = 8;
inline constexpr uint8_t kUniformDscp = 16;
inline constexpr uint8_t kUniformTtl = 32;
inline constexpr uint8_t kClearDf = 64;
inline constexpr uint8_t kInheritDf = 128;
inline constexpr uint8_t kInnerDependent = kUniformDscp | kUniformTtl | kClearDf | kInheritDf;
}  // namespace outer

// What a remote's header takes besides its template: what lanes fill in (tunnel/plain.h).
enum class PlainOuter : uint8_t {
  kNone,     // more: the pipeline alone writes it
  kUdpIpv4,  // UDP over IPv4 without a checksum, nothing taken from the inner packet but ECN, 8
             // bytes of tunnel header
  kOther,
};

// An endpoint of a network's frames: a port and VLAN, a remote, or the gateway; or a tunnel of a
// VRF. Two cache lines, of which an access port needs the first.
struct alignas(64) BridgePort {
  static constexpr uint8_t kLearning = 1;
  static constexpr uint8_t kCarryVlans = 2;
  static constexpr uint8_t kMssClamp = 4;
  static constexpr uint8_t kTooBigIcmp = 8;
  static constexpr uint8_t kTooBigFragment = 16;
  static constexpr uint8_t kHasGateway = 32;
  // An untagged member that carries tags, on a port of which VLANs belong to others.
  static constexpr uint8_t kGuardsVlans = 64;

  BridgePortKind kind = BridgePortKind::kNone;
  uint8_t tunnel = 0;        // tunnel_index()
  uint8_t header_len = 0;    // bytes of `header` in use
  uint8_t flags = 0;         // of its network
  NetworkId network = 0;     // kRouted: the VRF
  PortId port = 0;           // egress port
  uint16_t vlan_id = 0;      // tag to add; 0: none
  uint16_t split_group = 0;  // frames are not forwarded within a group; 0: no group
  uint32_t max_frame_bytes =
      0;                      // longest frame that fits, from its Ethernet (kRouted: IP) header on
  AdjacencyId adjacency = 0;  // next hop of a remote
  // One's-complement sum of constant fields, folded: over IPv4 of the outer IP header, without
  // length, ECN and checksum; over IPv6 of UDP's pseudo-header, without length.
  uint16_t checksum_base = 0;
  uint16_t l4_checksum_base = 0;  // the same, of fields that the kind's checksum covers
  uint8_t outer = 0;              // outer::k...
  // Kinds that segment frames: bytes from the outer IP header to a segment's payload, and the most
  // bytes of that payload. Else 0.
  uint8_t segment_head = 0;
  uint16_t segment_bytes = 0;
  BridgePortId sequence_id = 0;  // GRE: the bridge port whose sequence numbers it shares
  PlainOuter plain_outer = PlainOuter::kNone;
  std::array<uint8_t, 3> unused = {};   // equal bridge ports are equal to the byte
  std::array<uint8_t, 92> header = {};  // template: Ethernet to tunnel header
};
static_assert(sizeof(BridgePort) == 128);

// Control fills in an unused entry for a learned remote while workers read: the entry is valid once
// its kind is set. Code that visits all entries reads the kind first; other code gets the id only
// later.
inline BridgePortKind kind_now(const BridgePort& bridge_port) noexcept {
  return std::atomic_ref(const_cast<BridgePortKind&>(bridge_port.kind))
      .load(std::memory_order_acquire);
}
// Control: last of all that it writes of the entry.
inline void set_kind_now(BridgePort& bridge_port, BridgePortKind kind) noexcept {
  std::atomic_ref(bridge_port.kind).store(kind, std::memory_order_release);
}

// The tenant of a bridge port's packets: its network, or the VRF of a tunnel.
constexpr TenantId tenant_of(const BridgePort& bridge_port) noexcept {
  return bridge_port.kind == BridgePortKind::kRouted ? tenant_of_vrf(bridge_port.network)
                                                     : tenant_of_network(bridge_port.network);
}

struct NetworkEntry {
  FloodList flood;  // its bridge ports, access ports first
  // For each worker: control has divided the configured rates.
  RateLimit broadcast, multicast, unknown_unicast;
  uint16_t gateway = 0;      // in Snapshot::gateways, 0: none
  uint64_t gateway_key = 0;  // FDB key of its MAC
  uint8_t learns_from = 0;   // tunnel_index() + 1 of the kind whose senders become remotes; 0: none
};

struct UdpTunnel {
  uint16_t port = 0;  // UDP destination port, host order
  uint8_t tunnel = 0;
  bool zero_checksum6 = false;  // over IPv6, no checksum is accepted
};

// Key that maps a sender to a network, for one tunnel kind: the outer source address in network
// byte order (IPv4: in `low` only) and the id in the tunnel header.
struct SenderKey {
  Ipv6Key source;
  uint64_t id = 0;
  friend bool operator==(const SenderKey&, const SenderKey&) = default;
};
constexpr uint64_t hash_of(const SenderKey& key) noexcept {
  return mix64(hash_of(key.source) * 0x9fb2'1c65'1e98'df25 + key.id);
}

// Settings compiled from a kind's own keys (adit/tunnel_keys.h); only the kind can read them.
using TunnelSettings = std::array<uint64_t, 4>;

struct TunnelTables {
  SharedTable<SenderKey> senders;  // -> BridgePortId
  FlatTable<uint64_t> ids;         // id -> NetworkId; only to name a drop, and to learn remotes
  uint16_t port = 0;               // host order; 0: the kind has none
  bool numbered = false;           // a remote or tunnel has `sequence: true`
  TunnelSettings settings = {};
};

// Limits of incomplete IP datagrams, for each worker.
struct FragmentLimits {
  uint64_t max_bytes = 8u << 20;       // counted in whole buffers
  uint64_t expiry_ns = 1'000'000'000;  // after a datagram's first fragment
};

// A host in a VRF.
struct VrfHost {
  Ipv6Key address;  // network byte order; IPv4: in `low` only
  VrfId vrf = 0;
  bool ipv6 = false;
  friend bool operator==(const VrfHost&, const VrfHost&) = default;
};
constexpr uint64_t hash_of(const VrfHost& key) noexcept {
  return mix64(hash_of(key.address) * 0x9fb2'1c65'1e98'df25 + (uint64_t{key.vrf} << 1 | key.ipv6));
}

// A range of one of the snapshot's lists.
struct Range {
  uint32_t begin = 0, end = 0;
};

// Persistence of a service.
struct Persistence {
  uint32_t timeout_s = 0;             // after a client's last connection; 0: no persistence
  bool expire_quiescent = false;      // clients of drained backends get another one
  std::array<Ipv6Key, 2> masks = {};  // masks of the client's address, by FlowKey::ipv6
};

// A virtual service.
struct ServiceEntry {
  const SchedulerOps* scheduler = nullptr;  // null: no service has the id
  SchedulerOptions options;
  Range backends;                   // in Snapshot::service_backends
  std::span<const uint16_t> table;  // the scheduler's: one of Snapshot::scheduler_tables
  std::array<Range, 2> locals;      // in Snapshot::local_addresses: those of IPv4, those of IPv6
  uint32_t sorry = 0;  // of the sorry server: in Snapshot::service_backends and 1, 0: none
  VrfId vrf = 0;       // of its virtual address
  uint16_t gue_port = 0;
  WrapKind wrap = WrapKind::kIpip;
  Unmatched unmatched = Unmatched::kDrop;
  ClientAddress client_address = ClientAddress::kNone;
  bool one_packet = false;
  uint16_t own_timeouts = 0;     // in Snapshot::own_timeouts and 1; 0: those of all services
  uint32_t max_connections = 0;  // of each worker; 0: by what is free (connection_shares.h)
  RateLimit new_connections;     // of each worker
  RateLimit source_connections;  // of each client and worker
  Persistence persistence;
};

// A service or VRF may have this many times the number of free connections; see
// dataplane/worker/connection_shares.h.
inline constexpr unsigned kServiceShareFactor = 16, kVrfShareFactor = 8;

// Limit of a VRF's connections in a worker's table.
struct VrfShare {
  uint32_t services = 0;         // number of its services
  uint32_t max_connections = 0;  // 0: by what is free
};

// Key of addresses that backends reply from: their packets belong to connections, or are their own.
struct BackendSource {
  Ipv6Key address;
  VrfId vrf = 0;
  uint8_t protocol = 0;
  uint8_t ipv6 = 0;
  friend bool operator==(const BackendSource&, const BackendSource&) = default;
};
constexpr uint64_t hash_of(const BackendSource& key) noexcept {
  return mix64(hash_of(key.address) +
               (uint64_t{key.vrf} << 16 | uint64_t{key.protocol} << 8 | key.ipv6));
}
// Ports in host order, both included.
struct PortRange {
  uint16_t first = 0, last = 0;
};

// The ports of a virtual address that a service has, host order, both included.
struct ServicePorts {
  uint16_t first = 0, last = 0;
  uint8_t protocol = 0;
  ServiceId service = 0;
};

// Rule that assigns packets that begin connections to a service by firewall mark. Port ranges in
// host order, inclusive.
struct FwmarkRule {
  Ipv6Key source, source_mask;  // IPv4 in `low`
  uint16_t first_source_port = 0, last_source_port = UINT16_MAX;
  uint16_t first_port = 0, last_port = UINT16_MAX;
  PortId in = kNoPort;    // the ingress port; kNoPort: any
  uint8_t protocol = 0;   // 0: any
  ServiceId service = 0;  // 0: the service of their address and port
};

// Source addresses that no external packet may have, by VRF: our own, broadcast addresses of our
// subnets (owner: kLink), those of services. A Bloom filter rejects most others with one bit.
class OwnSources {
 public:
  enum class Owner : uint32_t { kNobody, kLink, kService };
  using Entries = std::vector<std::pair<SenderKey, uint32_t>>;  // -> Owner

  // `id` of the key is the VRF.
  static SenderKey key_of(VrfId vrf, const Ipv6Key& address, bool ipv6) noexcept {
    return {address, uint64_t{vrf} << 1 | uint64_t{ipv6}};
  }

  OwnSources() = default;
  // Keys must be unique.
  explicit OwnSources(const Entries& entries) : table_(entries) {
    while (bits_.size() < entries.size()) bits_.resize(2 * bits_.size());
    shift_ = 58 - static_cast<unsigned>(std::countr_zero(bits_.size()));
    for (const auto& [key, owner] : entries) {
      const uint64_t bit = bit_of(key.source);
      bits_[bit / 64] |= uint64_t{1} << bit % 64;
    }
  }

  // False: certainly not in the table.
  bool may_have(const Ipv6Key& address) const noexcept {
    const uint64_t bit = bit_of(address);
    return (bits_[bit / 64] >> bit % 64 & 1) != 0;
  }
  // Whose address it is in the VRF. `address`: as FlowKey has it.
  [[gnu::cold, gnu::noinline]] Owner find(VrfId vrf, const Ipv6Key& address,
                                          bool ipv6) const noexcept {
    return static_cast<Owner>(table_.find(key_of(vrf, address, ipv6)));
  }
  bool has(VrfId vrf, const Ipv6Key& address, bool ipv6) const noexcept {
    return may_have(address) && find(vrf, address, ipv6) != Owner::kNobody;
  }

 private:
  // The upper bits of a product: each depends on all bits of the address, also on those of the last
  // bytes of an IPv6 address, which are the upper ones of the word.
  uint64_t bit_of(const Ipv6Key& address) const noexcept {
    return (address.low + address.high * 0xff51'afd7'ed55'8ccd) * 0x9e37'79b9'7f4a'7c15 >> shift_;
  }

  FlatTable<SenderKey> table_;
  std::vector<uint64_t> bits_ = std::vector<uint64_t>(64);
  unsigned shift_ = 52;  // of 64 * 64 bits
};

struct Snapshot {
  uint64_t generation = 0;
  std::vector<PortEntry> ports;                  // by PortId
  std::vector<BridgePort> bridge_ports;          // by BridgePortId; unused ones have kind kNone
  std::vector<NetworkEntry> networks;            // by NetworkId
  std::vector<GatewayEntry> gateways;            // the first is not used
  std::vector<SubinterfaceEntry> subinterfaces;  // by SubinterfaceId
  // By what a VRF's tunnel receives with, sorted: by what it sends IPv6. They differ in the header.
  std::vector<std::pair<BridgePortId, BridgePortId>> ipv6_tunnels;
  FlatTable<uint64_t> local_ipv4;   // own address (raw be32) -> PortId + 1
  FlatTable<Ipv6Key> local_ipv6;    // own address -> PortId + 1
  OwnSources own_sources;           // of all VRFs and the underlay
  FlatTable<uint64_t> local_ports;  // LocalPort::key() of what control takes -> 1
  std::array<TunnelTables, kTunnelKindCount> tunnels;  // by tunnel_index()
  std::vector<UdpTunnel> udp_tunnels;
  FragmentLimits fragment_limits;
  bool reassemble = false;                     // fragments of outer packets
  SharedTable<Ipv6Key> remote_addresses;       // -> the first BridgePortId of that address
  std::array<uint8_t, 256> ip_protocols = {};  // tunnel kind + 1, of those not in UDP; 0: none
  RouteTable routes;                           // of all VRFs
  bool guards_vlans = false;                   // a bridge port has kGuardsVlans
  bool balances = false;                       // there are services
  std::vector<uint8_t> balanced_vrfs;          // by VrfId: whether connections may be there
  std::vector<uint8_t> host_vrfs;              // by VrfId: whether it has a host interface
  std::vector<ServiceEntry> services;          // by ServiceId
  std::vector<VrfShare> vrf_shares;            // by VrfId
  unsigned vrfs_with_services = 0;
  // Of NAT and full NAT: in backend_source_ports and 1.
  FlatTable<BackendSource> backend_sources;
  std::vector<Range> backend_source_ports;  // in backend_ports
  std::vector<PortRange> backend_ports;
  std::vector<ServiceBackend> service_backends;
  std::vector<uint32_t> backend_places;  // by BackendId: in service_backends and 1, 0: gone
  FlatTable<VrfHost> nat_backends;       // -> 1: replies of these are translated by NAT
  // Those with forwarding by tunnel, by address and, as its id, VRF: the place of one in
  // service_backends and 1. `next_wrapped`, by place: that of the next of that address, 0: none.
  FlatTable<SenderKey> wrapped_backends;
  std::vector<uint32_t> next_wrapped;
  // Services have them in common, and snapshots one after the other.
  std::vector<std::shared_ptr<const SchedulerTable>> scheduler_tables;
  std::vector<IpAddr> local_addresses;
  // What RouteTarget::virtual_address leads to: ranges in service_ports, which are sorted by
  // protocol and port there; that of all ports is none of them, and comes last.
  std::vector<Range> virtual_addresses;
  std::vector<ServicePorts> service_ports;
  // By RouteTarget::virtual_address: ranges in fwmark_lists, which hold the indices in fwmark_rules
  // of the rules for the address, in their order.
  std::vector<Range> virtual_fwmarks;
  std::vector<uint32_t> fwmark_lists;
  std::vector<FwmarkRule> fwmark_rules;
  bool fwmarks_by_port = false;  // a rule has an ingress port: rte_mbuf::port must be a PortId
  Timeouts timeouts;
  std::vector<Timeouts> own_timeouts;  // of services
  WhenFull when_full = WhenFull::kReplaceHalfOpen;
  bool expire_nodest = true;  // connections of removed backends end
  uint32_t removals = 0;      // how often backends were removed, with this snapshot or before
};

// Null: the network has no gateway (any more).
inline const GatewayEntry* gateway_of(const Snapshot& snapshot, NetworkId network) noexcept {
  if (network >= snapshot.networks.size() || snapshot.networks[network].gateway == 0)
    return nullptr;
  return &snapshot.gateways[snapshot.networks[network].gateway];
}
// Null: the subinterface does not exist (any more).
inline const SubinterfaceEntry* subinterface_of(const Snapshot& snapshot,
                                                SubinterfaceId id) noexcept {
  if (id >= snapshot.subinterfaces.size() || snapshot.subinterfaces[id].vlan_id == 0)
    return nullptr;
  return &snapshot.subinterfaces[id];
}
// Null: a subinterface or gateway that does not exist (any more). A port's is always there.
inline const Interface* interface_of(const Snapshot& snapshot, LinkId link) noexcept {
  if (is_port_link(link)) return &snapshot.ports[link];
  if (is_network_link(link)) return gateway_of(snapshot, network_of_link(link));
  return subinterface_of(snapshot, subinterface_of_link(link));
}

// An address of a key, which has IPv4 in `low` alone; both as on the wire.
inline IpAddr to_address(const Ipv6Key& key, bool ipv6) noexcept {
  if (!ipv6) return IpAddr::v4(be32::from_raw(static_cast<uint32_t>(key.low)));
  IpAddr address;
  address.family = IpFamily::kV6;
  std::memcpy(address.bytes.data(), &key, sizeof key);
  return address;
}

// The inverse of to_address().
inline Ipv6Key address_key(const IpAddr& address) noexcept {
  Ipv6Key key;
  if (address.is_v4())
    key.low = address.as_v4().raw();
  else
    std::memcpy(&key, address.bytes.data(), sizeof key);
  return key;
}

// Mask of the first `length` bits of an address, in the form of address_key().
inline Ipv6Key prefix_mask(IpFamily family, uint8_t length) noexcept {
  IpPrefix mask{{{}, family}, length};
  mask.address.bytes.fill(0xff);
  return address_key(subnet_of(mask).address);
}

}  // namespace adit
