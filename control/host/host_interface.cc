// SPDX-License-Identifier: Apache-2.0
#include "host/host_interface.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "base/network_namespace.h"
#include "host/tun.h"

extern "C" unsigned if_nametoindex(const char* name) noexcept;  // net/if.h clashes with linux/if.h

namespace adit {
namespace {

constexpr unsigned kMessageBytes = 512;

struct Message {
  alignas(nlmsghdr) std::array<uint8_t, kMessageBytes> room = {};
  nlmsghdr* header;

  Message(uint16_t type, uint16_t flags) : header(mnl_nlmsg_put_header(room.data())) {
    header->nlmsg_type = type;
    header->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  }
  template <class Family>
  Family& put() {
    return *static_cast<Family*>(mnl_nlmsg_put_extra_header(header, sizeof(Family)));
  }
  std::span<const uint8_t> bytes() const { return {room.data(), header->nlmsg_len}; }
};

}  // namespace

HostInterface::HostInterface(const HostConfig& config, const Wanted& wanted)
    : name_(config.interface), netlink_(nullptr, mnl_socket_close) {
  std::string why;
  run_in_namespace(config.network_namespace.value_or(""), [&] {
    tun_ = make_tun(name_, why);
    if (tun_ < 0) return;
    index_ = if_nametoindex(name_.c_str());
    netlink_.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
    if (!netlink_ || mnl_socket_bind(netlink_.get(), 0, MNL_SOCKET_AUTOPID) != 0)
      why = std::string("netlink: ") + std::strerror(errno);
  });
  // Without memory the kernel may leave out an answer.
  const timeval patience{1, 0};
  if (netlink_)
    (void)setsockopt(mnl_socket_get_fd(netlink_.get()), SOL_SOCKET, SO_RCVTIMEO, &patience,
                     sizeof patience);
  try {
    if (!why.empty()) throw std::runtime_error(why);
    set(wanted);
  } catch (...) {
    if (tun_ >= 0) close(tun_);
    throw;
  }
}

HostInterface::~HostInterface() {
  close(tun_);
}

void HostInterface::set(const Wanted& wanted) {
  if (wanted.mtu_bytes != has_.mtu_bytes) {
    change_link(wanted.mtu_bytes);
    has_.mtu_bytes = wanted.mtu_bytes;
  }
  for (auto each = has_.addresses.begin(); each != has_.addresses.end();) {
    if (wanted.addresses.contains(*each)) {
      ++each;
      continue;
    }
    change_address(*each, false);
    each = has_.addresses.erase(each);
  }
  for (const IpPrefix& address : wanted.addresses)
    if (!has_.addresses.contains(address)) {
      change_address(address, true);
      has_.addresses.insert(address);
    }
}

void HostInterface::change_address(const IpPrefix& address, bool is_there) {
  Message message(is_there ? RTM_NEWADDR : RTM_DELADDR,
                  is_there ? NLM_F_CREATE | NLM_F_REPLACE : 0);
  const bool ipv4 = address.address.is_v4();
  auto& body = message.put<ifaddrmsg>();
  body.ifa_family = ipv4 ? AF_INET : AF_INET6;
  body.ifa_prefixlen = address.length;
  // adit has asked whether another host has it.
  body.ifa_flags = ipv4 ? 0 : IFA_F_NODAD;
  body.ifa_index = index_;
  const size_t bytes = ipv4 ? 4 : 16;
  const be32 v4 = ipv4 ? address.address.as_v4() : be32(0);
  const void* from = ipv4 ? static_cast<const void*>(&v4) : address.address.bytes.data();
  mnl_attr_put(message.header, IFA_LOCAL, bytes, from);
  mnl_attr_put(message.header, IFA_ADDRESS, bytes, from);
  ask(message.bytes(),
      std::string(is_there ? "set" : "remove") + " the address " + to_string(address));
}

// Also brings it up, without a link-local address of IPv6: it is of no use here.
void HostInterface::change_link(unsigned mtu_bytes) {
  const bool is_new = has_.mtu_bytes == 0;
  if (is_new) {
    Message message(RTM_NEWLINK, 0);
    message.put<ifinfomsg>().ifi_index = static_cast<int>(index_);
    nlattr* kinds = mnl_attr_nest_start(message.header, IFLA_AF_SPEC);
    nlattr* ipv6 = mnl_attr_nest_start(message.header, AF_INET6);
    mnl_attr_put_u8(message.header, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(message.header, ipv6);
    mnl_attr_nest_end(message.header, kinds);
    try {
      ask(message.bytes(), "leave out its link-local address");
    } catch (const std::runtime_error&) {
      // A kernel without IPv6 has none.
    }
  }
  Message message(RTM_NEWLINK, 0);
  auto& body = message.put<ifinfomsg>();
  body.ifi_index = static_cast<int>(index_);
  body.ifi_flags = IFF_UP;
  body.ifi_change = IFF_UP;
  mnl_attr_put_u32(message.header, IFLA_MTU, mtu_bytes);
  ask(message.bytes(), "bring it up with an MTU of " + std::to_string(mtu_bytes));
}

// The kernel answers at once, or not at all.
void HostInterface::ask(std::span<const uint8_t> message, const std::string& what) {
  std::array<uint8_t, 1024> answer;
  if (mnl_socket_sendto(netlink_.get(), message.data(), message.size()) >= 0) {
    const ssize_t bytes = mnl_socket_recvfrom(netlink_.get(), answer.data(), answer.size());
    if (bytes >= 0 && mnl_cb_run(answer.data(), static_cast<size_t>(bytes), 0, 0, nullptr,
                                 nullptr) >= MNL_CB_STOP)
      return;
  }
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

}  // namespace adit
