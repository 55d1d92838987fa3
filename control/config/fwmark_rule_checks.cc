// SPDX-License-Identifier: Apache-2.0
// The classifier: the part of check_references that is about its rules by themselves. What
// services have to do with marks is in service_checks.cc.
#include <algorithm>
#include <map>
#include <string_view>

#include "base/nearest_name.h"
#include "config/references.h"

namespace adit {
namespace {

class MarkRuleChecks {
 public:
  MarkRuleChecks(const ConfigDraft& draft, MistakeList& mistakes)
      : draft_(draft), mistakes_(mistakes) {
    vrf_names_.push_back(kUnderlayName);
    for (const PortDraft& port : draft.ports) port_names_.push_back(port.name);
    for (const VrfDraft& vrf : draft.vrfs) vrf_names_.push_back(vrf.name);
    for (const OwnAddress& own : own_addresses(draft)) own_[*own.vrf].push_back(*own.address);
  }

  void run() {
    size_t destinations = 0;
    for (const FwmarkRuleDraft& rule : draft_.classifier) {
      check_rule(rule);
      destinations += rule.destination_drafts.size();
    }
    if (destinations > kMaxFwmarkDestinations)
      mistake(draft_.places.at("classifier"),
              "classifier: found " + std::to_string(destinations) +
                  " destinations, of all entries, expected at most " +
                  std::to_string(kMaxFwmarkDestinations));
  }

 private:
  void mistake(Place place, std::string message) {
    mistakes_.add(place, MistakeKind::kReference, std::move(message));
  }

  void check_rule(const FwmarkRuleDraft& rule) {
    const Places& at = rule.places;
    if (std::find(vrf_names_.begin(), vrf_names_.end(), rule.vrf) == vrf_names_.end())
      mistake(at.at("vrf"),
              "vrf: there is no vrf " + in_quotes(rule.vrf) + mistakes_.hint(rule.vrf, vrf_names_));
    if (rule.in_port &&
        std::find(port_names_.begin(), port_names_.end(), *rule.in_port) == port_names_.end())
      mistake(at.at("in_port"), "in_port: there is no port " + in_quotes(*rule.in_port) +
                                    mistakes_.hint(*rule.in_port, port_names_));
    if (rule.source) check_bits("source", *rule.source, at.at("source"));
    if (!at.good("destinations")) return;
    if (rule.destination_drafts.empty())
      return mistake(at.at("destinations"), "destinations: expected at least one address");
    const IpFamily family = rule.destination_drafts.front().value.address.family;
    if (rule.source && rule.source->address.family != family)
      mistake(at.at("source"), "source: " + to_string(*rule.source) +
                                   " and the destinations are of different IP versions");
    for (const auto& destination : rule.destination_drafts) {
      if (destination.value.address.family != family)
        mistake(destination.place, "destinations: " + to_string(destination.value) +
                                       " is not of the IP version of the first one; expected an "
                                       "entry of 'classifier' for each version");
      check_bits("destinations", destination.value, destination.place);
      check_own(rule, destination);
    }
  }

  void check_bits(const char* key, const IpPrefix& prefix, Place place) {
    if (const IpPrefix subnet = subnet_of(prefix); subnet != prefix)
      mistake(place, std::string(key) + ": " + to_string(prefix) +
                         " has bits beyond its length; expected " + to_string(subnet));
  }

  // What is routed to us is on no subnet of ours, where hosts would ask for each address.
  void check_own(const FwmarkRuleDraft& rule, const Placed<IpPrefix>& destination) {
    const auto found = own_.find(rule.vrf);
    if (found == own_.end()) return;
    const IpPrefix& to = destination.value;
    const bool is_host = to.length == to.address.width_bits();
    for (const auto& own : found->second) {
      if (is_host && own.value.address == to.address)
        return mistake(destination.place,
                       "destinations: " + to_string(to.address) +
                           " is the address of a port, network or tunnel of ours, see " +
                           mistakes_.at(own.place) + "; expected one of its own");
      if (is_host)
        if (const std::string why = why_no_host_of(own.value, to.address); !why.empty())
          return mistake(destination.place, "destinations: " + to_string(to.address) + ' ' + why +
                                                " (the subnet is at " + mistakes_.at(own.place) +
                                                ')');
      if (!is_host && (own.value.contains(to.address) || to.contains(own.value.address)))
        return mistake(destination.place,
                       "destinations: " + to_string(to) + " and " +
                           to_string(subnet_of(own.value)) + ", a subnet of ours, see " +
                           mistakes_.at(own.place) +
                           ", overlap; expected single addresses there, or a subnet that is routed "
                           "to us");
    }
  }

  const ConfigDraft& draft_;
  MistakeList& mistakes_;
  std::vector<std::string_view> vrf_names_, port_names_;
  std::map<std::string, std::vector<Placed<IpPrefix>>> own_;  // with their subnets, by VRF
};

}  // namespace

void check_classifier(const ConfigDraft& draft, MistakeList& mistakes) {
  MarkRuleChecks(draft, mistakes).run();
}

}  // namespace adit
