// SPDX-License-Identifier: Apache-2.0
// VRFs: what the walker reads, what it says about values that do not fit, and what a reload
// would change.
#include <gtest/gtest.h>

#include "config/diff.h"
#include "config_cases.h"

namespace adit::config_vrfs_test {
namespace {

// Six lines; what a case adds begins in line 7.
std::string world(const std::string& rest) {
  return "ports:\n"
         "  up: {device: 'tap:up0', addresses: [192.0.2.1/24]}\n"
         "  blue0: {device: 'tap:blue0', addresses: [10.1.0.254/24]}\n"
         "  red0: {device: 'tap:red0', addresses: [10.1.0.254/24]}\n"
         "  bare: {device: 'tap:bare0'}\n"
         "vrfs:\n" +
         rest;
}
std::string blue(const std::string& keys) {
  return world("  blue: {ports: [blue0], " + keys + "}\n  red: {ports: [red0]}\n");
}
// Two networks more; what a case adds begins in line 9.
std::string gateway(const std::string& vrfs) {
  std::string text = world(vrfs);
  text.replace(text.find("vrfs:"), 0,
               "networks:\n"
               "  web: {vni: 5, members: [{port: bare}], static_macs: [{mac: "
               "'02:ad:17:00:00:05', port: bare}]}\n"
               "  data: {vni: 6}\n");
  return text;
}
std::string tunnel(const std::string& keys) {
  return blue("tunnels: {t: {address: 192.0.2.2, " + keys + "}}");
}
std::string route(const std::string& keys) {
  return blue("tunnels: {site: {address: 192.0.2.2}}, routes: [{" + keys + "}]");
}

class VrfDoesNotFit : public testing::TestWithParam<RefusedCase> {};
TEST_P(VrfDoesNotFit, WithItsPlace) {
  expect_refused(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Vrfs, VrfDoesNotFit,
    testing::Values(
        RefusedCase{"NoSuchPort",
                    world("  blue: {ports: [blue0, blue1]}\n  red: {ports: [red0]}\n"),
                    {"7:25: there is no port 'blue1' in 'ports'; did you mean 'blue0'?"}},
        RefusedCase{"PortInTwo",
                    world("  blue: {ports: [blue0]}\n  red: {ports: [red0, blue0]}\n"),
                    {"8:23: port 'blue0' is already in vrf 'blue', see f:7:18"}},
        RefusedCase{"PortWithoutAddresses",
                    world("  blue: {ports: [bare, blue0]}\n  red: {ports: [red0]}\n"),
                    {"7:18: port 'bare' has no 'addresses'"}},
        RefusedCase{"OverlapWithinOne",
                    world("  blue: {ports: [blue0, red0]}\n"),
                    {"4:42: addresses: duplicate address 10.1.0.254; it is already at f:3:44"}},
        RefusedCase{"OverlapOutsideAny",
                    world("  blue: {}\n"),
                    {"4:42: addresses: duplicate address 10.1.0.254; it is already at f:3:44"}},
        RefusedCase{"TunnelOverlapsPort",
                    tunnel("addresses: [10.1.0.1/16]"),
                    {"7:72: 10.1.0.1/16 of tunnel 't' overlaps 10.1.0.254/24 of port 'blue0', see "
                     "f:3:44"}},
        RefusedCase{"BridgedKind",
                    tunnel("kind: vxlan"),
                    {"7:66: kind: found 'vxlan', expected one of gre-ip, ipip"}},
        RefusedCase{"KeyOfIpip",
                    tunnel("kind: ipip, id: 5"),
                    {"7:76: id: only valid with 'kind: gre-ip'; ipip does not have it"}},
        RefusedCase{"ChecksumOfIpip",
                    tunnel("kind: ipip, checksum: true"),
                    {"7:82: checksum: only valid with 'kind: gre-ip'"}},
        RefusedCase{
            "KeyTooLarge",
            tunnel("id: 4294967296"),
            {"7:64: id: found 4294967296, which is not a valid key; expected a number from 0 to "
             "4294967295"}},
        RefusedCase{"RemoteOutOfReach",
                    blue("tunnels: {t: {address: 10.1.0.7}}"),
                    {"7:49: address: 10.1.0.7 is on no port's subnet"}},
        RefusedCase{"RemoteIsUs",
                    blue("tunnels: {t: {address: 192.0.2.1}}"),
                    {"7:49: address: 192.0.2.1 is our own address, see f:2:39"}},
        RefusedCase{"SameSender",
                    world("  blue: {tunnels: {a: {address: 192.0.2.2, id: 1}, b: {address: "
                          "192.0.2.2, kind: ipip}}, ports: [blue0]}\n"
                          "  red: {tunnels: {c: {address: 192.0.2.2, id: 1}}, ports: [red0]}\n"),
                    {"8:32: gre-ip from 192.0.2.2 with key 1 is already that of tunnel 'a' of vrf "
                     "'blue'"}},
        RefusedCase{"RouteToNothing",
                    route("to: 10.2.0.0/16"),
                    {"7:74: missing key 'via' or 'tunnel' in an entry of 'routes'"}},
        RefusedCase{"RouteToBoth",
                    route("to: 10.2.0.0/16, via: 10.1.0.1, tunnel: site"),
                    {"7:115: a route leads to a router or into a tunnel, not both"}},
        RefusedCase{
            "RouteToNoTunnel",
            route("to: 10.2.0.0/16, tunnel: sit"),
            {"7:100: tunnel: there is no tunnel 'sit' in vrf 'blue'; did you mean 'site'?"}},
        RefusedCase{"RouteWithHostBits",
                    route("to: 10.2.0.1/16, tunnel: site"),
                    {"7:79: to: 10.2.0.1/16 has bits beyond its prefix length; write 10.2.0.0/16"}},
        RefusedCase{"RouteToOwnSubnet",
                    route("to: 10.1.0.0/24, tunnel: site"),
                    {"7:79: to: 10.1.0.0/24 is the subnet of port 'blue0' itself"}},
        RefusedCase{"RouterElsewhere",
                    route("to: 10.2.0.0/16, via: 192.0.2.9"),
                    {"7:97: via: 192.0.2.9 is on no port's subnet"}},
        RefusedCase{"RouterIsUs",
                    route("to: 10.2.0.0/16, via: 10.1.0.254"),
                    {"7:97: via: 10.1.0.254 is our own address"}},
        RefusedCase{"RouterOfAnotherVersion",
                    route("to: 'fd00::/64', via: 10.1.0.1"),
                    {"7:97: via: 10.1.0.1 and fd00::/64 are of different IP versions"}},
        RefusedCase{"RouterBehindTunnel",
                    blue("tunnels: {t: {address: 192.0.2.2, addresses: [10.9.0.1/30]}}, routes: "
                         "[{to: 10.2.0.0/16, via: 10.9.0.2}]"),
                    {"7:120: via: 10.9.0.2 is on the subnet of tunnel 't', which has no "
                     "routers"}},
        RefusedCase{"NeighbourBehindTunnel",
                    blue("tunnels: {t: {address: 192.0.2.2, addresses: [10.9.0.1/30]}}, "
                         "neighbours: [{address: 10.9.0.2, mac: '02:00:00:00:00:07'}]"),
                    {"7:111: address: 10.9.0.2 is on the subnet of tunnel 't', which has"}},
        RefusedCase{"NeighbourElsewhere",
                    blue("neighbours: [{address: 192.0.2.2, mac: '02:00:00:00:00:07'}]"),
                    {"7:49: address: 192.0.2.2 is on no port's subnet"}},
        RefusedCase{"SameRoute",
                    blue("tunnels: {t: {address: 192.0.2.2}}, routes: [{to: 10.2.0.0/16, tunnel: "
                         "t}, {to: 10.2.0.0/16, via: 10.1.0.1}]"),
                    {"7:106: to: duplicate route to 10.2.0.0/16; it is already at f:7:76"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Gateways, VrfDoesNotFit,
    testing::Values(
        RefusedCase{"NoSuchNetwork",
                    gateway("  blue: {ports: [blue0], networks: {dat: {addresses: [10.5.0.1/24]}}}"
                            "\n  red: {ports: [red0]}\n"),
                    {"10:37: there is no network 'dat' in 'networks'; did you mean 'data'?"}},
        RefusedCase{"NetworkInTwo",
                    gateway("  blue: {ports: [blue0], networks: {data: {addresses: [10.5.0.1/24]}}}"
                            "\n  red: {ports: [red0], networks: {data: {addresses: "
                            "[10.6.0.1/24]}}}\n"),
                    {"11:35: network 'data' already has its gateway in vrf 'blue', see f:10:37"}},
        RefusedCase{"WithoutAddresses",
                    gateway("  blue: {ports: [blue0], networks: {data: {}}}\n"
                            "  red: {ports: [red0]}\n"),
                    {"10:37: the gateway of network 'data' has no 'addresses'"}},
        RefusedCase{"DefaultMacIsStaticMac",
                    gateway("  blue: {ports: [blue0], networks: {web: {addresses: [10.5.0.1/24]}}}"
                            "\n  red: {ports: [red0]}\n"),
                    {"10:37: mac: 02:ad:17:00:00:05 of the gateway is a static MAC of network "
                     "'web', see f:7:62"}},
        RefusedCase{"GroupMac",
                    gateway("  blue: {ports: [blue0], networks: {data: {addresses: "
                            "[10.5.0.1/24], mac: '03:00:00:00:00:01'}}}\n"
                            "  red: {ports: [red0]}\n"),
                    {"10:75: mac: found '03:00:00:00:00:01'"}},
        RefusedCase{"MtuTooSmall",
                    gateway("  blue: {ports: [blue0], networks: {data: {addresses: "
                            "[10.5.0.1/24], mtu_bytes: 575}}}\n"
                            "  red: {ports: [red0]}\n"),
                    {"10:81: mtu_bytes: found '575', which is below the range; expected a number "
                     "from 576 to 65000"}},
        RefusedCase{"OverlapsPort",
                    gateway("  blue: {ports: [blue0], networks: {data: {addresses: "
                            "[10.1.0.1/16]}}}\n  red: {ports: [red0]}\n"),
                    {"10:56: 10.1.0.1/16 of network 'data' overlaps 10.1.0.254/24 of port 'blue0', "
                     "see f:3:44"}},
        RefusedCase{"NetworkAddress",
                    gateway("  blue: {ports: [blue0], networks: {data: {addresses: "
                            "[10.5.0.0/24]}}}\n  red: {ports: [red0]}\n"),
                    {"10:56: addresses: 10.5.0.0/24 is the network address of its subnet"}},
        RefusedCase{"RouteToItsSubnet",
                    gateway("  blue: {ports: [blue0], networks: {data: {addresses: "
                            "[10.5.0.1/24]}}, routes: [{to: 10.5.0.0/24, via: 10.1.0.1}]}\n"
                            "  red: {ports: [red0]}\n"),
                    {"10:86: to: 10.5.0.0/24 is the subnet of network 'data' itself"}}),
    case_name);

TEST(Gateways, AreReadAndMayHaveRoutersAndNeighbours) {
  const Config config = parse_config(
      gateway("  blue: {networks: {data: {addresses: [10.5.0.1/24, 'fd05::1/64'], mtu_bytes: "
              "1400}}, routes: [{to: 10.6.0.0/16, via: 10.5.0.9}], neighbours: [{address: "
              "10.5.0.7, mac: '02:00:00:00:00:07'}]}\n"
              "  red: {ports: [red0], networks: {web: {addresses: [10.5.0.1/24], mac: "
              "'02:00:00:00:00:99'}}}\n  green: {ports: [blue0]}\n"),
      "f");
  const GatewayConfig& data = config.vrfs[0].networks.at(0);
  EXPECT_EQ(data.name, "data");
  EXPECT_EQ(to_string(data.addresses.at(1)), "fd05::1/64");
  EXPECT_EQ(data.mtu_bytes, 1400u);
  EXPECT_EQ(to_string(gateway_mac(config.networks[1], data)), "02:ad:17:00:00:06");
  const GatewayConfig& web = config.vrfs[1].networks.at(0);
  EXPECT_EQ(to_string(gateway_mac(config.networks[0], web)), "02:00:00:00:00:99");
}

TEST(Gateways, ChangesAreTold) {
  const auto vrfs = [](const std::string& networks) {
    return gateway("  blue: {ports: [blue0], networks: {" + networks +
                   "}}\n  red: {ports: [red0]}\n");
  };
  const auto lines = [](const std::string& from, const std::string& to) {
    const ConfigDiff diff = diff_configs(parse_config(from, "f"), parse_config(to, "f"));
    EXPECT_TRUE(diff.needs_restart.empty());
    return diff.changes;
  };
  using Lines = std::vector<std::string>;
  const std::string data = "data: {addresses: [10.5.0.1/24]}";
  const std::string web = "web: {addresses: [10.6.0.1/24], mac: '02:00:00:00:00:99'}";
  EXPECT_EQ(lines(vrfs(data), vrfs(data)), Lines{});
  EXPECT_EQ(lines(vrfs(data), vrfs(data + ", " + web)),
            (Lines{"vrfs.blue: gateway of network web added"}));
  EXPECT_EQ(lines(vrfs(data + ", " + web), vrfs(web)),
            (Lines{"vrfs.blue: gateway of network data removed"}));
  EXPECT_EQ(lines(vrfs(data), vrfs("data: {addresses: [10.5.0.2/24], mac: '02:00:00:00:00:98', "
                                   "mtu_bytes: 1300}")),
            (Lines{"vrfs.blue.networks.data: address 10.5.0.1/24 removed",
                   "vrfs.blue.networks.data: address 10.5.0.2/24 added",
                   "vrfs.blue.networks.data.mac: the default -> 02:00:00:00:00:98",
                   "vrfs.blue.networks.data.mtu_bytes: what fits -> 1300"}));
}

TEST(Vrfs, AreRead) {
  const Config config = parse_config(
      blue("tunnels: {site: {address: 192.0.2.2, kind: ipip, addresses: [10.9.0.1/30]}}, routes: "
           "[{to: 10.2.0.0/16, tunnel: site}, {to: 10.3.0.0/16, via: 10.1.0.1}]"),
      "f");
  ASSERT_EQ(config.vrfs.size(), 2u);
  const VrfConfig& vrf = config.vrfs[0];
  EXPECT_EQ(vrf.name, "blue");
  EXPECT_EQ(vrf.ports, std::vector<std::string>{"blue0"});
  ASSERT_EQ(vrf.tunnels.size(), 1u);
  EXPECT_EQ(vrf.tunnels[0].name, "site");
  EXPECT_EQ(vrf.tunnels[0].kind, TunnelKind::kIpip);
  EXPECT_EQ(to_string(vrf.tunnels[0].addresses.at(0)), "10.9.0.1/30");
  ASSERT_EQ(vrf.routes.size(), 2u);
  EXPECT_EQ(vrf.routes[0].tunnel, "site");
  EXPECT_EQ(vrf.routes[1].via, parse_ip("10.1.0.1"));
  const auto vrfs = vrfs_of_ports(config);
  EXPECT_FALSE(vrfs[0]);
  EXPECT_EQ(vrfs[1], 0u);
  EXPECT_EQ(vrfs[2], 1u);
}

TEST(Vrfs, ChangesAreTold) {
  const auto lines = [](const std::string& from, const std::string& to) {
    const ConfigDiff diff = diff_configs(parse_config(from, "f"), parse_config(to, "f"));
    EXPECT_TRUE(diff.needs_restart.empty());
    return diff.changes;
  };
  using Lines = std::vector<std::string>;
  const std::string before = blue(
      "tunnels: {t: {address: 192.0.2.2}, u: {address: 192.0.2.3}}, routes: [{to: "
      "10.2.0.0/16, tunnel: t}, {to: 10.3.0.0/16, tunnel: t}]");
  const std::string after = blue(
      "tunnels: {t: {address: 192.0.2.4, kind: ipip, addresses: [10.9.0.1/30], tunnel: "
      "{ttl: 9}}, v: {address: 192.0.2.3, id: 7}}, routes: [{to: 10.2.0.0/16, via: "
      "10.1.0.1}, {to: 10.4.0.0/16, tunnel: v}]");
  EXPECT_EQ(lines(before, before), Lines{});
  EXPECT_EQ(lines(before, after), (Lines{"vrfs.blue: tunnel u removed (gre-ip 192.0.2.3)",
                                         "vrfs.blue.tunnels.t.address: 192.0.2.2 -> 192.0.2.4",
                                         "vrfs.blue.tunnels.t.kind: gre-ip -> ipip",
                                         "vrfs.blue.tunnels.t: address 10.9.0.1/30 added",
                                         "vrfs.blue.tunnels.t.tunnel.ttl: the default -> 9",
                                         "vrfs.blue: tunnel v added (gre-ip 192.0.2.3)",
                                         "vrfs.blue: route 10.3.0.0/16 tunnel t removed",
                                         "vrfs.blue: route 10.2.0.0/16: tunnel t -> via 10.1.0.1",
                                         "vrfs.blue: route 10.4.0.0/16 tunnel v added"}));
  EXPECT_EQ(lines(blue("routes: []"), blue("mss_clamp: true")),
            Lines{"vrfs.blue.mss_clamp: false -> true"});
  EXPECT_EQ(lines(blue("routes: []"), world("  blue: {ports: [red0]}\n  red: {ports: [blue0]}\n")),
            (Lines{"vrfs.blue: port blue0 removed", "vrfs.blue: port red0 added",
                   "vrfs.red: port red0 removed", "vrfs.red: port blue0 added"}));
}

}  // namespace
}  // namespace adit::config_vrfs_test
