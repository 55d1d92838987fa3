// SPDX-License-Identifier: Apache-2.0
#include "base/nearest_name.h"

#include <gtest/gtest.h>

#include <vector>

namespace adit {
namespace {

std::string nearest(std::string_view wanted) {
  static const std::vector<std::string_view> names = {"mtu_bytes", "mac",     "members",
                                                      "remotes",   "rx_ring", "tx_ring"};
  return std::string(nearest_name(wanted, names));
}

TEST(NearestName, FindsSlips) {
  EXPECT_EQ(nearest("mtu_byte"), "mtu_bytes");    // left out
  EXPECT_EQ(nearest("mtu_bytess"), "mtu_bytes");  // added
  EXPECT_EQ(nearest("mebmers"), "members");       // swapped
  EXPECT_EQ(nearest("rempter"), "remotes");       // two wrong
  EXPECT_EQ(nearest("MTU-BYTES"), "mtu_bytes");   // case and dash are free
  EXPECT_EQ(nearest("mtu"), "mtu_bytes");         // a beginning
  EXPECT_EQ(nearest("max"), "mac");
}

TEST(NearestName, TakesTheFirstOfEquallyNear) {
  EXPECT_EQ(nearest("x_ring"), "rx_ring");
}

TEST(NearestName, LeavesWhatIsFarAlone) {
  EXPECT_EQ(nearest("zebra"), "");
  EXPECT_EQ(nearest("xyz"), "");
  EXPECT_EQ(nearest(""), "");
  EXPECT_EQ(nearest(std::string(100000, 'm')), "");
}

TEST(NearestName, AsksPolitely) {
  const std::vector<std::string_view> names = {"uplink"};
  EXPECT_EQ(did_you_mean("uplnk", names), "; did you mean 'uplink'?");
  EXPECT_EQ(did_you_mean("blue", names), "");
}

TEST(Quoted, KeepsTextAndEscapesTheRest) {
  EXPECT_EQ(adit::in_quotes("a b"), "'a b'");
  EXPECT_EQ(adit::in_quotes("gr\xc3\xbc\xc3\x9f"), "'gr\xc3\xbc\xc3\x9f'");
  EXPECT_EQ(adit::in_quotes("\x1b[31m\n"), "'\\x1b[31m\\x0a'");
  EXPECT_EQ(adit::in_quotes("\xc3"), "'\\xc3'");
  EXPECT_EQ(adit::in_quotes("\xff\x80"), "'\\xff\\x80'");
  EXPECT_EQ(adit::in_quotes(std::string(200, 'a')), "'" + std::string(80, 'a') + "...'");
}

}  // namespace
}  // namespace adit
