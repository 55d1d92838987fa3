// SPDX-License-Identifier: Apache-2.0
// Which frames control hears of those that the kernel gets, by a packet socket on the loopback
// interface.
#include "steering/announcements.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace adit::announcements_test {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes bytes_of(const std::string& hex) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

const std::string kToAll = "ffffffffffff", kFrom = "0200000000aa";

// `operation`: 1 request, 2 reply.
std::string arp(const std::string& sender, const std::string& target, int operation) {
  return "0806"
         "0001"
         "0800"
         "0604"
         "000" +
         std::to_string(operation) + kFrom + sender + "000000000000" + target;
}
// ICMPv6 of this type and hop limit, without a right checksum.
std::string icmp6(const std::string& to, const std::string& type, const std::string& hops) {
  return "86dd"
         "60000000"
         "0018"
         "3a" +
         hops + "fe8000000000000000000000000000aa" + to + type +
         "00"
         "0000"
         "20000000"
         "fe8000000000000000000000000000aa";
}
const std::string kAllNodes = "ff020000000000000000000000000001";
const std::string kOneNode = "fe8000000000000000000000000000bb";

class OfLoopback : public testing::Test {
 protected:
  OfLoopback()
      : if_index_(if_nametoindex("lo")), sender_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {}
  void SetUp() override {
    if (sender_.get() < 0) GTEST_SKIP() << "takes CAP_NET_RAW";
  }
  void send(const Bytes& frame) {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(if_index_);
    ASSERT_EQ(sendto(sender_.get(), frame.data(), frame.size(), 0,
                     reinterpret_cast<const sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(frame.size()))
        << std::strerror(errno);
  }

  unsigned if_index_;
  Descriptor sender_;
};

TEST_F(OfLoopback, AreThoseOfNeighboursAboutThemselves) {
  const std::string own = "0a000001", other = "0a000002";
  const std::vector<Bytes> wanted = {
      bytes_of(kToAll + kFrom + arp(own, own, 1)),
      bytes_of(kToAll + kFrom + arp(own, own, 2)),
      bytes_of(kToAll + kFrom +
               "8100"
               "2007" +
               arp(own, own, 1)),
      bytes_of("333300000001" + kFrom + icmp6(kAllNodes, "88", "ff")),
  };
  const std::vector<Bytes> unwanted = {
      bytes_of(kToAll + kFrom + arp(own, other, 1)),
      bytes_of(kToAll + kFrom + arp("00000000", other, 1)),
      bytes_of(kToAll + kFrom +
               "8100"
               "2007" +
               arp(own, other, 1)),
      bytes_of("0200000000bb" + kFrom + icmp6(kOneNode, "88", "ff")),
      bytes_of("333300000001" + kFrom + icmp6(kAllNodes, "87", "ff")),
      bytes_of("333300000001" + kFrom + icmp6(kAllNodes, "88", "40")),
      bytes_of(kToAll + kFrom + "0806"),
      bytes_of(kToAll + kFrom + arp(own, own, 1) + std::string(600, '0')),
  };
  Announcements announcements(if_index_);
  for (size_t i = 0; i < unwanted.size(); ++i) {
    send(unwanted[i]);
    if (i < wanted.size()) send(wanted[i]);
  }
  std::vector<Bytes> got;
  announcements.take(
      [&got](std::span<const uint8_t> frame) { got.emplace_back(frame.begin(), frame.end()); });
  EXPECT_EQ(got, wanted);
}

TEST_F(OfLoopback, AreTakenAFewAtATime) {
  const Bytes one = bytes_of(kToAll + kFrom + arp("0a000001", "0a000001", 1));
  Announcements announcements(if_index_);
  for (int i = 0; i < 20; ++i) send(one);
  unsigned count = 0;
  const Announcements::Sink sink = [&count](std::span<const uint8_t>) { ++count; };
  announcements.take(sink);
  EXPECT_EQ(count, 8u);
  announcements.take(sink);
  announcements.take(sink);
  announcements.take(sink);
  EXPECT_EQ(count, 20u);
}

TEST(Announcements, NeedAnInterface) {
  EXPECT_THROW(Announcements(UINT16_MAX), std::runtime_error);
}

}  // namespace
}  // namespace adit::announcements_test
