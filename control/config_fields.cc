// SPDX-License-Identifier: Apache-2.0
#include "config_fields.h"

#include "config_classifier_fields.h"
#include "config_limits.h"
#include "config_service_fields.h"
#include "config_values.h"

namespace adit {
namespace {

constexpr const char* kHostAddress = "an IP address such as 192.0.2.1 or 2001:db8::1";
constexpr const char* kStationMac = "a MAC address such as 02:00:00:00:00:01";
constexpr const char* kPortName = "the name of a port";

Section<SystemConfig> system_section() {
  using S = SystemConfig;
  Section<S> log;
  log.word("target", &S::log_target,
           {{"stderr", LogTarget::kStderr},
            {"journald", LogTarget::kJournald},
            {"syslog", LogTarget::kSyslog}},
           "Where the log goes.");
  log.word("level", &S::log_level,
           {{"debug", LogLevel::kDebug},
            {"info", LogLevel::kInfo},
            {"warn", LogLevel::kWarn},
            {"error", LogLevel::kError}},
           "The least important messages to log.");

  Section<S> s;
  s.number("workers", &S::workers, 1, 64,
           "Worker threads, each on a core of its own; auto: one per core but the first.",
           KeyType::kNumberOrAuto);
  s.word("poll", &S::poll, {{"adaptive", PollMode::kAdaptive}, {"busy", PollMode::kBusy}},
         "adaptive: idle workers sleep for microseconds; busy: they never do.");
  s.word("hugepages", &S::hugepages,
         {{"auto", HugepageMode::kAuto}, {"yes", HugepageMode::kYes}, {"no", HugepageMode::kNo}},
         "auto: hugepages if enough are free, ordinary memory if not; yes: refuse to start "
         "without.");
  s.number("memory_mb", &S::memory_mb, 64, 1048576,
           "Memory of DPDK in MiB; auto: by the number of buffers.", KeyType::kNumberOrAuto);
  s.number("mbufs", &S::mbufs, 1024, 16777216,
           "Packet buffers; auto: by ports, queues, rings and what STT may take for reassembly.",
           KeyType::kNumberOrAuto);
  s.number("fdb_capacity", &S::fdb_capacity, 1024, 16777216,
           "MAC addresses known at one time, over all networks.");
  s.text("socket", &S::socket, parse_socket_path, "the absolute path of a socket",
         "The Unix socket that aditctl talks to; at most 107 bytes.");
  s.group("log", std::move(log), "The log.");
  return s;
}

void check_advertisements(Reader& reader, RouterAdvertisementsDraft& draft) {
  const Places& at = draft.places;
  if (draft.lifetime_s && at.good("lifetime_s") && at.good("interval_s") &&
      *draft.lifetime_s != 0 && *draft.lifetime_s < draft.interval_s)
    reader.misfit(at.at("lifetime_s"), "lifetime_s: " + std::to_string(*draft.lifetime_s) +
                                           " ends before the next "
                                           "advertisement, interval_s: " +
                                           std::to_string(draft.interval_s) +
                                           "; expected 0, or at least that");
  for (const auto& server : draft.rdnss_drafts)
    if (server.value.is_v4())
      reader.misfit(server.place, "rdnss: " + to_string(server.value) +
                                      " is no IPv6 address, as DNS servers in router "
                                      "advertisements are");
}

Section<RouterAdvertisementsDraft> advertisements_section() {
  Section<RouterAdvertisementsDraft> s;
  using R = RouterAdvertisements;
  s.number("interval_s", &R::interval_s, 4, 1800,
           "Seconds between two advertisements at most; at least a third of that.");
  s.number("lifetime_s", &R::lifetime_s, 0, 9000,
           "Seconds that hosts use us as their router after an advertisement, no less than "
           "'interval_s'; 0: not at all; default: three intervals.");
  s.flag("autonomous", &R::autonomous,
         "Hosts make addresses of their own in subnets of 64 bits (SLAAC).");
  s.flag("mtu", &R::mtu, "Tell hosts the MTU of packets that go their way.");
  s.texts("rdnss", &RouterAdvertisementsDraft::rdnss_drafts, parse_host_address,
          "an IPv6 address such as 2001:db8::53", "DNS servers that hosts are told of, IPv6.",
          "A DNS server.", kMaxAdvertisedDnsServers);
  s.check(check_advertisements);
  return s;
}

template <class T>
void add_advertisements(Section<T>& s) {
  s.section("router_advertisements", &T::advertisement_draft, advertisements_section(),
            "Tell hosts by IPv6 router advertisements of us and of the subnets; {}: with all "
            "defaults; without the key, no.");
}

Section<PortDraft> port_section() {
  using P = PortConfig;
  Section<PortDraft> s;
  s.text("device", &P::device, parse_device,
         "a PCI address, tap:NAME, af_packet:INTERFACE, af_xdp:INTERFACE or vdev:DPDK-DEVICE",
         "What the port is: a NIC's PCI address, a TAP interface to create, an interface to share "
         "(af_packet, af_xdp), or any virtual device of DPDK.")
      .required()
      .restart();
  s.number("mtu_bytes", &P::mtu_bytes, 576, 65000,
           "Size of the largest IP packet, without Ethernet header; a tunnel takes some of the "
           "underlay's: VXLAN 50 bytes over IPv4, 70 over IPv6.")
      .restart();
  s.text("mac", &P::mac, parse_station_mac, kStationMac,
         "The port's own MAC address; by default the device's.")
      .restart();
  s.flag("promiscuous", &P::promiscuous,
         "Receive frames for any MAC address; ports that are members of networks always do.")
      .restart();
  s.number("rx_queues", &P::rx_queues, 1, 64,
           "Receive queues; auto: one per worker, as far as the device has them.",
           KeyType::kNumberOrAuto)
      .restart();
  s.number("tx_queues", &P::tx_queues, 1, 64,
           "Transmit queues, at least one per worker; auto: one per worker.",
           KeyType::kNumberOrAuto)
      .restart();
  s.number("rx_ring", &P::rx_ring, 64, 8192, "Descriptors of each receive queue.",
           KeyType::kPowerOfTwo)
      .restart();
  s.number("tx_ring", &P::tx_ring, 64, 8192, "Descriptors of each transmit queue.",
           KeyType::kPowerOfTwo)
      .restart();
  s.word("offload", &P::offload, {{"auto", OffloadMode::kAuto}, {"off", OffloadMode::kOff}},
         "auto: exchange TCP in frames of up to 64 KiB, and checksums that are left to the other "
         "end, with devices that can (tap); off: finished frames only.")
      .restart();
  s.texts("addresses", &PortDraft::address_drafts, parse_host_prefix,
          "an IP address and its prefix length, such as 192.0.2.1/24 or 2001:db8::1/64",
          "The port's own addresses. With any, it is an underlay port, towards the remotes, or one "
          "of a "
          "VRF.",
          "An own address with the prefix length of its subnet.");
  add_advertisements(s);
  return s;
}

Section<RouteDraft> route_section() {
  Section<RouteDraft> s;
  s.text("to", &RouteConfig::to, parse_route_prefix,
         "a subnet such as 198.51.100.0/24 or 2001:db8:1::/48",
         "The subnet behind the router; 0.0.0.0/0 or ::/0 is everything else.")
      .required();
  s.text("via", &RouteConfig::via, parse_host_address, kHostAddress,
         "The router, on a port's subnet.")
      .required();
  return s;
}

Section<NeighbourDraft> neighbour_section() {
  Section<NeighbourDraft> s;
  s.text("address", &NeighbourConfig::address, parse_host_address, kHostAddress,
         "A host or router on a port's subnet.")
      .required();
  s.text("mac", &NeighbourConfig::mac, parse_station_mac, kStationMac,
         "Its MAC address: never asked for by ARP or ND, never aged.")
      .required();
  return s;
}

Section<MemberDraft> member_section() {
  Section<MemberDraft> s;
  s.text("port", &MemberConfig::port, parse_name, kPortName, "The port.").required();
  s.number("vlan", &MemberConfig::vlan, 1, 4094,
           "Frames with this 802.1Q tag; without the key, untagged frames.");
  return s;
}

enum class Carries { kFrames, kPackets };

std::vector<std::pair<const char*, TunnelKind>> kind_words(Carries payload) {
  std::vector<std::pair<const char*, TunnelKind>> kinds;
  for (size_t i = 0; i < kTunnelKindCount; ++i)
    if (kTunnelKinds[i].routed == (payload == Carries::kPackets))
      kinds.emplace_back(kTunnelKinds[i].name.data(), static_cast<TunnelKind>(i));
  return kinds;
}

Section<TunnelOptions> tunnel_options_section() {
  using T = TunnelOptions;
  Section<T> s;
  s.number("ttl", &T::ttl, 1, 255, "Time to live (hop limit) of the outer header.");
  s.number("dscp", &T::dscp, 0, 63, "Differentiated services code point of the outer header.");
  s.word("ttl_mode", &T::ttl_mode, {{"pipe", HeaderMode::kPipe}, {"uniform", HeaderMode::kUniform}},
         "pipe: 'ttl' on every packet; uniform: that of the inner IP packet.");
  s.word("dscp_mode", &T::dscp_mode,
         {{"pipe", HeaderMode::kPipe}, {"uniform", HeaderMode::kUniform}},
         "pipe: 'dscp' on every packet; uniform: copied from the inner packet, and back.");
  s.word("df", &T::df,
         {{"set", DfPolicy::kSet}, {"clear", DfPolicy::kClear}, {"inherit", DfPolicy::kInherit}},
         "Don't Fragment of the outer IPv4 header; inherit: that of the inner IPv4 packet.");
  return s;
}

// What depends on the kind. `gre`: the kind that has a key, checksum and sequence to choose.
template <class Draft>
void check_kind(Reader& reader, const Draft& remote, TunnelKind gre) {
  const Places& at = remote.places;
  if (!at.good("kind")) return;
  const TunnelKindInfo& kind = info_of(remote.kind);
  const bool has_id = kind.max_id != 0;
  if (remote.id && has_id && (*remote.id < kind.min_id || *remote.id > kind.max_id))
    reader.misfit(at.at("id"), "id: found " + std::to_string(*remote.id) + ", which is no " +
                                   kind.id_name + "; expected a number from " +
                                   std::to_string(kind.min_id) + " to " +
                                   std::to_string(kind.max_id));
  const auto goes_with_gre = [&](const char* key) {
    reader.misfit(at.at(key), std::string(key) +
                                  ": goes with 'kind: " + std::string(info_of(gre).name) +
                                  "' alone; " + std::string(kind.name) + " has none to choose");
  };
  if (remote.id && !has_id) goes_with_gre("id");
  for (const char* key : {"checksum", "sequence"})
    if (at.has(key) && remote.kind != gre) goes_with_gre(key);
}

void check_remote(Reader& reader, RemoteDraft& remote) {
  check_kind(reader, remote, TunnelKind::kGre);
}

Section<RemoteDraft> remote_section() {
  Section<RemoteDraft> s;
  using R = RemoteConfig;
  s.text("address", &R::address, parse_host_address, kHostAddress,
         "The other end's address (VTEP). Only configured remotes are listened to.")
      .required();
  s.word("kind", &R::kind, kind_words(Carries::kFrames),
         "The encapsulation that this remote speaks.");
  s.number("id", &R::id, 0, UINT64_MAX,
           "The network's VNI, VSID, key or context id at this remote; without it, the network's "
           "'vni', and for gre no key.");
  s.flag("checksum", &R::checksum, "GRE: send a checksum. One that comes in is always verified.");
  s.flag("sequence", &R::sequence,
         "GRE: number the packets, and drop those that come in out of order.");
  s.number("split_horizon", &R::split_horizon, 0, 65000,
           "Between remotes of one group nothing is forwarded; 0: in no group; auto: one group for "
           "each kind.",
           KeyType::kNumberOrAuto);
  s.section("tunnel", &R::tunnel, tunnel_options_section(), "The outer header, for this remote.");
  s.check(check_remote);
  return s;
}

// What no single key can tell: exactly one of port and remote, vlan only with port.
void check_static_mac(Reader& reader, StaticMacDraft& mac) {
  const Places& at = mac.places;
  if (at.has("port") && at.has("remote"))
    reader.mistake(at.at("remote"), "a static MAC is behind a port or a remote, not both");
  else if (!at.has("port") && !at.has("remote"))
    reader.mistake(at.self,
                   "missing key 'port' or 'remote' in an entry of 'static_macs': the MAC "
                   "is behind one of them");
  else if (at.has("vlan") && !at.has("port"))
    reader.mistake(at.at("vlan"), "'vlan' goes with 'port'; a MAC behind a remote has none");
}

Section<StaticMacDraft> static_mac_section() {
  using S = StaticMacDraft;
  Section<S> s;
  s.text("mac", &S::mac, parse_station_mac, kStationMac, "The station's MAC address.").required();
  s.text("port", &S::port, parse_name, kPortName, "The member's port that it is behind.");
  s.number("vlan", &S::vlan, 1, 4094, "The member's VLAN, where it has one.");
  s.text("remote", &S::remote, parse_host_address, kHostAddress,
         "The remote that it is behind, instead of port and vlan.");
  s.check(check_static_mac);
  return s;
}

Section<NetworkDraft> network_section() {
  using N = NetworkConfig;
  Section<NetworkDraft> limits;
  limits.number("broadcast_pps", &N::broadcast_pps, 1, 1000000000,
                "Broadcast frames a second, over all workers; without the key, no limit.");
  limits.number("multicast_pps", &N::multicast_pps, 1, 1000000000, "The same for multicast.");
  limits.number("unknown_unicast_pps", &N::unknown_unicast_pps, 1, 1000000000,
                "The same for frames to a MAC address that is not known.");

  Section<NetworkDraft> s;
  s.number("vni", &N::vni, 1, 16777215,
           "Network identifier, each network has its own: that of its remotes without an 'id'.")
      .required()
      .fallback("");
  s.list("members", &NetworkDraft::member_drafts, member_section(), kMaxBridgePorts,
         "Ports, or VLANs of ports, of the network. A port and VLAN is in one network only.");
  s.list("remotes", &NetworkDraft::remote_drafts, remote_section(), kMaxBridgePorts,
         "Other ends of the tunnels; see 'split_horizon' for which of them speak to each other.");
  s.flag("learning", &N::learning, "Learn MAC addresses from the frames' sources.");
  s.flag("carry_vlans", &N::carry_vlans,
         "Let frames with a (further) 802.1Q tag through; otherwise they are dropped.");
  s.number("mac_aging_s", &N::mac_aging_s, 10, 1000000,
           "Seconds after which a learned MAC address that is silent is forgotten.");
  s.number("mac_limit", &N::mac_limit, 0, 16777216,
           "Learned MAC addresses at one time; beyond, none is learned.");
  s.list("static_macs", &NetworkDraft::static_mac_drafts, static_mac_section(), 16777216,
         "MAC addresses that never move and never age.");
  s.section("tunnel", &N::tunnel, tunnel_options_section(),
            "The outer header, for all remotes; default: that of the kind in 'tunnels'.");
  s.word("too_big", &N::too_big,
         {{"icmp", TooBig::kIcmp}, {"fragment", TooBig::kFragment}, {"drop", TooBig::kDrop}},
         "A frame beyond the MTU of its way out. icmp: the sender is told, where it is IPv6 or may "
         "not be fragmented; fragment: also, IPv4 that may be fragmented is; drop: neither.");
  s.flag("mss_clamp", &N::mss_clamp, "Lower the MSS of TCP connections to what fits the tunnels.");
  s.flag("learn_remotes", &N::learn_remotes,
         "Accept frames with the network's 'vni' from anywhere, and make a remote of their sender. "
         "Whoever reaches the underlay can then send into the network.");
  s.word("learn_kind", &N::learn_kind, kind_words(Carries::kFrames),
         "The encapsulation of learned remotes.");
  s.number("learn_limit", &N::learn_limit, 1, 65536,
           "Learned remotes at one time; beyond, none is learned.");
  s.group("flood_limits", std::move(limits), "Limits to what is flooded to all.");
  return s;
}

Section<VrfTunnelDraft> vrf_tunnel_section() {
  Section<VrfTunnelDraft> s;
  using T = VrfTunnelConfig;
  s.text("address", &T::address, parse_host_address, kHostAddress,
         "The other end's address, in the underlay.")
      .required();
  s.word("kind", &T::kind, kind_words(Carries::kPackets), "The encapsulation.");
  s.number("id", &T::id, 0, UINT64_MAX, "GRE: the key; without it, none.");
  s.flag("checksum", &T::checksum, "GRE: send a checksum. One that comes in is always verified.");
  s.flag("sequence", &T::sequence,
         "GRE: number the packets, and drop those that come in out of order.");
  s.texts("addresses", &VrfTunnelDraft::address_drafts, parse_host_prefix,
          "an IP address and its prefix length, such as 10.255.0.1/30",
          "The tunnel's own addresses within the VRF; their subnets are routed into it.",
          "An own address with the prefix length of its subnet.");
  s.section("tunnel", &T::tunnel, tunnel_options_section(),
            "The outer header; default: that of the kind in 'tunnels'.");
  s.check([](Reader& reader, VrfTunnelDraft& tunnel) {
    check_kind(reader, tunnel, TunnelKind::kGreIp);
  });
  return s;
}

// Exactly one of via and tunnel.
void check_vrf_route(Reader& reader, VrfRouteDraft& route) {
  const Places& at = route.places;
  if (at.has("via") && at.has("tunnel"))
    reader.mistake(at.at("tunnel"), "a route leads to a router or into a tunnel, not both");
  else if (!at.has("via") && !at.has("tunnel"))
    reader.mistake(at.self,
                   "missing key 'via' or 'tunnel' in an entry of 'routes': the route leads to one "
                   "of them");
}

Section<VrfRouteDraft> vrf_route_section() {
  Section<VrfRouteDraft> s;
  using R = VrfRouteConfig;
  s.text("to", &R::to, parse_route_prefix, "a subnet such as 198.51.100.0/24 or 2001:db8:1::/48",
         "The destinations; 0.0.0.0/0 or ::/0 is everything else.")
      .required();
  s.text("via", &R::via, parse_host_address, kHostAddress,
         "The router, on the subnet of one of the VRF's ports, VLANs or networks.");
  s.text("tunnel", &R::tunnel, parse_name, "the name of a tunnel of the VRF",
         "The tunnel to go through, instead of 'via'.");
  s.check(check_vrf_route);
  return s;
}

Section<GatewayDraft> gateway_section() {
  Section<GatewayDraft> s;
  using G = GatewayConfig;
  s.texts("addresses", &GatewayDraft::address_drafts, parse_host_prefix,
          "an IP address and its prefix length, such as 10.1.0.254/24",
          "The gateway's own addresses, at least one; their subnets are the network's.",
          "An own address with the prefix length of its subnet.");
  s.text("mac", &G::mac, parse_station_mac, kStationMac,
         "The gateway's MAC address; by default 02:ad:17 and the network's 'vni'.");
  s.number("mtu_bytes", &G::mtu_bytes, 576, 65000,
           "Size of the largest IP packet that is routed into the network; at most, and by "
           "default, what fits all members and remotes.");
  add_advertisements(s);
  return s;
}

Section<VlanDraft> vlan_section() {
  Section<VlanDraft> s;
  using V = VlanConfig;
  s.text("port", &V::port, parse_name, kPortName, "The port; its MAC address is the interface's.")
      .required();
  s.number("vlan", &V::vlan, 1, 4094, "Frames with this 802.1Q tag.").required().fallback("");
  s.texts("addresses", &VlanDraft::address_drafts, parse_host_prefix,
          "an IP address and its prefix length, such as 10.1.0.254/24",
          "The interface's own addresses, at least one.",
          "An own address with the prefix length of its subnet.");
  s.number("mtu_bytes", &V::mtu_bytes, 576, 65000,
           "Size of the largest IP packet, without Ethernet header and tag; at most, and by "
           "default, the port's.");
  add_advertisements(s);
  return s;
}

Section<VrfDraft> vrf_section() {
  Section<VrfDraft> s;
  s.texts("ports", &VrfDraft::port_drafts, parse_name, kPortName,
          "Ports whose untagged packets are routed here; their 'addresses' are the gateway's.",
          "The name of a port that has 'addresses'.");
  s.map("networks", &VrfDraft::gateway_drafts, gateway_section(), 0, kMaxNetworks,
        "Networks, by name, that get a gateway here: what their hosts send to it is routed. A "
        "network has one gateway.");
  s.list("vlans", &VrfDraft::vlan_drafts, vlan_section(), kMaxVrfVlans,
         "VLANs of ports as interfaces: packets with the tag are routed here. A port and VLAN is "
         "in one VRF or in one network; the port's untagged packets are not concerned.");
  s.map("tunnels", &VrfDraft::tunnel_drafts, vrf_tunnel_section(), 0, kMaxVrfTunnels,
        "Point-to-point tunnels that carry IP packets, by name.");
  s.list("routes", &VrfDraft::route_drafts, vrf_route_section(), kMaxVrfRoutes,
         "Static routes; the subnets of ports, VLANs, networks and tunnels need none.");
  s.list("neighbours", &VrfDraft::neighbour_drafts, neighbour_section(), kMaxNeighbours,
         "Static neighbours on the subnets of ports, VLANs and networks.");
  s.flag("mss_clamp", &VrfConfig::mss_clamp,
         "Lower the MSS of TCP connections to what fits their routes, both ways.");
  s.check([](Reader&, VrfDraft& vrf) {
    for (const auto& port : vrf.port_drafts) vrf.ports.push_back(port.value);
  });
  return s;
}

void check_stt(Reader& reader, TunnelDraft& stt) {
  const Places& at = stt.places;
  if (!at.good("reassembly_mb") || !at.good("reassembly_peer_mb")) return;
  if (stt.reassembly_peer_mb <= stt.reassembly_mb) return;
  const char* key = at.has("reassembly_peer_mb") ? "reassembly_peer_mb" : "reassembly_mb";
  reader.misfit(at.at(key),
                "reassembly_peer_mb: " + std::to_string(stt.reassembly_peer_mb) +
                    (at.has("reassembly_peer_mb") ? "" : ", the default,") +
                    " is more than reassembly_mb: " + std::to_string(stt.reassembly_mb) +
                    "; one peer can have no more than all of them");
}

void add_stt_fields(Section<TunnelDraft>& s) {
  using T = TunnelConfig;
  s.number("reassembly_mb", &T::reassembly_mb, 1, 1024,
           "MiB of packet buffers, of each worker, that frames may take whose segments have not "
           "all come; the oldest of the address that holds most gives way. Never more than 1024 "
           "frames.");
  s.number("reassembly_peer_mb", &T::reassembly_peer_mb, 1, 1024,
           "The same for what comes from one address. Never more than 256 frames.");
  s.number("reassembly_timeout_ms", &T::reassembly_timeout_ms, 10, 60000,
           "Milliseconds after its first segment that a frame has to be complete.");
  s.check(check_stt);
}

Section<TunnelDraft> tunnel_section(const TunnelKindInfo& kind) {
  using T = TunnelConfig;
  Section<TunnelDraft> s;
  if (kind.default_port != 0)
    s.number(port_key(kind), &T::port, 1, 65535, "Destination port to send to and to receive on.")
        .fallback(std::to_string(kind.default_port).c_str());
  s.number("ttl", &T::ttl, 1, 255, "Time to live (hop limit) of the outer header.");
  s.number("dscp", &T::dscp, 0, 63, "Differentiated services code point of the outer header.");
  if (kind.ip_protocol == kUdpProtocol)
    s.flag("zero_checksum6", &T::zero_checksum6,
           "Over IPv6, send no UDP checksum and accept packets without (RFC 6935).");
  if (&kind == &info_of(TunnelKind::kStt)) add_stt_fields(s);
  return s;
}

Section<ConfigDraft> make_config_section() {
  using C = ConfigDraft;
  Section<C> tunnels;
  tunnels.flag("reassemble", &C::reassemble,
               "Put fragments that come from remotes together; otherwise they are dropped, as RFC "
               "7348 permits.");
  for (size_t i = 0; i < kTunnelKindCount; ++i)
    tunnels.section(
        kTunnelKinds[i].name.data(), [i](C& draft) -> TunnelDraft& { return draft.tunnels[i]; },
        tunnel_section(kTunnelKinds[i]), kTunnelKinds[i].help);

  Section<C> s;
  s.section("system", &C::system, system_section(), "The process as a whole.").restart();
  s.map("ports", &C::ports, port_section(), 1, kMaxPorts, "The ports, by name.").required();
  s.list("routes", &C::routes, route_section(), kMaxRoutes, "Static routes of the underlay.");
  s.list("neighbours", &C::neighbours, neighbour_section(), kMaxNeighbours,
         "Static neighbours of the underlay.");
  s.group("tunnels", std::move(tunnels), "What all tunnels of one kind have in common.");
  s.map("networks", &C::networks, network_section(), 0, kMaxNetworks,
        "The networks (bridge domains), by name.");
  s.map("vrfs", &C::vrfs, vrf_section(), 0, kMaxVrfs,
        "The routing tables of tenants (VRFs), by name.");
  s.section("balancer", &C::balancer, balancer_section(), "What all services have in common.");
  s.map("services", &C::services, service_section(), 0, kMaxServices,
        "Virtual services, whose connections are spread over backends, by name.");
  s.list(
      "classifier", &C::classifier, mark_rule_section(), kMaxMarkRules,
      "Which connections are those of services with a 'mark': the first entry that fits says it.");
  return s;
}

}  // namespace

const Section<ConfigDraft>& config_section() {
  static const Section<ConfigDraft> section = make_config_section();
  return section;
}

std::vector<KeyInfo> config_keys() {
  return config_section().keys();
}

}  // namespace adit
