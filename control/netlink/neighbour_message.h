// SPDX-License-Identifier: Apache-2.0
// What rtnetlink says about neighbours, of ARP and of neighbour discovery.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>

#include "adit/addr.h"
#include "netlink/link_message.h"

struct nlmsghdr;

namespace adit {

// RTM_NEWNEIGH, RTM_DELNEIGH of IPv4 and IPv6.
struct NeighbourMessage {
  uint32_t interface = 0;
  IpAddr address;
  MacAddr mac;              // zero: `is_gone`
  bool is_lasting = false;  // it does not age: a program or an operator put it there
  bool is_gone = false;     // or its MAC is not known (any more)

  // Empty: the message is of another type or family, about a proxy, a group or another link layer
  // than Ethernet, or malformed.
  static std::optional<NeighbourMessage> read(const nlmsghdr* message);
  static constexpr uint8_t kFamily = 0;  // AF_UNSPEC, of the list of all
  bool can_be_of(const LinkMessage&) const noexcept { return true; }
  // What tells it from other entries.
  auto name() const { return std::tuple(interface, address); }
};

}  // namespace adit
