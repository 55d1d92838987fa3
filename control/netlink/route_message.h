// SPDX-License-Identifier: Apache-2.0
// What rtnetlink says about a route.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "adit/addr.h"

struct nlmsghdr;

namespace adit {

struct RouteMessage {
  // The kernel may have several of one prefix and metric; of IPv4 each is told alone, and a list
  // has one behind the other. kSet: it has this one. kAppend, kPrepend: this one as well, behind or
  // before the others. kGone: this one no longer.
  enum class What : uint8_t { kSet, kAppend, kPrepend, kGone };
  What what = What::kSet;
  bool is_of_dump = false;
  uint32_t table = 0;
  IpPrefix to;
  uint32_t metric = 0;
  uint8_t protocol = 0;  // RTPROT_...
  bool rejects = false;  // unreachable, prohibit or blackhole
  // Of the next hops that packets can be sent to as they are: without a gateway, with labels or
  // other encapsulation, or dead, a next hop is left out.
  struct Gateway {
    IpAddr address;
    uint32_t interface = 0;  // the kernel's number of it
    IpAddr near = {};        // of a link-local one: an address of that interface (RouteFollower)
    friend bool operator==(const Gateway&, const Gateway&) = default;
  };
  std::vector<Gateway> gateways;
  uint32_t left_out = 0;
};

// Empty: it is no message about a route, it is malformed, or the route is none for packets that are
// forwarded: local, broadcast and multicast ones, the kernel's own subnets, those for some values
// of TOS or some sources.
std::optional<RouteMessage> read_route(const nlmsghdr* message);

// An address of an interface. Empty: the message is about none, or malformed.
struct AddressMessage {
  uint32_t interface = 0;
  IpAddr address;
};
std::optional<AddressMessage> read_address(const nlmsghdr* message);

}  // namespace adit
