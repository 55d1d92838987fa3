// SPDX-License-Identifier: Apache-2.0
// Services: the part of check_references that is about their addresses, VRFs and backends.
#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/nearest_name.h"
#include "config/known_hosts.h"
#include "config/references.h"

namespace adit {
namespace {

class ServiceChecks {
 public:
  ServiceChecks(const ConfigDraft& draft, const ConfigLimits& limits, MistakeList& mistakes)
      : hosts_(draft), draft_(draft), limits_(limits), mistakes_(mistakes) {
    scopes_[kUnderlayName].exists = true;
    for (const VrfDraft& vrf : draft.vrfs) scopes_[vrf.name].exists = true;
    for (const OwnAddress& own : own_addresses(draft)) {
      Scope& scope = scopes_[*own.vrf];
      scope.own.emplace(own.address->value.address, own.address->place);
      own_places_.push_back(own.address->place);
      scope.subnets.insert(own.address->value, own_places_.size() - 1);
    }
    for (const ServiceDraft& service : draft.services)
      if (has_address(service)) scopes_[service.vrf].virtuals.emplace(service.address, &service);
    for (const FwmarkRuleDraft& rule : draft.classifier) {
      if (rule.fwmark == 0) continue;
      fwmark_rules_.emplace(std::pair(rule.vrf, rule.fwmark), &rule);
      Scope& scope = scopes_[rule.vrf];
      for (const auto& to : rule.destination_drafts)
        if (to.value.length == to.value.address.width_bits())
          scope.fwmark_hosts.emplace(to.value.address, to.place);
        else
          scope.fwmark_subnets.push_back(to);
    }
  }

  void run() {
    for (const VrfDraft& vrf : draft_.vrfs)
      if (vrf.name == kUnderlayName)
        mistake(vrf.places.self, "a vrf cannot have the name 'underlay', which means no vrf");
    size_t backends = 0;
    for (const ServiceDraft& service : draft_.services) {
      check_service(service);
      backends += service.backend_drafts.size();
    }
    for (const FwmarkRuleDraft& rule : draft_.classifier)
      for (const auto& to : rule.destination_drafts)
        if (rule.fwmark != 0 && to.value.length == to.value.address.width_bits())
          check_no_host("destinations", rule.vrf, to.value.address, to.place);
    for (const auto& [name, rule] : fwmark_rules_)
      if (scopes_.at(name.first).exists && draft_.places.good("services") &&
          !fwmark_services_.contains(name))
        mistake(rule->places.at("mark"),
                "mark: no service of " + name.first + " has mark " + std::to_string(name.second));
    if (backends > limits_.backends)
      mistake({}, "found " + std::to_string(backends) +
                      " backends, of all services, expected at most " +
                      std::to_string(limits_.backends));
  }

 private:
  struct Range {
    uint16_t first;
    const ServiceDraft* service;
  };
  using Ranges = std::map<uint16_t, Range>;  // by last port

  template <class Value>
  using ByAddress = std::unordered_map<IpAddr, Value, AddressHash>;
  // What has an address in a VRF, or in the underlay.
  struct Scope {
    bool exists = false;                           // else somebody only names it
    ByAddress<Place> own;                          // of ours
    PrefixTable subnets;                           // ours; values: in own_places_
    ByAddress<const ServiceDraft*> virtuals;       // the first service of each
    ByAddress<Place> fwmark_hosts;                 // single destinations of rules
    std::vector<Placed<IpPrefix>> fwmark_subnets;  // the others
    std::map<std::pair<IpAddr, Protocol>, Ranges> ranges;
  };
  // A backend within its service.
  using Endpoint = std::tuple<IpAddr, uint16_t, std::string_view>;

  void mistake(Place place, std::string message) {
    mistakes_.add(place, MistakeKind::kReference, std::move(message));
  }

  const Scope& scope_of(const std::string& vrf) const {
    static const Scope nowhere{};
    const auto found = scopes_.find(vrf);
    return found == scopes_.end() ? nowhere : found->second;
  }
  void check_vrf(const std::string& name, const Scope& scope, Place place) {
    if (scope.exists) return;
    std::vector<std::string_view> names = {kUnderlayName};
    for (const VrfDraft& vrf : draft_.vrfs) names.push_back(vrf.name);
    mistake(place, "vrf: there is no vrf " + in_quotes(name) + mistakes_.hint(name, names));
  }

  // A subnet of ours has two addresses that no host can have.
  void check_host(const char* key, const Scope& scope, const IpAddr& ip, Place place) {
    const PrefixTable::Entry* subnet = scope.subnets.longest(ip);
    if (subnet == nullptr) return;
    const std::string why = why_no_host_of(subnet->prefix, ip);
    if (!why.empty())
      mistake(place, std::string(key) + ": " + to_string(ip) + ' ' + why + " (the subnet is at " +
                         mistakes_.at(own_places_[subnet->value]) + ')');
  }

  // An address that has to be of nobody else, or a backend's. `remedy` ends the sentence.
  void check_not_own(const char* key, const Scope& scope, const IpAddr& ip, Place place,
                     const char* remedy) {
    if (const auto own = scope.own.find(ip); own != scope.own.end())
      mistake(place, std::string(key) + ": " + to_string(ip) +
                         " is the address of a port, network or tunnel of ours, see " +
                         mistakes_.at(own->second) + "; expected " + remedy);
  }
  // An address for which adit answers ARP and ND.
  void check_no_host(const char* key, const std::string& vrf, const IpAddr& ip, Place place) {
    if (const KnownHosts::Host* host = hosts_.find(vrf, ip))
      mistake(place, std::string(key) + ": " + to_string(ip) + " is that of " + host->what +
                         ", see " + mistakes_.at(host->place) + "; expected one of nobody else");
  }
  void check_not_virtual(const char* key, const Scope& scope, const IpAddr& ip, Place place,
                         const char* remedy) {
    if (const auto other = scope.virtuals.find(ip); other != scope.virtuals.end())
      mistake(place, std::string(key) + ": " + to_string(ip) + " is the address of service '" +
                         other->second->name + "', see " +
                         mistakes_.at(other->second->places.at("address")) + "; expected " +
                         remedy);
  }

  // The same, and no destination of a fwmark rule.
  void check_not_taken(const char* key, const Scope& scope, const IpAddr& ip, Place place,
                       const char* remedy) {
    check_not_virtual(key, scope, ip, place, remedy);
    const auto tell = [&](Place other) {
      mistake(place, std::string(key) + ": " + to_string(ip) +
                         " is among the destinations of 'classifier', see " + mistakes_.at(other) +
                         "; expected " + remedy);
    };
    if (const auto host = scope.fwmark_hosts.find(ip); host != scope.fwmark_hosts.end())
      return tell(host->second);
    for (const auto& subnet : scope.fwmark_subnets)
      if (subnet.value.contains(ip)) return tell(subnet.place);
  }

  static bool has_address(const ServiceDraft& service) {
    return service.places.has("address") && service.places.good("address");
  }
  // One of its addresses; none where it is not known.
  std::optional<IpAddr> address_of(const ServiceDraft& service) const {
    if (service.fwmark == 0)
      return has_address(service) ? std::optional(service.address) : std::nullopt;
    const auto rule = fwmark_rules_.find({service.vrf, service.fwmark});
    if (rule == fwmark_rules_.end() || rule->second->destination_drafts.empty())
      return std::nullopt;
    return rule->second->destination_drafts.front().value.address;
  }
  static Forwarding forwarding_of(const ServiceDraft& service, const BackendDraft& backend) {
    return backend.forwarding.value_or(service.forwarding);
  }
  static bool translates(Forwarding forwarding) {
    return forwarding == Forwarding::kNat || forwarding == Forwarding::kFullNat;
  }

  void check_service(const ServiceDraft& service) {
    const Places& at = service.places;
    const Scope& scope = scope_of(service.vrf);
    check_vrf(service.vrf, scope, at.at("vrf"));
    if (has_address(service)) {
      check_not_own("address", scope, service.address, at.at("address"), "one of its own");
      check_host("address", scope, service.address, at.at("address"));
      check_no_host("address", service.vrf, service.address, at.at("address"));
      if (at.good("port") && at.good("last_port") && at.good("protocol")) check_unique(service);
    }
    if (service.fwmark != 0) check_fwmark(service);
    check_local_addresses(service);
    const bool any_twice = has_duplicates(service);
    std::map<Endpoint, Place> seen;  // where it matters
    for (const BackendDraft& backend : service.backend_drafts) {
      if (any_twice) check_duplicate(service, backend, seen);
      check_backend(service, backend, backend.vrf ? scope_of(*backend.vrf) : scope);
    }
    if (at.good("sorry") && at.has("sorry")) {
      const BackendDraft& sorry = service.sorry_draft;
      const auto known = std::ranges::find(
          service.backend_drafts, endpoint_of(service, sorry),
          [&](const BackendDraft& backend) { return endpoint_of(service, backend); });
      if (known != service.backend_drafts.end())
        mistake(sorry.places.at("address"), "address: " + to_string(sorry.address) +
                                                " is a backend already, see " +
                                                mistakes_.at(known->places.self));
      check_backend(service, sorry, sorry.vrf ? scope_of(*sorry.vrf) : scope);
    }
    if (at.good("health") && at.has("health") && service.health_draft.wanted) check_health(service);
    if (service.one_packet && at.good("one_packet")) check_one_packet(service);
    if (at.good("client_address")) check_client_address(service);
    if (at.good("forwarding") && at.good("backends")) check_used(service);
  }

  static Endpoint endpoint_of(const ServiceDraft& service, const BackendDraft& backend) {
    return {backend.address, backend.port, backend.vrf ? *backend.vrf : service.vrf};
  }
  // Without memory for each: there are none in nearly all services.
  bool has_duplicates(const ServiceDraft& service) {
    endpoints_.clear();
    for (const BackendDraft& backend : service.backend_drafts)
      endpoints_.push_back(endpoint_of(service, backend));
    std::ranges::sort(endpoints_);
    return std::ranges::adjacent_find(endpoints_) != endpoints_.end();
  }
  void check_duplicate(const ServiceDraft& service, const BackendDraft& backend,
                       std::map<Endpoint, Place>& seen) {
    const auto [known, fresh] = seen.emplace(endpoint_of(service, backend), backend.places.self);
    if (!fresh)
      mistake(backend.places.at("address"), "address: duplicate backend " +
                                                to_string(backend.address) + "; it is already at " +
                                                mistakes_.at(known->second));
  }

  // What only one way of forwarding looks at.
  void check_used(const ServiceDraft& service) {
    const auto uses = [&](Forwarding wanted) {
      return service.forwarding == wanted ||
             std::any_of(
                 service.backend_drafts.begin(), service.backend_drafts.end(),
                 [&](const BackendDraft& backend) { return backend.forwarding == wanted; }) ||
             service.sorry_draft.forwarding == wanted;
    };
    const auto check = [&](const char* key, Forwarding wanted, const char* word) {
      if (service.places.has(key) && !uses(wanted))
        mistake(service.places.at(key), std::string(key) +
                                            ": only valid with 'forwarding: " + word +
                                            "', which neither the service nor a backend has");
    };
    check("wrap", Forwarding::kTunnel, "tunnel");
    check("local_addresses", Forwarding::kFullNat, "fullnat");
  }

  // Tells of every backend whose way of forwarding does not go with `key`.
  template <class Fits>
  void check_forwardings(const ServiceDraft& service, const char* key, const char* why, Fits fits) {
    bool told = false;
    const bool good = service.places.good("forwarding");
    const auto check = [&](const BackendDraft& backend) {
      if (!backend.places.good("forwarding") || (!backend.forwarding && !good)) return;
      if (fits(forwarding_of(service, backend))) return;
      if (backend.forwarding)
        mistake(backend.places.at("forwarding"), why);
      else if (!std::exchange(told, true))
        mistake(service.places.at(key), why);
    };
    for (const BackendDraft& backend : service.backend_drafts) check(backend);
    if (service.places.has("sorry") && service.places.good("sorry")) check(service.sorry_draft);
    if (service.backend_drafts.empty() && good && !fits(service.forwarding) && !told)
      mistake(service.places.at(key), why);
  }

  // Nothing is remembered of such packets, not even where their replies belong.
  void check_one_packet(const ServiceDraft& service) {
    check_forwardings(service, "one_packet",
                      "one_packet: only valid with 'forwarding: direct' and 'tunnel'; replies need "
                      "a connection, which 'one_packet' does not keep",
                      [](Forwarding forwarding) { return !translates(forwarding); });
  }

  void check_client_address(const ServiceDraft& service) {
    if (service.client_address == ClientAddress::kToa)
      check_forwardings(service, "client_address",
                        "client_address: toa is only valid with 'forwarding: fullnat'; other "
                        "backends see the client's address anyway",
                        [](Forwarding forwarding) { return forwarding == Forwarding::kFullNat; });
    if (service.client_address == ClientAddress::kProxy)
      check_forwardings(service, "client_address",
                        "client_address: proxy is only valid with 'forwarding: nat' and 'fullnat'; "
                        "replies of other backends do not pass through adit",
                        translates);
  }

  // Whether the backends can be asked like that.
  void check_health(const ServiceDraft& service) {
    const HealthDraft& health = service.health_draft;
    const bool any_port = service.port == 0 || service.last_port;
    for (const BackendDraft& backend : service.backend_drafts) {
      if (health.source && health.source->family != backend.address.family)
        return mistake(health.places.at("source"),
                       "source: " + to_string(*health.source) + " cannot check " +
                           to_string(backend.address) + ", which is of the other IP version");
      if (any_port && backend.port == 0 && !health.port && info_of(*health.wanted).needs_port)
        return mistake(service.places.at("health"),
                       "health: needs a 'port', because " + to_string(backend.address) +
                           " and the service do not have a single port");
    }
  }

  // Only one service has a fwmark; the destinations of its rules are of one IP version.
  void check_fwmark(const ServiceDraft& service) {
    const Places& at = service.places;
    const std::pair name(service.vrf, service.fwmark);
    const std::string text = std::to_string(service.fwmark);
    const auto [other, fresh] = fwmark_services_.emplace(name, &service);
    if (!fresh)
      return mistake(at.at("mark"), "mark: " + text + " is already that of service '" +
                                        other->second->name + "', see " +
                                        mistakes_.at(other->second->places.at("mark")));
    const std::optional<IpAddr> first = address_of(service);
    if (!fwmark_rules_.contains(name) && draft_.places.good("classifier"))
      mistake(at.at("mark"),
              "mark: no entry of 'classifier' gives mark " + text + " in " + service.vrf);
    for (const FwmarkRuleDraft& rule : draft_.classifier)
      if (first && rule.fwmark == service.fwmark && rule.vrf == service.vrf &&
          !rule.destination_drafts.empty() &&  // told already
          rule.destination_drafts.front().value.address.family != first->family)
        mistake(rule.places.at("destinations"),
                "destinations: those of mark " + text + " are of both IP versions, see " +
                    mistakes_.at(fwmark_rules_.at(name)->places.at("destinations")) +
                    "; expected a service for each");
  }

  // Ports of one address belong to one service each.
  void check_unique(const ServiceDraft& service) {
    Ranges& ranges = scopes_.at(service.vrf).ranges[{service.address, service.protocol}];
    const uint16_t first = service.port, last = service.last_port.value_or(service.port);
    if (last < first || (first == 0 && last != 0)) return;  // told already
    // The first range that ends behind our beginning.
    const auto other = ranges.lower_bound(first);
    if (other != ranges.end() && other->second.first <= last)
      return mistake(service.places.at("port"),
                     "port: " + std::to_string(std::max(first, other->second.first)) + " of " +
                         to_string(service.address) + " is already that of service '" +
                         other->second.service->name + "', see " +
                         mistakes_.at(other->second.service->places.at("port")));
    ranges.emplace(last, Range{first, &service});
  }

  void check_local_addresses(const ServiceDraft& service) {
    // They are looked up where the replies come from.
    if (service.local_address_drafts.empty()) return;
    hosts_.add_backends();
    std::set<std::string> vrfs;
    for (const BackendDraft& backend : service.backend_drafts)
      if (forwarding_of(service, backend) == Forwarding::kFullNat)
        vrfs.insert(backend.vrf.value_or(service.vrf));
    const BackendDraft& sorry = service.sorry_draft;
    if (service.places.has("sorry") && forwarding_of(service, sorry) == Forwarding::kFullNat)
      vrfs.insert(sorry.vrf.value_or(service.vrf));
    std::set<IpAddr> seen;
    for (const auto& local : service.local_address_drafts) {
      if (!seen.insert(local.value).second)
        mistake(local.place, "local_addresses: duplicate address " + to_string(local.value));
      for (const std::string& vrf : vrfs) {
        const Scope& scope = scope_of(vrf);
        check_not_own("local_addresses", scope, local.value, local.place, "one of its own");
        check_host("local_addresses", scope, local.value, local.place);
        check_not_taken("local_addresses", scope, local.value, local.place, "another one");
        check_no_host("local_addresses", vrf, local.value, local.place);
      }
    }
  }

  void check_backend(const ServiceDraft& service, const BackendDraft& backend, const Scope& scope) {
    const Places& at = backend.places;
    const Place address_at = at.at("address");
    if (backend.vrf) check_vrf(*backend.vrf, scope, at.at("vrf"));
    check_not_own("address", scope, backend.address, address_at, "a server's");
    check_host("address", scope, backend.address, address_at);
    check_not_taken("address", scope, backend.address, address_at, "a server's");
    // A backend's own `forwarding` may be right while the service's is not.
    if (!backend.forwarding && !service.places.good("forwarding")) return;
    const Forwarding forwarding = forwarding_of(service, backend);
    const std::optional<IpAddr> own = address_of(service);
    if (own && backend.address.family != own->family && forwarding != Forwarding::kTunnel &&
        forwarding != Forwarding::kFullNat)
      mistake(at.at("address"), "address: " + to_string(backend.address) + " and " +
                                    to_string(*own) +
                                    " of the service are of different IP versions, which only "
                                    "'forwarding: fullnat' and 'tunnel' can bridge");
    if (!translates(forwarding) && backend.port != 0 && service.places.good("port") &&
        (backend.port != service.port || service.last_port))
      mistake(at.at("port"), "port: " + std::to_string(backend.port) +
                                 " differs from the service's, which 'forwarding: direct' and "
                                 "'tunnel' cannot change; leave it out");
    if (forwarding != Forwarding::kFullNat || !service.places.good("local_addresses")) return;
    const auto fits = [&](const Placed<IpAddr>& local) {
      return local.value.family == backend.address.family;
    };
    if (std::none_of(service.local_address_drafts.begin(), service.local_address_drafts.end(),
                     fits))
      mistake(at.at("forwarding"),
              "forwarding: fullnat needs 'local_addresses' of the service, of the IP version of " +
                  to_string(backend.address));
  }

  KnownHosts hosts_;
  const ConfigDraft& draft_;
  const ConfigLimits& limits_;
  MistakeList& mistakes_;
  std::unordered_map<std::string, Scope> scopes_;  // by VRF
  std::vector<Place> own_places_;
  std::vector<Endpoint> endpoints_;  // of has_duplicates()
  std::map<std::pair<std::string, uint32_t>, const FwmarkRuleDraft*>
      fwmark_rules_;  // their first rule
  std::map<std::pair<std::string, uint32_t>, const ServiceDraft*> fwmark_services_;
};

}  // namespace

void check_services(const ConfigDraft& draft, const ConfigLimits& limits, MistakeList& mistakes) {
  ServiceChecks(draft, limits, mistakes).run();
}

}  // namespace adit
