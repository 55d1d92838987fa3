// SPDX-License-Identifier: Apache-2.0
#include "steering/announcements.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace adit {
namespace {

constexpr unsigned kMostATurn = 8;
constexpr size_t kMacsBytes = 12, kTagBytes = 4;

// Offsets from the Ethernet header on; the kernel has taken the VLAN tag off.
constexpr unsigned kEtherType = 12, kArpSender = 28, kArpTarget = 38;
constexpr unsigned kNextHeader = 20, kHopLimit = 21, kDestination6 = 38, kIcmpType = 54;
constexpr unsigned kNeighbourAdvertisement = 136, kMulticast6 = 0xff;

sock_filter load(unsigned short size, unsigned offset) {
  return BPF_STMT(static_cast<unsigned short>(BPF_LD | BPF_ABS | size), offset);
}

// Of what others send, what they say of themselves to all. The numbers are of instructions to skip.
auto make_filter() {
  constexpr unsigned short kIf = BPF_JMP | BPF_JEQ | BPF_K;
  return std::to_array<sock_filter>({
      load(BPF_B, static_cast<unsigned>(SKF_AD_OFF + SKF_AD_PKTTYPE)),
      BPF_JUMP(kIf, PACKET_OUTGOING, 16, 0),
      load(BPF_H, kEtherType),
      BPF_JUMP(kIf, ETH_P_ARP, 0, 4),
      load(BPF_W, kArpSender),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      load(BPF_W, kArpTarget),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 9, 10),
      BPF_JUMP(kIf, ETH_P_IPV6, 0, 9),
      load(BPF_B, kNextHeader),
      BPF_JUMP(kIf, IPPROTO_ICMPV6, 0, 7),
      load(BPF_B, kHopLimit),
      BPF_JUMP(kIf, 255, 0, 5),
      load(BPF_B, kDestination6),
      BPF_JUMP(kIf, kMulticast6, 0, 3),
      load(BPF_B, kIcmpType),
      BPF_JUMP(kIf, kNeighbourAdvertisement, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, UINT16_MAX),
      BPF_STMT(BPF_RET | BPF_K, 0),
  });
}

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string("cannot ") + what +
                           " a packet socket for announcements: " + std::strerror(errno));
}

}  // namespace

Announcements::Announcements(unsigned if_index)
    : socket_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  if (socket_.get() < 0) fail("open");
  auto filter = make_filter();
  const sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  const int on = 1;
  if (setsockopt(socket_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0 ||
      setsockopt(socket_.get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0)
    fail("set up");
  sockaddr_ll place{};
  place.sll_family = AF_PACKET;
  place.sll_protocol = htons(ETH_P_ALL);
  place.sll_ifindex = static_cast<int>(if_index);
  if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0)
    fail("bind");
}

// A frame that is longer than there is room for is none of those that we look for.
std::optional<std::span<const uint8_t>> Announcements::receive() {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(tpacket_auxdata))];
  iovec room = {frame_.data() + kTagBytes, frame_.size() - kTagBytes};
  msghdr message{};
  message.msg_iov = &room;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t length = recvmsg(socket_.get(), &message, MSG_TRUNC);
  if (length < 0) return std::nullopt;
  const auto bytes = static_cast<size_t>(length);
  if (bytes < kMacsBytes || bytes > room.iov_len) return std::span<const uint8_t>();
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_PACKET || one->cmsg_type != PACKET_AUXDATA) continue;
    tpacket_auxdata about{};
    std::memcpy(&about, CMSG_DATA(one), sizeof about);
    if ((about.tp_status & TP_STATUS_VLAN_VALID) == 0) break;
    const bool has_type = (about.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
    const std::array<uint16_t, 2> tag = {htons(has_type ? about.tp_vlan_tpid : ETH_P_8021Q),
                                         htons(about.tp_vlan_tci)};
    std::memmove(frame_.data(), frame_.data() + kTagBytes, kMacsBytes);
    std::memcpy(frame_.data() + kMacsBytes, tag.data(), sizeof tag);
    return std::span<const uint8_t>(frame_).first(bytes + kTagBytes);
  }
  return std::span<const uint8_t>(frame_).subspan(kTagBytes, bytes);
}

void Announcements::take(const Sink& sink) {
  for (unsigned i = 0; i < kMostATurn; ++i) {
    const auto frame = receive();
    if (!frame) return;
    if (!frame->empty()) sink(*frame);
  }
}

}  // namespace adit
