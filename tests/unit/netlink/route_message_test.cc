// SPDX-License-Identifier: Apache-2.0
// Messages of rtnetlink as the kernel makes them, and as nobody should.
#include "netlink/route_message.h"

#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <array>
#include <random>
#include <string>
#include <vector>

namespace adit {
namespace {

using What = RouteMessage::What;

struct Message {
  explicit Message(uint16_t type = RTM_NEWROUTE, uint16_t flags = 0, uint8_t family = AF_INET,
                   uint8_t length = 24) {
    header = mnl_nlmsg_put_header(bytes.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = flags;
    route = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));
    route->rtm_family = family;
    route->rtm_dst_len = length;
    route->rtm_table = 100;
    route->rtm_protocol = RTPROT_ZEBRA;
    route->rtm_type = RTN_UNICAST;
  }
  Message& address(uint16_t type, const std::string& text) {
    const IpAddr ip = *parse_ip(text);
    mnl_attr_put(header, type, ip.width_bits() / 8, ip.bytes.data());
    return *this;
  }
  Message& number(uint16_t type, uint32_t value) {
    mnl_attr_put_u32(header, type, value);
    return *this;
  }
  struct Hop {
    std::string gateway;
    uint8_t flags = 0;
    bool labels = false;
  };
  Message& hops(const std::vector<Hop>& list) {
    nlattr* outer = mnl_attr_nest_start(header, RTA_MULTIPATH);
    for (const Hop& hop : list) {
      auto* next = reinterpret_cast<rtnexthop*>(mnl_nlmsg_get_payload_tail(header));
      *next = {};
      next->rtnh_flags = hop.flags;
      next->rtnh_ifindex = 7;
      header->nlmsg_len += static_cast<uint32_t>(sizeof *next);
      if (!hop.gateway.empty()) address(RTA_GATEWAY, hop.gateway);
      if (hop.labels) mnl_attr_put_u16(header, RTA_ENCAP_TYPE, 1);
      next->rtnh_len = static_cast<uint16_t>(
          static_cast<char*>(mnl_nlmsg_get_payload_tail(header)) - reinterpret_cast<char*>(next));
    }
    mnl_attr_nest_end(header, outer);
    return *this;
  }

  alignas(NLMSG_ALIGNTO) std::array<char, 1024> bytes{};
  nlmsghdr* header;
  rtmsg* route;
};

std::vector<std::string> gateways(const RouteMessage& route) {
  std::vector<std::string> texts;
  for (const auto& gateway : route.gateways) texts.push_back(to_string(gateway.address));
  return texts;
}

TEST(RouteMessage, HasPrefixGatewayTableAndMetric) {
  Message message(RTM_NEWROUTE, NLM_F_REPLACE);
  message.address(RTA_DST, "198.51.100.0").address(RTA_GATEWAY, "10.9.0.1");
  message.number(RTA_TABLE, 70000).number(RTA_PRIORITY, 20);
  const auto route = read_route(message.header);
  ASSERT_TRUE(route);
  EXPECT_EQ(to_string(route->to), "198.51.100.0/24");
  EXPECT_EQ(gateways(*route), std::vector<std::string>{"10.9.0.1"});
  EXPECT_EQ(route->table, 70000u);
  EXPECT_EQ(route->metric, 20u);
  EXPECT_EQ(route->protocol, RTPROT_ZEBRA);
  EXPECT_EQ(route->what, What::kSet);
  EXPECT_FALSE(route->rejects);
  EXPECT_FALSE(route->is_of_dump);
}

TEST(RouteMessage, OfIpv6AndOfDefaultRoutes) {
  Message six(RTM_DELROUTE, 0, AF_INET6, 48);
  six.address(RTA_DST, "2001:db8:51::").address(RTA_GATEWAY, "fd09::1");
  const auto route = read_route(six.header);
  ASSERT_TRUE(route);
  EXPECT_EQ(to_string(route->to), "2001:db8:51::/48");
  EXPECT_EQ(gateways(*route), std::vector<std::string>{"fd09::1"});
  EXPECT_EQ(route->what, What::kGone);
  EXPECT_EQ(route->table, 100u);
  Message all(RTM_NEWROUTE, 0, AF_INET6, 0);
  all.address(RTA_GATEWAY, "fd09::1");
  EXPECT_EQ(to_string(read_route(all.header)->to), "::/0");
}

TEST(RouteMessage, SaysWhatItDoesToOthersOfThePrefix) {
  const auto what = [](uint16_t flags, uint8_t family = AF_INET) {
    Message message(RTM_NEWROUTE, flags, family);
    message.address(RTA_DST, family == AF_INET ? "198.51.100.0" : "2001:db8::");
    return read_route(message.header)->what;
  };
  EXPECT_EQ(what(NLM_F_CREATE | NLM_F_EXCL), What::kSet);
  EXPECT_EQ(what(NLM_F_REPLACE), What::kSet);
  EXPECT_EQ(what(NLM_F_CREATE | NLM_F_APPEND), What::kAppend);
  EXPECT_EQ(what(NLM_F_CREATE), What::kPrepend);
  EXPECT_EQ(what(NLM_F_MULTI), What::kSet);
  EXPECT_EQ(what(NLM_F_CREATE | NLM_F_APPEND, AF_INET6), What::kSet);
  Message of_list(RTM_NEWROUTE, NLM_F_MULTI);
  EXPECT_TRUE(read_route(of_list.address(RTA_DST, "198.51.100.0").header)->is_of_dump);
}

TEST(RouteMessage, OfSeveralNextHopsThoseThatCanBeUsed) {
  Message message;
  message.address(RTA_DST, "198.51.100.0");
  message.hops({{"10.9.0.1", RTNH_F_DEAD},
                {"10.9.0.2"},
                {},
                {"10.9.0.3", 0, true},
                {"10.9.0.4"},
                {"10.9.0.2"}});
  const auto route = read_route(message.header);
  ASSERT_TRUE(route);
  EXPECT_EQ(gateways(*route), (std::vector<std::string>{"10.9.0.2", "10.9.0.4"}));
  EXPECT_EQ(route->left_out, 3u);
  EXPECT_EQ(route->gateways[0].interface, 7u);
  // One that goes is meant whether it is dead or not.
  Message gone(RTM_DELROUTE);
  gone.address(RTA_DST, "198.51.100.0").hops({{"10.9.0.1", RTNH_F_DEAD}});
  EXPECT_EQ(gateways(*read_route(gone.header)), std::vector<std::string>{"10.9.0.1"});
}

TEST(RouteMessage, MayRejectOrHaveNoGateway) {
  for (const uint8_t type : {RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT}) {
    Message message;
    message.address(RTA_DST, "198.51.100.0").route->rtm_type = type;
    ASSERT_TRUE(read_route(message.header));
    EXPECT_TRUE(read_route(message.header)->rejects);
  }
  Message on_link;
  on_link.address(RTA_DST, "198.51.100.0");
  EXPECT_EQ(read_route(on_link.header)->left_out, 1u);
  EXPECT_TRUE(read_route(on_link.header)->gateways.empty());
}

TEST(RouteMessage, OfOtherRoutesIsNone) {
  const auto is_none = [](auto change, uint8_t family = AF_INET, const char* to = "198.51.100.0") {
    Message message(RTM_NEWROUTE, 0, family);
    message.address(RTA_DST, to).address(RTA_GATEWAY, family == AF_INET ? "10.9.0.1" : "fd09::1");
    change(message);
    return !read_route(message.header);
  };
  EXPECT_FALSE(is_none([](Message&) {}));
  for (const uint8_t type : {RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST, RTN_ANYCAST, RTN_THROW})
    EXPECT_TRUE(is_none([=](Message& m) { m.route->rtm_type = type; }));
  EXPECT_TRUE(is_none([](Message& m) { m.route->rtm_flags = RTM_F_CLONED; }));
  EXPECT_TRUE(is_none([](Message& m) { m.route->rtm_tos = 8; }));
  EXPECT_TRUE(is_none([](Message& m) { m.route->rtm_src_len = 8; }));
  EXPECT_TRUE(is_none([](Message& m) { m.route->rtm_dst_len = 33; }));
  EXPECT_TRUE(is_none([](Message& m) { m.route->rtm_family = AF_MPLS; }));
  EXPECT_TRUE(is_none([](Message& m) { m.header->nlmsg_type = RTM_NEWLINK; }));
  EXPECT_TRUE(is_none([](Message&) {}, AF_INET, "224.0.0.0"));
  EXPECT_TRUE(is_none([](Message&) {}, AF_INET, "127.0.0.0"));
  EXPECT_TRUE(is_none([](Message&) {}, AF_INET6, "ff00::"));
  EXPECT_TRUE(is_none([](Message&) {}, AF_INET6, "fe80::"));
  // The kernel's own subnets.
  Message subnet;
  subnet.address(RTA_DST, "198.51.100.0").route->rtm_protocol = RTPROT_KERNEL;
  EXPECT_FALSE(read_route(subnet.header));
}

TEST(AddressMessage, HasInterfaceAndAddress) {
  Message message(RTM_NEWADDR);
  message.header->nlmsg_len = NLMSG_LENGTH(sizeof(ifaddrmsg));
  auto* header = static_cast<ifaddrmsg*>(mnl_nlmsg_get_payload(message.header));
  *header = {AF_INET, 24, 0, 0, 7};
  EXPECT_FALSE(read_address(message.header));
  message.address(IFA_ADDRESS, "10.9.0.2").address(IFA_LOCAL, "10.9.0.1");
  const auto read = read_address(message.header);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->interface, 7u);
  EXPECT_EQ(to_string(read->address), "10.9.0.1");
}

TEST(RouteMessage, MayBeCutAndBentAnywhere) {
  std::mt19937 random(5);
  for (unsigned i = 0; i < 20000; ++i) {
    Message message(RTM_NEWROUTE, 0, i % 2 == 0 ? AF_INET : AF_INET6);
    message.address(RTA_DST, i % 2 == 0 ? "198.51.100.0" : "2001:db8::");
    message.hops({{"10.9.0.1"}, {"fd09::1"}, {"10.9.0.2", 0, true}});
    const uint32_t length = message.header->nlmsg_len;
    // In memory of its own, so that a sanitizer sees each byte too far.
    std::vector<char> copy(message.bytes.begin(), message.bytes.begin() + length);
    auto* header = reinterpret_cast<nlmsghdr*>(copy.data());
    if (random() % 2 == 0) {
      header->nlmsg_len = static_cast<uint32_t>(sizeof(nlmsghdr) + random() % (length - 15));
      copy.resize(header->nlmsg_len);
    }
    for (unsigned bent = random() % 4; bent > 0 && copy.size() > sizeof(nlmsghdr); --bent)
      copy[sizeof(nlmsghdr) + random() % (copy.size() - sizeof(nlmsghdr))] =
          static_cast<char>(random());
    const auto route = read_route(reinterpret_cast<nlmsghdr*>(copy.data()));
    if (route) {
      EXPECT_LE(route->to.length, route->to.address.width_bits());
    }
  }
}

}  // namespace
}  // namespace adit
