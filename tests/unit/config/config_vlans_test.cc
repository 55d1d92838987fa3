// SPDX-License-Identifier: Apache-2.0
// VLANs of ports in VRFs: what the walker reads, what does not fit, and what a reload would change.
#include <gtest/gtest.h>

#include "config/diff.h"
#include "config_cases.h"

namespace adit::config_vlans_test {
namespace {

// Seven lines; what a case adds begins in line 8.
std::string world(const std::string& vrfs) {
  return "ports:\n"
         "  up: {device: 'tap:up0', addresses: [192.0.2.1/24]}\n"
         "  trunk: {device: 'tap:trunk0', mtu_bytes: 1400}\n"
         "  blue0: {device: 'tap:blue0', addresses: [10.1.0.254/24]}\n"
         "networks:\n"
         "  web: {vni: 5, members: [{port: trunk, vlan: 30}, {port: trunk}]}\n"
         "vrfs:\n" +
         vrfs;
}
std::string blue(const std::string& vlan, const std::string& more = {}) {
  return world("  blue: {ports: [blue0], vlans: [{" + vlan + "}]" + more + "}\n");
}

class VlanDoesNotFit : public testing::TestWithParam<RefusedCase> {};
TEST_P(VlanDoesNotFit, WithItsPlace) {
  expect_refused(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Vlans, VlanDoesNotFit,
    testing::Values(
        RefusedCase{"NoSuchPort",
                    blue("port: trnk, vlan: 7, addresses: [10.2.0.1/24]"),
                    {"8:41: there is no port 'trnk' in 'ports'; did you mean 'trunk'?"}},
        RefusedCase{"WithoutPort",
                    blue("vlan: 7, addresses: [10.2.0.1/24]"),
                    {"8:34: missing key 'port' in an entry of 'vlans'"}},
        RefusedCase{"WithoutVlan",
                    blue("port: trunk, addresses: [10.2.0.1/24]"),
                    {"8:34: missing key 'vlan' in an entry of 'vlans'"}},
        RefusedCase{"VlanZero",
                    blue("port: trunk, vlan: 0, addresses: [10.2.0.1/24]"),
                    {"8:54: vlan: found '0', which is below the range; expected a number from 1 to "
                     "4094"}},
        RefusedCase{"VlanTooLarge",
                    blue("port: trunk, vlan: 4095, addresses: [10.2.0.1/24]"),
                    {"8:54: vlan: found '4095', which is above the range; expected a number from "
                     "1 to 4094"}},
        RefusedCase{"WithoutAddresses",
                    blue("port: trunk, vlan: 7"),
                    {"8:34: port 'trunk' VLAN 7 has no 'addresses'; expected at least one"}},
        RefusedCase{"TwiceInOne",
                    blue("port: trunk, vlan: 7, addresses: [10.2.0.1/24]}, {port: trunk, vlan: 7, "
                         "addresses: [10.3.0.1/24]"),
                    {"8:84: port 'trunk' VLAN 7 is already in vrf 'blue', see f:8:34"}},
        RefusedCase{"InTwo",
                    blue("port: trunk, vlan: 7, addresses: [10.2.0.1/24]") +
                        "  red: {vlans: [{port: trunk, vlan: 7, addresses: [10.2.0.1/24]}]}\n",
                    {"9:17: port 'trunk' VLAN 7 is already in vrf 'blue', see f:8:34"}},
        RefusedCase{"OfANetwork",
                    blue("port: trunk, vlan: 30, addresses: [10.2.0.1/24]"),
                    {"8:34: port 'trunk' VLAN 30 is already a member of network 'web', see "
                     "f:6:27"}},
        RefusedCase{"MtuBeyondThePorts",
                    blue("port: trunk, vlan: 7, addresses: [10.2.0.1/24], mtu_bytes: 1401"),
                    {"8:94: mtu_bytes: 1401 is more than the 1400 of port 'trunk'"}},
        RefusedCase{"OverlapsThePortOfItsVrf",
                    blue("port: trunk, vlan: 7, addresses: [10.1.0.1/16]"),
                    {"8:69: 10.1.0.1/16 of port 'trunk' VLAN 7 overlaps 10.1.0.254/24 of port "
                     "'blue0', see f:4:44"}},
        RefusedCase{"RouteToItsSubnet",
                    blue("port: trunk, vlan: 7, addresses: [10.2.0.1/24]",
                         ", routes: [{to: 10.2.0.0/24, via: 10.1.0.1}]"),
                    {"8:99: to: 10.2.0.0/24 is the subnet of port 'trunk' VLAN 7 itself"}},
        RefusedCase{"RouterIsUs",
                    blue("port: trunk, vlan: 7, addresses: [10.2.0.1/24]",
                         ", routes: [{to: 10.3.0.0/24, via: 10.2.0.1}]"),
                    {"8:117: via: 10.2.0.1 is our own address, see f:8:69"}}),
    case_name);

const std::string kSix = "port: trunk, vlan: 7, addresses: ['fd02::1/64'], ";

INSTANTIATE_TEST_SUITE_P(
    RouterAdvertisements, VlanDoesNotFit,
    testing::Values(
        RefusedCase{"WithoutIpv6",
                    blue("port: trunk, vlan: 7, addresses: [10.2.0.1/24], router_advertisements: "
                         "{}"),
                    {"8:106: router_advertisements: none of the 'addresses' is an IPv6 address"}},
        RefusedCase{"OfNoVrf",
                    world("  blue: {}\n")
                        .insert(7,
                                "  x: {device: 'tap:x0', addresses: ['fd09::1/64'], "
                                "router_advertisements: {}}\n"),
                    {"2:75: router_advertisements: port 'x' is in no vrf"}},
        RefusedCase{"TooOften",
                    blue(kSix + "router_advertisements: {interval_s: 3}"),
                    {"8:120: interval_s: found '3', which is below the range"}},
        RefusedCase{"EndsTooSoon",
                    blue(kSix + "router_advertisements: {interval_s: 30, lifetime_s: 29}"),
                    {"8:136: lifetime_s: 29 ends before the next advertisement, interval_s: 30"}},
        RefusedCase{"DnsByIpv4",
                    blue(kSix + "router_advertisements: {rdnss: [10.2.0.53]}"),
                    {"8:116: rdnss: 10.2.0.53 is not an IPv6 address"}}),
    case_name);

TEST(RouterAdvertisementsOf, LinksAreReadAndChangesAreTold) {
  const auto read = [](const std::string& more) {
    return parse_config(blue("port: trunk, vlan: 7, addresses: ['fd02::1/64']" + more), "f");
  };
  const Config off = read(""), on = read(", router_advertisements: {}");
  const Config all = read(
      ", router_advertisements: {interval_s: 4, lifetime_s: 0, autonomous: false, mtu: false, "
      "rdnss: ['fd02::53']}");
  EXPECT_EQ(off.vrfs[0].vlans[0].router_advertisements, std::nullopt);
  EXPECT_EQ(on.vrfs[0].vlans[0].router_advertisements, RouterAdvertisements{});
  EXPECT_EQ(all.vrfs[0].vlans[0].router_advertisements,
            (RouterAdvertisements{4, 0, false, false, {*parse_ip("fd02::53")}}));
  using Lines = std::vector<std::string>;
  const std::string where = "vrfs.blue: port trunk vlan 7 router_advertisements";
  EXPECT_EQ(diff_configs(off, on).changes, Lines{where + ": added"});
  EXPECT_EQ(diff_configs(on, off).changes, Lines{where + ": removed"});
  EXPECT_EQ(diff_configs(on, all).changes,
            (Lines{where + ".interval_s: 600 -> 4", where + ".lifetime_s: three intervals -> 0",
                   where + ".autonomous: true -> false", where + ".mtu: true -> false",
                   where + ": DNS server fd02::53 added"}));
  EXPECT_TRUE(diff_configs(on, all).needs_restart.empty());
}

TEST(Vlans, AreRead) {
  const Config config = parse_config(
      blue("port: trunk, vlan: 4094, addresses: [10.2.0.1/24, 'fd02::1/64'], mtu_bytes: 1400}, "
           "{port: up, vlan: 1, addresses: [192.0.2.1/24]",
           ", routes: [{to: 10.3.0.0/16, via: 10.2.0.9}], neighbours: [{address: 10.2.0.7, mac: "
           "'02:00:00:00:00:07'}]") +
          "  red: {vlans: [{port: trunk, vlan: 9, addresses: [10.2.0.1/24]}]}\n",
      "f");
  ASSERT_EQ(config.vrfs[0].vlans.size(), 2u);
  const VlanConfig& vlan = config.vrfs[0].vlans[0];
  EXPECT_EQ(vlan.port, "trunk");
  EXPECT_EQ(vlan.vlan, 4094);
  EXPECT_EQ(to_string(vlan.addresses.at(1)), "fd02::1/64");
  EXPECT_EQ(vlan.mtu_bytes, 1400u);
  EXPECT_EQ(config.vrfs[0].vlans[1].mtu_bytes, std::nullopt);
  EXPECT_EQ(config.vrfs[1].vlans[0].vlan, 9) << "its addresses are another VRF's";
}

TEST(Vlans, ServicesDoNotTakeTheirAddresses) {
  const std::string yaml = blue("port: trunk, vlan: 7, addresses: [10.2.0.1/24]") +
                           "services:\n"
                           "  s: {vrf: blue, address: 10.2.0.1, port: 80, backends: [{address: "
                           "10.2.0.9}]}\n";
  const auto mistakes = mistakes_of(yaml);
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_NE(mistakes[0].find("address: 10.2.0.1 is the address of a port"), std::string::npos)
      << mistakes[0];
}

TEST(Vlans, ChangesAreTold) {
  const auto lines = [](const std::string& from, const std::string& to) {
    const ConfigDiff diff = diff_configs(parse_config(from, "f"), parse_config(to, "f"));
    EXPECT_TRUE(diff.needs_restart.empty());
    return diff.changes;
  };
  using Lines = std::vector<std::string>;
  const std::string seven = "port: trunk, vlan: 7, addresses: [10.2.0.1/24]";
  const std::string eight = "port: trunk, vlan: 8, addresses: [10.3.0.1/24]";
  EXPECT_EQ(lines(blue(seven), blue(seven)), Lines{});
  EXPECT_EQ(lines(blue(seven), blue(seven + "}, {" + eight)),
            Lines{"vrfs.blue: port trunk vlan 8 added"});
  EXPECT_EQ(lines(blue(seven + "}, {" + eight), blue(eight)),
            Lines{"vrfs.blue: port trunk vlan 7 removed"});
  EXPECT_EQ(lines(blue(seven), blue("port: trunk, vlan: 7, addresses: [10.2.0.2/24], mtu_bytes: "
                                    "1300")),
            (Lines{"vrfs.blue: port trunk vlan 7: address 10.2.0.1/24 removed",
                   "vrfs.blue: port trunk vlan 7: address 10.2.0.2/24 added",
                   "vrfs.blue: port trunk vlan 7 mtu_bytes: the port's -> 1300"}));
}

}  // namespace
}  // namespace adit::config_vlans_test
