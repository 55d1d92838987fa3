// SPDX-License-Identifier: Apache-2.0
// A TUN interface of the kernel, in the namespace of the thread that makes it.
#pragma once

#include <string>
#include <vector>

#include "adit/addr.h"

namespace adit {

struct TunOptions {
  std::string name;                 // of the interface
  std::vector<IpPrefix> addresses;  // one for each IP version at most
  unsigned mtu_bytes = 1500;
};

// Makes an interface of that name, which is down and has no addresses. The descriptor, which does
// not block and has whole IP packets; or -1, and `why` says why not.
int make_tun(const std::string& name, std::string& why);

// Makes the interface, which is up, and the loopback too. The descriptor, which does not block and
// has whole IP packets; or -1, and `why` says why not. A kernel without IPv6 leaves that out.
int open_tun(const TunOptions& options, std::string& why);

}  // namespace adit
