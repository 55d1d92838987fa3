// SPDX-License-Identifier: Apache-2.0
// VRFs: the part of check_references that is about their ports, VLANs, networks' gateways, tunnels
// and routes.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/nearest_name.h"
#include "config/limits.h"
#include "config/references.h"

namespace adit {
namespace {

class VrfChecks {
 public:
  VrfChecks(const ConfigDraft& draft, const Underlay& underlay, MistakeList& mistakes)
      : draft_(draft), underlay_(underlay), mistakes_(mistakes) {
    for (const PortDraft& port : draft.ports) {
      ports_.emplace(port.name, &port);
      port_names_.push_back(port.name);
    }
    for (const NetworkDraft& network : draft.networks) {
      networks_.emplace(network.name, &network);
      network_names_.push_back(network.name);
      for (const MemberDraft& member : network.member_drafts) {
        if (!member.vlan)
          untagged_.emplace(member.port, &network);
        else
          vlans_.emplace(PortVlan(member.port, *member.vlan),
                         Owner{"a member of network '" + network.name + '\'', member.places.self});
      }
    }
  }

  void run() {
    for (const VrfDraft& vrf : draft_.vrfs) check_vrf(vrf);
    for (const PortDraft& port : draft_.ports)
      if (port.places.has("router_advertisements") && !users_.contains(port.name))
        mistake(port.places.at("router_advertisements"),
                "router_advertisements: port '" + port.name +
                    "' is in no vrf; expected that of a port which a vrf has in its 'ports'");
  }

 private:
  void mistake(Place place, std::string message) {
    mistakes_.add(place, MistakeKind::kReference, std::move(message));
  }

  void check_vrf(const VrfDraft& vrf) {
    std::vector<Addressed> owners;
    for (const auto& name : vrf.port_drafts)
      if (const PortDraft* port = check_port(vrf, name)) {
        owners.push_back(addressed(*port));
        check_advertisements(*port);
      }
    for (const GatewayDraft& gateway : vrf.gateway_drafts) {
      check_gateway(vrf, gateway);
      check_advertisements(gateway);
      owners.push_back({"network '" + gateway.name + '\'', &gateway.address_drafts,
                        gateway.places.good("addresses")});
    }
    for (const VlanDraft& vlan : vrf.vlan_drafts) {
      check_vlan(vrf, vlan);
      check_advertisements(vlan);
      owners.push_back({text_of(vlan), &vlan.address_drafts, vlan.places.good("addresses")});
    }
    const size_t links = owners.size();
    for (const VrfTunnelDraft& tunnel : vrf.tunnel_drafts) {
      check_tunnel(vrf, tunnel);
      owners.push_back({"tunnel '" + tunnel.name + '\'', &tunnel.address_drafts,
                        tunnel.places.good("addresses")});
    }
    Underlay table = check_addresses(owners, mistakes_);
    for (const char* key : {"ports", "networks", "vlans"})
      if (!vrf.places.good(key)) table.complete = false;
    check_routes(vrf, table, owners, links);
    check_neighbours(vrf.neighbour_drafts, table, mistakes_);
    for (const NeighbourDraft& neighbour : vrf.neighbour_drafts)
      check_no_tunnel("address", neighbour.address, neighbour.places.at("address"), table, owners,
                      links);
  }

  // Null where it is none of the VRF's.
  const PortDraft* check_port(const VrfDraft& vrf, const Placed<std::string>& name) {
    const auto found = ports_.find(name.value);
    if (found == ports_.end()) {
      if (!ports_.empty())
        mistake(name.place, "there is no port " + in_quotes(name.value) + " in 'ports'" +
                                mistakes_.hint(name.value, port_names_));
      return nullptr;
    }
    const auto [user, fresh] = users_.emplace(name.value, std::pair(&vrf, name.place));
    if (!fresh) {
      mistake(name.place, "port '" + name.value + "' is already in vrf '" +
                              user->second.first->name + "', see " +
                              mistakes_.at(user->second.second));
      return nullptr;
    }
    const PortDraft& port = *found->second;
    if (port.places.good("addresses") && port.address_drafts.empty())
      mistake(name.place, "port '" + name.value +
                              "' has no 'addresses'; expected at least one, which the tenant's "
                              "hosts use as their gateway");
    // With addresses, the network's check has told it.
    if (const auto member = untagged_.find(name.value);
        member != untagged_.end() && port.address_drafts.empty())
      mistake(name.place, "port '" + name.value + "' is an untagged member of network '" +
                              member->second->name + "'; its frames cannot also be routed");
    return &port;
  }

  void check_gateway(const VrfDraft& vrf, const GatewayDraft& gateway) {
    const Place place = gateway.places.self;
    const auto found = networks_.find(gateway.name);
    if (found == networks_.end())
      return mistake(place, "there is no network " + in_quotes(gateway.name) + " in 'networks'" +
                                mistakes_.hint(gateway.name, network_names_));
    const auto [user, fresh] = gateways_.emplace(gateway.name, std::pair(&vrf, place));
    if (!fresh)
      return mistake(place, "network '" + gateway.name + "' already has its gateway in vrf '" +
                                user->second.first->name + "', see " +
                                mistakes_.at(user->second.second));
    if (gateway.places.good("addresses") && gateway.address_drafts.empty())
      mistake(place, "the gateway of network '" + gateway.name +
                         "' has no 'addresses'; expected at least one");
    const NetworkDraft& network = *found->second;
    if (!gateway.places.good("mac") || !network.places.good("vni")) return;
    const MacAddr mac = gateway_mac(network, gateway);
    for (const StaticMacDraft& entry : network.static_mac_drafts)
      if (entry.mac == mac)
        mistake(gateway.places.at("mac"),
                "mac: " + to_string(mac) + " of the gateway is a static MAC of network '" +
                    network.name + "', see " + mistakes_.at(entry.places.at("mac")));
  }

  // `link`: a draft of a port, VLAN or gateway.
  template <class Link>
  void check_advertisements(const Link& link) {
    if (!link.places.has("router_advertisements") || !link.places.good("addresses")) return;
    std::set<IpPrefix> subnets;
    for (const auto& own : link.address_drafts)
      if (!own.value.address.is_v4()) subnets.insert(subnet_of(own.value));
    const Place place = link.places.at("router_advertisements");
    if (subnets.empty())
      mistake(place,
              "router_advertisements: none of the 'addresses' is an IPv6 address; expected at "
              "least one IPv6 address, whose subnet is advertised");
    else if (subnets.size() > kMaxAdvertisedSubnets)
      mistake(place, "router_advertisements: found " + std::to_string(subnets.size()) +
                         " IPv6 subnets, expected at most " +
                         std::to_string(kMaxAdvertisedSubnets));
  }

  static std::string text_of(const VlanConfig& vlan) {
    return "port '" + vlan.port + "' VLAN " + std::to_string(vlan.vlan);
  }

  void check_vlan(const VrfDraft& vrf, const VlanDraft& vlan) {
    const Place place = vlan.places.self;
    if (++vlan_count_ == kMaxVrfSubinterfaces + 1)
      mistake(place, "more than " + std::to_string(kMaxVrfSubinterfaces) + " VLANs over all vrfs");
    const auto found = ports_.find(vlan.port);
    if (found == ports_.end()) {
      if (!ports_.empty())
        mistake(vlan.places.at("port"), "there is no port " + in_quotes(vlan.port) + " in 'ports'" +
                                            mistakes_.hint(vlan.port, port_names_));
      return;
    }
    const auto [user, fresh] =
        vlans_.emplace(PortVlan(vlan.port, vlan.vlan), Owner{"in vrf '" + vrf.name + '\'', place});
    if (!fresh)
      mistake(place, text_of(vlan) + " is already " + user->second.text + ", see " +
                         mistakes_.at(user->second.place));
    if (vlan.address_drafts.empty())
      mistake(place, text_of(vlan) +
                         " has no 'addresses'; expected at least one, which the "
                         "tenant's hosts use as their gateway");
    const PortDraft& port = *found->second;
    if (vlan.mtu_bytes && port.places.good("mtu_bytes") && *vlan.mtu_bytes > port.mtu_bytes)
      mistake(vlan.places.at("mtu_bytes"), "mtu_bytes: " + std::to_string(*vlan.mtu_bytes) +
                                               " is more than the " +
                                               std::to_string(port.mtu_bytes) + " of port '" +
                                               vlan.port + "'; the tag is beside both");
  }

  // The sender, its kind and key give the tunnel, so that no two can share them.
  void check_tunnel(const VrfDraft& vrf, const VrfTunnelDraft& tunnel) {
    if (!tunnel.places.has("address") || !tunnel.places.good("address")) return;
    const Place place = tunnel.places.at("address");
    check_reachable(tunnel.address, place, underlay_, mistakes_);
    const std::string name = "tunnel '" + tunnel.name + "' of vrf '" + vrf.name + '\'';
    const auto [known, fresh] =
        senders_.emplace(std::tuple(tunnel.address, tunnel.kind, tunnel.id), name);
    if (fresh) return;
    const std::string key =
        tunnel.id ? " with key " + std::to_string(*tunnel.id)
                  : (tunnel.kind == TunnelKind::kGreIp ? " without key" : std::string());
    mistake(place, std::string(info_of(tunnel.kind).name) + " from " + to_string(tunnel.address) +
                       key + " is already that of " + known->second);
  }

  // The first `links` of the owners have neighbours with MACs, the others are tunnels.
  void check_routes(const VrfDraft& vrf, const Underlay& table,
                    const std::vector<Addressed>& owners, size_t links) {
    std::vector<std::string_view> tunnels;
    for (const VrfTunnelDraft& tunnel : vrf.tunnel_drafts) tunnels.push_back(tunnel.name);
    PrefixTable routes;
    for (size_t i = 0; i < vrf.route_drafts.size(); ++i) {
      const VrfRouteDraft& route = vrf.route_drafts[i];
      const Place place = route.places.at("to");
      const IpPrefix subnet = subnet_of(route.to);
      const std::string text = to_string(subnet);
      if (subnet != route.to)
        mistake(place,
                "to: " + to_string(route.to) + " has bits beyond its prefix length; write " + text);
      if (const auto* connected = table.connected.exact(subnet))
        mistake(place, "to: " + text + " is the subnet of " + owners[connected->value].text +
                           " itself; it takes no route");
      const PrefixTable::Entry& entry = routes.insert(subnet, i);
      if (entry.value != i)
        mistake(place, "to: duplicate route to " + text + "; it is already at " +
                           mistakes_.at(vrf.route_drafts[entry.value].places.at("to")));
      if (route.via)
        check_router(*route.via, route, table, owners, links);
      else if (std::find(tunnels.begin(), tunnels.end(), *route.tunnel) == tunnels.end())
        mistake(route.places.at("tunnel"), "tunnel: there is no tunnel " +
                                               in_quotes(*route.tunnel) + " in vrf '" + vrf.name +
                                               '\'' + mistakes_.hint(*route.tunnel, tunnels));
    }
  }

  void check_router(const IpAddr& via, const VrfRouteDraft& route, const Underlay& table,
                    const std::vector<Addressed>& owners, size_t links) {
    const Place place = route.places.at("via");
    if (via.family != route.to.address.family)
      return mistake(place, "via: " + to_string(via) + " and " + to_string(subnet_of(route.to)) +
                                " are of different IP versions; expected a router of the same");
    if (!check_no_tunnel("via", via, place, table, owners, links)) return;
    check_on_link(via, place, "via", table, mistakes_);
  }

  // What is reached by its MAC is not behind a tunnel.
  bool check_no_tunnel(const std::string& key, const IpAddr& ip, Place place, const Underlay& table,
                       const std::vector<Addressed>& owners, size_t links) {
    const PrefixTable::Entry* subnet = table.connected.longest(ip);
    if (subnet == nullptr || subnet->value < links) return true;
    mistake(place, key + ": " + to_string(ip) + " is on the subnet of " +
                       owners[subnet->value].text + ", which has no routers and no MAC addresses");
    return false;
  }

  const ConfigDraft& draft_;
  const Underlay& underlay_;
  MistakeList& mistakes_;
  std::unordered_map<std::string, const PortDraft*> ports_;
  std::vector<std::string_view> port_names_;
  std::unordered_map<std::string, const NetworkDraft*> untagged_;
  std::unordered_map<std::string, std::pair<const VrfDraft*, Place>> users_;
  // Tagged frames: whose they are, and where that stands.
  using PortVlan = std::pair<std::string, uint16_t>;
  struct Owner {
    std::string text;
    Place place;
  };
  std::map<PortVlan, Owner> vlans_;
  size_t vlan_count_ = 0;
  std::unordered_map<std::string, const NetworkDraft*> networks_;
  std::vector<std::string_view> network_names_;
  std::unordered_map<std::string, std::pair<const VrfDraft*, Place>> gateways_;
  std::map<std::tuple<IpAddr, TunnelKind, std::optional<uint64_t>>, std::string> senders_;
};

}  // namespace

void check_vrfs(const ConfigDraft& draft, const Underlay& underlay, MistakeList& mistakes) {
  VrfChecks(draft, underlay, mistakes).run();
}

}  // namespace adit
