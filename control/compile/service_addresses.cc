// SPDX-License-Identifier: Apache-2.0
#include "compile/service_addresses.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "compile/backend_ids.h"

namespace adit {
namespace {

bool by_version(const IpAddr& a, const IpAddr& b) {
  return std::tie(a.family, a.bytes) < std::tie(b.family, b.bytes);
}

bool is_full_nat(const ServiceConfig& service, const BackendConfig& backend) {
  return backend.forwarding.value_or(service.forwarding) == Forwarding::kFullNat;
}

}  // namespace

ServiceAddresses::ServiceAddresses(const Config& config) {
  for (const FwmarkRuleConfig& rule : config.classifier)
    for (const IpPrefix& to : rule.destinations)
      if (rule.fwmark != 0 && to.length == to.address.width_bits())
        by_vrf_[rule.vrf].push_back(to.address);
  for (const ServiceConfig& service : config.services) {
    by_vrf_[service.vrf].push_back(service.address);
    if (service.local_addresses.empty()) continue;
    std::set<std::string> vrfs;
    for_all_backends(service, [&](const BackendConfig& backend) {
      if (is_full_nat(service, backend)) vrfs.insert(vrf_of(service, backend));
    });
    for (const std::string& vrf : vrfs) {
      auto& all = by_vrf_[vrf];
      all.insert(all.end(), service.local_addresses.begin(), service.local_addresses.end());
    }
  }
  for (auto& [vrf, all] : by_vrf_) std::ranges::sort(all, by_version);
}

std::vector<IpPrefix> ServiceAddresses::within(const std::string& vrf,
                                               const std::vector<IpPrefix>& own) const {
  std::vector<IpPrefix> found;
  const auto all = by_vrf_.find(vrf);
  if (all == by_vrf_.end()) return found;
  for (const IpPrefix& subnet : own)
    for (auto one = std::lower_bound(all->second.begin(), all->second.end(),
                                     subnet_of(subnet).address, by_version);
         one != all->second.end() && subnet.contains(*one); ++one)
      found.push_back({*one, static_cast<uint8_t>(one->width_bits())});
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

bool balances_underlay(const Config& config) {
  return std::any_of(config.services.begin(), config.services.end(),
                     [](const ServiceConfig& service) {
                       bool any = service.vrf == kUnderlayName;
                       for_all_backends(service, [&](const BackendConfig& backend) {
                         any = any || vrf_of(service, backend) == kUnderlayName;
                       });
                       return any;
                     });
}

}  // namespace adit
