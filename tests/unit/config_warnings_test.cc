// SPDX-License-Identifier: Apache-2.0
// What `aditctl check` warns of.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config_cases.h"

namespace adit {
namespace {

// "LINE:COLUMN: message" of each.
std::vector<std::string> warnings_of(const std::string& yaml) {
  std::vector<std::string> found;
  for (const ConfigMistake& warning : check_config(yaml, "f").warnings)
    found.push_back(to_string(warning).substr(warning.line == 0 ? 0 : 2));
  return found;
}

std::string world(const std::string& services, const std::string& more = {}) {
  return "ports:\n"
         "  up: {device: 'tap:up', addresses: [192.0.2.1/24]}\n"
         "  b0: {device: 'tap:b0', addresses: [10.1.0.254/24]}\n"
         "routes: [{to: 198.51.100.0/24, via: 192.0.2.254}]\n"
         "vrfs: {blue: {ports: [b0]}}\n"
         "services:\n" +
         services + more;
}

void expect_one(const std::string& yaml, const std::string& expected) {
  const auto found = warnings_of(yaml);
  ASSERT_EQ(found.size(), 1u) << yaml << testing::PrintToString(found);
  EXPECT_NE(found[0].find(expected), std::string::npos) << found[0];
}

TEST(ConfigWarnings, NoneWhereAllIsWell) {
  EXPECT_EQ(warnings_of(world("  web: {address: 192.0.2.80, port: 80, backends: [{address: "
                              "198.51.100.9}, {address: 192.0.2.9}, {address: 10.1.0.9, vrf: "
                              "blue}]}\n")),
            std::vector<std::string>());
}

TEST(ConfigWarnings, BackendWithoutARoute) {
  expect_one(world("  web: {address: 192.0.2.80, port: 80, backends: [{address: 203.0.113.9}]}\n"),
             "7:61: address: backend 203.0.113.9 of service 'web' is in no subnet of the underlay, "
             "and no route there leads to it");
  expect_one(world("  web: {address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.9, vrf: "
                   "blue}]}\n"),
             "is in no subnet of vrf 'blue'");
  expect_one(
      world("  web: {address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.9}], sorry: "
            "{address: 203.0.113.9}}\n"),
      "backend 203.0.113.9");
}

TEST(ConfigWarnings, DirectBackendBehindARouter) {
  expect_one(world("  web: {address: 192.0.2.80, port: 80, forwarding: direct, backends: "
                   "[{address: 198.51.100.9}]}\n"),
             "is behind a router");
}

TEST(ConfigWarnings, AddressThatNobodyIsToldOf) {
  expect_one(world("  web: {address: 203.0.113.80, port: 80, backends: [{address: 192.0.2.9}]}\n"),
             "7:18: address: 203.0.113.80 of service 'web' is in no subnet of the underlay, so "
             "nobody is told of it by ARP");
}

TEST(ConfigWarnings, ServiceWithoutBackends) {
  expect_one(world("  web: {address: 192.0.2.80, port: 80}\n"),
             "7:3: service 'web' has no backends");
  expect_one(world("  web: {address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.9, weight: "
                   "0}]}\n"),
             "have weight 0");
}

TEST(ConfigWarnings, HealthChecksThatGoAnotherWay) {
  const std::string service =
      "  web: {vrf: blue, address: 10.1.0.80, port: 80, backends: [{address: 10.1.0.9}], ";
  expect_one(world(service + "health: {kind: tcp}}\n"),
             "checks of service 'web' leave by this host's own routes");
  EXPECT_EQ(warnings_of(world(service + "health: {kind: tcp, device: blue0}}\n")).size(), 0u);
  EXPECT_EQ(warnings_of(world(service + "health: {kind: none}}\n")).size(), 0u);
}

TEST(ConfigWarnings, RuleBehindAnother) {
  const std::string marked = "  shop: {mark: 1, backends: [{address: 192.0.2.9}]}\n";
  const auto rules = [](const std::string& first, const std::string& second) {
    return "classifier:\n  - {mark: 1, destinations: [192.0.2.92, 192.0.2.93]" + first +
           "}\n  - {mark: 0, destinations: [192.0.2.92]" + second + "}\n";
  };
  expect_one(world(marked, rules("", "")), "10:5: no packet gets as far as this rule");
  expect_one(world(marked, rules(", protocol: tcp", ", protocol: tcp, port: 80")), "that at f:9:5");
  for (const char* narrower : {", protocol: udp", ", port: 80", ", source: 203.0.113.0/24",
                               ", in_port: up", ", source_port: 53"})
    EXPECT_EQ(warnings_of(world(marked, rules(narrower, ""))).size(), 0u) << narrower;
}

TEST(ConfigWarnings, ServiceBehindARule) {
  const std::string both =
      "  shop: {mark: 1, backends: [{address: 192.0.2.9}]}\n"
      "  web: {address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.9}]}\n";
  const std::string rule = "  - {mark: 1, destinations: [192.0.2.80], protocol: tcp, port: 80}\n";
  expect_one(world(both, "classifier:\n" + rule),
             "8:3: service 'web' gets no packets: the rule of 'classifier' at f:10:5 gives all of "
             "them mark 1");
  EXPECT_EQ(warnings_of(world(both,
                              "classifier:\n  - {mark: 0, destinations: [192.0.2.80], source: "
                              "203.0.113.0/24}\n" +
                                  rule))
                .size(),
            0u)
      << "some are left to it";
}

TEST(ConfigWarnings, ManyOfAKindAreCounted) {
  std::string services;
  for (int i = 0; i < 100; ++i)
    services += "  s" + std::to_string(i) + ": {address: 203.0.113." + std::to_string(i + 1) +
                ", port: 80, backends: [{address: 192.0.2.9}]}\n";
  const auto found = warnings_of(world(services));
  ASSERT_EQ(found.size(), 21u);
  EXPECT_EQ(found.back(), "f: and 80 more warnings that nobody is told of an address by ARP");
}

TEST(ConfigWarnings, ExamplesHaveNone) {
  std::ifstream file(ADIT_SOURCE_ROOT "/config/examples/services.yaml");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(warnings_of(text.str()), std::vector<std::string>());
}

}  // namespace
}  // namespace adit
