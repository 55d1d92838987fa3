// SPDX-License-Identifier: Apache-2.0
#include "config/references.h"

#include <algorithm>

#include "config/limits.h"

namespace adit {
namespace {

// What comes in by UDP is told apart by its port.
void check_tunnel_ports(const ConfigDraft& draft, MistakeList& mistakes) {
  std::unordered_map<uint16_t, const TunnelKindInfo*> users;
  for (size_t i = 0; i < kTunnelKindCount; ++i) {
    const TunnelKindInfo& kind = kTunnelKinds[i];
    if (kind.ip_protocol != kUdpProtocol) continue;
    const auto [user, fresh] = users.emplace(draft.tunnels[i].port, &kind);
    if (!fresh)
      mistakes.add(draft.places.at("tunnels"), MistakeKind::kReference,
                   "udp_port: " + std::to_string(user->first) + " is that of " +
                       std::string(user->second->name) + " and of " + std::string(kind.name) +
                       "; expected one of its own for each");
  }
}

// What kinds say of their own keys.
void check_own_keys(const ConfigDraft& draft, MistakeList& mistakes) {
  const auto largest = std::ranges::max_element(
      draft.ports, {}, [](const PortDraft& port) { return port.mtu_bytes; });
  if (largest == draft.ports.end()) return;
  for (size_t i = 0; i < kTunnelKindCount; ++i) {
    const TunnelKeys& own = tunnel_keys(i);
    if (own.check_ports == nullptr) continue;
    const TunnelDraft& tunnel = draft.tunnels[i];
    for (TunnelKeyMistake& mistake :
         own.check_ports(own_values(tunnel, i), {largest->mtu_bytes, largest->name}))
      mistakes.add(tunnel.places.at(own.keys[mistake.key].name), MistakeKind::kReference,
                   std::move(mistake.text));
  }
}

}  // namespace

void check_references(const ConfigDraft& draft, const ConfigLimits& limits, MistakeList& mistakes) {
  Underlay underlay = check_ports(draft, mistakes);
  check_routes(draft, underlay, mistakes);
  check_neighbours(draft.neighbours, underlay, mistakes);
  check_networks(draft, underlay, limits.bridge_ports, mistakes);
  check_vrfs(draft, underlay, mistakes);
  check_hosts(draft, mistakes);
  check_services(draft, limits, mistakes);
  check_classifier(draft, mistakes);
  check_tunnel_ports(draft, mistakes);
  check_own_keys(draft, mistakes);
}

std::vector<OwnAddress> own_addresses(const ConfigDraft& draft) {
  static const std::string kUnderlay = kUnderlayName;
  std::vector<OwnAddress> all;
  const auto add = [&](const std::string& vrf, const auto& owner, bool on_link) {
    for (const auto& address : owner.address_drafts) all.push_back({&vrf, &address, on_link});
  };
  const auto vrfs = vrfs_of_ports(draft);
  for (size_t i = 0; i < draft.ports.size(); ++i)
    add(vrfs[i] ? draft.vrfs[*vrfs[i]].name : kUnderlay, draft.ports[i], true);
  for (const VrfDraft& vrf : draft.vrfs) {
    for (const GatewayDraft& gateway : vrf.gateway_drafts) add(vrf.name, gateway, true);
    for (const VlanDraft& vlan : vrf.vlan_drafts) add(vrf.name, vlan, true);
    for (const VrfTunnelDraft& tunnel : vrf.tunnel_drafts) add(vrf.name, tunnel, false);
  }
  return all;
}

bool is_network_address(const IpPrefix& subnet, const IpAddr& ip) {
  return ip.is_v4() && subnet.length < 31 && ip == subnet_of(subnet).address;
}

bool is_broadcast_address(const IpPrefix& subnet, const IpAddr& ip) {
  if (!ip.is_v4() || subnet.length >= 31) return false;
  const uint32_t host_bits = ~uint32_t{0} >> subnet.length;
  return ip.as_v4().host() == (subnet_of(subnet).address.as_v4().host() | host_bits);
}

std::string hosts_text(const IpPrefix& subnet) {
  const uint32_t network = subnet_of(subnet).address.as_v4().host();
  const uint32_t last = (network | ~uint32_t{0} >> subnet.length) - 1;
  return to_string(IpAddr::v4(be32(network + 1))) + " to " + to_string(IpAddr::v4(be32(last)));
}

std::string why_no_host_of(const IpPrefix& subnet, const IpAddr& ip) {
  const bool is_network = is_network_address(subnet, ip);
  if (!is_network && !is_broadcast_address(subnet, ip)) return {};
  return std::string("is the ") + (is_network ? "network" : "broadcast") + " address of " +
         to_string(subnet_of(subnet)) + "; expected one of its hosts, " + hosts_text(subnet);
}

std::string why_no_neighbour(const IpAddr& ip, const Underlay& underlay,
                             const MistakeList& mistakes) {
  const auto own = underlay.own.find(ip);
  if (own != underlay.own.end()) return "is our own address, see " + mistakes.at(own->second);
  const PrefixTable::Entry* subnet = underlay.connected.longest(ip);
  if (subnet == nullptr) return {};
  return why_no_host_of(subnet->prefix, ip);
}

}  // namespace adit
