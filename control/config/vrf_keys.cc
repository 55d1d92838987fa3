// SPDX-License-Identifier: Apache-2.0
#include "config/vrf_keys.h"

#include "config/shared_keys.h"

namespace adit {
namespace {

Section<VrfTunnelDraft> vrf_tunnel_section() {
  Section<VrfTunnelDraft> s;
  using T = VrfTunnelConfig;
  s.text("address", &T::address, parse_host_address, kHostAddress,
         "Underlay address of the remote tunnel endpoint.")
      .required();
  s.word("kind", &T::kind, kind_words(Carries::kPackets), "Encapsulation of the tunnel.");
  s.number("id", &T::id, 0, UINT64_MAX, "GRE key; default: no key.");
  s.flag("checksum", &T::checksum, "GRE: send a checksum. A received checksum is always verified.");
  s.flag("sequence", &T::sequence,
         "GRE: send sequence numbers, and drop received packets that are out of order or have no "
         "number.");
  s.texts("addresses", &VrfTunnelDraft::address_drafts, &T::addresses, parse_host_prefix,
          "an IP address and its prefix length, such as 10.255.0.1/30",
          "Addresses of the tunnel interface in the VRF. Their subnets are routed into the tunnel.",
          "An address with the prefix length of its subnet.")
      .each("address", "addresses");
  s.section("tunnel", &T::tunnel, tunnel_options_section(),
            "Outer header; default: that of the kind in 'tunnels'.");
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
         "Destination subnet; 0.0.0.0/0 or ::/0 is the default route.")
      .required();
  s.text("via", &R::via, parse_host_address, kHostAddress,
         "Next hop: a router on the subnet of a port, VLAN or network of the VRF.");
  s.text("tunnel", &R::tunnel, parse_name, "the name of a tunnel of the VRF",
         "Name of the tunnel to use instead of 'via'.");
  s.check(check_vrf_route);
  return s;
}

Section<KernelRoutesConfig> kernel_routes_section() {
  Section<KernelRoutesConfig> s;
  using K = KernelRoutesConfig;
  s.number("table", &K::table, 1, UINT32_MAX,
           "Number of the kernel's routing table; that of a VRF device is shown by "
           "'ip -d link show'.")
      .required();
  add_namespace(s, &K::network_namespace,
                "Network namespace of the table, as in 'ip netns'; default: that of aditd.");
  s.number("limit", &K::limit, 1, 1'048'576,
           "Maximum number of routes that are taken; further ones are counted and not used.");
  return s;
}

Section<GatewayDraft> gateway_section() {
  Section<GatewayDraft> s;
  using G = GatewayConfig;
  s.texts("addresses", &GatewayDraft::address_drafts, &G::addresses, parse_host_prefix,
          "an IP address and its prefix length, such as 10.1.0.254/24",
          "Addresses of the gateway, at least one. Their subnets are those of the network.",
          "An address with the prefix length of its subnet.")
      .each("address", "addresses");
  s.text("mac", &G::mac, parse_station_mac, kStationMac,
         "MAC address of the gateway; default: 02:ad:17 followed by the network's 'vni'.")
      .absent("the default");
  s.number("mtu_bytes", &G::mtu_bytes, 576, 65000,
           "Maximum size of an IP packet that is routed into the network; at most, and by default, "
           "what fits all members and remotes.")
      .absent("what fits");
  add_advertisements(s);
  return s;
}

Section<VlanDraft> vlan_section() {
  Section<VlanDraft> s;
  using V = VlanConfig;
  s.text("port", &V::port, parse_name, kPortName,
         "Name of the port. The subinterface uses its MAC address.")
      .required();
  s.number("vlan", &V::vlan, 1, 4094, "802.1Q VLAN identifier.").required();
  s.texts("addresses", &VlanDraft::address_drafts, &V::addresses, parse_host_prefix,
          "an IP address and its prefix length, such as 10.1.0.254/24",
          "Addresses of the subinterface, at least one.",
          "An address with the prefix length of its subnet.")
      .each("address", "addresses");
  s.number("mtu_bytes", &V::mtu_bytes, 576, 65000,
           "Maximum size of an IP packet, without Ethernet header and tag; at most, and by "
           "default, that of the port.")
      .absent("the port's");
  add_advertisements(s);
  return s;
}

}  // namespace

Section<VrfDraft> vrf_section() {
  Section<VrfDraft> s;
  s.texts("ports", &VrfDraft::port_drafts, &VrfConfig::ports, parse_name, kPortName,
          "Ports whose untagged packets this VRF routes. Their 'addresses' are the VRF's addresses "
          "on the link.",
          "The name of a port that has 'addresses'.")
      .each("port", "ports");
  s.map("networks", &VrfDraft::gateway_drafts, &VrfConfig::networks, gateway_section(),
        {.noun = "gateway of network", .plural = "gateways"}, 0, kMaxNetworks,
        "Networks, by name, that have their gateway in this VRF, which routes what their hosts "
        "send to it. A network can have one gateway.");
  s.list("vlans", &VrfDraft::vlan_drafts, &VrfConfig::vlans, vlan_section(),
         {.plural = "VLANs",
          .name =
              [](const VlanConfig& entry) {
                return "port " + entry.port + " vlan " + std::to_string(entry.vlan);
              }},
         kMaxVrfSubinterfaces,
         "VLAN subinterfaces: this VRF routes packets with the tag. A VLAN of a port can be in one "
         "VRF or in one network. Untagged packets of the port are not affected.");
  s.map("tunnels", &VrfDraft::tunnel_drafts, &VrfConfig::tunnels, vrf_tunnel_section(),
        {.noun = "tunnel",
         .plural = "tunnels",
         .more =
             [](const VrfTunnelConfig& tunnel) {
               return std::string(info_of(tunnel.kind).name) + ' ' + to_string(tunnel.address);
             }},
        0, kMaxVrfTunnels, "Point-to-point tunnels that carry IP packets, by name.");
  s.list("routes", &VrfDraft::route_drafts, &VrfConfig::routes, vrf_route_section(),
         {.noun = "route",
          .plural = "routes",
          .name = [](const VrfRouteConfig& route) { return to_string(route.to); },
          .more =
              [](const VrfRouteConfig& route) {
                return route.tunnel ? "tunnel " + *route.tunnel : "via " + to_string(*route.via);
              },
          .whole = true},
         kMaxVrfRoutes,
         "Static routes. Subnets of ports, VLANs, networks and tunnels are connected routes and "
         "need none.");
  s.section("kernel_routes", &VrfDraft::kernel_routes_draft, &VrfConfig::kernel_routes,
            kernel_routes_section(),
            "Follow a routing table of the kernel, into which a routing daemon such as FRR or BIRD "
            "puts its routes. A route is used if its gateway is on a subnet of the VRF. For the "
            "same prefix, connected and static routes of this file come first.");
  s.section(
      "kernel_neighbours", &VrfDraft::kernel_neighbours_draft, &VrfConfig::kernel_neighbours,
      kernel_neighbours_section(),
      "Take neighbours from interfaces of the kernel, into which a routing daemon such as FRR "
      "(EVPN) or 'ip neigh' puts them, or which the kernel has learned. One is used if its "
      "address is on a subnet of the VRF. 'neighbours' of this file come first.");
  s.section(
      "host", &VrfDraft::host_draft, &VrfConfig::host, host_section(),
      "Make an interface of the kernel with the VRF's addresses. Packets to them that adit does "
      "not answer itself go there, and what programs of the host send by it is routed by the "
      "VRF.");
  s.list("neighbours", &VrfDraft::neighbour_drafts, &VrfConfig::neighbours, neighbour_section(),
         neighbour_naming(), kMaxNeighbours,
         "Static neighbours on the subnets of ports, VLANs and networks.");
  s.flag("mss_clamp", &VrfConfig::mss_clamp,
         "Lower the MSS of TCP connections so that segments fit the MTU of their routes, in both "
         "directions.");
  s.number("connections", &VrfConfig::connections, 0, 16777216,
           "Maximum number of connections of the VRF's services, over all workers; 0: a share of "
           "what is free.");
  s.check([](Reader&, VrfDraft& vrf) {
    for (const auto& port : vrf.port_drafts) vrf.ports.push_back(port.value);
  });
  return s;
}

}  // namespace adit
