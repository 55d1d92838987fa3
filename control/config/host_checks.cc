// SPDX-License-Identifier: Apache-2.0
// Host interfaces: the part of check_references that is about `host` of the underlay and of VRFs.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/prefix_table.h"
#include "config/references.h"

namespace adit {
namespace {

using InterfaceKey = std::pair<std::string, std::string>;  // namespace, name

class HostChecks {
 public:
  HostChecks(const ConfigDraft& draft, MistakeList& mistakes) : draft_(draft), mistakes_(mistakes) {
    for (const PortDraft& port : draft.ports)
      for (const Placed<Device>& device : devices_of(port))
        if (device.value.kind != DeviceKind::kPci && device.value.kind != DeviceKind::kVdev)
          users_.try_emplace({"", device.value.argument}, "that of port '" + port.name + '\'',
                             device.place);
    for (const OwnAddress& own : own_addresses(draft))
      addresses_[*own.vrf].push_back(own.address->value);
  }

  void run() {
    if (draft_.places.has("host")) check(draft_.host_draft, kUnderlayName, "the underlay");
    for (const VrfDraft& vrf : draft_.vrfs)
      if (vrf.places.has("host")) check(vrf.host_draft, vrf.name, "vrf '" + vrf.name + '\'');
    check_namespaces();
  }

 private:
  void check(const HostDraft& host, const std::string& vrf, const std::string& owner) {
    // With other mistakes, the addresses may be there and wrong.
    if (!addresses_.contains(vrf) && mistakes_.count() == 0)
      mistakes_.add(host.places.self, MistakeKind::kReference,
                    "host: " + owner +
                        " has no 'addresses'; expected at least one, which the interface has too");
    if (!host.places.good("interface") || !host.places.good("namespace")) return;
    for (const IpPrefix& address : addresses_[vrf])
      subnets_[host.network_namespace.value_or("")].push_back(
          {address, owner, host.places.at("interface")});
    const auto [user, fresh] =
        users_.try_emplace({host.network_namespace.value_or(""), host.interface},
                           "the host interface of " + owner, host.places.at("interface"));
    if (fresh) return;
    mistakes_.add(host.places.at("interface"), MistakeKind::kReference,
                  "interface: " + host.interface + " is already " + user->second.first + ", see " +
                      mistakes_.at(user->second.second) + "; expected a name of its own");
  }

  // Of two tenants with one subnet, the kernel would answer the one by the other's interface.
  void check_namespaces() {
    for (auto& [name, subnets] : subnets_) {
      // Whatever covers another one comes first.
      std::ranges::stable_sort(subnets, {},
                               [](const Subnet& subnet) { return subnet.prefix.length; });
      PrefixTable seen;
      std::set<std::string> named;
      for (size_t i = 0; i < subnets.size(); ++i) {
        const Subnet& subnet = subnets[i];
        const PrefixTable::Entry* first = seen.longest(subnet.prefix.address);
        seen.insert(subnet.prefix, i);
        if (first == nullptr || subnets[first->value].owner == subnet.owner ||
            !named.insert(subnet.owner).second)
          continue;
        const Subnet& other = subnets[first->value];
        mistakes_.add(subnet.place, MistakeKind::kReference,
                      "host: " + to_string(subnet.prefix) + " of " + subnet.owner + " and " +
                          to_string(other.prefix) + " of " + other.owner +
                          " overlap, and the host interface of the latter (" +
                          mistakes_.at(other.place) +
                          ") is in the same network namespace; expected a 'namespace' for each");
      }
    }
  }

  struct Subnet {
    IpPrefix prefix;
    std::string owner;
    Place place;  // of the host interface
  };
  const ConfigDraft& draft_;
  MistakeList& mistakes_;
  std::map<std::string, std::vector<IpPrefix>> addresses_;  // by VRF, or the underlay
  std::map<std::string, std::vector<Subnet>> subnets_;      // by namespace: those with interfaces
  std::map<InterfaceKey, std::pair<std::string, Place>> users_;
};

}  // namespace

void check_hosts(const ConfigDraft& draft, MistakeList& mistakes) {
  HostChecks(draft, mistakes).run();
}

}  // namespace adit
