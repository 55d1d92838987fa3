// SPDX-License-Identifier: Apache-2.0
// The links that VRFs route, as the configuration has them: ports, VLANs of ports, networks with a
// gateway.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "compile/compile.h"

namespace adit {

struct VrfLink {
  const VrfConfig* vrf = nullptr;
  LinkId id = 0;
  const std::vector<IpPrefix>* addresses = nullptr;
  std::optional<PortId> port = {};          // whose MAC address it has
  std::optional<MacAddr> gateway_mac = {};  // or its own
  const std::optional<RouterAdvertisements>* advertisements = nullptr;
};

// The ports of each network's members, by the network's link.
std::map<LinkId, std::vector<PortId>> members_by_link(const Config& config, const CompiledIds& ids);

// Of `ids`, the networks' and VLANs' are read. What is given points into `config`.
std::vector<VrfLink> vrf_links(const Config& config, const CompiledIds& ids);

}  // namespace adit
