// SPDX-License-Identifier: Apache-2.0
#include "netlink/route_follower.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/network_namespace.h"
#include "base/time_units.h"
#include "compile/imported_routes.h"

namespace adit {
namespace {

// The kernel packs up to 32 KiB, some 500 routes.
constexpr std::size_t kBufferBytes = 32768;
// Messages taken at a time, but for the rest of a buffer: control has other duties. A change comes
// alone, of a list as many as fit.
constexpr unsigned kMessagesPerTick = 1024;
// Room for changes, each of which takes the kernel about a kilobyte.
constexpr int kReceiveBytes = 16 << 20;
constexpr uint64_t kSoonNs = kNsPerSecond / 5;
// A kernel that does not go on with a list.
constexpr uint64_t kPatienceNs = 30 * kNsPerSecond;

[[noreturn]] void fail(const std::string& what, int error) {
  throw std::runtime_error(what + ": " + std::strerror(error));
}

mnl_socket* open_here() {
  return mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

// A socket belongs to the namespace of the thread that makes it.
mnl_socket* open_in(const std::string& name) {
  mnl_socket* made = nullptr;
  int error = 0;
  run_in_namespace(name, [&] {
    made = open_here();
    if (made == nullptr) error = errno;
  });
  if (made == nullptr) fail("netlink socket", error);
  return made;
}

bool is_down(const nlmsghdr* message) {
  if (mnl_nlmsg_get_payload_len(message) < sizeof(ifinfomsg)) return false;
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  return info->ifi_family == AF_UNSPEC && (info->ifi_flags & IFF_UP) == 0;
}

}  // namespace

RouteFollower::RouteFollower(const std::string& network_namespace, Sink& sink)
    : sink_(sink), socket_(open_in(network_namespace), &mnl_socket_close) {
  const int descriptor = mnl_socket_get_fd(socket_.get());
  const int bytes = kReceiveBytes;
  // The first takes CAP_NET_ADMIN; with less room, rounds make good for what is lost.
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  // Lists of one table; an old kernel gives all, which are sorted out here.
  int on = 1;
  (void)mnl_socket_setsockopt(socket_.get(), NETLINK_GET_STRICT_CHK, &on, sizeof on);
  if (mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) != 0) fail("netlink: bind", errno);
  for (int group : {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
                    RTNLGRP_IPV6_IFADDR})
    if (mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
      fail("netlink: membership", errno);
  int group = RTNLGRP_NEXTHOP;  // since Linux 5.3
  (void)mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
}

RouteFollower::~RouteFollower() = default;

void RouteFollower::follow(const std::set<uint32_t>& tables) {
  for (const uint32_t table : tables)
    if (!tables_.contains(table)) due_[table] = 0;
  tables_ = tables;
  std::erase_if(complete_, [&](uint32_t table) { return !tables.contains(table); });
  std::erase_if(due_, [&](const auto& each) { return !tables.contains(each.first); });
}

void RouteFollower::refresh(uint32_t table, uint64_t now_ns) {
  if (tables_.contains(table)) due_.try_emplace(table, now_ns + kNsPerSecond);
}

void RouteFollower::refresh_all(uint64_t now_ns) {
  const uint64_t due_ns = std::max(now_ns + kSoonNs, last_round_ns_ + 3 * kSoonNs);
  for (const uint32_t table : tables_) {
    const auto [due, is_new] = due_.try_emplace(table, due_ns);
    due->second = std::min(due->second, due_ns);
  }
}

void RouteFollower::tick(uint64_t now_ns) {
  for (unsigned taken = 0; taken < kMessagesPerTick;) {
    const unsigned more = read_once(now_ns);
    if (more == 0) break;
    taken += more;
  }
  if (dump_ && now_ns > dump_->heard_ns + kPatienceNs)
    throw std::runtime_error("netlink: the kernel does not end its list of routes");
  if (!dump_) begin_due_round(now_ns);
}

// Returns how many messages there were; 0: nothing is left to be read.
unsigned RouteFollower::read_once(uint64_t now_ns) {
  std::array<char, kBufferBytes> buffer;
  const ssize_t length = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
  if (length < 0) {
    if (errno == EAGAIN || errno == EINTR) return 0;
    if (errno != ENOBUFS && errno != ENOSPC) fail("netlink: receive", errno);
    ++counters_.overruns;
    if (dump_) dump_->has_failed = true;
    refresh_all(now_ns);
    return 1;
  }
  unsigned count = 0;
  int left = static_cast<int>(length);
  const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
  for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
    take(message, now_ns);
    ++count;
  }
  return count;
}

void RouteFollower::take(const nlmsghdr* message, uint64_t now_ns) {
  const bool is_of_dump =
      dump_ && message->nlmsg_seq == dump_->sequence && (message->nlmsg_flags & NLM_F_MULTI) != 0;
  if (dump_) dump_->heard_ns = now_ns;
  if (is_of_dump && (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) dump_->has_failed = true;
  switch (message->nlmsg_type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return take_route(message);
    case RTM_NEWLINK:
      if (is_down(message)) refresh_all(now_ns);
      return;
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return take_address(message, now_ns);
    case RTM_DELLINK:
    case RTM_DELNEXTHOP:
      return refresh_all(now_ns);
    case NLMSG_DONE:
    case NLMSG_ERROR: {
      if (!dump_ || message->nlmsg_seq != dump_->sequence) return;
      int error = 0;  // negative, at the beginning of both
      if (mnl_nlmsg_get_payload_len(message) >= sizeof error)
        std::memcpy(&error, mnl_nlmsg_get_payload(message), sizeof error);
      return end_of_dump(-error, now_ns);
    }
    default:
      return;
  }
}

// A change of addresses may take routes with it, and says which links they are of.
void RouteFollower::take_address(const nlmsghdr* message, uint64_t now_ns) {
  const auto read = read_address(message);
  if (!read || is_link_local(read->address)) return;
  const bool is_new = message->nlmsg_type == RTM_NEWADDR;
  auto& known = addresses_[read->interface];
  const bool has_changed =
      is_new ? known.insert(read->address).second : known.erase(read->address) != 0;
  if (has_changed && (message->nlmsg_flags & NLM_F_MULTI) == 0) refresh_all(now_ns);
}

// Of IPv6 if there is one.
const IpAddr* RouteFollower::near(uint32_t interface) const {
  const auto found = addresses_.find(interface);
  if (found == addresses_.end() || found->second.empty()) return nullptr;
  for (const IpAddr& address : found->second)
    if (!address.is_v4()) return &address;
  return &*found->second.begin();
}

void RouteFollower::take_route(const nlmsghdr* message) {
  auto route = read_route(message);
  if (!route || !tables_.contains(route->table)) return;
  for (RouteMessage::Gateway& gateway : route->gateways)
    if (const IpAddr* address = is_link_local(gateway.address) ? near(gateway.interface) : nullptr)
      gateway.near = *address;
  if (dump_) {
    const RouteName name{route->table, route->to, route->metric};
    if (!route->is_of_dump) {
      if (route->what == RouteMessage::What::kGone)
        gone_.insert(name);
      else
        gone_.erase(name);
    } else if (route->table != dump_->table) {
      return;  // of an old kernel
    } else if (gone_.contains(name)) {
      dump_->has_failed = true;  // which was first?
    }
  }
  sink_.route(*route);
}

void RouteFollower::begin_due_round(uint64_t now_ns) {
  for (const auto& [table, due_ns] : due_) {
    if (due_ns > now_ns) continue;
    gone_.clear();
    request(table, AF_UNSPEC, now_ns);
    due_.erase(table);
    return;
  }
}

void RouteFollower::request(uint32_t table, uint8_t family, uint64_t now_ns) {
  std::array<char, 256> buffer{};
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  const bool is_of_routes = family != AF_UNSPEC;
  message->nlmsg_type = is_of_routes ? RTM_GETROUTE : RTM_GETADDR;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message->nlmsg_seq = ++sequence_ != 0 ? sequence_ : ++sequence_;
  if (is_of_routes) {
    auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
    header->rtm_family = family;
    mnl_attr_put_u32(message, RTA_TABLE, table);
  } else {
    mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg));
  }
  const bool has_failed = dump_ && dump_->has_failed;
  dump_ = Dump{table, family, sequence_, has_failed, now_ns};
  if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0)
    fail("netlink: request", errno);
}

void RouteFollower::end_of_dump(int error, uint64_t now_ns) {
  const uint32_t table = dump_->table;
  // A table without routes need not exist.
  if (error != 0 && error != ENOENT && error != EAFNOSUPPORT && error != EOPNOTSUPP)
    dump_->has_failed = true;
  if (dump_->family == AF_UNSPEC) {
    sink_.begin_round(table);
    return request(table, AF_INET, now_ns);
  }
  if (dump_->family == AF_INET) return request(table, AF_INET6, now_ns);
  const bool has_failed = dump_->has_failed;
  dump_.reset();
  gone_.clear();
  if (!tables_.contains(table)) return;
  if (has_failed) {
    due_.try_emplace(table, now_ns + kSoonNs);
    return;
  }
  sink_.end_round(table);
  last_round_ns_ = now_ns;
  complete_.insert(table);
  ++counters_.rounds;
}

}  // namespace adit
