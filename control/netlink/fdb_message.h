// SPDX-License-Identifier: Apache-2.0
// What rtnetlink says about VXLAN interfaces and their forwarding databases.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "adit/addr.h"

struct nlmsghdr;

namespace adit {

// RTM_NEWLINK, RTM_DELLINK of any interface.
struct LinkMessage {
  uint32_t number = 0;  // the kernel's of it
  std::string name;
  bool is_vxlan = false;
  uint32_t vni = 0;          // 0: `external`, each entry has its own
  bool is_external = false;  // collect_metadata
  uint16_t port = 0;         // UDP, host byte order
  bool is_gone = false;
};
// Empty: the message is of another type, or malformed.
std::optional<LinkMessage> read_link(const nlmsghdr* message);

// RTM_NEWNEIGH, RTM_DELNEIGH of the bridge family: an entry of a VXLAN interface itself.
struct FdbMessage {
  uint32_t interface = 0;
  MacAddr mac;                         // zero: a remote to which frames are flooded
  std::optional<IpAddr> remote;        // none: it is behind a group of next hops
  std::optional<uint32_t> source_vni;  // of an external interface: which network it is of
  std::optional<uint32_t> vni;         // to be sent with, where it is not the interface's
  std::optional<uint16_t> port;        // to be sent to, where it is not the interface's
  uint32_t via = 0;                    // by which interface of the kernel, 0: any
  bool is_gone = false;
};
// Empty: the message is of another type or family, about an entry of a bridge, or malformed.
std::optional<FdbMessage> read_fdb(const nlmsghdr* message);

}  // namespace adit
