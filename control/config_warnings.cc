// SPDX-License-Identifier: Apache-2.0
#include "config_warnings.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "prefix_table.h"

namespace adit {
namespace {

enum class WarningKind { kNoRoute, kNoArp, kNoBackends, kShadowed, kHealthWay, kCount };

// Where packets of a VRF, or of the underlay, can go.
struct Reach {
  PrefixTable links;      // subnets on which we answer ARP and ND
  PrefixTable elsewhere;  // behind routers and in tunnels
};

bool covers(const IpPrefix& outer, const IpPrefix& inner) {
  return outer.length <= inner.length && outer.contains(inner.address);
}

struct PortRange {
  unsigned first = 0, last = 65535;
};
PortRange range_of(std::optional<uint16_t> first, std::optional<uint16_t> last) {
  if (!first) return {};
  return {*first, last.value_or(*first)};
}
bool covers(PortRange outer, PortRange inner) {
  return outer.first <= inner.first && inner.last <= outer.last;
}
bool meet(PortRange a, PortRange b) {
  return a.first <= b.last && b.first <= a.last;
}

// The packets of a rule that an earlier one fits too, all of them.
bool covers(const MarkRuleDraft& outer, const MarkRuleDraft& inner) {
  if (outer.vrf != inner.vrf) return false;
  if (outer.protocol && outer.protocol != inner.protocol) return false;
  if (outer.in_port && outer.in_port != inner.in_port) return false;
  if (outer.source && !(inner.source && covers(*outer.source, *inner.source))) return false;
  if (!covers(range_of(outer.port, outer.last_port), range_of(inner.port, inner.last_port)) ||
      !covers(range_of(outer.source_port, outer.last_source_port),
              range_of(inner.source_port, inner.last_source_port)))
    return false;
  return std::all_of(
      inner.destination_drafts.begin(), inner.destination_drafts.end(),
      [&](const Placed<IpPrefix>& to) {
        return std::any_of(
            outer.destination_drafts.begin(), outer.destination_drafts.end(),
            [&](const Placed<IpPrefix>& other) { return covers(other.value, to.value); });
      });
}

class Warnings {
 public:
  Warnings(const ConfigDraft& draft, const std::string& file) : draft_(draft), file_(file) {}

  std::vector<ConfigMistake> find() {
    find_reach();
    for (const ServiceDraft& service : draft_.services) look_at(service);
    look_at_rules();
    look_at_services_behind_rules();
    for (size_t kind = 0; kind < counts_.size(); ++kind)
      if (counts_[kind] > kMaxWarningsOfAKind)
        found_.push_back({file_, 0, 0,
                          "and " + std::to_string(counts_[kind] - kMaxWarningsOfAKind) +
                              " more warnings that " + kSays[kind]});
    std::stable_sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) {
      return std::pair(a.line - 1, a.column) < std::pair(b.line - 1, b.column);
    });
    return std::move(found_);
  }

 private:
  static constexpr std::array<const char*, static_cast<size_t>(WarningKind::kCount)> kSays = {
      "no route leads to a backend", "nobody is told of an address by ARP",
      "a service has no backends", "another takes all packets of a rule or service",
      "a check goes another way than the packets"};

  void warn(WarningKind kind, Place place, std::string message) {
    if (++counts_[static_cast<size_t>(kind)] > kMaxWarningsOfAKind) return;
    found_.push_back(
        {file_, place.line, place.column, std::move(message), MistakeKind::kReference});
  }
  bool wants(WarningKind kind) {
    if (counts_[static_cast<size_t>(kind)] < kMaxWarningsOfAKind) return true;
    ++counts_[static_cast<size_t>(kind)];
    return false;
  }
  std::string at(Place place) const {
    return file_ + ':' + std::to_string(place.line) + ':' + std::to_string(place.column);
  }

  void find_reach() {
    std::unordered_map<std::string, std::string> vrf_of_port;
    for (const VrfDraft& vrf : draft_.vrfs)
      for (const auto& port : vrf.port_drafts) vrf_of_port.emplace(port.value, vrf.name);
    const auto add = [](PrefixTable& table, const std::vector<Placed<IpPrefix>>& addresses) {
      for (const auto& own : addresses) table.insert(own.value, 0);
    };
    for (const PortDraft& port : draft_.ports) {
      const auto vrf = vrf_of_port.find(port.name);
      add(reach_[vrf == vrf_of_port.end() ? kUnderlayName : vrf->second].links,
          port.address_drafts);
    }
    for (const RouteDraft& route : draft_.routes)
      reach_[kUnderlayName].elsewhere.insert(route.to, 0);
    for (const VrfDraft& vrf : draft_.vrfs) {
      Reach& reach = reach_[vrf.name];
      for (const GatewayDraft& gateway : vrf.gateway_drafts)
        add(reach.links, gateway.address_drafts);
      for (const VlanDraft& vlan : vrf.vlan_drafts) add(reach.links, vlan.address_drafts);
      for (const VrfTunnelDraft& tunnel : vrf.tunnel_drafts)
        add(reach.elsewhere, tunnel.address_drafts);
      for (const VrfRouteDraft& route : vrf.route_drafts) reach.elsewhere.insert(route.to, 0);
    }
  }

  static std::string place_text(const std::string& vrf) {
    return vrf == kUnderlayName ? "the underlay" : "vrf '" + vrf + '\'';
  }

  void look_at(const ServiceDraft& service) {
    const bool has_sorry = service.places.has("sorry");
    if (service.backend_drafts.empty())
      warn(WarningKind::kNoBackends, service.places.self,
           "service '" + service.name + "' has no backends: " +
               (has_sorry ? "all its connections go to the sorry server"
                          : "nobody takes its connections"));
    else if (!has_sorry && std::all_of(service.backend_drafts.begin(), service.backend_drafts.end(),
                                       [](const BackendDraft& b) { return b.weight == 0; }))
      warn(WarningKind::kNoBackends, service.places.self,
           "all backends of service '" + service.name +
               "' have weight 0: nobody takes new connections");
    if (service.mark == 0) look_at_address(service);
    for (const BackendDraft& backend : service.backend_drafts) look_at(service, backend);
    if (has_sorry) look_at(service, service.sorry_draft);
    look_at_health(service);
  }

  void look_at_address(const ServiceDraft& service) {
    if (reach_[service.vrf].links.longest(service.address) != nullptr) return;
    if (!wants(WarningKind::kNoArp)) return;
    warn(WarningKind::kNoArp, service.places.at("address"),
         "address: " + to_string(service.address) + " of service '" + service.name +
             "' is in no subnet of " + place_text(service.vrf) +
             ", so nobody is told of it by ARP or ND; a router has to have a route for it to an "
             "address of ours");
  }

  void look_at(const ServiceDraft& service, const BackendDraft& backend) {
    const std::string& vrf = backend.vrf ? *backend.vrf : service.vrf;
    const Reach& reach = reach_[vrf];
    if (reach.links.longest(backend.address) != nullptr) return;
    const bool has_route = reach.elsewhere.longest(backend.address) != nullptr;
    const bool direct = backend.forwarding.value_or(service.forwarding) == Forwarding::kDirect;
    if ((has_route && !direct) || !wants(WarningKind::kNoRoute)) return;
    const std::string what =
        "address: backend " + to_string(backend.address) + " of service '" + service.name + "' ";
    if (has_route)
      warn(WarningKind::kNoRoute, backend.places.at("address"),
           what +
               "is behind a router, which sends packets to the service's address back here; "
               "'forwarding: direct' is for hosts on a subnet of ours");
    else
      warn(WarningKind::kNoRoute, backend.places.at("address"),
           what + "is in no subnet of " + place_text(vrf) +
               ", and no route there leads to it: what is sent to it is dropped as no_route");
  }

  void look_at_health(const ServiceDraft& service) {
    const HealthDraft& health = service.health_draft;
    if (!service.places.has("health") || !health.wanted || !health.device.empty() ||
        *health.wanted == CheckKind::kCommand)
      return;
    for (const BackendDraft& backend : service.backend_drafts) {
      const std::string& vrf = backend.vrf ? *backend.vrf : service.vrf;
      if (vrf == kUnderlayName) continue;
      if (wants(WarningKind::kHealthWay))
        warn(WarningKind::kHealthWay, service.places.at("health"),
             "health: checks of service '" + service.name +
                 "' leave by this host's own routes, but its backend " +
                 to_string(backend.address) + " is in " + place_text(vrf) +
                 "; give the host an interface there and name it in 'device'");
      return;
    }
  }

  void look_at_rules() {
    const auto& rules = draft_.classifier;
    for (size_t i = 0; i < rules.size(); ++i)
      for (size_t earlier = 0; earlier < i; ++earlier) {
        if (!covers(rules[earlier], rules[i])) continue;
        warn(WarningKind::kShadowed, rules[i].places.self,
             "no packet gets as far as this rule: that at " + at(rules[earlier].places.self) +
                 " fits all of its packets, and the first that fits counts");
        break;
      }
  }

  // A service by address, whose packets rules give to services by mark.
  void look_at_services_behind_rules() {
    if (draft_.classifier.empty()) return;
    for (const ServiceDraft& service : draft_.services) {
      if (service.mark != 0) continue;
      const MarkRuleDraft* taker = taker_of(service);
      if (taker == nullptr) continue;
      warn(WarningKind::kShadowed, service.places.self,
           "service '" + service.name + "' gets no packets: the rule of 'classifier' at " +
               at(taker->places.self) + " gives all of them mark " + std::to_string(taker->mark));
    }
  }

  const MarkRuleDraft* taker_of(const ServiceDraft& service) const {
    const IpPrefix address{service.address, static_cast<uint8_t>(service.address.width_bits())};
    const PortRange ports =
        service.port == 0 ? PortRange{1, 65535} : range_of(service.port, service.last_port);
    for (const MarkRuleDraft& rule : draft_.classifier) {
      if (rule.vrf != service.vrf || (rule.protocol && *rule.protocol != service.protocol) ||
          !meet(range_of(rule.port, rule.last_port), ports) ||
          std::none_of(rule.destination_drafts.begin(), rule.destination_drafts.end(),
                       [&](const Placed<IpPrefix>& to) { return covers(to.value, address); }))
        continue;
      if (rule.mark == 0) return nullptr;  // leaves it some, or all
      const bool takes_all =
          !rule.source && !rule.in_port && !rule.source_port &&
          covers(rule.port ? range_of(rule.port, rule.last_port) : PortRange{}, ports);
      if (takes_all) return &rule;
    }
    return nullptr;
  }

  const ConfigDraft& draft_;
  const std::string& file_;
  std::map<std::string, Reach> reach_;
  std::array<size_t, static_cast<size_t>(WarningKind::kCount)> counts_ = {};
  std::vector<ConfigMistake> found_;
};

}  // namespace

std::vector<ConfigMistake> find_warnings(const ConfigDraft& draft, const std::string& file) {
  return Warnings(draft, file).find();
}

}  // namespace adit
