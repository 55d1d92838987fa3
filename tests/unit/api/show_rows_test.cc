// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <set>

#include "api/show.h"
#include "config/parser.h"
#include "test_dataplane.h"
#include "tunnel/sequences.h"
#include "worker/worker.h"

namespace adit::show_rows_test {
namespace {

using nlohmann::json;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 1000 * kSecond;
const MacAddr kHost = *parse_mac("02:00:00:00:10:01");

constexpr char kYaml[] = R"(
ports:
  uplink: {device: "tap:up0", mtu_bytes: 1550, addresses: [192.0.2.1/24]}
  trunk: {device: "tap:trunk"}
routes:
  - {to: 198.51.100.0/24, via: 192.0.2.254}
neighbours:
  - {address: 192.0.2.7, mac: "02:00:00:00:00:07"}
networks:
  red:
    vni: 100
    members: [{port: trunk, vlan: 10}]
    remotes: [{address: 192.0.2.7}, {address: 198.51.100.9}]
    static_macs: [{mac: "02:00:00:00:aa:01", remote: 192.0.2.7}]
  blue:
    vni: 200
    members: [{port: trunk}]
    remotes: [{address: 192.0.2.7}]
    learning: false
vrfs:
  tenant:
    networks: {blue: {addresses: [10.1.0.254/24]}}
    neighbours: [{address: 10.1.0.7, mac: "02:00:00:00:00:17"}]
    routes: [{to: 10.2.0.0/16, via: 10.1.0.7}]
)";

class Show : public testing::Test {
 protected:
  void learn(const char* network, const BridgePortName& where, const MacAddr& mac,
             uint64_t now_ns = kStart) {
    const auto& ids = control.ids();
    ASSERT_TRUE(dataplane->fdb().set(fdb_key(ids.networks.at(network), mac),
                                     ids.bridge_ports.at(where).id, false,
                                     static_cast<uint32_t>(now_ns / kSecond)));
  }
  json fdb(const FdbFilter& filter = {}, const Window& window = {}) {
    return show_fdb(control, filter, window, kStart + 30 * kSecond).rows;
  }

  TestDataplane dataplane;
  ControlPlane control{*dataplane,
                       parse_config(kYaml, "test"),
                       {*parse_mac("02:00:00:00:00:01"), *parse_mac("02:00:00:00:00:02")},
                       kStart};
  const BridgePortName trunk10 = MemberName{"red", "trunk", 10};
  const BridgePortName trunk0 = MemberName{"blue", "trunk", 0};
  const BridgePortName remote = RemoteName{"red", *parse_ip("198.51.100.9")};
};

TEST_F(Show, Ports) {
  const json rows = show_ports(control, {}).rows;
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["name"], "uplink");
  EXPECT_EQ(rows[0]["device"], "tap:up0");
  EXPECT_EQ(rows[0]["mac"], "02:00:00:00:00:01");
  EXPECT_EQ(rows[0]["mtu_bytes"], 1550);
  EXPECT_EQ(rows[0]["underlay"], true);
  EXPECT_EQ(rows[0]["addresses"], json::array({"192.0.2.1/24"}));
  EXPECT_EQ(rows[1]["underlay"], false);
  for (const char* key : {"rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "rx_missed"})
    EXPECT_EQ(rows[1][key], 0u) << key;
  for (const char* key : {"driver", "link", "speed_mbps"}) EXPECT_TRUE(rows[1].contains(key));
}

TEST(ShowVlans, StandBehindTheirPort) {
  TestDataplane dataplane;
  const std::string yaml = std::string(kYaml) +
                           "  other:\n    vlans: [{port: trunk, vlan: 20, addresses: "
                           "[10.1.0.254/24], mtu_bytes: 1400}, {port: uplink, vlan: 21, "
                           "addresses: ['fd01::fe/64'], router_advertisements: {}}]\n"
                           "    neighbours: [{address: 10.1.0.7, mac: '02:00:00:00:00:18'}]\n"
                           "    routes: [{to: 10.2.0.0/16, via: 10.1.0.7}]\n";
  ControlPlane control{*dataplane,
                       parse_config(yaml, "test"),
                       {*parse_mac("02:00:00:00:00:01"), *parse_mac("02:00:00:00:00:02")},
                       kStart};
  const json rows = show_ports(control, {}).rows;
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0]["name"], "uplink");
  EXPECT_EQ(rows[0]["vlan"], nullptr);
  EXPECT_EQ(rows[0]["vrf"], nullptr);
  EXPECT_EQ(rows[1]["name"], "uplink");
  EXPECT_EQ(rows[1]["vlan"], 21);
  EXPECT_EQ(rows[1]["mac"], "02:00:00:00:00:01");
  EXPECT_EQ(rows[1]["mtu_bytes"], 1550);
  EXPECT_EQ(rows[1]["router_advertisements"], true);
  EXPECT_EQ(rows[3]["router_advertisements"], false);
  EXPECT_EQ(rows[3]["name"], "trunk");
  EXPECT_EQ(rows[3]["vlan"], 20);
  EXPECT_EQ(rows[3]["vrf"], "other");
  EXPECT_EQ(rows[3]["underlay"], false);
  EXPECT_EQ(rows[3]["mtu_bytes"], 1400);
  EXPECT_EQ(rows[3]["addresses"], json::array({"10.1.0.254/24"}));
  EXPECT_EQ(rows[3]["rx_packets"], 0u);

  const json routes = show_routes(control, {}).rows;
  ASSERT_EQ(routes.size(), 5u);
  EXPECT_EQ(routes[2]["vlan"], 20);
  EXPECT_EQ(routes[2]["port"], "trunk");
  EXPECT_EQ(routes[4]["vlan"], 20);
  EXPECT_EQ(routes[4]["via"], "10.1.0.7");
  const json neighbours = show_neighbours(control, {}, kStart).rows;
  EXPECT_EQ(neighbours.back(),
            json::parse(R"({"port": "trunk", "vlan": 20, "network": null, "address": "10.1.0.7",
      "mac": "02:00:00:00:00:18", "state": "static", "origin": "file", "age_s": null})"));
}

TEST_F(Show, Networks) {
  const json rows = show_networks(control, {}).rows;
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["name"], "red");
  EXPECT_EQ(rows[0]["vni"], 100);
  EXPECT_EQ(rows[0]["members"], 1);
  EXPECT_EQ(rows[0]["remotes"], 2);
  EXPECT_EQ(rows[0]["macs"], 1) << "the static one";
  EXPECT_EQ(rows[0]["learning"], true);
  EXPECT_EQ(rows[0]["vrf"], nullptr);
  EXPECT_EQ(rows[0]["gateway"], json::array());
  EXPECT_EQ(rows[0]["gateway_mac"], nullptr);
  EXPECT_EQ(rows[1]["learning"], false);
  EXPECT_EQ(rows[1]["vrf"], "tenant");
  EXPECT_EQ(rows[1]["gateway"], json::array({"10.1.0.254/24"}));
  EXPECT_EQ(rows[1]["gateway_mac"], "02:ad:17:00:00:c8");
  EXPECT_EQ(rows[1]["rx_packets"], 0u);
}

TEST_F(Show, RemotesWithTheirNextHops) {
  const json rows = show_remotes(control, std::nullopt, {}, kStart).rows;
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0]["network"], "red");
  EXPECT_EQ(rows[0]["kind"], "vxlan");
  EXPECT_EQ(rows[0]["id"], 100);
  EXPECT_EQ(rows[0]["address"], "192.0.2.7");
  EXPECT_EQ(rows[0]["next_hop"], "192.0.2.7");
  EXPECT_EQ(rows[0]["next_hop_mac"], "02:00:00:00:00:07");
  EXPECT_EQ(rows[0]["reachable"], true);
  EXPECT_EQ(rows[1]["next_hop"], "192.0.2.254");
  EXPECT_EQ(rows[1]["next_hop_mac"], nullptr);
  EXPECT_EQ(rows[1]["reachable"], false);
  const json blue = show_remotes(control, "blue", {}, kStart).rows;
  ASSERT_EQ(blue.size(), 1u);
  EXPECT_EQ(blue[0]["network"], "blue");
}

TEST_F(Show, ARemoteThatSpeaksOtherwiseCountsFromZero) {
  const BridgePortName name = RemoteName{"red", *parse_ip("192.0.2.7")};
  Worker& worker = dataplane->worker(0);
  const auto id = [&] { return control.ids().bridge_ports.at(name).id; };
  const auto sequences = [&]() -> Sequences& {
    return worker.tunnels.shared<ZeroPages<Sequences>>(tunnel_index(TunnelKind::kGre))[id()];
  };
  const auto use = [&] {
    worker.bridge_port_counters[id()].rx_packets.add(5);
    worker.bridge_port_counters[id()].last_rx_s = 999;
    worker.bridge_port_errors[id()].drops[static_cast<size_t>(DropReason::k_gre_sequence)].add(3);
    sequences().received = 8;
    sequences().sent = 8;
  };
  const auto row = [&]() -> json { return show_remotes(control, "red", {}, kStart).rows.at(0); };
  const auto expect_fresh = [&](const char* why) {
    EXPECT_EQ(row()["rx_packets"], 0u) << why;
    EXPECT_EQ(row()["errors"], json::object()) << why;
    EXPECT_EQ(dataplane->last_received_s(id()), 0u) << why;
    EXPECT_EQ(sequences().received, 0u) << why;
    EXPECT_EQ(sequences().sent, 0u) << why;
  };
  Config config = control.config();
  RemoteConfig& remote = config.networks[0].remotes[0];
  use();
  learn("red", name, kHost);
  remote.tunnel.ttl = 9;
  control.apply(config, kStart);
  EXPECT_EQ(row()["rx_packets"], 5u) << "it is the same one";
  EXPECT_EQ(row()["errors"], json({{"gre_sequence", 3}}));
  EXPECT_EQ(sequences().received, 8u);
  EXPECT_EQ(fdb().size(), 2u) << "the static MAC and the learned one";

  remote.kind = TunnelKind::kGre;
  control.apply(config, kStart);
  expect_fresh("another kind");
  EXPECT_EQ(fdb().size(), 1u);
  EXPECT_EQ(fdb()[0]["remote"], "192.0.2.7") << "the static MAC is behind the new one";
  use();
  remote.id = 7;
  control.apply(config, kStart);
  expect_fresh("another id, and a place that was in use before");
  use();
  EXPECT_EQ(row()["rx_packets"], 5u);
}

// Of pages of one row each.
template <class GetPage>
json pages_of(GetPage get) {
  json paged = json::array();
  Window window{0, 1};
  for (;;) {
    const Rows page = get(window);
    paged.insert(paged.end(), page.rows.begin(), page.rows.end());
    if (!page.truncated) return paged;
    EXPECT_GT(page.next_offset, window.offset);
    if (page.next_offset <= window.offset) return paged;
    window.offset = page.next_offset;
  }
}

TEST_F(Show, RemotesPageByPage) {
  for (const auto& network : {std::optional<std::string>(), std::optional<std::string>("red")})
    EXPECT_EQ(pages_of([&](const Window& window) {
                return show_remotes(control, network, window, kStart);
              }),
              show_remotes(control, network, {}, kStart).rows);
}

TEST_F(Show, PortsRoutesAndNetworksPageByPage) {
  EXPECT_EQ(pages_of([&](const Window& window) { return show_ports(control, window); }),
            show_ports(control, {}).rows);
  EXPECT_EQ(pages_of([&](const Window& window) { return show_routes(control, window); }),
            show_routes(control, {}).rows);
  EXPECT_EQ(pages_of([&](const Window& window) { return show_networks(control, window); }),
            show_networks(control, {}).rows);
}

TEST_F(Show, FdbNamesWhereAMacIs) {
  learn("red", trunk10, kHost);
  learn("blue", trunk0, kHost);
  learn("red", remote, MacAddr::from_u64(0x02'0000'0000'99), kStart + 10 * kSecond);
  EXPECT_EQ(fdb().size(), 4u);
  const NetworkId red = control.ids().networks.at("red");
  const json here = fdb({red, kHost});
  ASSERT_EQ(here.size(), 1u);
  EXPECT_EQ(here[0], json::parse(R"({"network": "red", "mac": "02:00:00:00:10:01",
      "kind": "access", "port": "trunk", "vlan": 10, "static": false, "origin": "learned", "age_s": 30})"));
  const json untagged = fdb({control.ids().networks.at("blue"), kHost});
  EXPECT_EQ(untagged[0]["vlan"], nullptr);
  const json far = fdb({red, MacAddr::from_u64(0x02'0000'0000'99)});
  EXPECT_EQ(far[0], json::parse(R"({"network": "red", "mac": "02:00:00:00:00:99",
      "kind": "remote", "remote": "198.51.100.9", "static": false, "origin": "learned", "age_s": 20})"));
  const json still = fdb({red, *parse_mac("02:00:00:00:aa:01")});
  EXPECT_EQ(still[0]["static"], true);
  EXPECT_EQ(still[0]["age_s"], nullptr);
}

TEST_F(Show, FdbFiltersByNetworkAndByMac) {
  learn("red", trunk10, kHost);
  learn("blue", trunk0, kHost);
  EXPECT_EQ(fdb({std::nullopt, kHost}).size(), 2u);
  EXPECT_EQ(fdb({control.ids().networks.at("red"), std::nullopt}).size(), 2u);
  EXPECT_EQ(fdb({control.ids().networks.at("blue"), std::nullopt}).size(), 1u);
  EXPECT_EQ(fdb({std::nullopt, *parse_mac("02:00:00:00:ff:ff")}).size(), 0u);
}

TEST_F(Show, FdbGoesOnWhereItStopped) {
  constexpr unsigned kMacs = 100;
  for (unsigned i = 1; i <= kMacs; ++i)
    learn("red", trunk10, MacAddr::from_u64(0x0200'0000'0000 + i));
  std::set<std::string> seen;
  Window window{0, 7};
  for (;;) {
    const Rows page = show_fdb(control, {}, window, kStart);
    EXPECT_LE(page.rows.size(), window.limit);
    for (const json& row : page.rows) EXPECT_TRUE(seen.insert(row["mac"]).second) << row;
    if (!page.truncated) break;
    window.offset = page.next_offset;
    // An entry that goes meanwhile takes no other with it.
    if (seen.size() == 49)
      dataplane->fdb().erase(
          fdb_key(control.ids().networks.at("red"), *parse_mac(seen.begin()->c_str())));
  }
  EXPECT_EQ(seen.size(), kMacs + 1);
}

TEST_F(Show, FdbSurvivesAnyOffset) {
  EXPECT_EQ(fdb({}, {UINT64_MAX, 10}).size(), 0u);
  EXPECT_EQ(
      fdb({control.ids().networks.at("red"), *parse_mac("02:00:00:00:aa:01")}, {UINT64_MAX, 10})
          .size(),
      0u);
  EXPECT_EQ(show_remotes(control, std::nullopt, {UINT64_MAX, 1}, kStart).rows.size(), 0u);
  EXPECT_EQ(show_networks(control, {UINT64_MAX, 1}).rows.size(), 0u);
}

TEST_F(Show, RoutesIntoNetworks) {
  const json rows = show_routes(control, {}).rows;
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], json::parse(R"({"vrf": "tenant", "to": "10.1.0.0/24", "origin": "file",
      "source": "connected", "state": "used", "via": null, "port": null, "vlan": null,
      "network": "blue", "tunnel": null, "metric": null})"));
  EXPECT_EQ(rows[1], json::parse(R"({"vrf": "tenant", "to": "10.2.0.0/16", "origin": "file",
      "source": "static", "state": "used", "via": "10.1.0.7", "port": null, "vlan": null,
      "network": "blue", "tunnel": null, "metric": null})"));
}

TEST_F(Show, Neighbours) {
  const json rows = show_neighbours(control, {}, kStart + 5 * kSecond).rows;
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[2], json::parse(R"({"port": null, "vlan": null, "network": "blue",
      "address": "10.1.0.7", "mac": "02:00:00:00:00:17", "state": "static", "origin": "file", "age_s": null})"));
  EXPECT_EQ(rows[0], json::parse(R"({"port": "uplink", "vlan": null, "network": null,
      "address": "192.0.2.7", "mac": "02:00:00:00:00:07", "state": "static", "origin": "file", "age_s": null})"));
  EXPECT_EQ(rows[1]["address"], "192.0.2.254");
  EXPECT_EQ(rows[1]["mac"], nullptr);
  EXPECT_EQ(rows[1]["origin"], nullptr);
  EXPECT_EQ(rows[1]["age_s"], nullptr);
  const Rows first = show_neighbours(control, {0, 1}, kStart);
  EXPECT_TRUE(first.truncated);
  EXPECT_EQ(show_neighbours(control, {first.next_offset, 1}, kStart).rows[0]["address"],
            "192.0.2.254");
}

TEST_F(Show, NeighbourAgesFromItsLastAnswer) {
  Neighbour neighbour;
  neighbour.hop.address = *parse_ip("192.0.2.2");
  neighbour.state = NeighbourState::kReachable;
  neighbour.mac = kHost;
  neighbour.confirmed_ns = kStart;
  EXPECT_EQ(neighbour_row({"uplink", 0, {}}, neighbour, kStart + 7 * kSecond)["age_s"], 7);
  EXPECT_EQ(neighbour_row({"uplink", 0, {}}, neighbour, kStart - 1)["age_s"], 0);
  EXPECT_EQ(neighbour_row({"uplink", 0, {}}, neighbour, kStart)["origin"], "learned");
  neighbour.state = NeighbourState::kStatic;
  neighbour.is_told = true;
  EXPECT_EQ(neighbour_row({"uplink", 0, {}}, neighbour, kStart)["origin"], "netlink");
}

TEST_F(Show, Drops) {
  EXPECT_EQ(show_drops(control, DropRows::kNonZero).rows.size(), 0u);
  EXPECT_EQ(show_drops(control, DropRows::kAll).rows.size(), kDropReasonCount);
  std::array<uint64_t, kDropReasonCount> packets = {};
  packets[static_cast<size_t>(DropReason::k_tunnel_id_unknown)] = 3;
  const json rows = drop_rows(packets, DropRows::kNonZero);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["reason"], "tunnel_id_unknown");
  EXPECT_EQ(rows[0]["packets"], 3);
  EXPECT_EQ(rows[0]["help"], "no network has this VNI, VSID, key or context id");
}

TEST_F(Show, Workers) {
  const json rows = show_workers(control).rows;
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["id"], 0);
  EXPECT_EQ(rows[0]["held_now_total"], 0);
  EXPECT_EQ(rows[0]["state"], "running");
  EXPECT_EQ(rows[0]["without_pass_ms"], 0);
}

TEST_F(Show, Status) {
  // Its worker makes no passes by itself.
  control.watch_workers(1'000'000'000);
  uint64_t now_ns = 1'000'000'000;
  for (int looks = 0; looks < 30; ++looks) control.watch_workers(now_ns += 100'000'000);
  EXPECT_EQ(show_workers(control).rows[0]["state"], "stalled");
  EXPECT_EQ(show_workers(control).rows[0]["without_pass_ms"], 3000);
  LogStats log;
  log.written = 7;
  log.lost = 3;
  log.waiting = 2;
  log.stuck = true;
  const json rows = show_status(control, log, 5'900'000'000).rows;
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0], (json{{"uptime_s", 5},
                           {"generation", 1},
                           {"workers", 1},
                           {"workers_stalled", 1},
                           {"log_written", 7},
                           {"log_lost", 3},
                           {"log_waiting", 2},
                           {"log_stuck", true}}));
}

TEST_F(Show, WorkerSumsDropsAndKnowsItsCost) {
  WorkerCounters counters;
  counters.drops[1].add(2);
  counters.drops[5].add(3);
  counters.received.add(10);
  counters.cycles.add(4000);
  counters.busy_cycles.add(1000);
  counters.events_lost.add(9);
  const json row = worker_row(1, 3, counters, 4, {5, 6000});
  EXPECT_EQ(row["core"], 3);
  EXPECT_EQ(row["dropped"], 5);
  EXPECT_EQ(row["busy_percent"], 25.0);
  EXPECT_EQ(row["cycles_per_packet"], 100.0);
  EXPECT_EQ(row["events_lost"], 9);
  EXPECT_EQ(row["held_now_total"], 4);
  EXPECT_EQ(row["fragmented_now"], 5);
  EXPECT_EQ(row["fragment_bytes_now"], 6000);
  EXPECT_EQ(worker_row(0, 0, WorkerCounters{}, 0, {})["cycles_per_packet"], nullptr);
}

}  // namespace
}  // namespace adit::show_rows_test
