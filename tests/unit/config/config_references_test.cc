// SPDX-License-Identifier: Apache-2.0
// What the walker says about values that do not fit together.
#include <gtest/gtest.h>

#include "config_cases.h"

namespace adit::config_references_test {
namespace {

// Six lines; what a case adds begins in line 7.
std::string world(const std::string& rest) {
  return "ports:\n"
         "  up: {device: 'tap:up0', addresses: [192.0.2.1/24, 10.0.0.2/31]}\n"
         "  down: {device: 'tap:down0', addresses: [198.51.100.1/25]}\n"
         "  red0: {device: 'tap:red0'}\n"
         "  trunk: {device: 'tap:trunk0'}\n"
         "# the case:\n" +
         rest;
}
std::string red(const std::string& keys) {
  return world("networks:\n  red: {vni: 1, " + keys + "}\n");
}
std::string two(const std::string& red_keys, const std::string& blue_keys) {
  return world("networks:\n  red: {" + red_keys + "}\n  blue: {" + blue_keys + "}\n");
}

class DoesNotFit : public testing::TestWithParam<RefusedCase> {};
TEST_P(DoesNotFit, WithBothPlaces) {
  expect_refused(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Stt, DoesNotFit,
    testing::Values(
        RefusedCase{"PeerAboveWorker",
                    world("tunnels: {stt: {reassembly_mb: 4, reassembly_peer_mb: 5}}\n"),
                    {"7:55: reassembly_peer_mb: 5 is more than reassembly_mb: 4; one peer can"}},
        RefusedCase{"PeersDefaultAboveWorker",
                    world("tunnels: {stt: {reassembly_mb: 1}}\n"),
                    {"7:32: reassembly_peer_mb: 2, the default, is more than reassembly_mb: 1"}},
        RefusedCase{"PeerAboveWorkersDefault",
                    world("tunnels: {stt: {reassembly_peer_mb: 9}}\n"),
                    {"7:37: reassembly_peer_mb: 9 is more than reassembly_mb: 8"}},
        RefusedCase{"PeerBelowOneFrame",
                    "ports: {a: {device: 'tap:a', mtu_bytes: 65000}}\n"
                    "tunnels: {stt: {reassembly_peer_mb: 2}}\n",
                    {"2:37: reassembly_peer_mb: 2 is less than one frame may take, 8 MiB with the "
                     "buffers for mtu_bytes: 65000 of port 'a'"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Ports, DoesNotFit,
    testing::Values(
        RefusedCase{"SameDevice",
                    "ports:\n  a: {device: 'tap:x'}\n  b: {device: 'tap:x'}\n",
                    {"3:15: device tap:x is already that of port 'a', see f:2:15"}},
        RefusedCase{"SameInterfaceOfAnotherKind",
                    "ports:\n  a: {device: 'af_packet:x'}\n  b: {device: 'af_xdp:x'}\n",
                    {"3:15: device af_xdp:x is already that of port 'a', see f:2:15"}},
        RefusedCase{"SamePciInOtherCase",
                    "ports:\n  a: {device: \"0000:0a:00.0\"}\n  b: {device: \"0000:0A:00.0\"}\n",
                    {"3:15: device 0000:0a:00.0 is already that of port 'a'"}},
        RefusedCase{"SameVdev",
                    "ports:\n  a: {device: 'vdev:net_null0'}\n"
                    "  b: {device: 'vdev:net_null0,copy=1'}\n",
                    {"3:15: device vdev:net_null0,copy=1 is already that of port 'a'"}},
        RefusedCase{"SameAddress",
                    "ports:\n  a: {device: 'tap:a', addresses: [192.0.2.1/24, 192.0.2.1/24]}\n",
                    {"2:50: addresses: duplicate address 192.0.2.1; it is already at f:2:36"}},
        RefusedCase{"SameSubnet",
                    "ports:\n  a: {device: 'tap:a', addresses: [192.0.2.1/24]}\n"
                    "  b: {device: 'tap:b', addresses: [192.0.2.2/24]}\n",
                    {"3:36: 192.0.2.2/24 of port 'b' overlaps 192.0.2.1/24 of port 'a', see "
                     "f:2:36"}},
        RefusedCase{"SubnetWithin",
                    "ports:\n  a: {device: 'tap:a', addresses: [192.0.2.130/25]}\n"
                    "  b: {device: 'tap:b', addresses: [10.0.0.1/8, 192.0.0.1/16]}\n",
                    {"3:48: 192.0.0.1/16 of port 'b' overlaps 192.0.2.130/25 of port 'a'"}},
        RefusedCase{"NetworkAddress",
                    "ports:\n  a: {device: 'tap:a', addresses: [192.0.2.0/24]}\n",
                    {"2:36: addresses: 192.0.2.0/24 is the network address of its subnet"}},
        RefusedCase{
            "BroadcastAddress",
            "ports:\n  a: {device: 'tap:a', addresses: [192.0.2.127/25]}\n",
            {"2:36: addresses: 192.0.2.127/25 is the broadcast address of its subnet; expected "
             "the address of one host, 192.0.2.1 to 192.0.2.126"}},
        RefusedCase{"BroadcastAddressOfAnotherSubnetOfThePort",
                    "ports:\n  a: {device: 'tap:a', addresses: [192.0.2.1/24, 192.0.2.255/32]}\n",
                    {"2:50: addresses: 192.0.2.255/32 is the broadcast address of 192.0.2.0/24; "
                     "expected one of its hosts, 192.0.2.1 to 192.0.2.254"}},
        RefusedCase{"NetworkAddressOfAnotherSubnetOfThePort",
                    "ports:\n  a: {device: 'tap:a', addresses: [192.0.2.0/31, 192.0.2.1/24]}\n",
                    {"2:36: addresses: 192.0.2.0/31 is the network address of 192.0.2.0/24"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Routes, DoesNotFit,
    testing::Values(
        RefusedCase{"HostBits",
                    world("routes: [{to: 203.0.113.1/24, via: 192.0.2.9}]\n"),
                    {"7:15: to: 203.0.113.1/24 has bits beyond its prefix length; write "
                     "203.0.113.0/24"}},
        RefusedCase{"SameTwice",
                    world("routes:\n  - {to: 10.9.0.0/16, via: 192.0.2.9}\n"
                          "  - {to: 10.9.0.0/16, via: 192.0.2.8}\n"),
                    {"9:10: to: duplicate route to 10.9.0.0/16; it is already at f:8:10"}},
        RefusedCase{"OfAConnectedSubnet",
                    world("routes: [{to: 192.0.2.0/24, via: 10.0.0.3}]\n"),
                    {"7:15: to: 192.0.2.0/24 is the subnet of port 'up' itself"}},
        RefusedCase{"ViaNowhere",
                    world("routes: [{to: 0.0.0.0/0, via: 203.0.113.1}]\n"),
                    {"7:31: via: 203.0.113.1 is on no port's subnet"}},
        RefusedCase{"ViaBehindARoute",
                    world("routes: [{to: 10.9.0.0/16, via: 192.0.2.9}, "
                          "{to: 10.8.0.0/16, via: 10.9.0.1}]\n"),
                    {"7:68: via: 10.9.0.1 is on no port's subnet"}},
        RefusedCase{"ViaOurselves",
                    world("routes: [{to: 0.0.0.0/0, via: 192.0.2.1}]\n"),
                    {"7:31: via: 192.0.2.1 is our own address, see f:2:39"}},
        RefusedCase{"ViaBroadcast",
                    world("routes: [{to: 0.0.0.0/0, via: 192.0.2.255}]\n"),
                    {"7:31: via: 192.0.2.255 is the broadcast address of 192.0.2.0/24"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Neighbours, DoesNotFit,
    testing::Values(
        RefusedCase{"Nowhere",
                    world("neighbours: [{address: 203.0.113.1, mac: 02:00:00:00:00:01}]\n"),
                    {"7:24: address: 203.0.113.1 is on no port's subnet"}},
        RefusedCase{"Ourselves",
                    world("neighbours: [{address: 198.51.100.1, mac: 02:00:00:00:00:01}]\n"),
                    {"7:24: address: 198.51.100.1 is our own address, see f:3:43"}},
        RefusedCase{"SameTwice",
                    world("neighbours:\n  - {address: 192.0.2.7, mac: 02:00:00:00:00:01}\n"
                          "  - {address: 192.0.2.7, mac: 02:00:00:00:00:02}\n"),
                    {"9:15: address: duplicate neighbour 192.0.2.7; it is already at f:8:15"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Networks, DoesNotFit,
    testing::Values(
        RefusedCase{"SameVni",
                    two("vni: 5", "vni: 5"),
                    {"9:15: vni: 5 is already that of network 'red', see f:8:14"}},
        RefusedCase{"NoSuchPort",
                    red("members: [{port: rad0}]"),
                    {"8:34: there is no port 'rad0' in 'ports'; did you mean 'red0'?"}},
        RefusedCase{"NoSuchPortNorNear",
                    red("members: [{port: xyzzy}]"),
                    {"8:34: there is no port 'xyzzy' in 'ports'"}},
        RefusedCase{"SameMemberInTwoNetworks",
                    two("vni: 1, members: [{port: trunk, vlan: 7}]",
                        "vni: 2, members: [{port: trunk, vlan: 7}]"),
                    {"9:28: port 'trunk' VLAN 7 is already a member of network 'red', see "
                     "f:8:27"}},
        RefusedCase{"SameUntaggedMember",
                    red("members: [{port: red0}, {port: red0}]"),
                    {"8:41: port 'red0' untagged is already a member of network 'red', see "
                     "f:8:27"}},
        RefusedCase{"UntaggedMemberOfUnderlay",
                    red("members: [{port: up}]"),
                    {"8:27: port 'up' has addresses (f:2:38), so its untagged frames are "
                     "routed; expected a member with 'vlan'"}},
        RefusedCase{"UnreachableRemote",
                    red("remotes: [{address: 203.0.113.9}]"),
                    {"8:37: address: 203.0.113.9 is on no port's subnet and no route leads there; "
                     "add a route, such as {to: 203.0.113.9/32, via: ROUTER}"}},
        RefusedCase{"RemoteIsUs",
                    red("remotes: [{address: 198.51.100.1}]"),
                    {"8:37: address: 198.51.100.1 is our own address, see f:3:43"}},
        RefusedCase{"RemoteIsNetworkAddress",
                    red("remotes: [{address: 192.0.2.0}]"),
                    {"8:37: address: 192.0.2.0 is the network address of 192.0.2.0/24"}},
        RefusedCase{"RemoteIsBroadcastAddress",
                    red("remotes: [{address: 198.51.100.127}]"),
                    {"8:37: address: 198.51.100.127 is the broadcast address of "
                     "198.51.100.0/25"}},
        RefusedCase{"SameRemote",
                    red("remotes: [{address: 192.0.2.2}, {address: 192.0.2.2}]"),
                    {"8:59: address: duplicate remote 192.0.2.2; it is already at f:8:37"}}),
    case_name);

constexpr const char* kMembers =
    "members: [{port: red0}, {port: trunk, vlan: 7}], remotes: [{address: 192.0.2.2}], ";

INSTANTIATE_TEST_SUITE_P(
    StaticMacs, DoesNotFit,
    testing::Values(
        RefusedCase{
            "SameTwice",
            red(kMembers + std::string("static_macs: [{mac: 02:00:00:00:00:01, port: red0}, "
                                       "{mac: 02:00:00:00:00:01, remote: 192.0.2.2}]")),
            {"8:157: mac: duplicate static MAC 02:00:00:00:00:01 in network 'red'; it is "
             "already at f:8:119"}},
        RefusedCase{
            "NoSuchPort",
            red(kMembers + std::string("static_macs: [{mac: 02:00:00:00:00:01, port: rd0}]")),
            {"8:144: there is no port 'rd0' in 'ports'; did you mean 'red0'?"}},
        RefusedCase{
            "PortOfAnotherNetwork",
            red(kMembers + std::string("static_macs: [{mac: 02:00:00:00:00:01, port: up}]")),
            {"8:144: port 'up' untagged is not a member of network 'red'"}},
        RefusedCase{
            "OtherVlan",
            red(kMembers +
                std::string("static_macs: [{mac: 02:00:00:00:00:01, port: trunk, vlan: 8}]")),
            {"8:157: port 'trunk' VLAN 8 is not a member of network 'red'; did you mean port "
             "'trunk' VLAN 7?"}},
        RefusedCase{
            "MissingVlan",
            red(kMembers + std::string("static_macs: [{mac: 02:00:00:00:00:01, port: trunk}]")),
            {"8:144: port 'trunk' untagged is not a member of network 'red'; did you mean port "
             "'trunk' VLAN 7?"}},
        RefusedCase{"NoSuchRemote",
                    red(kMembers +
                        std::string("static_macs: [{mac: 02:00:00:00:00:01, remote: 192.0.2.3}]")),
                    {"8:146: remote: 192.0.2.3 is not a remote of network 'red'; did you mean "
                     "'192.0.2.2'?"}}),
    case_name);

// A mistake does not drag others along that would go with it.
INSTANTIATE_TEST_SUITE_P(
    NoEcho, DoesNotFit,
    testing::Values(RefusedCase{"BadAddressHidesReachability",
                                "ports: {up: {device: 'tap:a', addresses: [192.0.2.1/33]}}\n"
                                "routes: [{to: 0.0.0.0/0, via: 192.0.2.9}]\n"
                                "networks: {red: {vni: 1, remotes: [{address: 192.0.2.2}]}}\n",
                                {"1:43: addresses: found '192.0.2.1/33'"}},
                    RefusedCase{
                        "BadRouteHidesReachability",
                        world("routes: [{to: 203.0.113.0/24, via: x}]\n"
                              "networks: {red: {vni: 1, remotes: [{address: 203.0.113.2}]}}\n"),
                        {"7:36: via: found 'x'"}},
                    RefusedCase{"BadDeviceKeepsThePort",
                                "ports: {red0: {device: x}}\n"
                                "networks: {red: {vni: 1, members: [{port: red0}]}}\n",
                                {"1:24: device: found 'x'"}},
                    RefusedCase{"NoPortsAtAll",
                                "networks: {red: {vni: 1, members: [{port: red0}]}}\n",
                                {"1:1: missing key 'ports'"}},
                    RefusedCase{"BadMemberHidesStaticMac",
                                red("members: [{port: red0, vlan: 0}], "
                                    "static_macs: [{mac: 02:00:00:00:00:01, port: red0, vlan: 1}]"),
                                {"8:46: vlan: found '0'"}},
                    RefusedCase{"BadVniIsNoDuplicate",
                                two("vni: 0", "vni: 0"),
                                {"8:14: vni: found '0'", "9:15: vni: found '0'"}}),
    case_name);

TEST(ConfigReferences, WhatFitsIsAccepted) {
  const std::vector<std::string> accepted = {
      world(""),
      // Two addresses of one subnet on one port, and both ends of a /31.
      "ports: {a: {device: 'tap:a', addresses: [192.0.2.1/24, 192.0.2.2/24, 10.0.0.0/31]}}\n"
      "networks: {red: {vni: 1, remotes: [{address: 10.0.0.1}]}}\n",
      // An underlay port may have tagged members, and both kinds be on one trunk.
      red("members: [{port: up, vlan: 7}, {port: trunk}, {port: trunk, vlan: 1}]"),
      // Tenants share remotes and MACs.
      two("vni: 1, members: [{port: red0}], remotes: [{address: 192.0.2.2}], "
          "static_macs: [{mac: 02:00:00:00:00:01, port: red0}]",
          "vni: 2, members: [{port: trunk}], remotes: [{address: 192.0.2.2}], "
          "static_macs: [{mac: 02:00:00:00:00:01, remote: 192.0.2.2}]"),
      // A remote behind the default route, and a network of nobody yet.
      world("routes: [{to: 0.0.0.0/0, via: 10.0.0.3}]\n"
            "networks: {red: {vni: 1, remotes: [{address: 8.8.8.8}]}, blue: {vni: 2}}\n"),
      // A more specific route within a subnet.
      world("routes: [{to: 192.0.2.128/25, via: 192.0.2.9}]\n"),
  };
  for (const std::string& yaml : accepted) EXPECT_EQ(mistakes_of(yaml), std::vector<std::string>{});
}

TEST(ConfigReferences, AllPortsAllowedAndNoMore) {
  const auto ports = [](unsigned count) {
    std::string yaml = "ports:\n";
    for (unsigned i = 0; i < count; ++i)
      yaml += "  p" + std::to_string(i) + ": {device: 'tap:t" + std::to_string(i) + "'}\n";
    return yaml;
  };
  EXPECT_EQ(parse_config(ports(1023), "f").ports.size(), 1023U);
  const auto mistakes = mistakes_of(ports(1024));
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0],
            "1025:3: ports: more than 1023 entries; expected a map of 1 to 1023 names");
}

TEST(ConfigReferences, BridgePortsAreBounded) {
  // 11 networks that share one list of 10 remotes.
  std::string yaml =
      "ports: {up: {device: 'tap:up', addresses: [10.0.0.1/8]}}\nnetworks:\n"
      "  n0:\n    vni: 1\n    remotes: &all\n";
  for (unsigned i = 0; i < 10; ++i) yaml += "      - {address: 10.1." + std::to_string(i) + ".1}\n";
  for (unsigned i = 1; i < 11; ++i)
    yaml += "  n" + std::to_string(i) + ": {vni: " + std::to_string(i + 1) + ", remotes: *all}\n";
  EXPECT_TRUE(mistakes_of(yaml, {.bridge_ports = 110}).empty());
  const auto mistakes = mistakes_of(yaml, {.bridge_ports = 109});
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_NE(mistakes[0].find("more than 109 members and remotes over all networks"),
            std::string::npos);
}

TEST(ConfigReferences, FourThousandNetworksAreRead) {
  std::string yaml =
      "ports:\n  up: {device: 'tap:up', addresses: [10.0.0.1/8]}\n"
      "  t1: {device: 'tap:t1'}\n  t2: {device: 'tap:t2'}\nnetworks:\n";
  for (unsigned i = 0; i < 4000; ++i) {
    const std::string vlan = std::to_string(i + 1);
    const std::string host = std::to_string(i / 250) + '.' + std::to_string(i % 250 + 1);
    yaml += "  n" + vlan + ":\n    vni: " + vlan +
            "\n    members:\n      - {port: t1, vlan: " + vlan +
            "}\n      - {port: t2, vlan: " + vlan + "}\n    remotes:\n      - {address: 10.1." +
            host + "}\n      - {address: 10.2." + host + "}\n";
  }
  EXPECT_EQ(parse_config(yaml, "f").networks.size(), 4000U);
}

}  // namespace
}  // namespace adit::config_references_test
