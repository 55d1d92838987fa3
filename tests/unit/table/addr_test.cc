// SPDX-License-Identifier: Apache-2.0
#include "adit/addr.h"

#include <gtest/gtest.h>

#include "adit/wire.h"

namespace adit {
namespace {

TEST(ByteOrder, HostValueGoesToTheWireHighByteFirst) {
  const be32 value(0x01020304);
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  EXPECT_EQ(bytes[0], 1);
  EXPECT_EQ(bytes[3], 4);
  EXPECT_EQ(value.host(), 0x01020304u);
  EXPECT_EQ(be32::from_raw(value.raw()), value);
  EXPECT_EQ(be16(0xabcd).host(), 0xabcd);
  EXPECT_EQ(be64(0x0102030405060708).host(), 0x0102030405060708u);
}

TEST(MacAddr, TextAndBitsRoundTrip) {
  const auto mac = parse_mac("02:00:5E:10:0a:ff");
  ASSERT_TRUE(mac);
  EXPECT_EQ(to_string(*mac), "02:00:5e:10:0a:ff");
  EXPECT_EQ(MacAddr::from_u64(mac->to_u64()), *mac);
  EXPECT_FALSE(mac->is_group());
  EXPECT_TRUE(kBroadcastMac.is_group() && kBroadcastMac.is_broadcast());
  EXPECT_TRUE(MacAddr{}.is_zero());
}

TEST(MacAddr, EveryByteCounts) {
  const MacAddr mac = *parse_mac("02:00:5e:10:0a:ff");
  for (unsigned i = 0; i < 6; ++i) {
    MacAddr other = mac;
    other.bytes[i] ^= 1;
    EXPECT_NE(other, mac) << i;
    EXPECT_EQ(other < mac, other.to_u64() < mac.to_u64()) << i;
  }
}

TEST(MacAddr, OtherTextIsRefused) {
  for (const char* text : {"", "02:00:5e:10:0a", "02-00-5e-10-0a-ff", "02:00:5e:10:0a:fg",
                           "2:0:5e:10:a:ff", "02:00:5e:10:0a:ff ", "0200.5e10.0aff"})
    EXPECT_FALSE(parse_mac(text)) << text;
}

TEST(IpAddr, TextRoundTripsAndClassesAreRecognised) {
  EXPECT_EQ(to_string(*parse_ip("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(to_string(*parse_ip("2001:DB8::1")), "2001:db8::1");
  EXPECT_TRUE(parse_ip("224.0.0.1")->is_multicast());
  EXPECT_TRUE(parse_ip("ff02::1")->is_multicast());
  EXPECT_FALSE(parse_ip("192.0.2.1")->is_multicast());
  EXPECT_TRUE(parse_ip("0.0.0.0")->is_unspecified());
  for (const char* text : {"", "192.0.2", "192.0.2.256", "192.0.2.1/24", "fe80::1%eth0"})
    EXPECT_FALSE(parse_ip(text)) << text;
}

TEST(IpPrefix, ContainsComparesOnlyThePrefixBits) {
  const IpPrefix odd{*parse_ip("192.0.2.129"), 25};
  EXPECT_TRUE(odd.contains(*parse_ip("192.0.2.254")));
  EXPECT_FALSE(odd.contains(*parse_ip("192.0.2.127")));
  EXPECT_FALSE(odd.contains(*parse_ip("2001:db8::1")));
  EXPECT_TRUE((IpPrefix{*parse_ip("0.0.0.0"), 0}.contains(*parse_ip("203.0.113.9"))));
  EXPECT_TRUE((IpPrefix{*parse_ip("192.0.2.1"), 32}.contains(*parse_ip("192.0.2.1"))));
  EXPECT_FALSE((IpPrefix{*parse_ip("192.0.2.1"), 32}.contains(*parse_ip("192.0.2.0"))));
}

}  // namespace
}  // namespace adit
