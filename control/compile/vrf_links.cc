// SPDX-License-Identifier: Apache-2.0
#include "compile/vrf_links.h"

#include <string_view>
#include <unordered_map>

namespace adit {
namespace {

std::unordered_map<std::string_view, const PortConfig*> ports_by_name(const Config& config) {
  std::unordered_map<std::string_view, const PortConfig*> ports;
  for (const PortConfig& port : config.ports) ports.emplace(port.name, &port);
  return ports;
}

}  // namespace

std::vector<VrfLink> vrf_links(const Config& config, const CompiledIds& ids) {
  const auto ports = ports_by_name(config);
  std::unordered_map<std::string_view, const NetworkConfig*> networks;
  for (const NetworkConfig& network : config.networks) networks.emplace(network.name, &network);
  std::vector<VrfLink> links;
  for (const VrfConfig& vrf : config.vrfs) {
    for (const std::string& name : vrf.ports) {
      const PortConfig& port = *ports.at(name);
      links.push_back(
          {&vrf, port.id, &port.addresses, port.id, std::nullopt, &port.router_advertisements});
    }
    for (const VlanConfig& vlan : vrf.vlans)
      links.push_back({&vrf, subinterface_link(ids.subinterfaces.at({vlan.port, vlan.vlan})),
                       &vlan.addresses, ports.at(vlan.port)->id, std::nullopt,
                       &vlan.router_advertisements});
    for (const GatewayConfig& gateway : vrf.networks)
      links.push_back({&vrf, network_link(ids.networks.at(gateway.name)), &gateway.addresses,
                       std::nullopt, gateway_mac(*networks.at(gateway.name), gateway),
                       &gateway.router_advertisements});
  }
  return links;
}

std::map<LinkId, std::vector<PortId>> members_by_link(const Config& config,
                                                      const CompiledIds& ids) {
  const auto ports = ports_by_name(config);
  std::map<LinkId, std::vector<PortId>> members;
  for (const NetworkConfig& network : config.networks)
    for (const MemberConfig& member : network.members)
      members[network_link(ids.networks.at(network.name))].push_back(ports.at(member.port)->id);
  return members;
}

}  // namespace adit
