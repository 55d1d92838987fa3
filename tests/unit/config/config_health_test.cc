// SPDX-License-Identifier: Apache-2.0
// The keys of health checks, slow starts and sorry servers: read, refused, compared.
#include "config/diff.h"
#include "config_cases.h"

namespace adit {
namespace {

std::string service(const std::string& keys,
                    const std::string& backends = "{address: 192.0.2.11}") {
  return "ports: {up: {device: 'tap:up0', addresses: [192.0.2.1/24]}}\n"
         "services:\n"
         "  web: {address: 192.0.2.80, port: 80, backends: [" +
         backends + "],\n" + keys + "}\n";
}

HealthOptions health(const std::string& keys) {
  return parse_config(service("health: {" + keys + "}"), "f").services[0].health.value();
}

TEST(HealthKeys, DefaultsAreThoseOfTheLibrary) {
  EXPECT_EQ(health(""), HealthOptions{});
  EXPECT_FALSE(parse_config(service("health: {kind: none, rise: 3}"), "f").services[0].health);
  EXPECT_FALSE(parse_config(service("on_down: expire"), "f").services[0].health);
}

TEST(HealthKeys, AllOfHttps) {
  const HealthOptions got = health(
      "kind: https, interval_ms: 500, rise: 1, fall: 2, initial: down, port: 8443, device: check0, "
      "source: 192.0.2.9, damping: {changes: 0, window_s: 5, hold_s: 6, max_hold_s: 7}, http: "
      "{path: /up, host: a.example, status: [200, 300-302], body: fine, sni: b.example, verify: "
      "true, ca_file: /etc/ca.pem}");
  HealthOptions want;
  want.interval_ms = want.timeout_ms = 500;
  want.rules = {1, 2, InitialState::kDown, {0, 5, 6, 7}};
  want.question.kind = CheckKind::kHttps;
  want.question.port = 8443;
  want.question.device = "check0";
  want.question.way = CheckWay::kHost;
  want.question.source = parse_ip("192.0.2.9");
  want.question.http = {"/up", "a.example",  {{200, 200}, {300, 302}}, "fine", "b.example",
                        true,  "/etc/ca.pem"};
  EXPECT_EQ(got, want);
}

TEST(HealthKeys, ChecksGoAsPacketsDoUnlessTheHostIsNamed) {
  EXPECT_EQ(health("kind: icmp").question.way, CheckWay::kPackets);
  EXPECT_EQ(health("way: packets").question.way, CheckWay::kPackets);
  EXPECT_EQ(health("way: host").question.way, CheckWay::kHost);
  EXPECT_EQ(health("device: eth0").question.way, CheckWay::kHost);
  EXPECT_EQ(health("source: 192.0.2.9").question.way, CheckWay::kHost);
}

TEST(HealthKeys, OfTheOtherKinds) {
  const UdpCheck udp =
      health("kind: udp, udp: {payload: a, expect: b, silence: down}").question.udp;
  EXPECT_EQ(udp, (UdpCheck{"a", "b", Silence::kDown}));
  const DnsCheck dns = health("kind: dns, dns: {name: a.example, type: MX}").question.dns;
  EXPECT_EQ(dns, (DnsCheck{"a.example", DnsType::kMx}));
  const CommandCheck command = health("kind: command, command: [/bin/true, -x]").question.command;
  EXPECT_EQ(command.argv, (std::vector<std::string>{"/bin/true", "-x"}));
}

TEST(HealthKeys, OfTheServiceItself) {
  const ServiceConfig got =
      parse_config(
          service("on_down: keep, slow_start_s: 30, sorry: {address: 192.0.2.12, port: 81, "
                  "forwarding: nat}"),
          "f")
          .services[0];
  EXPECT_EQ(got.on_down, OnDown::kKeep);
  EXPECT_EQ(got.slow_start_s, 30u);
  ASSERT_TRUE(got.sorry);
  EXPECT_EQ(got.sorry->address, parse_ip("192.0.2.12"));
  EXPECT_EQ(got.sorry->port, 81);
  EXPECT_EQ(got.sorry->forwarding, Forwarding::kNat);
}

class Refused : public testing::TestWithParam<RefusedCase> {};
TEST_P(Refused, WithPlaceAndRemedy) {
  expect_refused(GetParam());
}

RefusedCase bad(const char* name, const std::string& keys, const std::string& mistake) {
  return {name, service("health: {" + keys + "}"), {mistake}};
}

INSTANTIATE_TEST_SUITE_P(
    Health, Refused,
    testing::Values(
        bad("Kind", "kind: ping", "4:16: kind: found 'ping', expected one of none, tcp, http"),
        bad("Interval", "interval_ms: 99", "4:23: interval_ms: found '99'"),
        bad("Timeout", "interval_ms: 200, timeout_ms: 300",
            "4:40: timeout_ms: 300 is more than interval_ms: 200"),
        bad("KeyOfAnotherKind", "kind: tcp, http: {path: /}",
            "4:27: http: only valid with 'kind: http, https'"),
        bad("PortOfIcmp", "kind: icmp, port: 1", "4:28: port: only valid with 'kind: tcp, http"),
        bad("VerifyOfHttp", "kind: http, http: {verify: true}",
            "4:37: verify: only valid with 'kind: https'"),
        bad("Status", "kind: http, http: {status: [300-200]}",
            "4:38: status: found '300-200', expected a status from 100 to 599"),
        bad("Path", "kind: http, http: {path: x}", "4:35: path: found 'x', expected up to 1024"),
        bad("Domain", "kind: dns, dns: {name: a..b}",
            "4:33: name: found 'a..b', expected a domain"),
        bad("NoCommand", "kind: command", "4:9: command: 'kind: command' needs the program"),
        bad("RelativeCommand", "kind: command, command: [true1]",
            "4:34: command: the program 'true1' is not an absolute path"),
        bad("OneChange", "damping: {changes: 1}", "4:29: changes: found 1, expected 0"),
        bad("Hold", "damping: {hold_s: 9, max_hold_s: 8}",
            "4:43: max_hold_s: 8 is below hold_s: 9"),
        bad("DeviceOfPackets", "way: packets, device: eth0",
            "4:32: device: only valid with 'way: host'"),
        bad("SourceFamily", "source: \"2001:db8::1\"",
            "4:18: source: 2001:db8::1 cannot check 192.0.2.11"),
        RefusedCase{"NoPortToAsk",
                    service("last_port: 90, health: {kind: tcp}"),
                    {"4:24: health: needs a 'port', because 192.0.2.11"}},
        RefusedCase{"SorryIsABackend",
                    service("sorry: {address: 192.0.2.11}"),
                    {"4:18: address: 192.0.2.11 is a backend already, see"}},
        RefusedCase{"SlowStart", service("slow_start_s: 3601"), {"4:15: slow_start_s: found"}}),
    case_name);

std::vector<std::string> changes(const std::string& from, const std::string& to) {
  const ConfigDiff diff =
      diff_configs(parse_config(service(from), "f"), parse_config(service(to), "f"));
  EXPECT_EQ(diff.needs_restart, std::vector<std::string>{});
  return diff.changes;
}

TEST(HealthDiff, TellsEachChange) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(changes("on_down: expire", "on_down: keep, slow_start_s: 5, health: {kind: icmp}"),
            (Lines{"services.web.health: added (kind icmp)", "services.web.on_down: expire -> keep",
                   "services.web.slow_start_s: 0 -> 5"}));
  EXPECT_EQ(changes("health: {kind: http}",
                    "health: {kind: http, fall: 5, http: {status: [200, 204-206]}}"),
            (Lines{"services.web.health.fall: 3 -> 5",
                   "services.web.health.http.status: 200-399 -> 200, 204-206"}));
  EXPECT_EQ(changes("on_down: expire", "sorry: {address: 192.0.2.12, port: 81}"),
            (Lines{"services.web.sorry: added (address 192.0.2.12 port 81)"}));
}

}  // namespace
}  // namespace adit
