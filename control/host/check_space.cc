// SPDX-License-Identifier: Apache-2.0
#include "host/check_space.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "host/tun.h"

namespace adit {
namespace {

// Packets of a VRF's checks in a second, and how many are taken before others of control's duties.
constexpr RateLimit kMostPackets = RateLimit::per_second(20'000);
constexpr unsigned kTurn = 64;

// The kernel is to leave fragmentation to the way out, which knows its MTU. A file of the namespace
// of whoever opens it; where it cannot be written, long packets depend on MTUs that are told.
void let_fragment() {
  const int fd = open("/proc/sys/net/ipv4/ip_no_pmtu_disc", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, "1", 1) != 1) errno = 0;
  close(fd);
}

}  // namespace

std::unique_ptr<CheckSpace> CheckSpace::make(boost::asio::io_context& io, Wire wire,
                                             std::string& why) {
  std::unique_ptr<NetSpace> space = NetSpace::make(why);
  if (!space) return nullptr;
  TunOptions options;
  options.name = "adit";
  options.addresses = {{own_of_aliases(IpFamily::kV4), kAliasBits4},
                       {own_of_aliases(IpFamily::kV6), kAliasBits6}};
  int tun = -1;
  space->run([&] {
    tun = open_tun(options, why);
    let_fragment();
  });
  if (tun < 0) return nullptr;
  return std::unique_ptr<CheckSpace>(new CheckSpace(io, std::move(space), tun, std::move(wire)));
}

CheckSpace::CheckSpace(boost::asio::io_context& io, std::unique_ptr<NetSpace> space, int tun,
                       Wire wire)
    : space_(std::move(space)), tun_(io, tun), wire_(std::move(wire)), flows_(wire_.find) {
  wait();
}

int CheckSpace::open_socket(int family, int type, int protocol) {
  int fd = -1;
  space_->run([&] {
    fd = socket(family, type | SOCK_CLOEXEC, protocol);
    if (fd < 0) fd = -errno;
  });
  return fd;
}

void CheckSpace::run(const std::function<void()>& function) {
  space_->run(function);
}

void CheckSpace::wait() {
  tun_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                  [this](const boost::system::error_code& error) {
                    if (error) return;
                    take();
                    wait();
                  });
}

void CheckSpace::take() {
  const uint64_t now_ns = wire_.now_ns();
  for (unsigned i = 0; i < kTurn; ++i) {
    const ssize_t n = read(tun_.native_handle(), packet_.data(), packet_.size());
    if (n <= 0) return;
    const std::span<uint8_t> packet(packet_.data(), static_cast<size_t>(n));
    const auto out = flows_.send(packet, now_ns);
    if (!out || !meters_[out->vrf].allow(kMostPackets, now_ns)) continue;
    // What finds no room is lost, as on any way; who sent it tries again.
    (void)wire_.send(out->vrf, out->backend, packet);
  }
}

bool CheckSpace::receive(VrfId vrf, std::span<const uint8_t> packet) {
  if (packet.size() > packet_.size()) return false;
  std::ranges::copy(packet, packet_.begin());
  const std::span<uint8_t> copy(packet_.data(), packet.size());
  if (!flows_.receive(vrf, copy, wire_.now_ns())) return false;
  // A full queue of the kernel loses it.
  if (write(tun_.native_handle(), copy.data(), copy.size()) < 0) errno = 0;
  return true;
}

}  // namespace adit
