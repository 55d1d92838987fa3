// SPDX-License-Identifier: Apache-2.0
#include "compile/vrf_links.h"

#include <string_view>
#include <unordered_map>

namespace adit {

std::vector<VrfLink> vrf_links(const Config& config, const CompiledIds& ids) {
  std::unordered_map<std::string_view, PortId> ports;
  for (size_t i = 0; i < config.ports.size(); ++i)
    ports.emplace(config.ports[i].name, static_cast<PortId>(i));
  std::unordered_map<std::string_view, const NetworkConfig*> networks;
  for (const NetworkConfig& network : config.networks) networks.emplace(network.name, &network);
  std::vector<VrfLink> links;
  for (const VrfConfig& vrf : config.vrfs) {
    for (const std::string& name : vrf.ports) {
      const PortId port = ports.at(name);
      links.push_back({&vrf, port, &config.ports[port].addresses, port, std::nullopt,
                       &config.ports[port].router_advertisements});
    }
    for (const VlanConfig& vlan : vrf.vlans)
      links.push_back({&vrf, subinterface_link(ids.subinterfaces.at({vlan.port, vlan.vlan})),
                       &vlan.addresses, ports.at(vlan.port), std::nullopt,
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
  std::unordered_map<std::string_view, PortId> ports;
  for (size_t i = 0; i < config.ports.size(); ++i)
    ports.emplace(config.ports[i].name, static_cast<PortId>(i));
  std::map<LinkId, std::vector<PortId>> members;
  for (const NetworkConfig& network : config.networks)
    for (const MemberConfig& member : network.members)
      members[network_link(ids.networks.at(network.name))].push_back(ports.at(member.port));
  return members;
}

}  // namespace adit
