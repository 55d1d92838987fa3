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

// What the kernel has, as far as it concerns a port.
struct SteeringHost {
  std::set<IpAddr> addresses = {};  // of all interfaces but those of `host:`
  std::set<uint16_t> vlans = {};    // of the port's, that the kernel has an interface for
};

// Where the kernel has a service's address, only the service's
// protocols and ports are adit's; adit's own addresses are adit's in any case. In VLANs without an
// interface of the kernel's, the kernel has no address.
SteeringRules steering_rules(const Config& config, const PortConfig& port, const MacAddr& mac,
                             const SteeringHost& host);

// Addresses of the kernel's that the rules take from it as a whole: own addresses of the port's
// VRF, or of the underlay, and local addresses of full NAT.
std::set<IpAddr> taken_from_host(const SteeringRules& rules, const SteeringHost& host);

// Whether the port has an XDP program of ours.
inline bool is_steered(const PortConfig& port) noexcept {
  return port.device.kind == DeviceKind::kAfXdp && port.steer == Steer::kAuto;
}

}  // namespace adit
