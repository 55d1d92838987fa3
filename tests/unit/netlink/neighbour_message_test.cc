// SPDX-License-Identifier: Apache-2.0
// Messages about neighbours as the kernel makes them, and as nobody should.
#include "netlink/neighbour_message.h"

#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <random>

namespace adit::neighbour_message_test {
namespace {

constexpr MacAddr kMac = MacAddr::from_u64(0x02'00'00'00'20'01);

struct Message {
  Message(const Message&) = delete;  // `header` is in it
  Message& operator=(const Message&) = delete;
  explicit Message(int state, uint8_t flags = 0, uint16_t type = RTM_NEWNEIGH,
                   uint8_t family = AF_INET) {
    header = mnl_nlmsg_put_header(bytes.data());
    header->nlmsg_type = type;
    auto* own = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ndmsg)));
    own->ndm_family = family;
    own->ndm_ifindex = 7;
    own->ndm_state = static_cast<uint16_t>(state);
    own->ndm_flags = flags;
  }
  Message& at(const char* text) {
    const IpAddr ip = *parse_ip(text);
    mnl_attr_put(header, NDA_DST, ip.width_bits() / 8, ip.bytes.data());
    return *this;
  }
  Message& mac(const MacAddr& mac, std::size_t length = 6) {
    mnl_attr_put(header, NDA_LLADDR, length, mac.bytes.data());
    return *this;
  }
  std::optional<NeighbourMessage> read() const { return NeighbourMessage::read(header); }

  alignas(NLMSG_ALIGNTO) std::array<char, 256> bytes{};
  nlmsghdr* header;
};

TEST(NeighbourMessage, HasInterfaceAddressAndMac) {
  const auto entry = Message(NUD_REACHABLE).at("10.1.0.7").mac(kMac).read();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->interface, 7u);
  EXPECT_EQ(entry->address, *parse_ip("10.1.0.7"));
  EXPECT_EQ(entry->mac, kMac);
  EXPECT_FALSE(entry->is_lasting);
  EXPECT_FALSE(entry->is_gone);
  const auto six = Message(NUD_STALE, 0, RTM_NEWNEIGH, AF_INET6).at("fd01::7").mac(kMac).read();
  ASSERT_TRUE(six);
  EXPECT_EQ(six->address, *parse_ip("fd01::7"));
  EXPECT_FALSE(six->is_gone);
}

TEST(NeighbourMessage, WhatAProgramOrAnOperatorPutThereLasts) {
  EXPECT_TRUE(Message(NUD_PERMANENT).at("10.1.0.7").mac(kMac).read()->is_lasting);
  for (const int state : {NUD_REACHABLE, NUD_NOARP}) {
    const auto entry = Message(state, NTF_EXT_LEARNED).at("10.1.0.7").mac(kMac).read();
    EXPECT_TRUE(entry->is_lasting) << state;
    EXPECT_FALSE(entry->is_gone) << state;
  }
  EXPECT_TRUE(Message(NUD_NOARP).at("10.1.0.7").mac(kMac).read()->is_gone)
      << "the kernel's own, of an interface without ARP";
}

TEST(NeighbourMessage, WhoseMacIsNotKnownIsGone) {
  for (const int state : {NUD_NONE, NUD_INCOMPLETE, NUD_FAILED}) {
    const auto entry = Message(state).at("10.1.0.7").mac(kMac).read();
    ASSERT_TRUE(entry) << state;
    EXPECT_TRUE(entry->is_gone) << state;
    EXPECT_TRUE(entry->mac.is_zero());
  }
  EXPECT_TRUE(Message(NUD_REACHABLE).at("10.1.0.7").read()->is_gone) << "no MAC";
  EXPECT_TRUE(Message(NUD_REACHABLE, 0, RTM_DELNEIGH).at("10.1.0.7").mac(kMac).read()->is_gone);
}

TEST(NeighbourMessage, OthersAreNotRead) {
  EXPECT_FALSE(Message(NUD_REACHABLE, NTF_PROXY).at("10.1.0.7").mac(kMac).read());
  EXPECT_FALSE(Message(NUD_REACHABLE, 0, RTM_NEWNEIGH, AF_BRIDGE).at("10.1.0.7").mac(kMac).read());
  EXPECT_FALSE(Message(NUD_REACHABLE, 0, RTM_NEWLINK).at("10.1.0.7").mac(kMac).read());
  EXPECT_FALSE(Message(NUD_REACHABLE).mac(kMac).read()) << "no address";
  EXPECT_FALSE(Message(NUD_REACHABLE).at("fd01::7").mac(kMac).read()) << "of the other family";
  EXPECT_FALSE(Message(NUD_NOARP).at("224.0.0.22").mac(kMac).read()) << "a group";
  EXPECT_FALSE(Message(NUD_NOARP, 0, RTM_NEWNEIGH, AF_INET6).at("ff02::16").mac(kMac).read());
  EXPECT_FALSE(Message(NUD_REACHABLE).at("10.1.0.7").mac(kBroadcastMac).read());
  EXPECT_FALSE(Message(NUD_REACHABLE).at("10.1.0.7").mac(kMac, 4).read()) << "of another layer";
}

// Nothing is read beyond the message, whatever it says.
TEST(NeighbourMessage, IsReadWithinItsBounds) {
  Message whole(NUD_REACHABLE);
  whole.at("10.1.0.7").mac(kMac);
  const uint32_t length = whole.header->nlmsg_len;
  // The last two bytes fill up.
  for (uint32_t cut = sizeof(nlmsghdr); cut < length - 2; ++cut) {
    const auto copy = std::make_unique<char[]>(cut);
    std::memcpy(copy.get(), whole.bytes.data(), cut);
    auto* header = reinterpret_cast<nlmsghdr*>(copy.get());
    header->nlmsg_len = cut;
    const auto entry = NeighbourMessage::read(header);
    EXPECT_TRUE(!entry || entry->is_gone) << cut << ": its MAC is cut off";
  }
  std::mt19937 random(1);
  unsigned read = 0;
  for (unsigned i = 0; i < 20'000; ++i) {
    const auto copy = std::make_unique<char[]>(length);
    std::memcpy(copy.get(), whole.bytes.data(), length);
    for (unsigned j = 0; j < 3; ++j)
      copy[sizeof(nlmsghdr) + random() % (length - sizeof(nlmsghdr))] = static_cast<char>(random());
    read += NeighbourMessage::read(reinterpret_cast<nlmsghdr*>(copy.get())).has_value();
  }
  EXPECT_GT(read, 100u);
}

}  // namespace
}  // namespace adit::neighbour_message_test
