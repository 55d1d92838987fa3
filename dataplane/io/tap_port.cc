// SPDX-License-Identifier: Apache-2.0
#include "tap_port.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <rte_mbuf.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace adit {
namespace {

constexpr unsigned kMaxBuffers = 16;  // header, payload, and what a driver may have chained

}  // namespace

TapPort::TapPort(const PortSpec& spec, unsigned workers, rte_mempool* pool) : Port(spec) {
  const std::string interface = spec.device_name.substr(kTapPrefix.size());
  facts_.driver = "tap";
  facts_.max_tx_buffers = kMaxBuffers;
  const unsigned queues = std::max({workers, spec.rx_queues, spec.tx_queues});
  facts_.rx_queues = facts_.tx_queues = queues;
  for (unsigned queue = 0; queue < queues; ++queue) open_queue(interface, pool);
  bring_up(interface, spec.mtu_bytes);
}

void TapPort::open_queue(const std::string& interface, rte_mempool* pool) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail("cannot open /dev/net/tun", errno);
  queues_.emplace_back(fd, pool);
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
  if (ioctl(fd, TUNSETIFF, &request) != 0)
    fail("cannot make the TAP interface " + interface, errno);
  // No offloads: the kernel hands over frames with complete checksums, of at most the MTU.
  if (ioctl(fd, TUNSETOFFLOAD, 0) != 0) fail("cannot turn off offloads of " + interface, errno);
}

void TapPort::bring_up(const std::string& interface, unsigned mtu_bytes) {
  if (const int error = set_interface_mtu(interface.c_str(), mtu_bytes); error != 0)
    fail("cannot set the MTU of " + interface + " to " + std::to_string(mtu_bytes), error);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  int error = fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &request) == 0 ? 0 : errno;
  if (error == 0) {
    std::memcpy(facts_.device_mac.bytes.data(), request.ifr_hwaddr.sa_data, sizeof(MacAddr));
    if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
      request.ifr_flags |= IFF_UP;
      if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) error = errno;
    }
  }
  if (fd >= 0) close(fd);
  if (error != 0) fail("cannot bring up " + interface, error);
}

// The kernel's end may have been moved to another namespace, where it cannot be asked.
LinkState TapPort::link() const noexcept {
  return {true, 0};
}

PortIo TapPort::queue_io(unsigned queue) noexcept {
  return {&queues_[queue],
          [](void* context, rte_mbuf** packets, uint16_t n) {
            return static_cast<Queue*>(context)->receive(packets, n);
          },
          [](void* context, rte_mbuf** packets, uint16_t n) {
            return static_cast<Queue*>(context)->transmit(packets, n);
          }};
}

TapPort::Queue::~Queue() {
  rte_pktmbuf_free(next_);
  close(fd_);
}

uint16_t TapPort::Queue::receive(rte_mbuf** packets, uint16_t n) noexcept {
  uint16_t count = 0;
  while (count < n) {
    if (next_ == nullptr) next_ = rte_pktmbuf_alloc(pool_);
    if (next_ == nullptr) break;  // the kernel keeps the frames until buffers are back
    const ssize_t length = read(fd_, rte_pktmbuf_mtod(next_, void*), rte_pktmbuf_tailroom(next_));
    if (length <= 0) break;
    next_->data_len = static_cast<uint16_t>(length);
    next_->pkt_len = static_cast<uint32_t>(length);
    packets[count++] = next_;
    next_ = nullptr;
  }
  return count;
}

uint16_t TapPort::Queue::transmit(rte_mbuf** packets, uint16_t n) noexcept {
  uint16_t count = 0;
  while (count < n) {
    std::array<iovec, kMaxBuffers> parts;  // enqueue() has seen to it that they suffice
    unsigned used = 0;
    for (rte_mbuf* part = packets[count]; part != nullptr && used < kMaxBuffers; part = part->next)
      parts[used++] = {rte_pktmbuf_mtod(part, void*), part->data_len};
    // A full queue refuses the frame, and an interface that is down every frame; the caller
    // counts both.
    if (writev(fd_, parts.data(), static_cast<int>(used)) < 0) break;
    rte_pktmbuf_free(packets[count++]);
  }
  return count;
}

}  // namespace adit
