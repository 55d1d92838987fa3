// SPDX-License-Identifier: Apache-2.0
#include "config/warnings.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "config/prefix_table.h"
#include "config/references.h"
#include "config/shadows.h"

namespace adit {
namespace {

enum class WarningKind {
  kNoRoute,
  kNoArp,
  kNoBackends,
  kShadowed,
  kHealthWay,
  kUnverified,
  kCount
};

// Where packets of a VRF, or of the underlay, can go.
struct Reach {
  PrefixTable links;      // subnets on which we answer ARP and ND
  PrefixTable elsewhere;  // behind routers and in tunnels
  bool imports = false;   // further routes come from the kernel
};

class Warnings {
 public:
  Warnings(const ConfigDraft& draft, const std::string& file) : draft_(draft), file_(file) {}

  std::vector<ConfigMistake> find() {
    find_reach();
    for (const ServiceDraft& service : draft_.services) look_at(service);
    for (Shadow& shadow : find_shadows(draft_, file_))
      warn(WarningKind::kShadowed, shadow.place, std::move(shadow.message));
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
      "no route leads to a backend or sorry server",
      "ARP and ND do not answer for an address",
      "a service has no backends",
      "a rule or service gets no packets",
      "checks take another way than packets, or have no address to come from",
      "an https check does not verify certificates"};

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
  void find_reach() {
    for (const OwnAddress& own : own_addresses(draft_)) {
      Reach& reach = reach_[*own.vrf];
      own_.emplace(*own.vrf, own.address->value.address.family);
      (own.on_link ? reach.links : reach.elsewhere).insert(own.address->value, 0);
    }
    for (const RouteDraft& route : draft_.routes)
      reach_[kUnderlayName].elsewhere.insert(route.to, 0);
    for (const VrfDraft& vrf : draft_.vrfs) {
      Reach& reach = reach_[vrf.name];
      reach.imports = vrf.places.has("kernel_routes");
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
                          : "new connections are dropped"));
    else if (!has_sorry && std::all_of(service.backend_drafts.begin(), service.backend_drafts.end(),
                                       [](const BackendDraft& b) { return b.weight == 0; }))
      warn(WarningKind::kNoBackends, service.places.self,
           "all backends of service '" + service.name +
               "' have weight 0: new connections are dropped");
    if (service.fwmark == 0) look_at_address(service);
    for (const BackendDraft& backend : service.backend_drafts)
      look_at(service, backend, "backend ");
    if (has_sorry) look_at(service, service.sorry_draft, "sorry server ");
    look_at_destinations_of_replies(service);
    look_at_health(service);
    look_at_certificates(service);
  }

  void look_at_address(const ServiceDraft& service) {
    if (reach_[service.vrf].links.longest(service.address) != nullptr) return;
    if (!wants(WarningKind::kNoArp)) return;
    warn(WarningKind::kNoArp, service.places.at("address"),
         "address: " + to_string(service.address) + " of service '" + service.name +
             "' is in no subnet of " + place_text(service.vrf) +
             ", so ARP and ND do not answer for it; routers need a route to it via one of our "
             "addresses");
  }

  // Full NAT's addresses, where backends are that answer to them.
  void look_at_destinations_of_replies(const ServiceDraft& service) {
    if (service.local_address_drafts.empty()) return;
    std::set<std::pair<std::string, IpFamily>> users;
    const auto add = [&](const BackendDraft& backend) {
      if (backend.forwarding.value_or(service.forwarding) == Forwarding::kFullNat)
        users.emplace(backend.vrf.value_or(service.vrf), backend.address.family);
    };
    for (const BackendDraft& backend : service.backend_drafts) add(backend);
    if (service.places.has("sorry")) add(service.sorry_draft);
    for (const auto& [vrf, family] : users)
      for (const auto& local : service.local_address_drafts) {
        if (local.value.family != family || reach_[vrf].links.longest(local.value) != nullptr ||
            !wants(WarningKind::kNoArp))
          continue;
        warn(WarningKind::kNoArp, local.place,
             "local_addresses: " + to_string(local.value) + " of service '" + service.name +
                 "' is in no subnet of " + place_text(vrf) +
                 ", so ARP and ND do not answer for it; backends need a route to it via one of our "
                 "addresses");
      }
  }

  void look_at(const ServiceDraft& service, const BackendDraft& backend, const char* noun) {
    const std::string& vrf = backend.vrf ? *backend.vrf : service.vrf;
    const Reach& reach = reach_[vrf];
    if (reach.links.longest(backend.address) != nullptr) return;
    const bool has_route = reach.elsewhere.longest(backend.address) != nullptr;
    const bool direct = backend.forwarding.value_or(service.forwarding) == Forwarding::kDirect;
    // Whether the kernel has one is not known here.
    if (!has_route && reach.imports) return;
    if ((has_route && !direct) || !wants(WarningKind::kNoRoute)) return;
    const std::string what = std::string("address: ") + noun + to_string(backend.address) +
                             " of service '" + service.name + "' ";
    if (has_route)
      warn(WarningKind::kNoRoute, backend.places.at("address"),
           what +
               "is behind a router, which would send packets to the service's address back to us; "
               "expected a host on a subnet of ours for 'forwarding: direct'");
    else
      warn(WarningKind::kNoRoute, backend.places.at("address"),
           what + "is in no subnet of " + place_text(vrf) +
               ", and there is no route to it: packets to it are dropped as no_route");
  }

  // Written out, it is meant.
  void look_at_certificates(const ServiceDraft& service) {
    const HealthDraft& health = service.health_draft;
    if (!service.places.has("health") || health.wanted != CheckKind::kHttps ||
        health.http.places.has("verify") || !wants(WarningKind::kUnverified))
      return;
    warn(WarningKind::kUnverified, service.places.at("health"),
         "health: https checks of service '" + service.name +
             "' do not verify certificates, so any server at a backend's address counts as up; "
             "expected 'http: {verify: true}', with 'sni' for the certificate's name or 'ca_file' "
             "for your own certificate authority, or 'verify: false' if this is intended");
  }

  void look_at_health(const ServiceDraft& service) {
    const HealthDraft& health = service.health_draft;
    if (!service.places.has("health") || !health.wanted) return;
    if (health.way == CheckWay::kPackets) return look_at_sources_of_checks(service);
    // Written out, it is meant.
    if (health.wanted_way || !health.device.empty() || *health.wanted == CheckKind::kCommand)
      return;
    for (const BackendDraft& backend : service.backend_drafts) {
      const std::string& vrf = backend.vrf ? *backend.vrf : service.vrf;
      if (vrf == kUnderlayName) continue;
      if (wants(WarningKind::kHealthWay))
        warn(WarningKind::kHealthWay, service.places.at("health"),
             "health: checks of service '" + service.name +
                 "' use the routes of this host, but its backend " + to_string(backend.address) +
                 " is in " + place_text(vrf) +
                 "; leave out 'source' for the way of packets, or name the host's interface there "
                 "in 'device'");
      return;
    }
  }

  // Checks on the packets' way come from an address of ours.
  void look_at_sources_of_checks(const ServiceDraft& service) {
    for (const BackendDraft& backend : service.backend_drafts) {
      const std::string& vrf = backend.vrf ? *backend.vrf : service.vrf;
      const Forwarding forwarding = backend.forwarding.value_or(service.forwarding);
      const bool unchanged = forwarding == Forwarding::kDirect || forwarding == Forwarding::kTunnel;
      const IpFamily family =
          unchanged && service.fwmark == 0 ? service.address.family : backend.address.family;
      if (forwarding == Forwarding::kFullNat || own_.contains({vrf, family}) ||
          !wants(WarningKind::kHealthWay))
        continue;
      warn(WarningKind::kHealthWay, backend.places.at("address"),
           "address: checks of backend " + to_string(backend.address) + " of service '" +
               service.name + "' need an " + (family == IpFamily::kV4 ? "IPv4" : "IPv6") +
               " address of ours in " + place_text(vrf) +
               " to come from; give a port, network or tunnel there one, or choose 'way: host'");
    }
  }

  const ConfigDraft& draft_;
  const std::string& file_;
  std::map<std::string, Reach> reach_;
  std::set<std::pair<std::string, IpFamily>> own_;  // where we have addresses of the IP version
  std::array<size_t, static_cast<size_t>(WarningKind::kCount)> counts_ = {};
  std::vector<ConfigMistake> found_;
};

}  // namespace

std::vector<ConfigMistake> find_warnings(const ConfigDraft& draft, const std::string& file) {
  return Warnings(draft, file).find();
}

}  // namespace adit
