// SPDX-License-Identifier: Apache-2.0
#include "config/vrf_keys.h"

#include "config/shared_keys.h"

namespace adit {
namespace {

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
         "GRE: number the packets, and drop those that come in out of order or without a number.");
  s.texts("addresses", &VrfTunnelDraft::address_drafts, &T::addresses, parse_host_prefix,
          "an IP address and its prefix length, such as 10.255.0.1/30",
          "The tunnel's own addresses within the VRF; their subnets are routed into it.",
          "An own address with the prefix length of its subnet.")
      .each("address", "addresses");
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
  s.texts("addresses", &GatewayDraft::address_drafts, &G::addresses, parse_host_prefix,
          "an IP address and its prefix length, such as 10.1.0.254/24",
          "The gateway's own addresses, at least one; their subnets are the network's.",
          "An own address with the prefix length of its subnet.")
      .each("address", "addresses");
  s.text("mac", &G::mac, parse_station_mac, kStationMac,
         "The gateway's MAC address; by default 02:ad:17 and the network's 'vni'.")
      .absent("the default");
  s.number("mtu_bytes", &G::mtu_bytes, 576, 65000,
           "Size of the largest IP packet that is routed into the network; at most, and by "
           "default, what fits all members and remotes.")
      .absent("what fits");
  add_advertisements(s);
  return s;
}

Section<VlanDraft> vlan_section() {
  Section<VlanDraft> s;
  using V = VlanConfig;
  s.text("port", &V::port, parse_name, kPortName, "The port; its MAC address is the interface's.")
      .required();
  s.number("vlan", &V::vlan, 1, 4094, "Frames with this 802.1Q tag.").required();
  s.texts("addresses", &VlanDraft::address_drafts, &V::addresses, parse_host_prefix,
          "an IP address and its prefix length, such as 10.1.0.254/24",
          "The interface's own addresses, at least one.",
          "An own address with the prefix length of its subnet.")
      .each("address", "addresses");
  s.number("mtu_bytes", &V::mtu_bytes, 576, 65000,
           "Size of the largest IP packet, without Ethernet header and tag; at most, and by "
           "default, the port's.")
      .absent("the port's");
  add_advertisements(s);
  return s;
}

}  // namespace

Section<VrfDraft> vrf_section() {
  Section<VrfDraft> s;
  s.texts("ports", &VrfDraft::port_drafts, &VrfConfig::ports, parse_name, kPortName,
          "Ports whose untagged packets are routed here; their 'addresses' are the gateway's.",
          "The name of a port that has 'addresses'.")
      .each("port", "ports");
  s.map("networks", &VrfDraft::gateway_drafts, &VrfConfig::networks, gateway_section(),
        {.noun = "gateway of network", .plural = "gateways"}, 0, kMaxNetworks,
        "Networks, by name, that get a gateway here: what their hosts send to it is routed. A "
        "network has one gateway.");
  s.list("vlans", &VrfDraft::vlan_drafts, &VrfConfig::vlans, vlan_section(),
         {.plural = "VLANs",
          .name =
              [](const VlanConfig& entry) {
                return "port " + entry.port + " vlan " + std::to_string(entry.vlan);
              }},
         kMaxVrfSubinterfaces,
         "VLANs of ports as interfaces: packets with the tag are routed here. A port and VLAN is "
         "in one VRF or in one network; the port's untagged packets are not concerned.");
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
         "Static routes; the subnets of ports, VLANs, networks and tunnels need none.");
  s.list("neighbours", &VrfDraft::neighbour_drafts, &VrfConfig::neighbours, neighbour_section(),
         told_of_neighbours(), kMaxNeighbours,
         "Static neighbours on the subnets of ports, VLANs and networks.");
  s.flag("mss_clamp", &VrfConfig::mss_clamp,
         "Lower the MSS of TCP connections to what fits their routes, both ways.");
  s.number(
      "connections", &VrfConfig::connections, 0, 16777216,
      "Connections of its services at one time, over all workers; 0: a share of what is free.");
  s.check([](Reader&, VrfDraft& vrf) {
    for (const auto& port : vrf.port_drafts) vrf.ports.push_back(port.value);
  });
  return s;
}

}  // namespace adit
