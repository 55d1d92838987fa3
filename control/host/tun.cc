// SPDX-License-Identifier: Apache-2.0
#include "host/tun.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace adit {
namespace {

// linux/ipv6.h does not go together with netinet/in.h.
struct Ipv6Request {
  in6_addr address;
  uint32_t prefix_length;
  int index;
};

class Configurator {
 public:
  explicit Configurator(std::string& why) : why_(why) {}
  ~Configurator() {
    for (const int fd : {fd4_, fd6_})
      if (fd >= 0) close(fd);
  }
  Configurator(const Configurator&) = delete;
  Configurator& operator=(const Configurator&) = delete;

  bool bring_up(const char* name) {
    ifreq request = named(name);
    if (!call(fd4_, SIOCGIFFLAGS, &request, "read its flags")) return false;
    request.ifr_flags |= IFF_UP;
    return call(fd4_, SIOCSIFFLAGS, &request, "bring it up");
  }

  bool set_mtu(const char* name, unsigned bytes) {
    ifreq request = named(name);
    request.ifr_mtu = static_cast<int>(bytes);
    return call(fd4_, SIOCSIFMTU, &request, "set its MTU");
  }

  bool add_address(const char* name, const IpPrefix& address) {
    if (!address.address.is_v4()) return add_address6(name, address);
    ifreq request = named(name);
    put(request.ifr_addr, address.address.as_v4().raw());
    if (!call(fd4_, SIOCSIFADDR, &request, "set its address")) return false;
    put(request.ifr_netmask, htonl(~uint32_t{0} << (32 - address.length)));
    return call(fd4_, SIOCSIFNETMASK, &request, "set its netmask");
  }

 private:
  static ifreq named(const char* name) {
    ifreq request = {};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    return request;
  }

  static void put(sockaddr& to, uint32_t address) {
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = address;
    std::memcpy(&to, &v4, sizeof v4);
  }

  bool add_address6(const char* name, const IpPrefix& address) {
    if (fd6_ < 0) return true;
    Ipv6Request request = {};
    std::memcpy(&request.address, address.address.bytes.data(), sizeof request.address);
    request.prefix_length = address.length;
    request.index = static_cast<int>(if_nametoindex(name));
    // Switched off for the interface, it is as if the kernel had none.
    if (ioctl(fd6_, SIOCSIFADDR, &request) == 0 || errno == EACCES) return true;
    return fail("set its IPv6 address");
  }

  template <class Request>
  bool call(int fd, unsigned long what, Request* request, const char* doing) {
    return ioctl(fd, what, request) == 0 || fail(doing);
  }
  bool fail(const char* doing) {
    why_ = std::string(doing) + ": " + std::strerror(errno);
    return false;
  }

  std::string& why_;
  int fd4_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int fd6_ = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

}  // namespace

int make_tun(const std::string& name, std::string& why) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    why = std::string("open /dev/net/tun: ") + std::strerror(errno);
    return -1;
  }
  ifreq request = {};
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(fd, TUNSETIFF, &request) == 0) return fd;
  why = std::string("make a TUN interface: ") + std::strerror(errno);
  close(fd);
  return -1;
}

int open_tun(const TunOptions& options, std::string& why) {
  const int fd = make_tun(options.name, why);
  if (fd < 0) return -1;
  Configurator kernel(why);
  const char* name = options.name.c_str();
  bool done = kernel.set_mtu(name, options.mtu_bytes) && kernel.bring_up(name);
  for (const IpPrefix& address : options.addresses)
    done = done && kernel.add_address(name, address);
  done = done && kernel.bring_up("lo");
  if (done) return fd;
  close(fd);
  return -1;
}

}  // namespace adit
