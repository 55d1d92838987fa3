// SPDX-License-Identifier: Apache-2.0
// Firewall marks and persistence: what the walker reads, what it says about values that do not fit,
// and what a reload would change.
#include <gtest/gtest.h>

#include "config/diff.h"
#include "config_cases.h"
#include "config_services.h"

namespace adit::config_mark_rules_test {
namespace {

using Lines = std::vector<std::string>;

IpPrefix prefix(const char* address, uint8_t length) {
  return {*parse_ip(address), length};
}

// A service with mark 7, in line 9, and the classifier's entries, the first in line 11.
std::string marked(const std::string& rules, const std::string& service = "mark: 7") {
  return world("  web: {" + service + "}\n") + "classifier:\n" + rules;
}
std::string rule(const std::string& keys) {
  return "  - {" + keys + "}\n";
}

TEST(Classifier, IsRead) {
  const Config config = parse_config(
      world("  web: {mark: 4294967295, vrf: blue, backends: [{address: 10.1.0.11}]}\n") +
          "classifier:\n" +
          rule("mark: 4294967295, vrf: blue, destinations: [10.1.0.80, 10.9.0.0/24], source: "
               "10.7.0.0/16, protocol: udp, port: 80, last_port: 90, source_port: 1000, "
               "last_source_port: 2000, in_port: blue0") +
          rule("mark: 0, destinations: ['fd00::1']"),
      "f");
  EXPECT_EQ(config.services.at(0).fwmark, 4294967295u);
  ASSERT_EQ(config.classifier.size(), 2u);
  EXPECT_EQ(config.classifier[0],
            (FwmarkRuleConfig{.fwmark = 4294967295u,
                              .vrf = "blue",
                              .destinations = {prefix("10.1.0.80", 32), prefix("10.9.0.0", 24)},
                              .source = prefix("10.7.0.0", 16),
                              .protocol = Protocol::kUdp,
                              .port = 80,
                              .last_port = 90,
                              .source_port = 1000,
                              .last_source_port = 2000,
                              .in_port = "blue0"}));
  EXPECT_EQ(config.classifier[1], (FwmarkRuleConfig{.destinations = {prefix("fd00::1", 128)}}));
}

TEST(Persistence, IsRead) {
  const std::string common = "address: 192.0.2.80, port: 80";
  EXPECT_EQ(parse_config(web(common), "f").services[0].persistence, std::nullopt);
  EXPECT_EQ(parse_config(web(common + ", persistence: {}"), "f").services[0].persistence,
            (PersistenceConfig{300, 32, 128, false}));
  EXPECT_EQ(parse_config(web(common + ", persistence: {timeout_s: 2678400, netmask_bits: 24, "
                                      "ipv6_prefix_bits: 64, expire_quiescent_template: true}"),
                         "f")
                .services[0]
                .persistence,
            (PersistenceConfig{2678400, 24, 64, true}));
  EXPECT_EQ(
      parse_config(world("") + "balancer: {templates: 2048}\n", "f").balancer.persistence_entries,
      2048u);
}

TEST(Classifier, RulesMayShareAddressesWithEachOtherAndWithServices) {
  EXPECT_EQ(mistakes_of(marked(rule("mark: 7, destinations: [192.0.2.80], port: 80") +
                                   rule("mark: 7, destinations: [192.0.2.80], port: 443") +
                                   rule("mark: 0, destinations: [192.0.2.80]"),
                               "mark: 7}\n  b: {address: 192.0.2.80, port: 0}\n  c: {mark: 7, vrf: "
                               "blue}\n  d: {mark: 8, vrf: blue") +
                        rule("mark: 7, vrf: blue, destinations: [10.1.0.80]") +
                        rule("mark: 8, vrf: blue, destinations: ['fd00::1']")),
            Lines{});
}

class MarkDoesNotFit : public testing::TestWithParam<RefusedCase> {};
TEST_P(MarkDoesNotFit, WithItsPlace) {
  expect_refused(GetParam());
}

const std::string kGood = rule("mark: 7, destinations: [192.0.2.80]");

INSTANTIATE_TEST_SUITE_P(
    Services, MarkDoesNotFit,
    testing::Values(
        RefusedCase{
            "MarkAndAddress",
            marked(kGood,
                   "mark: 7, address: 192.0.2.81, protocol: tcp, port: 80, "
                   "last_port: 81"),
            {"8:27: address: not valid with 'mark'", "8:49: protocol: not valid with 'mark'",
             "8:60: port: not valid with 'mark'", "8:75: last_port: not valid with 'mark'"}},
        RefusedCase{"NeitherOfThem",
                    world("  web: {}\n"),
                    {"8:8: missing key 'address': a service has an address and port, or a 'mark'",
                     "8:8: missing key 'port'"}},
        RefusedCase{"MarkZero",
                    world("  web: {mark: 0}\n"),
                    {"8:15: mark: found '0', which is below the range"}},
        RefusedCase{"NoRule",
                    world("  web: {mark: 7, vrf: blue}\n"),
                    {"8:15: mark: no entry of 'classifier' gives mark 7 in blue"}},
        RefusedCase{"RuleOfAnotherVrf",
                    marked(kGood, "mark: 7, vrf: blue"),
                    {"8:15: mark: no entry of 'classifier' gives mark 7 in blue",
                     "10:12: mark: no service of underlay has mark 7"}},
        RefusedCase{"OneOfSeveralHasNoDestination",
                    marked(kGood + rule("mark: 7, destinations: []"), "mark: 7"),
                    {"11:29: destinations: expected at least one address"}},
        RefusedCase{"TwoServices",
                    marked(kGood, "mark: 7}\n  b: {mark: 7"),
                    {"9:13: mark: 7 is already that of service 'web', see f:8:15"}},
        RefusedCase{"BackendOfTheOtherVersion",
                    marked(kGood, "mark: 7, backends: [{address: '2001:db8::1'}]"),
                    {"8:39: address: 2001:db8::1 and 192.0.2.80 of the service are of different "
                     "IP versions"}},
        RefusedCase{"DirectToAnotherPort",
                    marked(kGood,
                           "mark: 7, forwarding: direct, backends: [{address: 192.0.2.11, "
                           "port: 80}]"),
                    {"8:77: port: 80 differs from the service's"}},
        RefusedCase{"BackendIsADestination",
                    marked(kGood, "mark: 7, backends: [{address: 192.0.2.80}]"),
                    {"8:39: address: 192.0.2.80 is among the destinations of 'classifier', see "
                     "f:10:30; expected a server's"}},
        RefusedCase{"BackendInASubnet",
                    marked(rule("mark: 7, destinations: [198.51.100.0/24]"),
                           "mark: 7, backends: [{address: 198.51.100.9}]"),
                    {"8:39: address: 198.51.100.9 is among the destinations of 'classifier', see "
                     "f:10:30; expected a server's"}},
        RefusedCase{"LocalAddressIsADestination",
                    marked(kGood,
                           "mark: 7, forwarding: fullnat, local_addresses: [192.0.2.80], "
                           "backends: [{address: 192.0.2.11}]"),
                    {"8:57: local_addresses: 192.0.2.80 is among the destinations of "
                     "'classifier'"}},
        RefusedCase{"DestinationIsABroadcastAddress",
                    marked("  - {mark: 7, destinations: [192.0.2.255]}\n"),
                    {"10:30: destinations: 192.0.2.255 is the broadcast address of 192.0.2.0/24"}},
        RefusedCase{"OnePacket",
                    marked(kGood, "mark: 7, one_packet: true, forwarding: direct"),
                    {"8:30: one_packet: only valid with 'protocol: udp'"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Rules, MarkDoesNotFit,
    testing::Values(
        RefusedCase{"NoMark",
                    world("") + "classifier: [{destinations: [192.0.2.80]}]\n",
                    {"8:14: missing key 'mark' in an entry of 'classifier'"}},
        RefusedCase{"NoDestinations",
                    world("") + "classifier: [{mark: 0}]\n",
                    {"8:14: missing key 'destinations' in an entry of 'classifier'"}},
        RefusedCase{"EmptyDestinations",
                    world("") + "classifier: [{mark: 0, destinations: []}]\n",
                    {"8:38: destinations: expected at least one address"}},
        RefusedCase{"MarkOfNobody",
                    world("") + "classifier: [{mark: 5, destinations: [192.0.2.80]}]\n",
                    {"8:21: mark: no service of underlay has mark 5"}},
        RefusedCase{"UnknownVrf",
                    world("") + "classifier: [{mark: 5, vrf: blu, destinations: [192.0.2.80]}]\n",
                    {"8:29: vrf: there is no vrf 'blu'; did you mean 'blue'?"}},
        RefusedCase{"UnknownPort",
                    marked(rule("mark: 7, destinations: [192.0.2.80], in_port: upp")),
                    {"10:52: in_port: there is no port 'upp'; did you mean 'up'?"}},
        RefusedCase{"BothVersions",
                    marked(rule("mark: 7, destinations: [192.0.2.80, '2001:db8::80']")),
                    {"10:42: destinations: 2001:db8::80/128 is not of the IP version of the first "
                     "one"}},
        RefusedCase{"BothVersionsInTwoRules",
                    marked(kGood + rule("mark: 7, destinations: ['2001:db8::80']")),
                    {"11:29: destinations: those of mark 7 are of both IP versions, see f:10:29"}},
        RefusedCase{"SourceOfTheOtherVersion",
                    marked(rule("mark: 7, destinations: [192.0.2.80], source: '::/0'")),
                    {"10:51: source: ::/0 and the destinations are of different IP versions"}},
        RefusedCase{"BitsBeyondTheLength",
                    marked(rule("mark: 7, destinations: [198.51.100.1/24], source: 10.1.1.1/8")),
                    {"10:30: destinations: 198.51.100.1/24 has bits beyond its length; expected "
                     "198.51.100.0/24",
                     "10:56: source: 10.1.1.1/8 has bits beyond its length; expected 10.0.0.0/8"}},
        RefusedCase{"OwnAddress",
                    marked(rule("mark: 7, destinations: [192.0.2.1]")),
                    {"10:30: destinations: 192.0.2.1 is the address of a port, network or tunnel "
                     "of ours, see f:2:39; expected one of its own"}},
        RefusedCase{"PartOfASubnet",
                    marked(rule("mark: 7, destinations: [192.0.2.128/25]")),
                    {"10:30: destinations: 192.0.2.128/25 and 192.0.2.0/24, a subnet of ours, see "
                     "f:2:39, overlap; expected single addresses there"}},
        RefusedCase{
            "MoreThanASubnet",
            marked(rule("mark: 7, vrf: blue, destinations: [10.0.0.0/8]"), "mark: 7, vrf: blue"),
            {"10:41: destinations: 10.0.0.0/8 and 10.1.0.0/24, a subnet of ours"}},
        RefusedCase{"LastPortAlone",
                    marked(rule("mark: 7, destinations: [192.0.2.80], last_port: 80, "
                                "last_source_port: 9")),
                    {"10:54: last_port: only valid with 'port'",
                     "10:76: last_source_port: only valid with 'source_port'"}},
        RefusedCase{"LastPortBelow",
                    marked(rule("mark: 7, destinations: [192.0.2.80], port: 81, last_port: 80")),
                    {"10:64: last_port: 80 is below port: 81"}},
        RefusedCase{"NoAddress",
                    marked(rule("mark: 7, destinations: [x, 224.0.0.1]")),
                    {"10:30: destinations: found 'x'", "10:33: destinations: found '224.0.0.1'"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Persistence, MarkDoesNotFit,
    testing::Values(
        RefusedCase{"OnePacketOnly",
                    web("address: 192.0.2.80, protocol: udp, port: 53, forwarding: direct, "
                        "one_packet: true, persistence: {}"),
                    {"8:106: persistence: not valid with 'one_packet: true'"}},
        RefusedCase{"Ranges",
                    web("address: 192.0.2.80, port: 53, persistence: {timeout_s: 0, netmask_bits: "
                        "33, ipv6_prefix_bits: 0}"),
                    {"8:65: timeout_s: found '0', which is below the range",
                     "8:82: netmask_bits: found '33', which is above the range",
                     "8:104: ipv6_prefix_bits: found '0', which is below the range"}}),
    case_name);

TEST(Classifier, HasABound) {
  std::string rules;
  for (unsigned i = 0; i < 1025; ++i) rules += rule("mark: 7, destinations: [192.0.2.80]");
  const Lines found = mistakes_of(marked(rules));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].find("1024"), std::string::npos) << found[0];
  rules.clear();
  for (unsigned i = 0; i < 1000; ++i)
    rules += rule(
        "mark: 7, destinations: [192.0.2.80, 192.0.2.81, 192.0.2.82, 192.0.2.83, "
        "192.0.2.84]");
  const Lines more = mistakes_of(marked(rules));
  ASSERT_EQ(more.size(), 1u);
  EXPECT_NE(more[0].find("found 5000 destinations, of all entries, expected at most 4096"),
            std::string::npos)
      << more[0];
}

Lines changes(const std::string& from, const std::string& to) {
  const ConfigDiff found = diff_configs(parse_config(from, "f"), parse_config(to, "f"));
  EXPECT_EQ(found.needs_restart, Lines{});
  return found.changes;
}

TEST(DiffClassifier, RulesComeAndGo) {
  const std::string full = rule(
      "mark: 7, destinations: [192.0.2.81, 198.51.100.0/24], source: 10.0.0.0/8, protocol: "
      "tcp, port: 80, last_port: 81, source_port: 9, in_port: up");
  EXPECT_EQ(changes(marked(kGood), marked(kGood)), Lines{});
  EXPECT_EQ(
      changes(marked(kGood), marked(kGood + full)),
      Lines{"classifier: mark 7 destinations 192.0.2.81/32, 198.51.100.0/24 source 10.0.0.0/8 "
            "protocol tcp port 80 last_port 81 source_port 9 in_port up added"});
  EXPECT_EQ(changes(marked(full + kGood), marked(full)),
            Lines{"classifier: mark 7 destinations 192.0.2.80/32 removed"});
  EXPECT_EQ(changes(marked(full + kGood), marked(kGood + full)),
            Lines{"classifier: order changed"});
}

TEST(DiffClassifier, AServiceTurnsFromAddressToMark) {
  EXPECT_EQ(
      changes(web("address: 192.0.2.80, port: 80"), marked(kGood)),
      (Lines{"services.web.address: 192.0.2.80 -> none", "services.web.port: 80 -> 0",
             "services.web.mark: 0 -> 7", "classifier: mark 7 destinations 192.0.2.80/32 added"}));
}

TEST(DiffPersistence, EveryKey) {
  const std::string common = "address: 192.0.2.80, port: 80";
  const std::string with = common + ", persistence: ";
  EXPECT_EQ(changes(web(common), web(with + "{}")), Lines{"services.web.persistence: added"});
  EXPECT_EQ(changes(web(with + "{}"), web(common)), Lines{"services.web.persistence: removed"});
  EXPECT_EQ(changes(web(with + "{}"), web(with + "{timeout_s: 300}")), Lines{});
  EXPECT_EQ(changes(web(with + "{}"), web(with + "{timeout_s: 9, netmask_bits: 24, "
                                                 "ipv6_prefix_bits: 64, expire_quiescent_template: "
                                                 "true}")),
            (Lines{"services.web.persistence.timeout_s: 300 -> 9",
                   "services.web.persistence.netmask_bits: 32 -> 24",
                   "services.web.persistence.ipv6_prefix_bits: 128 -> 64",
                   "services.web.persistence.expire_quiescent_template: false -> true"}));
}

TEST(DiffPersistence, ItsTableTakesARestart) {
  const ConfigDiff found = diff_configs(
      parse_config(world(""), "f"), parse_config(world("") + "balancer: {templates: 2048}\n", "f"));
  EXPECT_EQ(found.needs_restart, Lines{"balancer.templates: 65536 -> 2048"});
}

}  // namespace
}  // namespace adit::config_mark_rules_test
