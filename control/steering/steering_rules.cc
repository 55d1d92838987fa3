// SPDX-License-Identifier: Apache-2.0
#include "steering/steering_rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "config/link_local.h"

namespace adit {
namespace {

static_assert(sizeof(steering_endpoint) == 24 && sizeof(steering_prefix) == 22);

constexpr unsigned kMappedBits = 96;  // of ::ffff:0:0/96

void write_address(uint8_t (&to)[16], const IpAddr& address) noexcept {
  std::memset(to, 0, sizeof to);
  if (address.is_v4()) {
    to[10] = to[11] = 0xff;
    std::memcpy(to + 12, address.bytes.data(), 4);
  } else {
    std::memcpy(to, address.bytes.data(), sizeof to);
  }
}

constexpr Protocol kProtocols[] = {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp};

class RuleMaker {
 public:
  RuleMaker(const Config& config, const PortConfig& port, const SteeringHost& host)
      : config_(config), port_(port), host_(host) {}

  SteeringRules make(const MacAddr& mac) {
    rules_.mac = mac;
    bool takes_all_vlans = false;
    for (const NetworkConfig& network : config_.networks)
      for (const MemberConfig& member : network.members)
        if (member.port == port_.name) {
          rules_.scopes[member.vlan.value_or(0)] = {STEERING_TO_ADIT, 0};
          takes_all_vlans |= !member.vlan && network.carry_vlans;
        }
    const VrfConfig* of_port = nullptr;
    for (const VrfConfig& vrf : config_.vrfs) {
      if (std::find(vrf.ports.begin(), vrf.ports.end(), port_.name) != vrf.ports.end())
        of_port = &vrf;
      for (const VlanConfig& vlan : vrf.vlans)
        if (vlan.port == port_.name)
          add_link(vlan.vlan, &vrf, vlan.addresses, vlan.router_advertisements.has_value());
    }
    if (!port_.addresses.empty())
      add_link(0, of_port, port_.addresses, port_.router_advertisements.has_value());
    constexpr uint32_t kLastVlan = 4094;
    for (uint32_t vlan = 1; takes_all_vlans && vlan <= kLastVlan; ++vlan)
      rules_.scopes.try_emplace(vlan, steering_scope{STEERING_TO_ADIT, 0});
    return std::move(rules_);
  }

 private:
  bool is_hosts(const IpAddr& address) const {
    return kernel_is_here() && host_.addresses.contains(address);
  }
  bool kernel_is_here() const { return vlan_ == 0 || host_.vlans.contains(vlan_); }

  // `vrf`: null is the underlay.
  void add_link(uint16_t vlan, const VrfConfig* vrf, const std::vector<IpPrefix>& addresses,
                bool has_router) {
    vlan_ = vlan;
    rules_.scopes[vlan] = {STEERING_BY_ADDRESS, has_router};
    const IpAddr ipv4 = IpAddr::v4(be32(0));
    add_prefix({ipv4, 0}, steering_owner{});  // not what ::/0 says
    if (vrf != nullptr)
      add_vrf(*vrf, addresses);
    else
      add_underlay();
    for (const ServiceConfig& service : config_.services) add_service(service, vrf);
    for (const FwmarkRuleConfig& rule : config_.classifier)
      if (is_in(rule.vrf, vrf)) add_rule(rule);
    if (has_router) add_router();
    if (!kernel_is_here()) return;
    for (const IpAddr& address : host_.addresses)
      add_prefix({address, static_cast<uint8_t>(address.width_bits())}, STEERING_OWNER_KERNEL);
  }

  static bool is_in(const std::string& name, const VrfConfig* vrf) {
    return name == (vrf != nullptr ? vrf->name : kUnderlayName);
  }

  void add_underlay() {
    const auto vrfs = vrfs_of_ports(config_);
    for (size_t i = 0; i < config_.ports.size(); ++i)
      if (!vrfs[i]) add_own(config_.ports[i].addresses);
  }

  void add_vrf(const VrfConfig& vrf, const std::vector<IpPrefix>& on_link) {
    add_own(on_link);
    for (const PortConfig& port : config_.ports)
      if (std::find(vrf.ports.begin(), vrf.ports.end(), port.name) != vrf.ports.end())
        add_behind(port.addresses, on_link);
    for (const VlanConfig& vlan : vrf.vlans) add_behind(vlan.addresses, on_link);
    for (const GatewayConfig& gateway : vrf.networks) add_behind(gateway.addresses, on_link);
    for (const VrfTunnelConfig& tunnel : vrf.tunnels) add_behind(tunnel.addresses, on_link);
    for (const VrfRouteConfig& route : vrf.routes) add_prefix(route.to, STEERING_OWNER_ADIT);
    if (vrf.kernel_routes) {
      IpAddr ipv6;
      ipv6.family = IpFamily::kV6;
      add_prefix({IpAddr::v4(be32(0)), 0}, STEERING_OWNER_ADIT);
      add_prefix({ipv6, 0}, STEERING_OWNER_ADIT);
    }
  }

  // Of another link of the VRF, if they are not those of `on_link`.
  void add_behind(const std::vector<IpPrefix>& addresses, const std::vector<IpPrefix>& on_link) {
    if (addresses == on_link) return;
    add_own(addresses);
    for (const IpPrefix& prefix : addresses) add_prefix(subnet_of(prefix), STEERING_OWNER_ADIT);
  }

  void add_own(const std::vector<IpPrefix>& addresses) {
    for (const IpPrefix& prefix : addresses) add_whole(prefix.address);
  }

  void add_service(const ServiceConfig& service, const VrfConfig* vrf) {
    if (is_in(service.vrf, vrf) && service.fwmark == 0) add_virtual(service);
    if (service.forwarding == Forwarding::kFullNat && is_in(service.vrf, vrf))
      for (const IpAddr& address : service.local_addresses) add_whole(address);
    for (const BackendConfig& backend : service.backends) add_backend(service, backend, vrf);
    if (service.sorry) add_backend(service, *service.sorry, vrf);
  }

  void add_virtual(const ServiceConfig& service) {
    if (!is_hosts(service.address)) return add_whole(service.address);
    add_ports(service.address, service.protocol, service.port,
              service.last_port.value_or(service.port));
  }

  // Port 0: all of them.
  void add_ports(const IpAddr& address, Protocol protocol, uint16_t first, uint16_t last) {
    if (first <= 1 && last == UINT16_MAX) first = last = 0;  // but port 0, which nobody has
    for (uint32_t port = first; port <= last; ++port)
      add(STEERING_DESTINATION, address, static_cast<uint8_t>(protocol),
          static_cast<uint16_t>(port));
  }

  // ARP and neighbour discovery are answered for single addresses (docs/configuration.md).
  void add_rule(const FwmarkRuleConfig& rule) {
    for (const IpPrefix& prefix : rule.destinations) {
      const bool is_single = prefix.length == prefix.address.width_bits();
      if (!is_single) {
        add_prefix(prefix, STEERING_OWNER_ADIT);
      } else if (!is_hosts(prefix.address)) {
        add_whole(prefix.address);
      } else {
        const uint16_t first = rule.port.value_or(0);
        for (const Protocol protocol : kProtocols)
          if (protocol == rule.protocol.value_or(protocol))
            add_ports(prefix.address, protocol, first, rule.last_port.value_or(first));
      }
    }
  }

  // The router's address, by which hosts know it, is that of its MAC. The kernel may have the same
  // one, and would answer that it is no router.
  void add_router() {
    const IpAddr address = link_local_address(rules_.mac);
    add(STEERING_SOLICITED, address, 0, 0);
    if (!is_hosts(address)) add_whole(address);
  }

  // Its replies come to us, for the client.
  void add_backend(const ServiceConfig& service, const BackendConfig& backend,
                   const VrfConfig* vrf) {
    const Forwarding forwarding = backend.forwarding.value_or(service.forwarding);
    const std::string& where = backend.vrf ? *backend.vrf : service.vrf;
    if (!is_in(where, vrf)) return;
    if (forwarding == Forwarding::kFullNat)
      for (const IpAddr& address : service.local_addresses) add_whole(address);
    if (forwarding != Forwarding::kNat) return;
    for (const Protocol protocol : kProtocols) {
      if (service.fwmark == 0 && protocol != service.protocol) continue;
      add(STEERING_SOURCE, backend.address, static_cast<uint8_t>(protocol), backend.port);
      add(STEERING_FRAGMENT, backend.address, static_cast<uint8_t>(protocol), 0);
    }
  }

  void add_whole(const IpAddr& address) { add(STEERING_DESTINATION, address, 0, 0); }

  void add(steering_side side, const IpAddr& address, uint8_t protocol, uint16_t port) {
    steering_endpoint endpoint{};
    write_address(endpoint.address, address);
    endpoint.port = htons(port);
    endpoint.vlan = vlan_;
    endpoint.protocol = protocol;
    endpoint.side = side;
    rules_.endpoints.insert(endpoint);
  }

  // What is added last counts.
  void add_prefix(const IpPrefix& prefix, steering_owner owner) {
    steering_prefix key{};
    key.length_bits =
        STEERING_VLAN_BITS + prefix.length + (prefix.address.is_v4() ? kMappedBits : 0);
    key.vlan = htons(vlan_);
    uint8_t address[16];
    write_address(address, prefix.address);
    std::memcpy(key.address, address, sizeof address);
    rules_.prefixes[key] = owner;
  }

  const Config& config_;
  const PortConfig& port_;
  const SteeringHost& host_;
  SteeringRules rules_;
  uint16_t vlan_ = 0;
};

}  // namespace

SteeringRules steering_rules(const Config& config, const PortConfig& port, const MacAddr& mac,
                             const SteeringHost& host) {
  return RuleMaker(config, port, host).make(mac);
}

std::set<IpAddr> taken_from_host(const SteeringRules& rules, const SteeringHost& host) {
  std::set<IpAddr> taken;
  for (const IpAddr& address : host.addresses) {
    steering_endpoint whole{};
    write_address(whole.address, address);
    if (rules.endpoints.contains(whole)) taken.insert(address);
  }
  return taken;
}

}  // namespace adit
