// SPDX-License-Identifier: Apache-2.0
// Services and the balancer: what the walker reads. What it refuses:
// config_services_refused_test.cc; what a reload would change: diff_services_test.cc.
#include "config_services.h"

#include <gtest/gtest.h>

#include "config_cases.h"

namespace adit::config_services_test {
namespace {

TEST(Services, AreRead) {
  const Config config = parse_config(
      web("vrf: blue, address: 10.9.0.1, protocol: tcp, port: 8000, last_port: 8010, scheduler: "
          "mh, "
          "scheduler_options: {hash_port: true, fallback: true, table_size: 251}, forwarding: "
          "fullnat, unmatched: reset, client_address: proxy, "
          "local_addresses: [10.1.0.201, 10.1.0.202], backends: "
          "[{address: 10.1.0.11, port: 80, weight: 7, upper_connections: 100, lower_connections: "
          "90}, {address: 192.0.2.11, vrf: underlay, forwarding: nat}]") +
          "  dns: {address: 192.0.2.80, protocol: udp, port: 53, scheduler: rr, forwarding: "
          "tunnel, "
          "wrap: gue, gue_port: 6666, one_packet: true, backends: [{address: 'fd00::2'}]}\n",
      "f");
  ASSERT_EQ(config.services.size(), 2u);
  const ServiceConfig& service = config.services[0];
  EXPECT_EQ(service.name, "web");
  EXPECT_EQ(service.vrf, "blue");
  EXPECT_EQ(service.address, parse_ip("10.9.0.1"));
  EXPECT_EQ(service.protocol, Protocol::kTcp);
  EXPECT_EQ(service.port, 8000);
  EXPECT_EQ(service.last_port, 8010);
  EXPECT_EQ(service.scheduler, "mh");
  EXPECT_EQ(service.scheduler_options,
            (SchedulerOptions{.hash_port = true, .fallback = true, .table_size = 251}));
  EXPECT_EQ(service.forwarding, Forwarding::kFullNat);
  EXPECT_EQ(service.unmatched, Unmatched::kReset);
  EXPECT_EQ(service.client_address, ClientAddress::kProxy);
  EXPECT_EQ(service.local_addresses,
            (std::vector{*parse_ip("10.1.0.201"), *parse_ip("10.1.0.202")}));
  ASSERT_EQ(service.backends.size(), 2u);
  EXPECT_EQ(service.backends[0], (BackendConfig{.address = *parse_ip("10.1.0.11"),
                                                .port = 80,
                                                .weight = 7,
                                                .upper_connections = 100,
                                                .lower_connections = 90}));
  EXPECT_EQ(service.backends[1], (BackendConfig{.address = *parse_ip("192.0.2.11"),
                                                .forwarding = Forwarding::kNat,
                                                .vrf = "underlay"}));
  const ServiceConfig& dns = config.services[1];
  EXPECT_EQ(dns.protocol, Protocol::kUdp);
  EXPECT_EQ(dns.forwarding, Forwarding::kTunnel);
  EXPECT_EQ(dns.wrap, WrapKind::kGue);
  EXPECT_EQ(dns.gue_port, 6666);
  EXPECT_TRUE(dns.one_packet);
}

TEST(Services, HaveDefaults) {
  const Config config = parse_config(web("address: 192.0.2.80, port: 0"), "f");
  const ServiceConfig& service = config.services.at(0);
  ServiceConfig expected;
  expected.name = "web";
  expected.address = *parse_ip("192.0.2.80");
  EXPECT_EQ(service, expected);
  EXPECT_EQ(service.vrf, "underlay");
  EXPECT_EQ(service.scheduler, "wlc");
  EXPECT_EQ(service.forwarding, Forwarding::kNat);
  EXPECT_EQ(service.unmatched, Unmatched::kDrop);
  EXPECT_EQ(service.client_address, ClientAddress::kNone);
  EXPECT_EQ(service.scheduler_options.table_size, std::nullopt);
  EXPECT_EQ(config.balancer, BalancerConfig{});
}

TEST(Balancer, IsRead) {
  const Config config = parse_config(
      world("") +
          "balancer: {connections: 4096, timeouts: {none_s: 1, syn_sent_s: 2, syn_recv_s: 3, "
          "synack_s: 4, established_s: 5, fin_wait_s: 6, time_wait_s: 7, close_s: 8, "
          "close_wait_s: 9, last_ack_s: 10, listen_s: 11, udp_s: 12, sctp_s: 86400, udp_new_s: "
          "13}}\n",
      "f");
  EXPECT_EQ(config.balancer.connections, 4096u);
  EXPECT_EQ(config.balancer.timeouts,
            (TimeoutsConfig{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 86400, 13}));
}

TEST(Services, AnyKindOfPortsOfAnAddressMayBeBesideEachOther) {
  EXPECT_EQ(mistakes_of(world("  a: {address: 192.0.2.80, port: 80}\n"
                              "  b: {address: 192.0.2.80, port: 0}\n"
                              "  c: {address: 192.0.2.80, port: 81, last_port: 90}\n"
                              "  d: {address: 192.0.2.80, port: 80, protocol: udp}\n"
                              "  e: {address: 192.0.2.81, port: 80}\n"
                              "  f: {address: 192.0.2.80, port: 80, vrf: blue}\n"
                              "  g: {address: 192.0.2.80, port: 91, last_port: 91}\n")),
            std::vector<std::string>{});
}

TEST(Services, OfFullNatMayHaveBackendsOfBothIpVersions) {
  EXPECT_EQ(mistakes_of(web("address: 192.0.2.80, port: 80, forwarding: fullnat, client_address: "
                            "toa, local_addresses: [192.0.2.90, 'fd00::90'], backends: [{address: "
                            "192.0.2.11}, {address: 'fd00::1'}]")),
            std::vector<std::string>{});
}

TEST(Services, OfNatAndFullNatMaySpeakTheProxyProtocol) {
  EXPECT_EQ(mistakes_of(web("address: 192.0.2.80, port: 80, client_address: proxy, "
                            "local_addresses: [192.0.2.90], backends: [{address: 192.0.2.11}, "
                            "{address: 192.0.2.12, forwarding: fullnat}]")),
            std::vector<std::string>{});
}

TEST(Services, OfDirectAndTunnelMayNameTheServicesOwnPort) {
  EXPECT_EQ(mistakes_of(web("address: 192.0.2.80, port: 80, forwarding: direct, backends: "
                            "[{address: 192.0.2.11, port: 80}]")),
            std::vector<std::string>{});
}

}  // namespace
}  // namespace adit::config_services_test
