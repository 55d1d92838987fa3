// SPDX-License-Identifier: Apache-2.0
// Where the addresses of services are, as links and routes see them.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.h"

namespace adit {

// Which addresses of services are on which subnets. Made once for all links.
class ServiceAddresses {
 public:
  explicit ServiceAddresses(const Config& config);

  // Those within a subnet of `own`, which a link with that address answers for; as subnets of their
  // own. `vrf`: its name.
  std::vector<IpPrefix> within(const std::string& vrf, const std::vector<IpPrefix>& own) const;

 private:
  std::unordered_map<std::string, std::vector<IpAddr>> by_vrf_;  // by version, ascending
};

// Whether services take packets from the underlay.
bool balances_underlay(const Config& config);

}  // namespace adit
