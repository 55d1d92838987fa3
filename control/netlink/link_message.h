// SPDX-License-Identifier: Apache-2.0
// What rtnetlink says about interfaces.
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
  uint32_t master = 0;       // the number of the bridge or the like that it is in; 0: none
  bool is_gone = false;
  MacAddr mac = {};  // zero: none, or of another link layer than Ethernet
};
// Empty: the message is of another type, or malformed.
std::optional<LinkMessage> read_link(const nlmsghdr* message);

}  // namespace adit
