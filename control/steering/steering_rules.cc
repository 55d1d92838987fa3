// SPDX-License-Identifier: Apache-2.0
#include "steering/steering_rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

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

class RuleMaker {
 public:
  RuleMaker(const Config& config, const PortConfig& port, const std::set<IpAddr>& host)
      : config_(config), port_(port), host_(host) {
    for (const PortConfig& other : config.ports) take_own(other.addresses);
    for (const VrfConfig& vrf : config.vrfs) {
      for (const VlanConfig& vlan : vrf.vlans) take_own(vlan.addresses);
      for (const GatewayConfig& gateway : vrf.networks) take_own(gateway.addresses);
      for (const VrfTunnelConfig& tunnel : vrf.tunnels) take_own(tunnel.addresses);
    }
  }

  SteeringRules make(const MacAddr& mac) {
    rules_.mac = mac;
    for (const NetworkConfig& network : config_.networks)
      for (const MemberConfig& member : network.members)
        if (member.port == port_.name)
          rules_.scopes[member.vlan.value_or(0)] = {STEERING_TO_ADIT, 0};
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
    return std::move(rules_);
  }

 private:
  void take_own(const std::vector<IpPrefix>& addresses) {
    for (const IpPrefix& prefix : addresses) own_.insert(prefix.address);
  }
  // Not one that a `host:` interface of adit's has.
  bool is_hosts(const IpAddr& address) const {
    return host_.contains(address) && !own_.contains(address);
  }

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
      if (is_in(rule.vrf, vrf))
        for (const IpPrefix& prefix : rule.destinations) add_prefix(prefix, STEERING_OWNER_ADIT);
    for (const IpAddr& address : host_)
      if (!own_.contains(address))
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
    const auto protocol = static_cast<uint8_t>(service.protocol);
    if (!is_hosts(service.address)) return add_whole(service.address);
    for (uint32_t port = service.port; port <= service.last_port.value_or(service.port); ++port)
      add(STEERING_DESTINATION, service.address, protocol, static_cast<uint16_t>(port));
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
    const auto protocol = static_cast<uint8_t>(service.protocol);
    add(STEERING_SOURCE, backend.address, protocol, backend.port);
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
  const std::set<IpAddr>& host_;
  std::set<IpAddr> own_;
  SteeringRules rules_;
  uint16_t vlan_ = 0;
};

}  // namespace

SteeringRules steering_rules(const Config& config, size_t port, const MacAddr& mac,
                             const std::set<IpAddr>& host) {
  return RuleMaker(config, config.ports[port], host).make(mac);
}

}  // namespace adit
