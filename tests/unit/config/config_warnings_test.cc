// SPDX-License-Identifier: Apache-2.0
// What `aditctl check` warns of.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config_cases.h"
#include "source_root.h"

namespace adit::config_warnings_test {
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
             "and there is no route to it");
  expect_one(world("  web: {address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.9, vrf: "
                   "blue}]}\n"),
             "is in no subnet of vrf 'blue'");
  expect_one(
      world("  web: {address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.9}], sorry: "
            "{address: 203.0.113.9}}\n"),
      "sorry server 203.0.113.9");
}

// The kernel may have a route, which a check of the file cannot know.
TEST(ConfigWarnings, BackendBehindTheKernelsRoutes) {
  const std::string text =
      "ports:\n"
      "  p0: {device: \"tap:p0\", addresses: [10.1.0.254/24]}\n"
      "vrfs:\n"
      "  blue: {ports: [p0]}\n"
      "services:\n"
      "  web: {vrf: blue, address: 10.1.0.80, port: 80, backends: [{address: 203.0.113.9}]}\n";
  expect_one(text, "there is no route to it");
  std::string follows = text;
  follows.replace(follows.find("[p0]}"), 5, "[p0], kernel_routes: {table: 100}}");
  EXPECT_EQ(warnings_of(follows), std::vector<std::string>());
}

TEST(ConfigWarnings, DirectBackendBehindARouter) {
  expect_one(world("  web: {address: 192.0.2.80, port: 80, forwarding: direct, backends: "
                   "[{address: 198.51.100.9}]}\n"),
             "is behind a router");
}

TEST(ConfigWarnings, AddressThatNobodyIsToldOf) {
  expect_one(world("  web: {address: 203.0.113.80, port: 80, backends: [{address: 192.0.2.9}]}\n"),
             "7:18: address: 203.0.113.80 of service 'web' is in no subnet of the underlay, so "
             "ARP and ND do not answer for it");
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
  expect_one(world(service + "health: {kind: tcp, source: 192.0.2.1}}\n"),
             "checks of service 'web' use the routes of this host");
  EXPECT_EQ(warnings_of(world(service + "health: {kind: tcp}}\n")).size(), 0u);
  const auto by_ipv6 = warnings_of(
      world("  web: {vrf: blue, address: \"2001:db8::80\", port: 80, backends: [{address: "
            "\"2001:db8::9\"}], health: {kind: tcp}}\n"));
  EXPECT_TRUE(std::any_of(by_ipv6.begin(), by_ipv6.end(), [](const auto& warning) {
    return warning.find("need an IPv6 address of ours in vrf 'blue' to come from") !=
           std::string::npos;
  }));
  EXPECT_EQ(warnings_of(world(service + "health: {kind: tcp, way: host}}\n")).size(), 0u);
  EXPECT_EQ(warnings_of(world(service + "health: {kind: tcp, device: blue0}}\n")).size(), 0u);
  EXPECT_EQ(warnings_of(world(service + "health: {kind: none}}\n")).size(), 0u);
}

TEST(ConfigWarnings, HttpsChecksThatDoNotVerify) {
  const auto service = [](const std::string& health) {
    return world(
        "  web: {address: 192.0.2.80, port: 443, backends: [{address: 192.0.2.9}], health: " +
        health + "}\n");
  };
  expect_one(service("{kind: https}"),
             "7:83: health: https checks of service 'web' do not verify "
             "certificates, so any server at a backend's address");
  expect_one(service("{kind: https, http: {path: /up}}"), "expected 'http: {verify: true}'");
  for (const char* health : {"{kind: https, http: {verify: true, sni: www.example}}",
                             "{kind: https, http: {verify: false}}", "{kind: http}", "{kind: tcp}"})
    EXPECT_EQ(warnings_of(service(health)).size(), 0u) << health;
}

TEST(ConfigWarnings, RuleBehindAnother) {
  const std::string marked = "  shop: {mark: 1, backends: [{address: 192.0.2.9}]}\n";
  const auto rules = [](const std::string& first, const std::string& second) {
    return "classifier:\n  - {mark: 1, destinations: [192.0.2.92, 192.0.2.93]" + first +
           "}\n  - {mark: 0, destinations: [192.0.2.92]" + second + "}\n";
  };
  expect_one(world(marked, rules("", "")), "10:5: no packet reaches this rule");
  expect_one(world(marked, rules(", protocol: tcp", ", protocol: tcp, port: 80")),
             "the rule at f:9:5");
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

// In both versions: two addresses, a subnet that is routed to us, and a source.
struct Version {
  const char *one, *other, *subnet, *any, *half, *other_half;
};
constexpr Version kVersions[] = {
    {"192.0.2.92", "192.0.2.93", "198.51.100.0/24", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"},
    {"2001:db8::92", "2001:db8::93", "2001:db8:1::/48", "::/0", "::/1", "8000::/1"}};

// The rules begin in line 6. Of each the keys behind its mark.
std::vector<std::string> warnings_of_rules(const Version& version,
                                           const std::vector<std::string>& rules) {
  std::string yaml =
      "ports: {up: {device: 'tap:up', addresses: [192.0.2.1/24, '2001:db8::1/64']}, b0: {device: "
      "'tap:b0'}}\n"
      "services:\n  s4: {mark: 1}\n  s6: {mark: 2}\nclassifier:\n";
  const bool v4 = version.one[0] == '1';
  for (const std::string& rule : rules)
    yaml += std::string("  - {mark: ") + (v4 ? '1' : '2') + ", " + rule + "}\n";
  yaml += std::string("  - {mark: ") +
          (v4 ? "2, destinations: ['2001:db8::99']}\n" : "1, destinations: [192.0.2.99]}\n");
  std::vector<std::string> found;
  for (const std::string& warning : warnings_of(yaml))
    if (warning.find("no backends") == std::string::npos) found.push_back(warning);
  return found;
}

// Rules that cut each other to more pieces than are followed: what is plain is told nevertheless.
TEST(ConfigWarnings, ManyRulesThatOverlap) {
  const Version& version = kVersions[0];
  const std::string to = "destinations: ['" + std::string(version.one) + "']";
  std::vector<std::string> rules(2, to + ", port: 65535");
  for (unsigned i = 0; i < 1000; ++i)
    rules.push_back(to + ", port: " + (i % 2 ? std::to_string(i * 60 + 1) : "1") +
                    ", last_port: " + std::to_string(i * 60 + 90) +
                    ", source_port: " + std::to_string(i % 2 ? 1 : 60000 - i * 50) +
                    ", last_source_port: " + std::to_string(60015 - i * 50));
  rules.push_back(to + ", port: 65535, protocol: tcp");
  const auto found = warnings_of_rules(version, rules);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(found[0].starts_with("7:5: no packet reaches this rule")) << found[0];
  EXPECT_TRUE(found[1].starts_with("1008:5: no packet reaches this rule")) << found[1];
}

TEST(ConfigWarnings, RuleBehindSeveral) {
  for (const Version& version : kVersions) {
    const std::string to = "destinations: ['" + std::string(version.one) + "']";
    const std::string source = ", source: '";
    using Rules = std::vector<std::string>;
    const Rules shadowed[] = {
        {to, to},
        {to + source + version.any + '\'', to},
        {to, to + source + version.any + '\''},
        {to + ", port: 1, last_port: 65535", to},
        {to + ", source_port: 1, last_source_port: 65535", to},
        {to + source + version.half + '\'', to + source + version.other_half + '\'', to},
        {to + ", port: 1, last_port: 80", to + ", port: 81, last_port: 65535", to},
        {to + ", port: 1, last_port: 80", to + ", port: 60, last_port: 100",
         to + ", port: 70, last_port: 90"},
        {to + ", protocol: sctp", to + ", protocol: tcp", to + ", protocol: udp", to},
        {to + ", protocol: tcp", to + ", port: 1, last_port: 1023",
         to + ", port: 1024, last_port: 65535", to + ", protocol: udp"}};
    for (const Rules& rules : shadowed) {
      const auto found = warnings_of_rules(version, rules);
      ASSERT_FALSE(found.empty()) << testing::PrintToString(rules);
      const std::string line = std::to_string(5 + rules.size()) + ":5: ";
      EXPECT_TRUE(found.back().starts_with(line + "no packet reaches this rule: ")) << found.back();
    }
    const std::string both =
        "destinations: ['" + std::string(version.one) + "', '" + version.other + "']";
    EXPECT_EQ(warnings_of_rules(version,
                                {to, "destinations: ['" + std::string(version.other) + "']", both}),
              (Rules{"8:5: no packet reaches this rule: the rules at f:6:5 and f:7:5 together "
                     "match all of its packets, and the first match applies"}));
    const Rules open[] = {
        {to + ", protocol: tcp", to + ", protocol: udp", to},
        {to + source + version.half + '\'', to},
        {to + ", port: 1, last_port: 80", to + ", port: 82, last_port: 65535", to},
        {to + ", port: 1, last_port: 80", to + ", protocol: tcp", to},
        {to + ", in_port: up", to + ", in_port: b0", to},  // a tunnel's come by neither
        {to, both},
        {"destinations: ['" + std::string(version.subnet) + "'], port: 80", to}};
    for (const Rules& rules : open)
      EXPECT_EQ(warnings_of_rules(version, rules), Rules{}) << testing::PrintToString(rules);
  }
}

TEST(ConfigWarnings, DestinationThatIsThereTwice) {
  EXPECT_EQ(
      warnings_of_rules(kVersions[0], {"destinations: [192.0.2.92, 192.0.2.92]"}),
      std::vector<std::string>{"6:42: destinations: 192.0.2.92/32 is a duplicate; remove one"});
}

TEST(ConfigWarnings, ServiceBehindSeveralRules) {
  const std::string shop = "  shop: {mark: 1, backends: [{address: 192.0.2.9}]}\n";
  const auto web = [&](const char* port) {
    return shop + "  web: {address: 192.0.2.80, port: " + port +
           ", backends: [{address: 192.0.2.9}]}\nclassifier:\n";
  };
  const auto rule = [](const std::string& keys, int mark = 1) {
    return "  - {mark: " + std::to_string(mark) + ", destinations: [192.0.2.80]" + keys + "}\n";
  };
  expect_one(world(web("80") + rule(", source: 0.0.0.0/0")),
             "8:3: service 'web' gets no packets: the rule of 'classifier' at f:10:5 gives all of "
             "them mark 1");
  expect_one(world(web("0") + rule(", port: 1, last_port: 65535")), "f:10:5 gives all of them");
  expect_one(world(web("80, last_port: 90") + rule(", port: 80, last_port: 85") +
                   rule(", port: 86, last_port: 100")),
             "the rules of 'classifier' at f:10:5 and f:11:5 give all of them other marks");
  for (const std::string& rules :
       {rule(", port: 1, last_port: 65534"), rule(", protocol: udp"), rule(", in_port: up"),
        rule(", source: 10.0.0.0/8", 0) + rule("")})
    EXPECT_EQ(warnings_of(world(web("0") + rules)).size(), 0u) << rules;
}

TEST(ConfigWarnings, ServiceOfAllPortsBehindOthers) {
  const auto service = [](const std::string& name, const std::string& ports) {
    return "  " + name + ": {address: 192.0.2.80, " + ports +
           ", backends: [{address: 192.0.2.9}]}\n";
  };
  expect_one(world(service("all", "port: 0") + service("web", "port: 1, last_port: 65535")),
             "7:3: service 'all' gets no packets: service 'web' has all ports of 192.0.2.80, and a "
             "service with a port number takes precedence over 'port: 0'");
  expect_one(world(service("all", "port: 0") + service("low", "port: 1, last_port: 1023") +
                   service("high", "port: 1024, last_port: 65535")),
             "services 'low' and 'high' have all ports");
  expect_one(
      world(service("all", "port: 0") + service("low", "port: 1, last_port: 1023") +
            "  shop: {mark: 1, backends: [{address: 192.0.2.9}]}\nclassifier:\n  - {mark: 1, "
            "destinations: [192.0.2.80], port: 1024, last_port: 65535}\n"),
      "f:11:5 gives some of them another mark, and service 'low' has the others");
  for (const std::string& other : {service("web", "port: 2, last_port: 65535"),
                                   service("web", "port: 1, last_port: 65535, protocol: udp")})
    EXPECT_EQ(warnings_of(world(service("all", "port: 0") + other)).size(), 0u) << other;
}

TEST(ConfigWarnings, LocalAddressInNoSubnet) {
  const auto service = [](const std::string& locals, const std::string& backends) {
    return world("  web: {address: 192.0.2.80, port: 80, forwarding: fullnat, local_addresses: [" +
                 locals + "], backends: [" + backends + "]}\n");
  };
  expect_one(service("203.0.113.7", "{address: 192.0.2.9}"),
             "7:79: local_addresses: 203.0.113.7 of service 'web' is in no subnet of the underlay, "
             "so ARP and ND do not answer for it");
  expect_one(service("192.0.2.7", "{address: 10.1.0.9, vrf: blue}"),
             "is in no subnet of vrf 'blue'");
  EXPECT_EQ(warnings_of(service("192.0.2.7", "{address: 192.0.2.9}")).size(), 0u);
  EXPECT_EQ(warnings_of(service("10.1.0.7", "{address: 10.1.0.9, vrf: blue}")).size(), 0u);
}

TEST(ConfigWarnings, SorryServerIsCalledThat) {
  expect_one(
      world("  web: {address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.9}], sorry: "
            "{address: 203.0.113.9}}\n"),
      "address: sorry server 203.0.113.9 of service 'web' is in no subnet");
}

TEST(ConfigWarnings, ManyOfAKindAreCounted) {
  std::string services;
  for (int i = 0; i < 100; ++i)
    services += "  s" + std::to_string(i) + ": {address: 203.0.113." + std::to_string(i + 1) +
                ", port: 80, backends: [{address: 192.0.2.9}]}\n";
  const auto found = warnings_of(world(services));
  ASSERT_EQ(found.size(), 21u);
  EXPECT_EQ(found.back(), "f: and 80 more warnings that ARP and ND do not answer for an address");
}

TEST(ConfigWarnings, ExamplesHaveNone) {
  std::ifstream file(std::string(kSourceRoot) + "/config/examples/services.yaml");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(warnings_of(text.str()), std::vector<std::string>());
}

}  // namespace
}  // namespace adit::config_warnings_test
