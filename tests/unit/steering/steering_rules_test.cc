// SPDX-License-Identifier: Apache-2.0
// What is adit's at a steered port, as rules.
#include "steering/steering_rules.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

#include "config/parser.h"

namespace adit::steering_rules_test {
namespace {

const MacAddr kMac = MacAddr::from_u64(0x0200'0000'0001);

SteeringRules rules_of(const std::string& yaml, size_t port = 0, const SteeringHost& host = {}) {
  const Config config = parse_config(yaml, "f");
  return steering_rules(config, config.ports[port], kMac, host);
}

// "side vlan address/protocol:port", in the order of the bytes.
std::string text(const steering_endpoint& endpoint) {
  char address[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, endpoint.address, address, sizeof address);
  static const char* const kSides[] = {"to ", "from ", "fragment ", "solicited "};
  return std::string(kSides[endpoint.side]) + address + " " + std::to_string(endpoint.protocol) +
         ":" + std::to_string(ntohs(endpoint.port)) + " vlan " + std::to_string(endpoint.vlan);
}
std::set<std::string> endpoints(const SteeringRules& rules) {
  std::set<std::string> texts;
  for (const steering_endpoint& endpoint : rules.endpoints) texts.insert(text(endpoint));
  return texts;
}
std::set<std::string> prefixes(const SteeringRules& rules, steering_owner owner) {
  std::set<std::string> texts;
  for (const auto& [prefix, of] : rules.prefixes) {
    if (of != owner) continue;
    char address[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    std::memcpy(bytes, prefix.address, sizeof bytes);
    inet_ntop(AF_INET6, bytes, address, sizeof address);
    texts.insert(std::string(address) + "/" +
                 std::to_string(prefix.length_bits - STEERING_VLAN_BITS) + " vlan " +
                 std::to_string(ntohs(prefix.vlan)));
  }
  return texts;
}
using Texts = std::set<std::string>;

TEST(SteeringRules, AnUnderlayPortTakesItsAddresses) {
  const SteeringRules rules = rules_of(R"(
ports:
  up: {device: "af_xdp:eth0", addresses: [192.0.2.1/24, "2001:db8::1/64"]}
  up2: {device: "af_xdp:eth1", addresses: [198.51.100.1/24]}
)");
  EXPECT_EQ(rules.mac, kMac);
  ASSERT_EQ(rules.scopes.size(), 1U);
  EXPECT_EQ(rules.scopes.at(0).mode, STEERING_BY_ADDRESS);
  EXPECT_EQ(endpoints(rules), (Texts{"to ::ffff:192.0.2.1 0:0 vlan 0", "to 2001:db8::1 0:0 vlan 0",
                                     "to ::ffff:198.51.100.1 0:0 vlan 0"}));
  EXPECT_EQ(prefixes(rules, STEERING_OWNER_ADIT), Texts{});
}

TEST(SteeringRules, MembersOfNetworksTakeTheirVlans) {
  const SteeringRules rules = rules_of(R"(
ports:
  trunk: {device: "af_xdp:eth0"}
networks:
  red: {vni: 100, members: [{port: trunk, vlan: 7}]}
  blue: {vni: 101, members: [{port: trunk}]}
)");
  ASSERT_EQ(rules.scopes.size(), 2U);
  EXPECT_EQ(rules.scopes.at(0).mode, STEERING_TO_ADIT);
  EXPECT_EQ(rules.scopes.at(7).mode, STEERING_TO_ADIT);
}

TEST(SteeringRules, APortOfAVrfTakesWhatItsVrfRoutes) {
  const SteeringRules rules = rules_of(R"(
ports:
  edge: {device: "af_xdp:eth0", addresses: [10.1.0.1/24]}
  other: {device: "tap:t0", addresses: [10.2.0.1/24]}
vrfs:
  red:
    ports: [edge, other]
    vlans: [{port: edge, vlan: 9, addresses: ["2001:db8:9::1/64"], router_advertisements: {}}]
    routes: [{to: 10.3.0.0/16, via: 10.2.0.9}]
)");
  EXPECT_EQ(rules.scopes.at(0).has_router, 0);
  EXPECT_EQ(rules.scopes.at(9).has_router, 1);
  EXPECT_EQ(prefixes(rules, STEERING_OWNER_ADIT),
            (Texts{"::ffff:10.2.0.0/120 vlan 0", "2001:db8:9::/64 vlan 0",
                   "::ffff:10.3.0.0/112 vlan 0", "::ffff:10.2.0.0/120 vlan 9",
                   "::ffff:10.1.0.0/120 vlan 9", "::ffff:10.3.0.0/112 vlan 9"}));
  EXPECT_TRUE(endpoints(rules).contains("to 2001:db8:9::1 0:0 vlan 9"));
}

constexpr char kServices[] = R"(
ports:
  edge: {device: "af_xdp:eth0", addresses: [10.1.0.1/24]}
vrfs:
  red: {ports: [edge]}
services:
  web: {vrf: red, address: 10.1.0.80, port: 80, backends: [{address: 10.1.0.7, port: 8080}]}
  dns: {vrf: red, address: 10.1.0.80, port: 53, protocol: udp, forwarding: fullnat, local_addresses: [10.1.0.90],
        backends: [{address: 10.1.0.8, port: 53}]}
  far: {vrf: red, address: 10.1.0.81, port: 80, forwarding: direct, backends: [{address: 10.1.0.9, port: 80}]}
  underlay: {address: 10.1.0.99, port: 80, backends: [{address: 10.1.0.10, port: 80}]}
)";

TEST(SteeringRules, ServicesTakeTheirAddressesAndTheRepliesOfNat) {
  EXPECT_EQ(endpoints(rules_of(kServices)),
            (Texts{"to ::ffff:10.1.0.1 0:0 vlan 0", "to ::ffff:10.1.0.80 0:0 vlan 0",
                   "to ::ffff:10.1.0.81 0:0 vlan 0", "to ::ffff:10.1.0.90 0:0 vlan 0",
                   "from ::ffff:10.1.0.7 6:8080 vlan 0", "fragment ::ffff:10.1.0.7 6:0 vlan 0"}));
}

TEST(SteeringRules, AServiceAtAnAddressOfTheHostTakesItsPort) {
  const IpAddr virtual_address = *parse_ip("10.1.0.80");
  const SteeringHost host{{virtual_address, *parse_ip("10.1.0.200")}, {}};
  const SteeringRules rules = rules_of(kServices, 0, host);
  EXPECT_EQ(endpoints(rules),
            (Texts{"to ::ffff:10.1.0.1 0:0 vlan 0", "to ::ffff:10.1.0.80 6:80 vlan 0",
                   "to ::ffff:10.1.0.80 17:53 vlan 0", "to ::ffff:10.1.0.81 0:0 vlan 0",
                   "to ::ffff:10.1.0.90 0:0 vlan 0", "from ::ffff:10.1.0.7 6:8080 vlan 0",
                   "fragment ::ffff:10.1.0.7 6:0 vlan 0"}));
  EXPECT_EQ(prefixes(rules, STEERING_OWNER_KERNEL),
            (Texts{"::ffff:10.1.0.80/128 vlan 0", "::ffff:10.1.0.200/128 vlan 0"}));
  EXPECT_EQ(taken_from_host(rules, host), std::set<IpAddr>{});
}

TEST(SteeringRules, WhatIsTakenFromTheHostIsKnown) {
  const SteeringHost host{{*parse_ip("10.1.0.1"), *parse_ip("10.1.0.90")}, {}};
  EXPECT_EQ(taken_from_host(rules_of(kServices, 0, host), host), host.addresses);
}

TEST(SteeringRules, AnotherVrfsEqualAddressIsNoneOfThePorts) {
  const SteeringHost host{{*parse_ip("10.1.0.200")}, {}};
  const SteeringRules rules = rules_of(R"(
ports:
  edge: {device: "af_xdp:eth0", addresses: [10.1.0.1/24]}
  other: {device: "tap:t0", addresses: [10.1.0.200/24]}
vrfs:
  red: {ports: [edge], routes: [{to: 0.0.0.0/0, via: 10.1.0.9}]}
  blue: {ports: [other]}
)",
                                       0, host);
  EXPECT_EQ(endpoints(rules), Texts{"to ::ffff:10.1.0.1 0:0 vlan 0"});
  EXPECT_EQ(prefixes(rules, STEERING_OWNER_KERNEL), Texts{"::ffff:10.1.0.200/128 vlan 0"});
}

TEST(SteeringRules, TheKernelsAddressesCountInItsOwnVlans) {
  constexpr char kYaml[] = R"(
ports:
  edge: {device: "af_xdp:eth0"}
vrfs:
  red: {vlans: [{port: edge, vlan: 7, addresses: [10.7.0.1/24]}, {port: edge, vlan: 8, addresses: [10.8.0.1/24]}]}
services:
  web: {vrf: red, address: 10.0.0.80, port: 80, forwarding: direct, backends: [{address: 10.7.0.7, port: 80}]}
)";
  const SteeringRules rules = rules_of(kYaml, 0, {{*parse_ip("10.0.0.80")}, {8}});
  EXPECT_EQ(prefixes(rules, STEERING_OWNER_KERNEL), Texts{"::ffff:10.0.0.80/128 vlan 8"});
  EXPECT_TRUE(endpoints(rules).contains("to ::ffff:10.0.0.80 0:0 vlan 7"));
  EXPECT_TRUE(endpoints(rules).contains("to ::ffff:10.0.0.80 6:80 vlan 8"));
}

TEST(SteeringRules, ServicesByMarkTakeTheDestinationsOfTheirRules) {
  constexpr char kYaml[] = R"(
ports:
  edge: {device: "af_xdp:eth0", addresses: [10.1.0.1/24]}
vrfs:
  red: {ports: [edge]}
classifier:
  - {mark: 1, vrf: red, destinations: [10.1.0.80, 10.6.0.0/16], protocol: udp, port: 53}
services:
  any: {mark: 1, vrf: red, backends: [{address: 10.1.0.7}]}
)";
  const Texts replies = {
      "from ::ffff:10.1.0.7 6:0 vlan 0",      "from ::ffff:10.1.0.7 17:0 vlan 0",
      "from ::ffff:10.1.0.7 132:0 vlan 0",    "fragment ::ffff:10.1.0.7 6:0 vlan 0",
      "fragment ::ffff:10.1.0.7 17:0 vlan 0", "fragment ::ffff:10.1.0.7 132:0 vlan 0",
      "to ::ffff:10.1.0.1 0:0 vlan 0"};
  Texts wanted = replies;
  wanted.insert("to ::ffff:10.1.0.80 0:0 vlan 0");
  EXPECT_EQ(endpoints(rules_of(kYaml)), wanted);
  EXPECT_EQ(prefixes(rules_of(kYaml), STEERING_OWNER_ADIT), Texts{"::ffff:10.6.0.0/112 vlan 0"});
  wanted = replies;
  wanted.insert("to ::ffff:10.1.0.80 17:53 vlan 0");
  EXPECT_EQ(endpoints(rules_of(kYaml, 0, {{*parse_ip("10.1.0.80")}, {}})), wanted);
}

TEST(SteeringRules, AnUntaggedMemberOfANetworkThatCarriesVlansHasAllOthers) {
  const SteeringRules rules = rules_of(R"(
ports:
  trunk: {device: "af_xdp:eth0"}
networks:
  red: {vni: 100, carry_vlans: true, members: [{port: trunk}]}
vrfs:
  blue: {vlans: [{port: trunk, vlan: 9, addresses: [10.9.0.1/24]}]}
)");
  EXPECT_EQ(rules.scopes.size(), 4095U);
  EXPECT_EQ(rules.scopes.at(55).mode, STEERING_TO_ADIT);
  EXPECT_EQ(rules.scopes.at(9).mode, STEERING_BY_ADDRESS);
}

}  // namespace
}  // namespace adit::steering_rules_test
