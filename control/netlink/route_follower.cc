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

#include "base/time_units.h"
#include "compile/imported_routes.h"

namespace adit {
namespace {

constexpr std::array<int, 5> kRouteGroups = {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_LINK,
                                             RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
constexpr std::array<int, 1> kNewRouteGroups = {RTNLGRP_NEXTHOP};  // since Linux 5.3

bool is_down(const nlmsghdr* message) {
  if (mnl_nlmsg_get_payload_len(message) < sizeof(ifinfomsg)) return false;
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  return info->ifi_family == AF_UNSPEC && (info->ifi_flags & IFF_UP) == 0;
}

}  // namespace

RouteFollower::RouteFollower(const std::string& network_namespace, Sink& sink)
    : sink_(sink), lists_(network_namespace, kRouteGroups, kNewRouteGroups) {}

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
  const uint64_t due_ns =
      std::max(now_ns + KernelLists::kSoonNs, last_round_ns_ + 3 * KernelLists::kSoonNs);
  for (const uint32_t table : tables_) {
    const auto [due, is_new] = due_.try_emplace(table, due_ns);
    due->second = std::min(due->second, due_ns);
  }
}

void RouteFollower::tick(uint64_t now_ns) {
  lists_.tick(*this, now_ns);
  if (!round_) begin_due_round(now_ns);
}

void RouteFollower::lost(uint64_t now_ns) {
  refresh_all(now_ns);
}

void RouteFollower::take(const nlmsghdr* message, uint64_t now_ns) {
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
  if (round_) {
    const RouteName name{route->table, route->to, route->metric};
    if (!route->is_of_dump) {
      if (route->what == RouteMessage::What::kGone)
        gone_.insert(name);
      else
        gone_.erase(name);
    } else if (route->table != round_->table) {
      return;  // of an old kernel
    } else if (gone_.contains(name)) {
      round_->has_failed = true;  // which was first?
    }
  }
  sink_.route(*route);
}

void RouteFollower::begin_due_round(uint64_t now_ns) {
  for (const auto& [table, due_ns] : due_) {
    if (due_ns > now_ns) continue;
    gone_.clear();
    round_ = Round{table};
    due_.erase(table);
    return ask(AF_UNSPEC, now_ns);
  }
}

void RouteFollower::ask(uint8_t family, uint64_t now_ns) {
  round_->family = family;
  if (family == AF_UNSPEC)
    return lists_.ask(
        RTM_GETADDR,
        [](nlmsghdr* message) { mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg)); }, now_ns);
  const auto fill = [&](nlmsghdr* message) {
    auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
    header->rtm_family = family;
    mnl_attr_put_u32(message, RTA_TABLE, round_->table);
  };
  lists_.ask(RTM_GETROUTE, fill, now_ns);
}

void RouteFollower::end_of_list(int error, bool has_failed, uint64_t now_ns) {
  const uint32_t table = round_->table;
  // A table without routes need not exist.
  if (has_failed || (error != 0 && error != ENOENT && error != EAFNOSUPPORT && error != EOPNOTSUPP))
    round_->has_failed = true;
  if (round_->family == AF_UNSPEC) {
    sink_.begin_round(table);
    return ask(AF_INET, now_ns);
  }
  if (round_->family == AF_INET) return ask(AF_INET6, now_ns);
  const bool is_right = !round_->has_failed;
  round_.reset();
  gone_.clear();
  if (!tables_.contains(table)) return;
  if (!is_right) {
    due_.try_emplace(table, now_ns + KernelLists::kSoonNs);
    return;
  }
  sink_.end_round(table);
  last_round_ns_ = now_ns;
  complete_.insert(table);
  ++rounds_;
}

}  // namespace adit
