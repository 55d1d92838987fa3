// SPDX-License-Identifier: Apache-2.0
// What rtnetlink says about the forwarding databases of VXLAN interfaces.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>

#include "adit/addr.h"
#include "netlink/link_message.h"

struct nlmsghdr;

namespace adit {

// RTM_NEWNEIGH, RTM_DELNEIGH of the bridge family: an entry of a VXLAN interface itself, or one of
// a bridge's that a program put there.
struct FdbMessage {
  uint32_t interface = 0;
  MacAddr mac;                         // zero: a remote to which frames are flooded
  std::optional<IpAddr> remote;        // none: it is behind a group of next hops
  std::optional<uint32_t> source_vni;  // of an external interface: which network it is of
  std::optional<uint32_t> vni;         // to be sent with, where it is not the interface's
  std::optional<uint16_t> port;        // to be sent to, where it is not the interface's
  uint32_t via = 0;                    // by which interface of the kernel, 0: any
  bool is_of_bridge = false;           // the MAC is behind that port of a bridge
  bool is_gone = false;

  // Empty: the message is of another type or family, about another entry of a bridge, or malformed.
  static std::optional<FdbMessage> read(const nlmsghdr* message);
  static constexpr uint8_t kFamily = 7;  // AF_BRIDGE, of the list of all
  bool can_be_of(const LinkMessage& link) const noexcept { return is_of_bridge || link.is_vxlan; }
  // What tells it from other entries.
  auto name() const {
    return std::tuple(interface, is_of_bridge, mac, remote, source_vni, vni, port, via);
  }
};

}  // namespace adit
