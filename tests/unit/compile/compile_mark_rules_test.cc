// SPDX-License-Identifier: Apache-2.0
// Firewall marks and persistence as workers read them.
#include <gtest/gtest.h>

#include "balance/schedule.h"
#include "compile/fwmark_rules.h"
#include "compile/services.h"
#include "config/parser.h"

namespace adit::compile_mark_rules_test {
namespace {

Compiled compiled(const std::string& services, const std::string& rules) {
  const Config config = parse_config(
      "ports:\n"
      "  up: {device: 'tap:up0', addresses: [192.0.2.1/24]}\n"
      "  blue0: {device: 'tap:blue0', addresses: [10.1.0.254/24, 'fd01::fe/64']}\n"
      "  blue1: {device: 'tap:blue1', addresses: [10.2.0.254/24]}\n"
      "vrfs: {blue: {ports: [blue0, blue1]}}\n"
      "services:\n" +
          services + "classifier:\n" + rules,
      "f");
  const std::vector<PortTraits> traits(3, {*parse_mac("02:00:00:00:00:01")});
  return compile(config, traits, {}, 1, 1);
}

struct Asked {
  const char* destination;
  uint16_t port = 80;
  const char* source = "10.7.0.1";
  uint16_t source_port = 1000;
  Protocol protocol = Protocol::kTcp;
  PortId in = 1;
  VrfId vrf = 1;
};
std::string found(const Compiled& result, const Asked& asked) {
  FlowKey key;
  key.source = address_key(*parse_ip(asked.source));
  key.destination = address_key(*parse_ip(asked.destination));
  key.source_port = be16(asked.source_port);
  key.destination_port = be16(asked.port);
  key.vrf = asked.vrf;
  key.protocol = static_cast<uint8_t>(asked.protocol);
  key.ipv6 = !parse_ip(asked.destination)->is_v4();
  const ServiceId id = find_service(*result.snapshot, key, asked.in);
  for (const auto& [name, known] : result.ids.services)
    if (known == id) return name;
  return "";
}

TEST(CompileClassifier, TheFirstRuleThatFitsSaysTheService) {
  const Compiled result = compiled(
      "  a: {vrf: blue, mark: 1}\n"
      "  b: {vrf: blue, mark: 2}\n"
      "  plain: {vrf: blue, address: 10.9.0.1, port: 80}\n"
      "  other: {vrf: blue, address: 10.9.0.1, port: 81}\n",
      "  - {mark: 0, vrf: blue, destinations: [10.9.0.1], source: 10.8.0.0/16}\n"
      "  - {mark: 1, vrf: blue, destinations: [10.9.0.1, 10.9.0.2], port: 80}\n"
      "  - {mark: 2, vrf: blue, destinations: [10.9.0.2]}\n");
  EXPECT_EQ(found(result, {"10.9.0.1"}), "a") << "a mark comes before the address and port";
  EXPECT_EQ(found(result, {"10.9.0.1", 80, "10.8.0.1"}), "plain") << "mark 0";
  EXPECT_EQ(found(result, {"10.9.0.1", 81}), "other");
  EXPECT_EQ(found(result, {"10.9.0.1", 82}), "");
  EXPECT_EQ(found(result, {"10.9.0.2"}), "a");
  EXPECT_EQ(found(result, {"10.9.0.2", 81}), "b");
  EXPECT_EQ(found(result, {"10.9.0.3"}), "");
  EXPECT_EQ(found(result, {.destination = "10.9.0.1", .in = 0, .vrf = 0}), "") << "of another VRF";
}

TEST(CompileClassifier, EachPartOfARuleCounts) {
  const Compiled result = compiled(
      "  a: {vrf: blue, mark: 1}\n"
      "  six: {vrf: blue, mark: 6}\n",
      "  - {mark: 1, vrf: blue, destinations: [10.9.0.1], source: 10.7.0.0/16, protocol: udp, "
      "port: 80, last_port: 89, source_port: 1000, last_source_port: 1999, in_port: blue0}\n"
      "  - {mark: 6, vrf: blue, destinations: ['fd09::1'], source: 'fd07::/63', port: 80}\n");
  const Asked good{"10.9.0.1", 80, "10.7.0.1", 1000, Protocol::kUdp};
  EXPECT_EQ(found(result, good), "a");
  EXPECT_TRUE(result.snapshot->fwmarks_by_port);
  const auto with = [&](auto change) {
    Asked asked = good;
    change(asked);
    return found(result, asked);
  };
  EXPECT_EQ(with([](Asked& a) { a.port = 89; }), "a");
  EXPECT_EQ(with([](Asked& a) { a.port = 90; }), "");
  EXPECT_EQ(with([](Asked& a) { a.port = 79; }), "");
  EXPECT_EQ(with([](Asked& a) { a.source_port = 1999; }), "a");
  EXPECT_EQ(with([](Asked& a) { a.source_port = 2000; }), "");
  EXPECT_EQ(with([](Asked& a) { a.source_port = 999; }), "");
  EXPECT_EQ(with([](Asked& a) { a.source = "10.7.255.255"; }), "a");
  EXPECT_EQ(with([](Asked& a) { a.source = "10.8.0.0"; }), "");
  EXPECT_EQ(with([](Asked& a) { a.protocol = Protocol::kTcp; }), "");
  EXPECT_EQ(with([](Asked& a) { a.in = 2; }), "");
  EXPECT_EQ(found(result, {"fd09::1", 80, "fd07:0:0:1::5"}), "six");
  EXPECT_EQ(found(result, {"fd09::1", 80, "fd07:0:0:2::5"}), "");
}

TEST(CompileClassifier, OfSubnetsTheRulesOfTheirPartsCountToo) {
  const Compiled result = compiled(
      "  all: {vrf: blue, mark: 1}\n"
      "  part: {vrf: blue, mark: 2}\n",
      "  - {mark: 0, vrf: blue, destinations: [10.64.0.7, 10.65.0.1]}\n"
      "  - {mark: 2, vrf: blue, destinations: [10.64.0.0/25], port: 443}\n"
      "  - {mark: 1, vrf: blue, destinations: [10.64.0.0/16]}\n");
  EXPECT_EQ(found(result, {"10.64.0.1", 80}), "all");
  EXPECT_EQ(found(result, {"10.64.0.1", 443}), "part");
  EXPECT_EQ(found(result, {"10.64.0.200", 443}), "all");
  EXPECT_EQ(found(result, {"10.64.0.7", 443}), "");
  EXPECT_EQ(found(result, {"10.65.0.1"}), "");
  const auto kind = [&](uint32_t address) {
    const be32 wire(address);
    return result.snapshot->routes.find(1, reinterpret_cast<const uint8_t*>(&wire), false).kind;
  };
  EXPECT_EQ(kind(0x0a40'0007), RouteTarget::Kind::kVirtual) << "refused as such, not routed";
  EXPECT_EQ(kind(0x0a41'0001), RouteTarget::Kind::kNone) << "of no mark";
}

TEST(CompileClassifier, ListsThatAreEqualAreThereOnce) {
  const Compiled result = compiled(
      "  a: {vrf: blue, mark: 1}\n",
      "  - {mark: 1, vrf: blue, destinations: [10.9.0.1, 10.9.0.2, 10.9.0.3], port: 80}\n"
      "  - {mark: 1, vrf: blue, destinations: [10.9.0.1, 10.9.0.2, 10.9.0.3], port: 443}\n");
  EXPECT_EQ(result.snapshot->fwmark_lists.size(), 2u);
  EXPECT_EQ(result.snapshot->virtual_fwmarks.size(), 3u);
  EXPECT_FALSE(result.snapshot->fwmarks_by_port);
}

TEST(CompileClassifier, LinksAnswerForSingleAddresses) {
  const std::string services = "  a: {vrf: blue, mark: 1}\n";
  const std::string rules =
      "  - {mark: 1, vrf: blue, destinations: [10.1.0.80, 10.9.0.80, 10.64.0.0/16]}\n"
      "  - {mark: 0, vrf: blue, destinations: [10.1.0.81]}\n";
  const Compiled result = compiled(services, rules);
  const auto& own = result.snapshot->ports[1].own_ipv4;
  ASSERT_EQ(own.size(), 2u);
  EXPECT_EQ(own[1], address_key(*parse_ip("10.1.0.80")));
}

TEST(CompilePersistence, MasksAreThoseOfTheWire) {
  const Compiled result = compiled(
      "  a: {vrf: blue, address: 10.9.0.1, port: 80, persistence: {timeout_s: 9, netmask_bits: "
      "20, ipv6_prefix_bits: 68, expire_quiescent_template: true}}\n"
      "  b: {vrf: blue, address: 10.9.0.2, port: 80}\n",
      "  []\n");
  const Snapshot& snapshot = *result.snapshot;
  const Persistence& a = snapshot.services[result.ids.services.at("a")].persistence;
  EXPECT_EQ(a.timeout_s, 9u);
  EXPECT_TRUE(a.expire_quiescent);
  EXPECT_EQ(a.masks[0], address_key(*parse_ip("255.255.240.0")));
  EXPECT_EQ(a.masks[1], address_key(*parse_ip("ffff:ffff:ffff:ffff:f000::")));
  EXPECT_EQ(snapshot.services[result.ids.services.at("b")].persistence.timeout_s, 0u);
}

}  // namespace
}  // namespace adit::compile_mark_rules_test
