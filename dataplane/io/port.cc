// SPDX-License-Identifier: Apache-2.0
#include "io/port.h"

#include <net/if.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "io/eth_port.h"
#include "io/tap_port.h"

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

std::unique_ptr<Port> open_port(const PortSpec& spec, unsigned workers,
                                const PortCommons& commons) {
  if (spec.device_name.starts_with(kTapPrefix))
    return std::make_unique<TapPort>(spec, workers, commons.pool);
  return std::make_unique<EthPort>(spec, workers, commons);
}

std::unique_ptr<Port> reopen_port(const PortSpec& spec, unsigned workers,
                                  const PortCommons& commons) {
  if (spec.device_name.starts_with(kTapPrefix)) return open_port(spec, workers, commons);
  if (spec.vdev.empty())
    throw std::runtime_error("port " + spec.name + ": its device can only be opened at the start");
  const std::size_t comma = spec.vdev.find(',');
  const std::string arguments = comma == std::string::npos ? "" : spec.vdev.substr(comma + 1);
  // The former port may still exist. If it does not, that is right as well.
  rte_eal_hotplug_remove("vdev", spec.device_name.c_str());
  const int error = rte_eal_hotplug_add("vdev", spec.device_name.c_str(), arguments.c_str());
  if (error != 0)
    throw std::runtime_error("port " + spec.name + ": DPDK cannot create " + spec.device_name +
                             ": " + rte_strerror(std::abs(error)));
  try {
    return open_port(spec, workers, commons);
  } catch (...) {
    rte_eal_hotplug_remove("vdev", spec.device_name.c_str());
    throw;
  }
}

}  // namespace adit
