// SPDX-License-Identifier: Apache-2.0
#include "world_config.h"

#include <algorithm>
#include <optional>

namespace adit::bench {
namespace {

constexpr unsigned kAccessMtu = 9000;
constexpr unsigned kUplinkMtu = 9100;
constexpr unsigned kSecondsOfAge = 1'000'000;  // nothing shall age out between two runs

// The source of a network's MACs is known, and with most scenarios their destination.
uint32_t macs_of(const Case& the_case) noexcept {
  return 2 * the_case.flows;
}

std::optional<uint16_t> vlan_if_any(uint16_t vlan) {
  return vlan == 0 ? std::nullopt : std::optional(vlan);
}

NetworkConfig network_config(const Case& the_case, const World& world, uint32_t network) {
  NetworkConfig config;
  config.name = network_name(network);
  config.vni = World::vni_of(network);
  config.members.push_back({"access", vlan_if_any(world.vlan_of(network))});
  if (has_other_access(*the_case.scenario))
    config.members.push_back({"other", vlan_if_any(world.vlan_of(network))});
  for (unsigned remote = 0; remote < the_case.scenario->remotes; ++remote)
    config.remotes.push_back({world.vtep_ip(world.vtep_of(network, remote)), the_case.tunnel->kind,
                              World::vni_of(network)});
  config.mac_aging_s = kSecondsOfAge;
  config.mac_limit = macs_of(the_case);
  return config;
}

// The destinations of all flows lead one way; routes of other lengths are there as well, so
// that the tree of routes has some depth.
VrfConfig vrf_config(const Case& the_case, const World& world) {
  const auto prefix = [](const char* text, uint8_t length) {
    return IpPrefix{*parse_ip(text), length};
  };
  VrfConfig vrf;
  vrf.name = "v";
  vrf.ports = {"access"};
  VrfTunnelConfig tunnel;
  tunnel.name = "t";
  tunnel.address = world.vtep_ip(world.vtep_of(0, 0));
  tunnel.kind = the_case.tunnel->kind;
  if (tunnel.kind == TunnelKind::kGreIp) tunnel.id = World::vni_of(0);
  vrf.tunnels = {tunnel};
  VrfRouteConfig route;
  if (the_case.scenario->from == Side::kAccess)
    route.tunnel = tunnel.name;
  else
    route.via = parse_ip(kRouterIp);
  vrf.neighbours = {{*parse_ip(kRouterIp), kRouterMac}};
  for (const IpPrefix& to :
       {prefix("11.0.0.0", 8), prefix("172.16.0.0", 16), prefix("192.168.7.0", 24)}) {
    route.to = to;
    vrf.routes.push_back(route);
  }
  return vrf;
}

}  // namespace

PortId port_of(Side side) noexcept {
  switch (side) {
    case Side::kUplink:
    case Side::kServers:
      return kUplink;
    case Side::kOtherAccess:
      return kOtherAccess;
    case Side::kAccess:
    case Side::kClients:
    case Side::kNone:
      break;
  }
  return kAccess;
}

bool has_other_access(const Scenario& scenario) noexcept {
  return scenario.to == Side::kOtherAccess;
}

uint32_t fdb_capacity(const Case& the_case) noexcept {
  if (the_case.scenario->service) return 65'536;  // no MAC is learned
  return std::max<uint32_t>(65'536, macs_of(the_case));
}

std::string network_name(uint32_t network) {
  return "n" + std::to_string(network);
}

Config make_config(const Case& the_case, const World& world) {
  Config config;
  config.system.fdb_capacity = fdb_capacity(the_case);
  PortConfig access;
  access.name = "access";
  access.mtu_bytes = kAccessMtu;
  PortConfig uplink;
  uplink.name = "uplink";
  uplink.mtu_bytes = kUplinkMtu;
  uplink.addresses.push_back(
      {world.own_ip(), static_cast<uint8_t>(the_case.tunnel->ipv6 ? 64 : 24)});
  config.ports = {access, uplink};
  if (has_other_access(*the_case.scenario)) {
    access.name = "other";
    config.ports.push_back(access);
  }
  for (unsigned vtep = 0; vtep < kRemotes; ++vtep)
    config.neighbours.push_back({world.vtep_ip(vtep), World::vtep_mac(vtep)});
  TunnelConfig& tunnel = config.tunnels[tunnel_index(the_case.tunnel->kind)];
  tunnel.ttl = kTtl;
  tunnel.zero_checksum6 = the_case.tunnel->zero_checksum6;
  if (the_case.tunnel->is_routed()) {
    config.ports[kAccess].addresses = {{*parse_ip(kGatewaySubnet), 24}};
    config.vrfs.push_back(vrf_config(the_case, world));
    return config;
  }
  for (uint32_t network = 0; network < the_case.networks; ++network)
    config.networks.push_back(network_config(the_case, world, network));
  return config;
}

}  // namespace adit::bench
