// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "config/diff.h"

namespace adit::diff_config_test {
namespace {

using Lines = std::vector<std::string>;

IpAddr ip(const char* text) {
  return *parse_ip(text);
}
MacAddr mac(const char* text) {
  return *parse_mac(text);
}

Config example() {
  Config config;
  PortConfig uplink;
  uplink.name = "uplink";
  uplink.device = {DeviceKind::kTap, "up0"};
  uplink.addresses = {{ip("192.0.2.1"), 24}, {ip("198.51.100.1"), 24}};
  PortConfig red0;
  red0.name = "red0";
  red0.device = {DeviceKind::kTap, "red0"};
  config.ports = {uplink, red0};
  config.routes = {{{ip("203.0.113.0"), 24}, ip("192.0.2.254")}};
  config.neighbours = {{ip("192.0.2.7"), mac("02:00:00:00:00:07")}};
  NetworkConfig red;
  red.name = "red";
  red.vni = 100;
  red.members = {{"red0", {}}};
  red.remotes = {{ip("192.0.2.2")}, {ip("192.0.2.3")}};
  StaticMacConfig still;
  still.mac = mac("02:00:00:00:aa:01");
  still.port = "red0";
  red.static_macs = {still};
  NetworkConfig blue;
  blue.name = "blue";
  blue.vni = 200;
  config.networks = {red, blue};
  return config;
}

struct Case {
  std::string name;
  std::function<void(Config&)> change;
  Lines changes;
  Lines needs_restart;
};

std::ostream& operator<<(std::ostream& out, const Case& test_case) {
  return out << test_case.name;
}

class DiffCase : public testing::TestWithParam<Case> {};

TEST_P(DiffCase, SaysWhatChanges) {
  Config to = example();
  GetParam().change(to);
  const ConfigDiff diff = diff_configs(example(), to);
  EXPECT_EQ(diff.changes, GetParam().changes);
  EXPECT_EQ(diff.needs_restart, GetParam().needs_restart);
}

Case live(std::string name, std::function<void(Config&)> change, Lines changes) {
  return {std::move(name), std::move(change), std::move(changes), {}};
}
Case restart(std::string name, std::function<void(Config&)> change, Lines changes) {
  return {std::move(name), std::move(change), changes, changes};
}

INSTANTIATE_TEST_SUITE_P(
    System, DiffCase,
    testing::Values(
        restart("workers", [](Config& c) { c.system.workers = 2; }, {"system.workers: auto -> 2"}),
        restart("poll", [](Config& c) { c.system.poll = PollMode::kBusy; },
                {"system.poll: adaptive -> busy"}),
        restart("hugepages", [](Config& c) { c.system.hugepages = HugepageMode::kNo; },
                {"system.hugepages: auto -> no"}),
        restart("memory", [](Config& c) { c.system.memory_mb = 512; },
                {"system.memory_mb: auto -> 512"}),
        restart("mbufs", [](Config& c) { c.system.mbufs = 2048; }, {"system.mbufs: auto -> 2048"}),
        restart("fdb", [](Config& c) { c.system.fdb_capacity = 1024; },
                {"system.fdb_capacity: 65536 -> 1024"}),
        restart("socket", [](Config& c) { c.system.socket = "/tmp/x"; },
                {"system.socket: /run/adit/adit.sock -> /tmp/x"}),
        restart("target", [](Config& c) { c.system.log_target = LogTarget::kSyslog; },
                {"system.log.target: stderr -> syslog"}),
        restart("level", [](Config& c) { c.system.log_level = LogLevel::kDebug; },
                {"system.log.level: info -> debug"})));

INSTANTIATE_TEST_SUITE_P(
    Ports, DiffCase,
    testing::Values(
        live("device",
             [](Config& c) {
               c.ports[1].device = {DeviceKind::kAfPacket, "e1"};
             },
             {"ports.red0.device: tap:red0 -> af_packet:e1"}),
        live("mtu", [](Config& c) { c.ports[1].mtu_bytes = 9000; },
             {"ports.red0.mtu_bytes: 1500 -> 9000"}),
        live("mac", [](Config& c) { c.ports[1].mac = mac("02:00:00:00:00:01"); },
             {"ports.red0.mac: the device's own -> 02:00:00:00:00:01"}),
        live("promiscuous", [](Config& c) { c.ports[1].promiscuous = true; },
             {"ports.red0.promiscuous: false -> true"}),
        live("rx_queues", [](Config& c) { c.ports[1].rx_queues = 2; },
             {"ports.red0.rx_queues: auto -> 2"}),
        live("tx_queues", [](Config& c) { c.ports[1].tx_queues = 2; },
             {"ports.red0.tx_queues: auto -> 2"}),
        live("rx_ring", [](Config& c) { c.ports[1].rx_ring = 64; },
             {"ports.red0.rx_ring: 1024 -> 64"}),
        live("tx_ring", [](Config& c) { c.ports[1].tx_ring = 64; },
             {"ports.red0.tx_ring: 1024 -> 64"}),
        live("offload", [](Config& c) { c.ports[1].offload = OffloadMode::kOff; },
             {"ports.red0.offload: auto -> off"}),
        live("steer", [](Config& c) { c.ports[1].steer = Steer::kAll; },
             {"ports.red0.steer: auto -> all"}),
        live("bond",
             [](Config& c) {
               c.ports[1].device = {DeviceKind::kBond, ""};
               c.ports[1].bond = {.members = {{DeviceKind::kTap, "a"}}};
             },
             {"ports.red0.device: tap:red0 -> none", "ports.red0.bond: added (members tap:a)"}),
        live("removed", [](Config& c) { c.ports.pop_back(); }, {"ports.red0: removed"}),
        live("added",
             [](Config& c) {
               c.ports.push_back(c.ports[1]);
               c.ports[2].name = "blue0";
             },
             {"ports.blue0: added"}),
        live("order", [](Config& c) { std::swap(c.ports[0], c.ports[1]); },
             {"ports: order changed"}),
        live("addresses",
             [](Config& c) {
               c.ports[0].addresses[1] = {ip("10.0.0.1"), 8};
             },
             {"ports.uplink: address 198.51.100.1/24 removed",
              "ports.uplink: address 10.0.0.1/8 added"}),
        live("prefix length", [](Config& c) { c.ports[0].addresses[1].length = 25; },
             {"ports.uplink: address 198.51.100.1/24 removed",
              "ports.uplink: address 198.51.100.1/25 added"}),
        live("order of addresses",
             [](Config& c) { std::swap(c.ports[0].addresses[0], c.ports[0].addresses[1]); },
             {"ports.uplink: order of addresses changed"})));

INSTANTIATE_TEST_SUITE_P(
    Underlay, DiffCase,
    testing::Values(
        live("route added",
             [](Config& c) {
               c.routes.push_back({{ip("10.0.0.0"), 8}, ip("192.0.2.9")});
             },
             {"routes: 10.0.0.0/8 via 192.0.2.9 added"}),
        live("route removed", [](Config& c) { c.routes.clear(); },
             {"routes: 203.0.113.0/24 via 192.0.2.254 removed"}),
        live("route moved", [](Config& c) { c.routes[0].via = ip("192.0.2.9"); },
             {"routes: 203.0.113.0/24 via: 192.0.2.254 -> 192.0.2.9"}),
        live("neighbour added",
             [](Config& c) {
               c.neighbours.push_back({ip("192.0.2.8"), mac("02:00:00:00:00:08")});
             },
             {"neighbours: 192.0.2.8 mac 02:00:00:00:00:08 added"}),
        live("neighbour removed", [](Config& c) { c.neighbours.clear(); },
             {"neighbours: 192.0.2.7 mac 02:00:00:00:00:07 removed"}),
        live("neighbour changed", [](Config& c) { c.neighbours[0].mac = mac("02:00:00:00:00:08"); },
             {"neighbours: 192.0.2.7 mac: 02:00:00:00:00:07 -> 02:00:00:00:00:08"}),
        live("stt reassembly",
             [](Config& c) {
               c.tunnels[tunnel_index(TunnelKind::kStt)].own = {4, 1, 500};
             },
             {"tunnels.stt.reassembly_mb: 8 -> 4", "tunnels.stt.reassembly_peer_mb: 2 -> 1",
              "tunnels.stt.reassembly_timeout_ms: 1000 -> 500"}),
        live("vxlan",
             [](Config& c) {
               c.tunnels[0].port = 8472;
               c.tunnels[0].ttl = 1;
               c.tunnels[0].dscp = 46;
             },
             {"tunnels.vxlan.udp_port: 4789 -> 8472", "tunnels.vxlan.ttl: 64 -> 1",
              "tunnels.vxlan.dscp: 0 -> 46"})));

INSTANTIATE_TEST_SUITE_P(
    Networks, DiffCase,
    testing::Values(
        live("added",
             [](Config& c) {
               c.networks.push_back(c.networks[1]);
               c.networks[2].name = "green";
               c.networks[2].vni = 300;
             },
             {"networks.green: added (vni 300)"}),
        live("removed", [](Config& c) { c.networks.erase(c.networks.begin()); },
             {"networks.red: removed (vni 100)"}),
        live("vni", [](Config& c) { c.networks[0].vni = 101; }, {"networks.red.vni: 100 -> 101"}),
        live("learning", [](Config& c) { c.networks[0].learning = false; },
             {"networks.red.learning: true -> false"}),
        live("carry_vlans", [](Config& c) { c.networks[0].carry_vlans = true; },
             {"networks.red.carry_vlans: false -> true"}),
        live("aging", [](Config& c) { c.networks[0].mac_aging_s = 10; },
             {"networks.red.mac_aging_s: 300 -> 10"}),
        live("limit", [](Config& c) { c.networks[0].mac_limit = 0; },
             {"networks.red.mac_limit: 16384 -> 0"}),
        live("flood limits",
             [](Config& c) {
               c.networks[0].broadcast_pps = 1;
               c.networks[0].multicast_pps = 2;
               c.networks[0].unknown_unicast_pps = 3;
             },
             {"networks.red.flood_limits.broadcast_pps: no limit -> 1",
              "networks.red.flood_limits.multicast_pps: no limit -> 2",
              "networks.red.flood_limits.unknown_unicast_pps: no limit -> 3"}),
        live("member tagged", [](Config& c) { c.networks[0].members[0].vlan = 10; },
             {"networks.red: member port red0 removed",
              "networks.red: member port red0 vlan 10 added"}),
        live("remote added", [](Config& c) { c.networks[0].remotes.push_back({ip("192.0.2.9")}); },
             {"networks.red: remote 192.0.2.9 (vxlan) added"}),
        live("remote removed", [](Config& c) { c.networks[0].remotes.pop_back(); },
             {"networks.red: remote 192.0.2.3 (vxlan) removed"}),
        live("remote changed",
             [](Config& c) {
               c.networks[0].remotes[0] = {ip("192.0.2.2"), TunnelKind::kGre, 7, true, true, 3};
             },
             {"networks.red: remote 192.0.2.2 kind: vxlan -> gre",
              "networks.red: remote 192.0.2.2 id: the default -> 7",
              "networks.red: remote 192.0.2.2 checksum: false -> true",
              "networks.red: remote 192.0.2.2 sequence: false -> true",
              "networks.red: remote 192.0.2.2 split_horizon: auto -> 3"}),
        live("static MAC removed", [](Config& c) { c.networks[0].static_macs.clear(); },
             {"networks.red: static MAC 02:00:00:00:aa:01 at port red0 removed"}),
        live("static MAC moved",
             [](Config& c) {
               c.networks[0].static_macs[0].port.reset();
               c.networks[0].static_macs[0].remote = ip("192.0.2.2");
             },
             {"networks.red: static MAC 02:00:00:00:aa:01: at port red0 -> at remote 192.0.2.2"}),
        live("order", [](Config& c) { std::swap(c.networks[0], c.networks[1]); },
             {"networks: order changed"})));

TEST(ConfigDiff, OfEqualConfigurationsIsEmpty) {
  const ConfigDiff diff = diff_configs(example(), example());
  EXPECT_TRUE(diff.changes.empty());
  EXPECT_TRUE(diff.needs_restart.empty());
}

TEST(ConfigDiff, NamesOnlyTheRestartsAmongOtherChanges) {
  Config to = example();
  to.system.workers = 4;
  to.networks[0].vni = 7;
  const ConfigDiff diff = diff_configs(example(), to);
  EXPECT_EQ(diff.changes, (Lines{"system.workers: auto -> 4", "networks.red.vni: 100 -> 7"}));
  EXPECT_EQ(diff.needs_restart, Lines{"system.workers: auto -> 4"});
}

Config many_networks(unsigned count) {
  Config config;
  config.networks.resize(count);
  for (unsigned i = 0; i < count; ++i) {
    config.networks[i].name = "net" + std::to_string(i);
    config.networks[i].vni = i + 1;
    config.networks[i].remotes.resize(4);
    for (unsigned r = 0; r < 4; ++r)
      config.networks[i].remotes[r].address = IpAddr::v4(be32(0x0a00'0000 + r));
  }
  return config;
}

TEST(ConfigDiff, TellsOfManyNetworks) {
  constexpr unsigned kNetworks = 4000;
  const Config from = many_networks(kNetworks);
  Config to = from;
  std::reverse(to.networks.begin(), to.networks.end());
  for (NetworkConfig& network : to.networks) network.remotes.pop_back();
  const ConfigDiff diff = diff_configs(from, to);
  EXPECT_EQ(diff.changes.size(), kNetworks + 1) << "and of their order";
}

}  // namespace
}  // namespace adit::diff_config_test
