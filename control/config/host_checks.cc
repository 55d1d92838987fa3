// SPDX-License-Identifier: Apache-2.0
// Host interfaces: the part of check_references that is about `host` of the underlay and of VRFs.
#include <map>
#include <set>
#include <string>
#include <utility>

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
    for (const OwnAddress& own : own_addresses(draft)) addressed_.insert(*own.vrf);
  }

  void run() {
    if (draft_.places.has("host")) check(draft_.host_draft, kUnderlayName, "the underlay");
    for (const VrfDraft& vrf : draft_.vrfs)
      if (vrf.places.has("host")) check(vrf.host_draft, vrf.name, "vrf '" + vrf.name + '\'');
  }

 private:
  void check(const HostDraft& host, const std::string& vrf, const std::string& owner) {
    // With other mistakes, the addresses may be there and wrong.
    if (!addressed_.contains(vrf) && mistakes_.count() == 0)
      mistakes_.add(host.places.self, MistakeKind::kReference,
                    "host: " + owner +
                        " has no 'addresses'; expected at least one, which the interface has too");
    if (!host.places.good("interface") || !host.places.good("namespace")) return;
    const auto [user, fresh] =
        users_.try_emplace({host.network_namespace.value_or(""), host.interface},
                           "the host interface of " + owner, host.places.at("interface"));
    if (fresh) return;
    mistakes_.add(host.places.at("interface"), MistakeKind::kReference,
                  "interface: " + host.interface + " is already " + user->second.first + ", see " +
                      mistakes_.at(user->second.second) + "; expected a name of its own");
  }

  const ConfigDraft& draft_;
  MistakeList& mistakes_;
  std::set<std::string> addressed_;  // VRFs, or the underlay
  std::map<InterfaceKey, std::pair<std::string, Place>> users_;
};

}  // namespace

void check_hosts(const ConfigDraft& draft, MistakeList& mistakes) {
  HostChecks(draft, mistakes).run();
}

}  // namespace adit
