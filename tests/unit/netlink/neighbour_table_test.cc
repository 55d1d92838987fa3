// SPDX-License-Identifier: Apache-2.0
// What control is told as the kernel's neighbours of one VRF come, change and go.
#include "netlink/neighbour_table.h"

#include <gtest/gtest.h>

#include <string>

#include "config/parser.h"
#include "test_dataplane.h"

namespace adit::neighbour_table_test {
namespace {

constexpr MacAddr kMac = MacAddr::from_u64(0x02'00'00'00'20'01);
constexpr MacAddr kOther = MacAddr::from_u64(0x02'00'00'00'20'02);
constexpr MacAddr kPortMac = MacAddr::from_u64(0x02'00'00'00'00'01);

constexpr char kYaml[] = R"(
ports:
  uplink: {device: "tap:up0", addresses: [192.0.2.1/24]}
  blue0: {device: "tap:blue0", addresses: [10.1.0.254/24, "fd01::fe/64"]}
routes:
  - {to: 198.51.100.0/24, via: 192.0.2.2}
vrfs:
  blue:
    ports: [blue0]
    routes:
      - {to: 10.2.0.0/16, via: 10.1.0.1}
)";

class NeighbourTableTest : public testing::Test {
 protected:
  NeighbourTableTest() { configure({"eth1", "eth2"}); }
  bool configure(std::vector<std::string> interfaces, uint32_t limit = 3) {
    return table.configure({std::move(interfaces), {}, limit}, kNow);
  }
  void take(const char* ip, const MacAddr& mac, bool is_lasting = true, uint32_t number = 1) {
    LinkMessage link;
    link.number = number;
    link.name = "eth" + std::to_string(number);
    NeighbourMessage message;
    message.interface = number;
    message.address = *parse_ip(ip);
    message.mac = mac;
    message.is_lasting = is_lasting;
    message.is_gone = mac.is_zero();
    table.take(link, message, kNow);
  }
  void gone(const char* ip, uint32_t number = 1) { take(ip, {}, false, number); }
  // Of the VRF's next hop.
  const Neighbour& router() {
    for (const auto& [hop, neighbour] : control.neighbours().all())
      if (hop.address == *parse_ip("10.1.0.1")) return neighbour;
    ADD_FAILURE() << "no next hop";
    return control.neighbours().all().begin()->second;
  }

  static constexpr uint64_t kNow = 100'000'000'000;
  TestDataplane dataplane;
  ControlPlane control{*dataplane,
                       std::make_shared<const Config>(parse_config(kYaml, "test")),
                       {kPortMac, kPortMac},
                       kNow};
  NeighbourTable table{control, "blue"};
};

TEST_F(NeighbourTableTest, TellsWhatComesChangesAndGoes) {
  take("10.1.0.1", kMac);
  EXPECT_EQ(router().mac, kMac);
  EXPECT_TRUE(router().is_told);
  EXPECT_EQ(table.neighbours(), 1u);
  EXPECT_EQ(table.lasting(), 1u);
  take("10.1.0.1", kOther);
  EXPECT_EQ(router().mac, kOther);
  gone("10.1.0.1");
  EXPECT_FALSE(router().is_told);
  EXPECT_EQ(router().state, NeighbourState::kProbing);
  EXPECT_EQ(table.neighbours(), 0u);
}

TEST_F(NeighbourTableTest, OnlyNamedInterfacesCount) {
  take("10.1.0.1", kMac, true, 3);
  EXPECT_EQ(table.neighbours(), 0u);
  EXPECT_TRUE(router().mac.is_zero());
}

TEST_F(NeighbourTableTest, OfTwoInterfacesTheOneThatLastsCounts) {
  take("10.1.0.1", kMac, false, 1);
  EXPECT_EQ(router().state, NeighbourState::kStale);
  take("10.1.0.1", kOther, true, 2);
  EXPECT_EQ(router().mac, kOther);
  EXPECT_TRUE(router().is_told);
  EXPECT_EQ(table.neighbours(), 1u);
  gone("10.1.0.1", 2);
  EXPECT_FALSE(router().is_told) << "now a hint again";
  EXPECT_EQ(table.lasting(), 0u);
  EXPECT_EQ(table.neighbours(), 1u);
}

TEST_F(NeighbourTableTest, ARoundThatDoesNotHaveItTakesItBack) {
  take("10.1.0.1", kMac);
  take("10.1.0.9", kMac);
  table.begin_round();
  take("10.1.0.9", kMac);
  EXPECT_TRUE(router().is_told) << "until the round's end";
  table.end_round(kNow);
  EXPECT_FALSE(router().is_told);
  EXPECT_EQ(table.neighbours(), 1u);
}

TEST_F(NeighbourTableTest, WhatIsAboveTheLimitIsCountedAndReadAgain) {
  for (const char* ip : {"10.1.0.7", "10.1.0.8", "10.1.0.9", "10.1.0.1"}) take(ip, kMac);
  EXPECT_EQ(table.neighbours(), 3u);
  EXPECT_EQ(table.refused(), 1u);
  EXPECT_FALSE(router().is_told);
  EXPECT_FALSE(table.wants_round());
  gone("10.1.0.8");
  EXPECT_TRUE(table.wants_round());
  table.begin_round();
  for (const char* ip : {"10.1.0.7", "10.1.0.9", "10.1.0.1"}) take(ip, kMac);
  table.end_round(kNow);
  EXPECT_EQ(table.refused(), 0u);
  EXPECT_TRUE(router().is_told);
  EXPECT_FALSE(table.wants_round());
}

TEST_F(NeighbourTableTest, LinkLocalOnesAreLeftOutAndThoseOnNoSubnetAreShown) {
  take("fe80::1", kMac);
  EXPECT_EQ(table.neighbours(), 0u);
  take("192.0.2.2", kMac);
  take("fd01::7", kMac);
  EXPECT_EQ(table.neighbours(), 2u);
  EXPECT_EQ(table.unused(), 1u);
}

TEST_F(NeighbourTableTest, AnotherListOfInterfacesTakesBackNothingUntilARoundTells) {
  take("10.1.0.1", kMac);
  EXPECT_FALSE(configure({"eth1", "eth2"}));
  EXPECT_TRUE(configure({"eth1", "eth2"}, 4)) << "to be read again, as there is room now";
  EXPECT_TRUE(router().is_told);
  EXPECT_TRUE(configure({"eth2"}));
  EXPECT_TRUE(router().is_told);
  table.begin_round();
  take("10.1.0.1", kMac);  // of eth1
  table.end_round(kNow);
  EXPECT_FALSE(router().is_told);
  EXPECT_EQ(router().mac, kMac) << "it is asked";
  EXPECT_EQ(table.neighbours(), 0u);
}

TEST_F(NeighbourTableTest, ALimitBelowWhatIsThereTakesBackTheRest) {
  take("10.1.0.1", kMac);
  take("10.1.0.7", kMac);
  EXPECT_TRUE(configure({"eth1", "eth2"}, 1));
  EXPECT_EQ(table.neighbours(), 1u);
  EXPECT_EQ(table.lasting(), 1u);
  EXPECT_EQ(table.refused(), 1u);
  EXPECT_TRUE(router().is_told);
}

}  // namespace
}  // namespace adit::neighbour_table_test
