// SPDX-License-Identifier: Apache-2.0
// Packets to our own addresses that workers pass to control: of protocols that workers do not
// answer, and replies to packets that control sent (Dataplane::send_packet). Each worker has a
// bounded ring for them, and rate limits for each tenant.
#pragma once

#include <cstdint>
#include <span>

#include "adit/addr.h"
#include "adit/ids.h"
#include "adit/wire.h"

namespace adit {

// A protocol that control handles in a VRF, or in the underlay (0). `port`: the destination port of
// TCP, UDP and SCTP, the message type of ICMPv6, else 0; host byte order.
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
// Router solicitations of the VRF's links (RFC 4861 section 4.1), which have no port.
constexpr LocalPort router_solicitations(VrfId vrf) noexcept {
  return {vrf, kIpProtocolIcmpv6, kRouterSolicitationType};
}

struct Punted {
  LocalPort to;
  LinkId link = 0;                  // of arrival; of a routed packet 0
  bool has_ethernet = false;        // false: it begins with its IP header
  bool of_host = false;             // of a flow of control's own packets, whole; `to.port` is 0
  std::span<const uint8_t> packet;  // its first buffer, as received
};

}  // namespace adit
