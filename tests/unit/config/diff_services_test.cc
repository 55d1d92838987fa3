// SPDX-License-Identifier: Apache-2.0
// What a reload would change of services and the balancer.
#include <gtest/gtest.h>

#include "config/diff.h"
#include "config/parser.h"
#include "config_services.h"

namespace adit::diff_services_test {
namespace {

using Lines = std::vector<std::string>;

ConfigDiff diff(const std::string& from, const std::string& to) {
  return diff_configs(parse_config(from, "f"), parse_config(to, "f"));
}
// None of them needs a restart.
Lines changes(const std::string& from, const std::string& to) {
  const ConfigDiff found = diff(from, to);
  EXPECT_EQ(found.needs_restart, Lines{});
  return found.changes;
}

TEST(DiffServices, TheyComeAndGo) {
  const std::string a = "  a: {address: 192.0.2.80, port: 80}\n";
  const std::string b = "  b: {address: 192.0.2.80, port: 81}\n";
  EXPECT_EQ(changes(world(a), world(a)), Lines{});
  EXPECT_EQ(changes(world(a), world(a + b)), Lines{"services.b: added"});
  EXPECT_EQ(changes(world(a + b), world(b)), Lines{"services.a: removed"});
  EXPECT_EQ(changes(world(a + b), world(b + a)), Lines{"services: order changed"});
}

TEST(DiffServices, EveryKey) {
  EXPECT_EQ(
      changes(web("address: 192.0.2.80, port: 80, scheduler: rr, forwarding: tunnel"),
              web("vrf: blue, address: 192.0.2.81, protocol: udp, port: 81, last_port: 90, "
                  "scheduler: mh, scheduler_options: {hash_port: true, fallback: true, table_size: "
                  "251}, forwarding: direct, one_packet: true")),
      (Lines{"services.web.vrf: underlay -> blue", "services.web.address: 192.0.2.80 -> 192.0.2.81",
             "services.web.protocol: tcp -> udp", "services.web.port: 80 -> 81",
             "services.web.last_port: none -> 90", "services.web.scheduler: rr -> mh",
             "services.web.scheduler_options.hash_port: false -> true",
             "services.web.scheduler_options.fallback: false -> true",
             "services.web.scheduler_options.table_size: auto -> 251",
             "services.web.forwarding: tunnel -> direct",
             "services.web.one_packet: false -> true"}));
  const std::string common = "address: 192.0.2.80, port: 80, forwarding: ";
  EXPECT_EQ(changes(web(common + "tunnel"),
                    web(common + "tunnel, wrap: gue, gue_port: 7, unmatched: schedule")),
            (Lines{"services.web.wrap: ipip -> gue", "services.web.gue_port: 6080 -> 7",
                   "services.web.unmatched: drop -> schedule"}));
  EXPECT_EQ(changes(web("address: 192.0.2.80, port: 80, client_address: proxy"),
                    web("address: 192.0.2.80, port: 80")),
            Lines{"services.web.client_address: proxy -> none"});
  EXPECT_EQ(changes(web(common + "tunnel, wrap: gre, unmatched: reset"),
                    web(common + "fullnat, local_addresses: [192.0.2.90]")),
            (Lines{"services.web.forwarding: tunnel -> fullnat", "services.web.wrap: gre -> ipip",
                   "services.web.unmatched: reset -> drop",
                   "services.web: local address 192.0.2.90 added"}));
  EXPECT_EQ(changes(web(common + "fullnat, local_addresses: [192.0.2.90, 192.0.2.91]"),
                    web(common + "fullnat, local_addresses: [192.0.2.91]")),
            Lines{"services.web: local address 192.0.2.90 removed"});
}

std::string with_backends(const std::string& backends, const std::string& vrf = "underlay") {
  return web("vrf: " + vrf + ", address: 198.51.100.80, port: 80, backends: [" + backends + "]");
}

TEST(DiffServices, EveryKeyOfABackend) {
  EXPECT_EQ(changes(with_backends("{address: 192.0.2.11}"),
                    with_backends("{address: 192.0.2.11, weight: 0, forwarding: direct, "
                                  "upper_connections: 9, lower_connections: 8}")),
            (Lines{"services.web: backend 192.0.2.11 weight: 1 -> 0",
                   "services.web: backend 192.0.2.11 forwarding: the service's -> direct",
                   "services.web: backend 192.0.2.11 upper_connections: 0 -> 9",
                   "services.web: backend 192.0.2.11 lower_connections: 0 -> 8"}));
}

TEST(DiffServices, ABackendIsItsAddressPortAndVrf) {
  EXPECT_EQ(changes(with_backends("{address: 192.0.2.11}"),
                    with_backends("{address: 192.0.2.11, port: 8080}")),
            (Lines{"services.web: backend 192.0.2.11 removed",
                   "services.web: backend 192.0.2.11:8080 added"}));
  EXPECT_EQ(changes(with_backends("{address: 192.0.2.11}"),
                    with_backends("{address: 192.0.2.11, vrf: blue}")),
            (Lines{"services.web: backend 192.0.2.11 removed",
                   "services.web: backend 192.0.2.11 in blue added"}));
  EXPECT_EQ(changes(with_backends("{address: 192.0.2.11}"),
                    with_backends("{address: 192.0.2.11, vrf: underlay}")),
            Lines{})
      << "it is the service's VRF";
  EXPECT_EQ(changes(with_backends("{address: 192.0.2.11}"),
                    with_backends("{address: 192.0.2.11}", "blue")),
            Lines{"services.web.vrf: underlay -> blue"});
  const std::string six = "vrf: blue, address: 'fd00::80', port: 80";
  EXPECT_EQ(changes(web(six), web(six + ", backends: [{address: 'fd00::2', port: 81}]")),
            Lines{"services.web: backend [fd00::2]:81 added"});
}

// Ties go to the first, and rr goes by their order.
TEST(DiffServices, TheOrderOfBackendsCounts) {
  const std::string a = "{address: 192.0.2.11}", b = "{address: 192.0.2.12}",
                    c = "{address: 192.0.2.13}";
  EXPECT_EQ(changes(with_backends(a + ", " + b), with_backends(b + ", " + a)),
            Lines{"services.web: order of backends changed"});
  EXPECT_EQ(changes(with_backends(a + ", " + b), with_backends(c + ", " + a + ", " + b)),
            Lines{"services.web: backend 192.0.2.13 added"});
}

TEST(DiffBalancer, TheTableTakesARestart) {
  const ConfigDiff found =
      diff(world(""), world("") + "balancer: {connections: 4096, timeouts: {udp_s: 5}}\n");
  EXPECT_EQ(found.needs_restart, Lines{"balancer.connections: 65536 -> 4096"});
  EXPECT_EQ(found.changes,
            (Lines{"balancer.connections: 65536 -> 4096", "balancer.timeouts.udp_s: 300 -> 5"}));
}

TEST(DiffBalancer, EveryTimeout) {
  const std::string all =
      "balancer: {timeouts: {none_s: 1, syn_sent_s: 1, syn_recv_s: 1, synack_s: 1, "
      "established_s: 1, fin_wait_s: 1, time_wait_s: 1, close_s: 1, close_wait_s: 1, last_ack_s: "
      "1, listen_s: 1, udp_s: 1, udp_new_s: 1, sctp_s: 1}}\n";
  EXPECT_EQ(
      changes(world(""), world("") + all),
      (Lines{"balancer.timeouts.none_s: 2 -> 1", "balancer.timeouts.syn_sent_s: 120 -> 1",
             "balancer.timeouts.syn_recv_s: 60 -> 1", "balancer.timeouts.synack_s: 120 -> 1",
             "balancer.timeouts.established_s: 900 -> 1", "balancer.timeouts.fin_wait_s: 120 -> 1",
             "balancer.timeouts.time_wait_s: 120 -> 1", "balancer.timeouts.close_s: 10 -> 1",
             "balancer.timeouts.close_wait_s: 60 -> 1", "balancer.timeouts.last_ack_s: 30 -> 1",
             "balancer.timeouts.listen_s: 120 -> 1", "balancer.timeouts.udp_s: 300 -> 1",
             "balancer.timeouts.udp_new_s: 30 -> 1", "balancer.timeouts.sctp_s: 900 -> 1"}));
}

TEST(DiffServices, TimeoutsAndLimits) {
  const std::string plain = "address: 192.0.2.80, port: 80";
  const std::string own = plain + ", timeouts: {udp_s: 5, close_s: 9}, limits: ";
  EXPECT_EQ(changes(web(plain), web(own + "{connections: 6, connections_per_s: 7, "
                                          "source_connections_per_s: 8}, drain_udp_s: 0")),
            (Lines{"services.web.drain_udp_s: udp_s -> 0",
                   "services.web.timeouts.close_s: the balancer's -> 9",
                   "services.web.timeouts.udp_s: the balancer's -> 5",
                   "services.web.limits.connections: 0 -> 6",
                   "services.web.limits.connections_per_s: 0 -> 7",
                   "services.web.limits.source_connections_per_s: 0 -> 8"}));
}

TEST(DiffBalancer, WhatAFullTableAndARemovedBackendMean) {
  EXPECT_EQ(changes(world(""), world("") + "balancer: {when_full: refuse, expire_nodest: false}\n"),
            (Lines{"balancer.when_full: replace_half_open -> refuse",
                   "balancer.expire_nodest: true -> false"}));
}

}  // namespace
}  // namespace adit::diff_services_test
