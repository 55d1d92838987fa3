// SPDX-License-Identifier: Apache-2.0
#include "port.h"

#include <net/if.h>
#include <rte_errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "eth_port.h"
#include "tap_port.h"

namespace adit {

void Port::fail(const std::string& what, int error) const {
  throw std::runtime_error("port " + name_ + ": " + what + ": " + rte_strerror(std::abs(error)));
}

int set_interface_mtu(const char* interface, unsigned mtu_bytes) noexcept {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  int error = ioctl(fd, SIOCGIFMTU, &request) == 0 ? 0 : errno;
  if (error == 0 && request.ifr_mtu != static_cast<int>(mtu_bytes)) {
    request.ifr_mtu = static_cast<int>(mtu_bytes);
    error = ioctl(fd, SIOCSIFMTU, &request) == 0 ? 0 : errno;
  }
  close(fd);
  return error;
}

std::unique_ptr<Port> open_port(const PortSpec& spec, unsigned workers, rte_mempool* pool) {
  if (spec.device_name.starts_with(kTapPrefix))
    return std::make_unique<TapPort>(spec, workers, pool);
  return std::make_unique<EthPort>(spec, workers, pool);
}

}  // namespace adit
