// SPDX-License-Identifier: Apache-2.0
#include "io/kernel_interface.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace adit {
namespace {

ifreq request_to(const char* interface) noexcept {
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  return request;
}

// 0, or an errno.
int ask(unsigned long what, ifreq& request) noexcept {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int error = ioctl(fd, what, &request) == 0 ? 0 : errno;
  close(fd);
  return error;
}

// Sets ETH_FLAG_RXVLAN of ETHTOOL_GFLAGS. True: it was otherwise before.
bool change_vlan_stripping(const char* interface, bool is_on) noexcept {
  ethtool_value flags{ETHTOOL_GFLAGS, 0};
  ifreq request = request_to(interface);
  request.ifr_data = reinterpret_cast<char*>(&flags);
  if (ask(SIOCETHTOOL, request) != 0 || ((flags.data & ETH_FLAG_RXVLAN) != 0) == is_on)
    return false;
  flags.cmd = ETHTOOL_SFLAGS;
  flags.data ^= ETH_FLAG_RXVLAN;
  return ask(SIOCETHTOOL, request) == 0;
}

}  // namespace

int set_interface_mtu(const char* interface, unsigned mtu_bytes) noexcept {
  ifreq request = request_to(interface);
  const int error = ask(SIOCGIFMTU, request);
  if (error != 0 || request.ifr_mtu == static_cast<int>(mtu_bytes)) return error;
  request.ifr_mtu = static_cast<int>(mtu_bytes);
  return ask(SIOCSIFMTU, request);
}

bool is_interface_promiscuous(const char* interface) noexcept {
  ifreq request = request_to(interface);
  return ask(SIOCGIFFLAGS, request) == 0 && (request.ifr_flags & IFF_PROMISC) != 0;
}

VlanTagsKept::VlanTagsKept(std::string interface) noexcept
    : interface_(std::move(interface)),
      were_taken_off_(change_vlan_stripping(interface_.c_str(), false)) {}

// Nothing can be done about a failure here.
VlanTagsKept::~VlanTagsKept() {
  if (were_taken_off_) change_vlan_stripping(interface_.c_str(), true);
}

}  // namespace adit
