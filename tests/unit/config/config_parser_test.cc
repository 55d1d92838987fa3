// SPDX-License-Identifier: Apache-2.0
// What the walker takes, and files as a whole; what it refuses of single keys is in
// config_refused_test.cc.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

#include "config_cases.h"

namespace adit::config_parser_test {
namespace {

std::string with_port(const std::string& rest) {
  return "ports: {up: {device: 'tap:up0'}}\n" + rest;
}

TEST(ConfigParser, DefaultsAreThoseOfTheTypes) {
  const Config config =
      parse_config("ports: {up: {device: 'tap:up0'}}\nnetworks: {red: {vni: 7}}", "f");
  EXPECT_EQ(config.system, SystemConfig{});
  EXPECT_EQ(config.tunnels, default_tunnels());
  PortConfig port;
  port.name = "up";
  port.device = {DeviceKind::kTap, "up0"};
  ASSERT_EQ(config.ports, std::vector{port});
  NetworkConfig network;
  network.name = "red";
  network.vni = 7;
  ASSERT_EQ(config.networks, std::vector{network});
}

TEST(ConfigParser, ReadsBonds) {
  const Config config = parse_config(R"(
ports:
  all: {bond: {mode: alb, members: ["0000:0A:00.1", "tap:m1"], primary: "tap:m1", link_check_ms: 10,
               up_delay_ms: 60000, down_delay_ms: 1}}
  lacp: {bond: {mode: 802.3ad, members: ["af_xdp:e1"], hash_policy: layer2+3,
                lacp_select: bandwidth}}
  least: {bond: {members: ["vdev:net_null0"]}}
)",
                                     "f");
  const Device pci{DeviceKind::kPci, "0000:0a:00.1"}, tap{DeviceKind::kTap, "m1"};
  ASSERT_EQ(config.ports.size(), 3U);
  for (const PortConfig& port : config.ports)
    EXPECT_EQ(port.device, (Device{DeviceKind::kBond, ""})) << port.name;
  BondConfig all{.mode = BondMode::kAlb, .members = {pci, tap}, .primary = tap};
  all.link_check_ms = 10;
  all.up_delay_ms = 60000;
  all.down_delay_ms = 1;
  EXPECT_EQ(config.ports[0].bond, all);
  EXPECT_EQ(config.ports[1].bond, (BondConfig{.mode = BondMode::kLacp,
                                              .members = {{DeviceKind::kAfXdp, "e1"}},
                                              .hash_policy = BondHash::kLayer23,
                                              .lacp_select = LacpSelect::kBandwidth}));
  const BondConfig least{.members = {{DeviceKind::kVdev, "net_null0"}}};
  EXPECT_EQ(config.ports[2].bond, least);
  EXPECT_EQ(least.mode, BondMode::kActiveBackup);
  EXPECT_EQ(least.hash_policy, BondHash::kLayer34);
  EXPECT_EQ(least.link_check_ms, 20U);
}

TEST(ConfigParser, ReadsEveryKey) {
  const Config config = parse_config(R"(
system: {workers: 3, poll: busy, hugepages: yes, memory_mb: 512, mbufs: 4096, fdb_capacity: 2048,
         socket: /tmp/x.sock, user: adit, log: {target: syslog, level: warn}}
ports:
  up: {device: 0000:0A:00.1, mtu_bytes: 9000, mac: 02:00:00:00:00:01, promiscuous: true,
       rx_queues: 2, tx_queues: 4, rx_ring: 64, tx_ring: 8192, offload: off, steer: all,
       addresses: [192.0.2.1/24, 192.0.2.9/24, 10.0.0.0/31]}
  red0: {device: "vdev:net_null0,copy=1", rx_queues: auto}
routes: [{to: 0.0.0.0/0, via: 192.0.2.254}]
neighbours: [{address: 192.0.2.7, mac: 02:00:00:00:00:07}]
tunnels: {vxlan: {udp_port: 8472, ttl: 1, dscp: 63, zero_checksum6: true},
          stt: {tcp_port: 1, reassembly_mb: 1024, reassembly_peer_mb: 3,
                reassembly_timeout_ms: 60000}}
networks:
  red:
    vni: 16777215
    members: [{port: red0}, {port: up, vlan: 4094}]
    remotes: [{address: 192.0.2.2}, {address: 203.0.113.1}]
    learning: false
    carry_vlans: true
    mac_aging_s: 10
    mac_limit: 0
    static_macs:
      - {mac: 02:00:00:00:aa:01, port: up, vlan: 4094}
      - {mac: 02:00:00:00:aa:02, remote: 203.0.113.1}
    flood_limits: {broadcast_pps: 1, multicast_pps: 2, unknown_unicast_pps: 1000000000}
)",
                                     "f");
  const SystemConfig system{
      3,      PollMode::kBusy,    HugepageMode::kYes, 512, 4096, 2048, "/tmp/x.sock",
      "adit", LogTarget::kSyslog, LogLevel::kWarn};
  EXPECT_EQ(config.system, system);
  const auto prefix = [](const char* ip, uint8_t length) {
    return IpPrefix{*parse_ip(ip), length};
  };
  const PortConfig up{"up",
                      {},
                      {DeviceKind::kPci, "0000:0a:00.1"},
                      {},
                      9000,
                      parse_mac("02:00:00:00:00:01"),
                      true,
                      2,
                      4,
                      64,
                      8192,
                      OffloadMode::kOff,
                      Steer::kAll,
                      {prefix("192.0.2.1", 24), prefix("192.0.2.9", 24), prefix("10.0.0.0", 31)}};
  ASSERT_EQ(config.ports.size(), 2U);
  EXPECT_EQ(config.ports[0], up);
  EXPECT_EQ(config.ports[1].device, (Device{DeviceKind::kVdev, "net_null0,copy=1"}));
  EXPECT_EQ(config.ports[1].rx_queues, std::nullopt);
  EXPECT_EQ(config.routes,
            (std::vector{RouteConfig{prefix("0.0.0.0", 0), *parse_ip("192.0.2.254")}}));
  EXPECT_EQ(
      config.neighbours,
      (std::vector{NeighbourConfig{*parse_ip("192.0.2.7"), *parse_mac("02:00:00:00:00:07")}}));
  EXPECT_EQ(config.tunnels[0], (TunnelConfig{8472, 1, 63, true}));
  TunnelConfig stt;
  stt.port = 1;
  stt.own = {1024, 3, 60000};
  EXPECT_EQ(config.tunnels[tunnel_index(TunnelKind::kStt)], stt);
  const NetworkConfig red{"red",
                          16777215,
                          {{"red0", {}}, {"up", 4094}},
                          {{*parse_ip("192.0.2.2")}, {*parse_ip("203.0.113.1")}},
                          false,
                          true,
                          10,
                          0,
                          {{*parse_mac("02:00:00:00:aa:01"), "up", 4094, {}},
                           {*parse_mac("02:00:00:00:aa:02"), {}, {}, *parse_ip("203.0.113.1")}},
                          1,
                          2,
                          1000000000};
  EXPECT_EQ(config.networks, std::vector{red});
}

TEST(ConfigParser, AliasesStandForWholeValues) {
  const Config config =
      parse_config(with_port("networks:\n  a: {vni: 1, flood_limits: &limits {broadcast_pps: 5}}\n"
                             "  b: {vni: 2, flood_limits: *limits}\n"),
                   "f");
  EXPECT_EQ(config.networks[1].broadcast_pps, 5U);
}

TEST(ConfigParser, MistakeBehindAliasIsToldOnce) {
  EXPECT_EQ(mistakes_of(with_port("networks:\n  a: {vni: 1, flood_limits: &l {broadcast_pps: 0}}\n"
                                  "  b: {vni: 2, flood_limits: *l}\n"))
                .size(),
            1U);
}

TEST(ConfigParser, SelfContainedAliasIsRefusedNotFollowed) {
  const auto mistakes = mistakes_of("ports: &p\n  up: *p\n");
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_TRUE(mistakes[0].starts_with("2:7: this alias refers to a value that contains it"));
}

TEST(ConfigParser, AliasBombIsRefused) {
  std::string yaml = with_port("networks:\n  n0:\n    vni: 1\n    members: &m\n");
  for (int i = 0; i < 50; ++i) yaml += "      - {port: x}\n";
  for (int i = 1; i < 50; ++i)
    yaml += "  n" + std::to_string(i) + ": {vni: " + std::to_string(i) + ", members: *m}\n";
  const auto mistakes = mistakes_of(yaml, {.values = 1000});
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_NE(mistakes[0].find("the file has more than 1000 values, aliases followed"),
            std::string::npos);
}

TEST(ConfigParser, ManyMistakesAreBounded) {
  std::string yaml = with_port("");
  for (int i = 0; i < 5000; ++i) yaml += "x" + std::to_string(i) + ": 1\n";
  const auto mistakes = mistakes_of(yaml);
  ASSERT_EQ(mistakes.size(), 1001U);
  EXPECT_EQ(mistakes.back(), "-: too many mistakes: only the first 1000 of 5000 are shown");
}

TEST(ConfigParser, LargeFileIsRefusedUnread) {
  const auto mistakes = mistakes_of(std::string((64 << 20) + 1, '#'));
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0], "-: the file is larger than 64 MiB");
}

TEST(ConfigParser, MissingFileIsAMistakeOfTheFile) {
  try {
    load_config("/nonexistent/adit.yaml");
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(
        error.what(),
        "/nonexistent/adit.yaml: cannot read the configuration: No such file or directory");
  }
}

// What load_config() says of the path, without waiting for anybody.
std::string refusal_of(const std::string& path) {
  try {
    load_config(path);
    return "accepted";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

TEST(ConfigParser, WhatIsNoRegularFileIsRefusedUnread) {
  const std::string path = testing::TempDir() + "adit_config_" + std::to_string(getpid());
  const std::string is_a = ": cannot read the configuration: it is a ";
  const std::string end = "; expected a regular file";
  EXPECT_EQ(refusal_of("/"), "/" + is_a + "directory" + end);
  EXPECT_EQ(refusal_of("/dev/zero"), "/dev/zero" + is_a + "device" + end);
  EXPECT_EQ(refusal_of("/dev/null"), "/dev/null" + is_a + "device" + end);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(refusal_of(path), path + is_a + "pipe (FIFO)" + end);
  unlink(path.c_str());
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(refusal_of(path), path + is_a + "socket" + end);
  close(fd);
  unlink(path.c_str());
}

TEST(ConfigParser, LargeFileIsRefusedByItsSize) {
  const std::string path = testing::TempDir() + "adit_config_" + std::to_string(getpid());
  std::ofstream(path) << "x";
  ASSERT_EQ(truncate(path.c_str(), off_t{1} << 40), 0);
  EXPECT_EQ(refusal_of(path), path + ": the file is larger than 64 MiB");
  unlink(path.c_str());
}

TEST(ConfigParser, LoadsAFile) {
  const std::string path = testing::TempDir() + "adit_config_" + std::to_string(getpid());
  std::ofstream(path) << with_port("");
  EXPECT_EQ(load_config(path), parse_config(with_port(""), "f"));
  unlink(path.c_str());
}

}  // namespace
}  // namespace adit::config_parser_test
