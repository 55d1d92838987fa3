// SPDX-License-Identifier: Apache-2.0
// Whom to check, and what came of it.
#pragma once

#include <cstdint>
#include <string>

#include "health/check_options.h"

namespace adit {

// A backend to check.
struct HealthTarget {
  std::string service;   // its name, for display and for commands
  std::string vrf = {};  // whose share of the probes at one time it uses
  IpAddr address;
  uint16_t port = 0;  // 0: any; then a kind that needs one takes the question's
  HealthOptions options;
  // On the packets' way: what its packets are addressed to (the backend, or the virtual address),
  // and what stands for that in the namespace of the checks (packet_way.h).
  IpAddr to, alias;
  bool sends_proxy = false;  // the service's connections begin with a PROXY protocol header
  friend bool operator==(const HealthTarget&, const HealthTarget&) = default;
};

enum class Verdict : uint8_t {
  kUp,
  kDown,
  // We are short of descriptors, buffers or processes ourselves: that says nothing of the
  // backend, and must not take all backends out at once.
  kUnknown,
};

}  // namespace adit
