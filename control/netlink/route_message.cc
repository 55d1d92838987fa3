// SPDX-License-Identifier: Apache-2.0
#include "netlink/route_message.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstring>

#include "netlink/attributes.h"

namespace adit {
namespace {

// One way of a route: RTA_GATEWAY and what else there is beside it.
struct Hop {
  std::optional<IpAddr> gateway;
  uint32_t interface = 0;
  bool is_wrapped = false;  // RTA_ENCAP
  void take(const nlattr* attribute, uint8_t family) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type == RTA_GATEWAY) gateway = address_of(attribute, family);
    if (type == RTA_OIF) interface = number_of(attribute).value_or(0);
    if (type == RTA_ENCAP || type == RTA_ENCAP_TYPE) is_wrapped = true;
  }
};

void add(RouteMessage& route, const Hop& hop, unsigned flags) {
  const bool is_dead = (flags & RTNH_F_DEAD) != 0 && route.what != RouteMessage::What::kGone;
  if (!hop.gateway || hop.is_wrapped || is_dead) {
    ++route.left_out;
    return;
  }
  const RouteMessage::Gateway gateway{*hop.gateway, hop.interface};
  if (std::ranges::find(route.gateways, gateway) == route.gateways.end())
    route.gateways.push_back(gateway);
}

// RTA_MULTIPATH: a list of rtnexthop, each with attributes. False: malformed.
bool add_multipath(RouteMessage& route, const nlattr* list, uint8_t family) {
  const auto* at = static_cast<const char*>(mnl_attr_get_payload(list));
  std::size_t left = mnl_attr_get_payload_len(list);
  while (left >= sizeof(rtnexthop)) {
    rtnexthop next;
    std::memcpy(&next, at, sizeof next);
    if (next.rtnh_len < sizeof next || next.rtnh_len > left) return false;
    Hop hop;
    hop.interface = static_cast<uint32_t>(next.rtnh_ifindex);
    const auto take = [&](const nlattr* attribute) { hop.take(attribute, family); };
    if (!for_each_attribute(at + sizeof next, next.rtnh_len - sizeof next, take)) return false;
    add(route, hop, next.rtnh_flags);
    const std::size_t step = std::min<std::size_t>(RTNH_ALIGN(next.rtnh_len), left);
    at += step;
    left -= step;
  }
  return left == 0;
}

RouteMessage::What what_of(const nlmsghdr* message, uint8_t family, bool is_of_dump) {
  using What = RouteMessage::What;
  if (message->nlmsg_type == RTM_DELROUTE) return What::kGone;
  // A message about an IPv6 route has all next hops of its prefix and metric.
  if (family == AF_INET6 || is_of_dump) return What::kSet;
  const unsigned flags = message->nlmsg_flags;
  if (flags & NLM_F_REPLACE) return What::kSet;
  if (flags & NLM_F_APPEND) return What::kAppend;
  return flags & NLM_F_EXCL ? What::kSet : What::kPrepend;
}

bool is_forwarded(const IpPrefix& to) {
  const auto& bytes = to.address.bytes;
  if (to.length == 0) return true;
  if (to.address.is_v4()) return bytes[0] < 224 && bytes[0] != 127 && bytes[0] != 0;
  const bool is_link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80 && to.length >= 10;
  return bytes[0] != 0xff && !is_link_local;
}

}  // namespace

std::optional<RouteMessage> read_route(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE)
    return std::nullopt;
  if (mnl_nlmsg_get_payload_len(message) < sizeof(rtmsg)) return std::nullopt;
  const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
  const uint8_t family = header->rtm_family;
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  if ((header->rtm_flags & RTM_F_CLONED) != 0 || header->rtm_tos != 0 || header->rtm_src_len != 0)
    return std::nullopt;
  if (header->rtm_dst_len > (family == AF_INET ? 32 : 128)) return std::nullopt;

  RouteMessage route;
  route.is_of_dump = (message->nlmsg_flags & NLM_F_MULTI) != 0;
  route.what = what_of(message, family, route.is_of_dump);
  route.table = header->rtm_table;
  route.protocol = header->rtm_protocol;
  route.to.address.family = family == AF_INET ? IpFamily::kV4 : IpFamily::kV6;
  route.to.length = header->rtm_dst_len;
  switch (header->rtm_type) {
    case RTN_UNICAST:
      break;
    case RTN_BLACKHOLE:
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
      route.rejects = true;
      break;
    default:
      return std::nullopt;
  }

  Hop own;
  bool has_list = false, is_right = true;
  const auto take = [&](const nlattr* attribute) {
    own.take(attribute, family);
    switch (mnl_attr_get_type(attribute)) {
      case RTA_DST: {
        const auto address = address_of(attribute, family);
        is_right = is_right && address;
        route.to.address = address.value_or(route.to.address);
        break;
      }
      case RTA_TABLE:
        route.table = number_of(attribute).value_or(route.table);
        break;
      case RTA_PRIORITY:
        route.metric = number_of(attribute).value_or(0);
        break;
      case RTA_MULTIPATH:
        has_list = true;
        is_right = is_right && add_multipath(route, attribute, family);
        break;
      default:
        break;
    }
  };
  if (!for_each_attribute(message, sizeof(rtmsg), take) || !is_right) return std::nullopt;
  route.to = subnet_of(route.to);
  if (!is_forwarded(route.to)) return std::nullopt;
  if (!route.rejects && !has_list) {
    // The subnet of an interface of the kernel.
    if (!own.gateway && route.protocol == RTPROT_KERNEL) return std::nullopt;
    add(route, own, header->rtm_flags);
  }
  return route;
}

std::optional<AddressMessage> read_address(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWADDR && message->nlmsg_type != RTM_DELADDR) return std::nullopt;
  if (mnl_nlmsg_get_payload_len(message) < sizeof(ifaddrmsg)) return std::nullopt;
  const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  const uint8_t family = header->ifa_family;
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  // With a peer, IFA_ADDRESS is the peer's and IFA_LOCAL ours; else they are equal.
  std::optional<IpAddr> address, local;
  const auto take = [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFA_ADDRESS) address = address_of(attribute, family);
    if (mnl_attr_get_type(attribute) == IFA_LOCAL) local = address_of(attribute, family);
  };
  if (!for_each_attribute(message, sizeof(ifaddrmsg), take)) return std::nullopt;
  if (local) address = local;
  if (!address) return std::nullopt;
  return AddressMessage{header->ifa_index, *address};
}

}  // namespace adit
