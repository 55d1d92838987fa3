// SPDX-License-Identifier: Apache-2.0
// Packets to our own addresses that workers leave to control: protocols that are not answered
// packet by packet. They go through a bounded ring of each worker, at a rate for each tenant.
#pragma once

#include <cstdint>
#include <span>

#include "adit/addr.h"
#include "adit/ids.h"
#include "adit/wire.h"

namespace adit {

// What control takes in a VRF, or in the underlay (0). `port`: of TCP, UDP and SCTP the
// destination's, of ICMPv6 the type of the message, else 0.
struct LocalPort {
  VrfId vrf = 0;
  uint8_t protocol = 0;
  uint16_t port = 0;

  // In Snapshot::local_ports.
  constexpr uint64_t key() const noexcept {
    return uint64_t{vrf} << 32 | uint64_t{protocol} << 16 | port;
  }
  friend constexpr bool operator==(const LocalPort&, const LocalPort&) = default;
};

inline constexpr uint8_t kRouterSolicitationType = 133;  // RFC 4861 section 4.1
constexpr LocalPort router_solicitations(VrfId vrf) noexcept {
  return {vrf, kIpProtocolIcmpv6, kRouterSolicitationType};
}

struct Punted {
  LocalPort to;
  LinkId link = 0;                  // it came in by; of a routed packet 0
  bool has_ethernet = false;        // else it begins with its IP header
  std::span<const uint8_t> packet;  // the first buffer of it, as it came
};

}  // namespace adit
