// SPDX-License-Identifier: Apache-2.0
#include "io/tap_port.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <rte_mbuf.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "io/kernel_interface.h"
#include "io/tap_stats.h"
#include "io/virtio_header.h"
#include "packet/segment.h"

namespace adit {
namespace {

// Buffers of one frame to send: a GSO frame of 64 KiB may have this many.
constexpr unsigned kMaxTxBuffers = 132;
// Buffers of one frame to receive, with the smallest buffer size.
constexpr unsigned kMaxRxBuffers = 32;
// The longest GSO frame: 64 KiB from the IP header on, and the headers before it.
constexpr unsigned kMaxFrameBytes = 65536 + 14 + 2 * 4;
// Buffers that one call of receive() takes from the pool, which segmentation needs too.
constexpr unsigned kMaxBurstBuffers = 256;

// At least a byte more than the longest frame: a frame that fills all buffers was truncated.
unsigned frame_buffers(const PortSpec& spec, rte_mempool* pool) {
  if (!spec.offload) return 1;
  const unsigned bytes = RTE_PKTMBUF_HEADROOM + kMaxFrameBytes;
  return std::min(bytes / rte_pktmbuf_data_room_size(pool) + 1, kMaxRxBuffers);
}

// Buffers for the next frame. They are allocated for one call of receive() only: buffers kept by
// each queue would be missing elsewhere.
class EmptyBuffers {
 public:
  EmptyBuffers(rte_mempool* pool, unsigned count) noexcept
      : pool_(pool), count_(count), first_(count) {}
  ~EmptyBuffers() {
    if (first_ < count_)
      rte_mempool_put_bulk(pool_, reinterpret_cast<void**>(&buffers_[first_]), count_ - first_);
  }
  EmptyBuffers(const EmptyBuffers&) = delete;
  EmptyBuffers& operator=(const EmptyBuffers&) = delete;

  // Replaces the buffers in use. False: the pool has too few.
  bool refill() noexcept {
    if (first_ == 0) return true;
    if (rte_mempool_get_bulk(pool_, reinterpret_cast<void**>(buffers_.data()), first_) != 0)
      return false;
    for (unsigned i = 0; i < first_; ++i) {
      rte_pktmbuf_reset(buffers_[i]);
      if (i != 0) buffers_[i]->data_off = 0;  // headroom is for the first
      parts_[1 + i] = {rte_pktmbuf_mtod(buffers_[i], void*), rte_pktmbuf_tailroom(buffers_[i])};
    }
    first_ = 0;
    return true;
  }

  // Reads a frame; null: there is none. If all buffers are full, it may have been truncated.
  rte_mbuf* read(int fd, VirtioHeader& header) noexcept {
    parts_[0] = {&header, sizeof header};
    const ssize_t length = readv(fd, parts_.data(), static_cast<int>(1 + count_));
    if (length <= static_cast<ssize_t>(sizeof header)) return nullptr;
    rte_mbuf* head = buffers_[0];
    head->pkt_len = static_cast<uint32_t>(length) - uint32_t{sizeof header};
    uint32_t left = head->pkt_len;
    for (rte_mbuf* tail = head;; tail = tail->next = buffers_[first_]) {
      const uint32_t here = std::min<uint32_t>(left, rte_pktmbuf_tailroom(tail));
      tail->data_len = static_cast<uint16_t>(here);
      left -= here;
      head->nb_segs = static_cast<uint16_t>(++first_);
      if (left == 0) return head;
    }
  }
  bool are_full(rte_mbuf* frame) const noexcept {
    return frame->nb_segs == count_ && rte_pktmbuf_tailroom(rte_pktmbuf_lastseg(frame)) == 0;
  }

 private:
  rte_mempool* pool_;
  unsigned count_;
  unsigned first_;  // those before it are in use
  std::array<rte_mbuf*, kMaxRxBuffers> buffers_;
  std::array<iovec, 1 + kMaxRxBuffers> parts_;
};

}  // namespace

TapPort::TapPort(const PortSpec& spec, unsigned workers, rte_mempool* pool, const TapPort* former)
    : Port(spec), mtu_bytes_(spec.mtu_bytes) {
  const std::string interface = spec.device_name.substr(kTapPrefix.size());
  interface_ = interface;
  facts_.driver = "tap";
  facts_.max_tx_buffers = kMaxTxBuffers;
  facts_.takes_pending_offload = spec.offload;
  const unsigned queues = std::max({workers, spec.rx_queues, spec.tx_queues});
  facts_.rx_queues = facts_.tx_queues = queues;
  const auto shared =
      former != nullptr ? std::min<std::size_t>(queues, former->queues_.size()) : std::size_t{0};
  for (unsigned queue = 0; queue < shared; ++queue) {
    const int fd = fcntl(former->queues_[queue].fd(), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) fail("cannot share a queue", errno);
    queues_.emplace_back(fd, pool, frame_buffers(spec, pool));
  }
  // By its name the interface is found in our namespace only.
  if (shared != 0 && shared < queues && !is_here())
    throw std::runtime_error("port " + name_ + ": the interface " + interface +
                             " is in another network namespace, where it gets no more queues: "
                             "that needs a restart");
  while (queues_.size() < queues) {
    const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) fail("cannot open /dev/net/tun", errno);
    queues_.emplace_back(fd, pool, frame_buffers(spec, pool));
    create_queue(fd, interface);
    set_offload(fd);
  }
  if (former != nullptr)
    facts_.device_mac = former->facts_.device_mac;
  else
    bring_up(interface, spec.mtu_bytes);
}

void TapPort::activate() {
  for (const Queue& queue : queues_) set_offload(queue.fd());
  // In another namespace it has the MTU that it got there.
  if (!is_here()) return;
  if (const int error = set_interface_mtu(interface_.c_str(), mtu_bytes_); error != 0)
    fail("cannot set the MTU of " + interface_ + " to " + std::to_string(mtu_bytes_), error);
}

// Whether the interface is in our network namespace.
bool TapPort::is_here() const noexcept {
  const int its = ioctl(queues_.front().fd(), TUNGETDEVNETNS, 0);
  if (its < 0) return false;
  struct stat of_its {};
  struct stat ours {};
  const bool same = fstat(its, &of_its) == 0 && stat("/proc/self/ns/net", &ours) == 0 &&
                    of_its.st_dev == ours.st_dev && of_its.st_ino == ours.st_ino;
  close(its);
  return same;
}

void TapPort::create_queue(int fd, const std::string& interface) const {
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR;
  if (ioctl(fd, TUNSETIFF, &request) != 0)
    fail("cannot create the TAP interface " + interface, errno);
  const int header_bytes = sizeof(VirtioHeader), little_endian = 1;
  if (ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) != 0 ||
      ioctl(fd, TUNSETVNETLE, &little_endian) != 0)
    fail("cannot set the virtio header size of " + interface + "'s frames", errno);
}

// Without offloads, frames of the kernel have complete checksums and are no longer than the MTU.
void TapPort::set_offload(int fd) const {
  const unsigned long offloads =
      facts_.takes_pending_offload ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN : 0;
  if (ioctl(fd, TUNSETOFFLOAD, offloads) != 0) fail("cannot set offloads of " + interface_, errno);
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

// The interface may have been moved to another namespace, which our netlink socket does not reach.
// Its descriptor stays valid: it is writable while the interface is up (the send buffer is
// unlimited), and reports an error when the interface was deleted.
LinkState TapPort::link() const noexcept {
  pollfd descriptor{queues_.front().fd(), POLLOUT, 0};
  if (poll(&descriptor, 1, 0) < 0) return {};
  if (descriptor.revents & (POLLERR | POLLHUP | POLLNVAL)) return {LinkStatus::kGone, 0};
  return {descriptor.revents & POLLOUT ? LinkStatus::kUp : LinkStatus::kDown, 0};
}

uint64_t TapPort::rx_missed() const noexcept {
  if (const auto drops = tap_queue_drops(queues_.front().fd())) rx_missed_ = *drops;
  return rx_missed_;
}

PortIo TapPort::queue_io(unsigned queue) noexcept {
  return {&queues_[queue],
          [](void* context, rte_mbuf** packets, uint16_t n) {
            return static_cast<Queue*>(context)->receive(packets, n);
          },
          [](void* context, rte_mbuf** packets, uint16_t n) {
            return static_cast<Queue*>(context)->transmit(packets, n);
          },
          [](void* context) { return static_cast<Queue*>(context)->is_down(); },
          queues_[queue].fd()};
}

TapPort::Queue::~Queue() {
  close(fd_);
}

uint16_t TapPort::Queue::receive(rte_mbuf** packets, uint16_t n) noexcept {
  EmptyBuffers buffers(pool_, frame_buffers_);
  uint16_t count = 0;
  // Without buffers, the frames stay in the kernel's queue.
  for (unsigned used = 0; count < n && used < kMaxBurstBuffers && buffers.refill();) {
    VirtioHeader header;
    rte_mbuf* frame = buffers.read(fd_, header);
    if (frame == nullptr) break;
    if (buffers.are_full(frame) || !read_virtio_header(header, frame))
      frame->ol_flags |= kInvalidTxOffload;
    used += frame->nb_segs;
    packets[count++] = frame;
  }
  return count;
}

uint16_t TapPort::Queue::transmit(rte_mbuf** packets, uint16_t n) noexcept {
  uint16_t count = 0;
  while (count < n) {
    std::array<iovec, 1 + kMaxTxBuffers> parts;  // enqueue() has seen to it that they suffice
    VirtioHeader header = make_virtio_header(packets[count]);
    parts[0] = {&header, sizeof header};
    unsigned used = 1;
    for (rte_mbuf* part = packets[count]; part != nullptr && used < parts.size(); part = part->next)
      parts[used++] = {rte_pktmbuf_mtod(part, void*), part->data_len};
    // A frame is refused if the queue is full or the interface is down; the caller counts both.
    if (writev(fd_, parts.data(), static_cast<int>(used)) < 0) {
      is_down_ = errno == EIO || errno == EBADFD;  // down, deleted
      break;
    }
    rte_pktmbuf_free(packets[count++]);
  }
  return count;
}

}  // namespace adit
