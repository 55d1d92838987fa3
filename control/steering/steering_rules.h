// SPDX-License-Identifier: Apache-2.0
// What is adit's of the packets that come to an `af_xdp:` port, as the configuration says. Pure.
#pragma once

#include <cstring>
#include <map>
#include <set>

#include "adit/addr.h"
#include "config/config.h"
#include "steering/steering_keys.h"

namespace adit {

// Keys of maps have no padding.
struct ByBytes {
  template <class T>
  bool operator()(const T& a, const T& b) const noexcept {
    return std::memcmp(&a, &b, sizeof a) < 0;
  }
};

struct SteeringRules {
  MacAddr mac;                                                  // of the port
  std::map<uint32_t, steering_scope> scopes;                    // by VLAN; others are the kernel's
  std::set<steering_endpoint, ByBytes> endpoints;               // adit's
  std::map<steering_prefix, steering_owner, ByBytes> prefixes;  // 0: nobody's
};

// `port`: index in config.ports. `host`: addresses of the kernel's interfaces. Where the kernel has
// a service's address, only the service's protocols and ports are adit's; adit's own addresses are
// adit's in any case.
SteeringRules steering_rules(const Config& config, size_t port, const MacAddr& mac,
                             const std::set<IpAddr>& host);

// Whether the port has an XDP program of ours.
inline bool is_steered(const PortConfig& port) noexcept {
  return port.device.kind == DeviceKind::kAfXdp && port.steer == Steer::kAuto;
}

}  // namespace adit
