// SPDX-License-Identifier: Apache-2.0
// Messages about VXLAN interfaces and their entries as the kernel makes them, and as nobody should.
#include "netlink/fdb_message.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <array>
#include <random>
#include <vector>

namespace adit::fdb_message_test {
namespace {

constexpr MacAddr kMac = MacAddr::from_u64(0x02'00'00'00'20'01);

struct Message {
  template <class Header>
  Message(uint16_t type, const Header& own) {
    header = mnl_nlmsg_put_header(bytes.data());
    header->nlmsg_type = type;
    *static_cast<Header*>(mnl_nlmsg_put_extra_header(header, sizeof own)) = own;
  }
  Message& mac(const MacAddr& mac) {
    mnl_attr_put(header, NDA_LLADDR, mac.bytes.size(), mac.bytes.data());
    return *this;
  }
  Message& remote(const char* text) {
    const IpAddr ip = *parse_ip(text);
    mnl_attr_put(header, NDA_DST, ip.width_bits() / 8, ip.bytes.data());
    return *this;
  }
  Message& number(uint16_t type, uint32_t value) {
    mnl_attr_put_u32(header, type, value);
    return *this;
  }
  Message& port(uint16_t type, uint16_t value) {
    mnl_attr_put_u16(header, type, htons(value));
    return *this;
  }
  Message& name(const char* text) {
    mnl_attr_put_strz(header, IFLA_IFNAME, text);
    return *this;
  }
  Message& vxlan(uint32_t vni, uint16_t udp_port, bool is_external = false) {
    nlattr* info = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, "vxlan");
    nlattr* data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
    if (vni != 0) number(IFLA_VXLAN_ID, vni);
    port(IFLA_VXLAN_PORT, udp_port);
    mnl_attr_put_u8(header, IFLA_VXLAN_COLLECT_METADATA, is_external ? 1 : 0);
    mnl_attr_nest_end(header, data);
    mnl_attr_nest_end(header, info);
    return *this;
  }

  alignas(NLMSG_ALIGNTO) std::array<char, 1024> bytes{};
  nlmsghdr* header;
};

Message link_message(uint16_t type = RTM_NEWLINK, uint8_t family = AF_UNSPEC) {
  ifinfomsg own = {};
  own.ifi_family = family;
  own.ifi_index = 7;
  return {type, own};
}
Message entry_message(uint16_t type = RTM_NEWNEIGH, uint8_t family = AF_BRIDGE,
                      uint8_t flags = NTF_SELF) {
  ndmsg own = {};
  own.ndm_family = family;
  own.ndm_ifindex = 7;
  own.ndm_flags = flags;
  return {type, own};
}

TEST(LinkMessage, HasNameVniAndPort) {
  Message message = link_message();
  message.name("vxlan100").vxlan(100, 4789);
  const auto link = read_link(message.header);
  ASSERT_TRUE(link);
  EXPECT_EQ(link->number, 7u);
  EXPECT_EQ(link->name, "vxlan100");
  EXPECT_TRUE(link->is_vxlan);
  EXPECT_EQ(link->vni, 100u);
  EXPECT_EQ(link->port, 4789);
  EXPECT_FALSE(link->is_external);
  EXPECT_FALSE(link->is_gone);
}

TEST(LinkMessage, MayBeOfAnExternalOneOfAnotherKindOrAboutOneThatGoes) {
  Message external = link_message();
  external.name("vx0").vxlan(0, 4789, true);
  EXPECT_TRUE(read_link(external.header)->is_external);
  Message other = link_message();
  other.name("eth0");
  EXPECT_FALSE(read_link(other.header)->is_vxlan);
  Message gone = link_message(RTM_DELLINK);
  gone.name("vxlan100");
  EXPECT_TRUE(read_link(gone.header)->is_gone);
  Message of_bridge = link_message(RTM_NEWLINK, AF_BRIDGE);
  of_bridge.name("vxlan100");
  EXPECT_FALSE(read_link(of_bridge.header)) << "a bridge tells of its port";
}

TEST(FdbMessage, HasMacAndRemote) {
  Message message = entry_message();
  message.mac(kMac).remote("192.0.2.2");
  auto entry = FdbMessage::read(message.header);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->interface, 7u);
  EXPECT_EQ(entry->mac, kMac);
  EXPECT_EQ(to_string(*entry->remote), "192.0.2.2");
  EXPECT_FALSE(entry->source_vni || entry->vni || entry->port || entry->is_gone);

  Message whole = entry_message(RTM_DELNEIGH);
  whole.mac({}).remote("2001:db8::2").port(NDA_PORT, 8472);
  whole.number(NDA_VNI, 200).number(NDA_SRC_VNI, 100);
  entry = FdbMessage::read(whole.header);
  ASSERT_TRUE(entry);
  EXPECT_TRUE(entry->mac.is_zero());
  EXPECT_EQ(to_string(*entry->remote), "2001:db8::2");
  EXPECT_EQ(entry->source_vni, 100u);
  EXPECT_EQ(entry->vni, 200u);
  EXPECT_EQ(entry->port, 8472);
  EXPECT_TRUE(entry->is_gone);

  Message group = entry_message();
  group.mac(kMac);
  EXPECT_FALSE(FdbMessage::read(group.header)->remote) << "behind a group of next hops";
}

TEST(FdbMessage, OfABridgeOnlyWhatAProgramPutThere) {
  Message message = entry_message(RTM_NEWNEIGH, AF_BRIDGE, NTF_MASTER | NTF_EXT_LEARNED);
  message.mac(kMac);
  const auto entry = FdbMessage::read(message.header);
  ASSERT_TRUE(entry);
  EXPECT_TRUE(entry->is_of_bridge);
  EXPECT_EQ(entry->mac, kMac);
  EXPECT_TRUE(entry->can_be_of({})) << "its interface is any";
  EXPECT_FALSE(FdbMessage{}.can_be_of({})) << "an entry of a VXLAN interface is of no other";
  Message own = entry_message();
  own.mac(kMac);
  EXPECT_FALSE(FdbMessage::read(own.header)->is_of_bridge);
  EXPECT_NE(FdbMessage::read(own.header)->name(), entry->name());
}

TEST(LinkMessage, HasWhatItIsIn) {
  Message message = link_message();
  message.name("adit100").number(IFLA_MASTER, 12);
  EXPECT_EQ(read_link(message.header)->master, 12u);
  EXPECT_EQ(read_link(link_message().name("adit100").header)->master, 0u);
}

TEST(FdbMessage, OfABridgeOrAHostsNeighbourIsNone) {
  Message of_bridge = entry_message(RTM_NEWNEIGH, AF_BRIDGE, NTF_MASTER);
  of_bridge.mac(kMac).remote("192.0.2.2");
  EXPECT_FALSE(FdbMessage::read(of_bridge.header));
  Message neighbour = entry_message(RTM_NEWNEIGH, AF_INET);
  neighbour.mac(kMac).remote("192.0.2.2");
  EXPECT_FALSE(FdbMessage::read(neighbour.header));
  Message without = entry_message();
  without.remote("192.0.2.2");
  EXPECT_FALSE(FdbMessage::read(without.header)) << "without a MAC";
  Message other = entry_message(RTM_NEWROUTE);
  other.mac(kMac).remote("192.0.2.2");
  EXPECT_FALSE(FdbMessage::read(other.header));
}

// In memory of its own, so that a sanitizer sees each byte too far.
template <class Read>
void bend(const Message& message, Read read, std::mt19937& random) {
  const uint32_t length = message.header->nlmsg_len;
  std::vector<char> copy(message.bytes.begin(), message.bytes.begin() + length);
  if (random() % 2 == 0) {
    const auto cut = static_cast<uint32_t>(sizeof(nlmsghdr) + random() % (length - 15));
    reinterpret_cast<nlmsghdr*>(copy.data())->nlmsg_len = cut;
    copy.resize(cut);
    copy.shrink_to_fit();
  }
  for (unsigned bent = random() % 4; bent > 0 && copy.size() > sizeof(nlmsghdr); --bent)
    copy[sizeof(nlmsghdr) + random() % (copy.size() - sizeof(nlmsghdr))] =
        static_cast<char>(random());
  read(reinterpret_cast<nlmsghdr*>(copy.data()));
}

TEST(FdbMessage, MayBeCutAndBentAnywhere) {
  std::mt19937 random(7);
  unsigned read = 0;
  for (unsigned i = 0; i < 20000; ++i) {
    Message entry = entry_message();
    entry.mac(kMac).remote(i % 2 == 0 ? "192.0.2.2" : "2001:db8::2").number(NDA_VNI, 200);
    bend(
        entry, [&](const nlmsghdr* message) { read += FdbMessage::read(message).has_value(); },
        random);
    Message link = link_message();
    link.name("vxlan100").vxlan(100, 4789);
    bend(
        link, [&](const nlmsghdr* message) { read += read_link(message).has_value(); }, random);
  }
  EXPECT_GT(read, 10000u);
  EXPECT_LT(read, 40000u);
}

}  // namespace
}  // namespace adit::fdb_message_test
