// SPDX-License-Identifier: Apache-2.0
// `show services` and `show backends`: rows, their sums, their pages.
#include <gtest/gtest.h>

#include <cmath>

#include "api/show.h"
#include "config/parser.h"
#include "test_dataplane.h"
#include "worker/balancer.h"
#include "worker/worker.h"

namespace adit::show_services_test {
namespace {

constexpr uint64_t kNow = 1'000'000'000'000;  // ns

using nlohmann::json;

constexpr char kYaml[] = R"(
ports:
  uplink: {device: "tap:up0", addresses: [192.0.2.1/24]}
  blue0: {device: "tap:blue0", addresses: [10.1.0.254/24]}
vrfs:
  blue: {ports: [blue0]}
services:
  web:
    address: 192.0.2.80
    port: 80
    last_port: 89
    scheduler: wrr
    local_addresses: [10.1.0.250]
    backends:
      - {address: 192.0.2.11, weight: 5}
      - {address: 10.1.0.11, port: 8080, vrf: blue, forwarding: fullnat, weight: 0}
  empty: {vrf: blue, address: 10.1.0.80, protocol: udp, port: 0}
  sip: {vrf: blue, address: "fd00::80", protocol: sctp, port: 3868, backends: [{address: "fd00::1"}]}
  shop: {mark: 7, persistence: {timeout_s: 60}}
classifier: [{mark: 7, destinations: [192.0.2.81]}]
)";

class ShowServices : public testing::Test {
 protected:
  BackendId id(const char* service, const char* address, uint16_t port = 0,
               const char* vrf = "underlay") {
    return control.ids().backends.at({service, vrf, *parse_ip(address), port});
  }
  BackendLoad& load(BackendId backend) { return balancer().loads[backend]; }
  Balancer& balancer() { return *dataplane->worker(0).balancer; }
  json services() { return show_services(control, {}).rows; }
  json backends(const std::optional<std::string>& service = {}) {
    return show_backends(control, service, {}, kNow).rows;
  }

  TestDataplane dataplane;
  ControlPlane control{*dataplane,
                       parse_config(kYaml, "test"),
                       {*parse_mac("02:00:00:00:00:01"), *parse_mac("02:00:00:00:00:02")},
                       1'000'000'000};
};

TEST_F(ShowServices, TheirConfiguration) {
  const json rows = services();
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0], json::parse(R"({"name": "web", "vrf": "underlay", "address": "192.0.2.80",
      "protocol": "tcp", "port": "80-89", "mark": null, "scheduler": "wrr", "persistence_s": null,
      "templates": 0, "backends": 2, "backends_up": 1,
      "share": 65536, "vrf_share": 65536, "vrf_connections": 0,
      "active": 0, "inactive": 0, "connections": 0,
      "rx_packets": 0, "rx_bytes": 0, "tx_packets": 0, "tx_bytes": 0,
      "announced": 0, "unannounced": 0,
      "connections_per_s": 0, "rx_packets_per_s": 0, "rx_bytes_per_s": 0, "tx_packets_per_s": 0,
      "tx_bytes_per_s": 0})"));
  EXPECT_EQ(rows[1]["name"], "empty");
  EXPECT_EQ(rows[1]["vrf"], "blue");
  EXPECT_EQ(rows[1]["protocol"], "udp");
  EXPECT_EQ(rows[1]["port"], "all");
  EXPECT_EQ(rows[1]["backends"], 0);
  EXPECT_EQ(rows[1]["backends_up"], 0);
  EXPECT_EQ(rows[2]["port"], "3868");
  EXPECT_EQ(rows[2]["protocol"], "sctp");
  EXPECT_EQ(rows[3]["mark"], 7);
  EXPECT_EQ(rows[3]["address"], nullptr);
  EXPECT_EQ(rows[3]["protocol"], nullptr);
  EXPECT_EQ(rows[3]["port"], nullptr);
  EXPECT_EQ(rows[3]["persistence_s"], 60);
}

TEST_F(ShowServices, PersistenceEntriesThatAreThere) {
  PersistenceTable& entries = *dataplane->worker(0).persistence[0];
  const ServiceId shop = control.ids().services.at("shop");
  for (uint64_t number = 1; number <= 3; ++number)
    entries.hold(entries.insert({{0, number}, shop, false}), 1, 60);
  EXPECT_EQ(services()[3]["templates"], 3);
  EXPECT_EQ(services()[0]["templates"], 0);
}

TEST_F(ShowServices, TheirBackends) {
  const json rows = backends();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0], json::parse(R"({"service": "web", "address": "192.0.2.11", "port": null,
      "vrf": "underlay", "forwarding": "nat", "weight": 5, "state": "up", "since_s": 999,
      "check": null, "check_way": null, "latency_ms": null, "path_mtu_bytes": null,
      "active": 0, "inactive": 0, "connections": 0,
      "rx_packets": 0, "rx_bytes": 0, "tx_packets": 0, "tx_bytes": 0,
      "announced": 0, "unannounced": 0,
      "connections_per_s": 0, "rx_packets_per_s": 0, "rx_bytes_per_s": 0, "tx_packets_per_s": 0,
      "tx_bytes_per_s": 0})"));
  EXPECT_EQ(rows[1]["port"], 8080);
  EXPECT_EQ(rows[1]["vrf"], "blue");
  EXPECT_EQ(rows[1]["forwarding"], "fullnat");
  EXPECT_EQ(rows[1]["weight"], 0);
  EXPECT_EQ(rows[1]["state"], "drained");
  EXPECT_EQ(rows[2]["vrf"], "blue") << "the service's";
  const json sip = backends("sip");
  ASSERT_EQ(sip.size(), 1u);
  EXPECT_EQ(sip[0]["address"], "fd00::1");
  EXPECT_EQ(backends("empty"), json::array());
}

// Each second counts for a quarter: 1000, then 1750 and 2312.5 a second, of what grows by 4000.
TEST_F(ShowServices, RatesFollowTheCounters) {
  constexpr uint64_t kSecond = 1'000'000'000;
  const BackendId a = id("web", "192.0.2.11"), b = id("web", "10.1.0.11", 8080, "blue");
  control.tick(kNow);
  uint64_t now = kNow;
  for (const double expected : {1000.0, 1750.0, 2312.5}) {
    balancer().counters[a].rx_packets.add(4000);
    balancer().counters[a].tx_bytes.add(400);
    balancer().counters[b].rx_packets.add(4000);
    balancer().counters[b].connections.add(40);
    control.tick(now += kSecond);
    EXPECT_EQ(backends("web")[0]["rx_packets_per_s"], expected);
    EXPECT_EQ(backends("web")[0]["tx_bytes_per_s"], std::round(expected) / 10);
    EXPECT_EQ(services()[0]["rx_packets_per_s"], 2 * expected);
  }
  EXPECT_EQ(services()[0]["connections_per_s"], 23.1);
  EXPECT_EQ(services()[2]["rx_packets_per_s"], 0);
  // Between the seconds nothing changes; afterwards they fall, and do not linger.
  control.tick(kNow + 3 * kSecond + kSecond / 2);
  EXPECT_EQ(services()[0]["connections_per_s"], 23.1);
  for (unsigned i = 4; i < 64; ++i) control.tick(kNow + i * kSecond);
  EXPECT_EQ(services()[0]["connections_per_s"], 0);
  EXPECT_EQ(services()[0]["rx_packets_per_s"], 0);
}

TEST_F(ShowServices, ServicesAreSumsOfTheirBackends) {
  const BackendId a = id("web", "192.0.2.11"), b = id("web", "10.1.0.11", 8080, "blue");
  load(a).active = 3;
  load(a).inactive = 4;
  load(b).active = 10;
  balancer().counters[a].connections.add(7);
  balancer().counters[a].rx_packets.add(20);
  balancer().counters[a].rx_bytes.add(2000);
  balancer().counters[b].rx_packets.add(1);
  balancer().counters[a].tx_packets.add(5);
  balancer().counters[a].tx_bytes.add(500);
  balancer().counters[a].client_info_sent.add(3);
  balancer().counters[b].client_info_sent.add(1);
  balancer().counters[a].client_info_omitted.add(2);
  const json rows = backends("web");
  EXPECT_EQ(rows[0]["active"], 3);
  EXPECT_EQ(rows[0]["inactive"], 4);
  EXPECT_EQ(rows[0]["connections"], 7);
  EXPECT_EQ(rows[0]["rx_packets"], 20);
  EXPECT_EQ(rows[1]["active"], 10);
  const json all = services();
  EXPECT_EQ(all[0]["active"], 13);
  EXPECT_EQ(all[0]["inactive"], 4);
  EXPECT_EQ(all[0]["connections"], 7);
  EXPECT_EQ(all[0]["rx_packets"], 21);
  EXPECT_EQ(all[0]["rx_bytes"], 2000);
  EXPECT_EQ(all[0]["tx_packets"], 5);
  EXPECT_EQ(all[0]["tx_bytes"], 500);
  EXPECT_EQ(rows[0]["announced"], 3);
  EXPECT_EQ(all[0]["announced"], 4);
  EXPECT_EQ(all[0]["unannounced"], 2);
  EXPECT_EQ(all[2]["active"], 0);
}

TEST_F(ShowServices, ABackendThatIsDownSaysSo) {
  dataplane->backend_status().store(id("web", "192.0.2.11"), {.weight = 5, .up = false});
  EXPECT_EQ(backends("web")[0]["state"], "down");
  EXPECT_EQ(services()[0]["backends_up"], 0) << "the other one is drained";
}

TEST_F(ShowServices, AReloadChangesLivesAndKeepsCounters) {
  const BackendId kept = id("web", "192.0.2.11"), gone = id("sip", "fd00::1", 0, "blue");
  balancer().counters[kept].connections.add(7);
  Config config = control.config();
  config.services[0].backends[0].weight = 0;
  config.services[0].backends[1].weight = 9;
  config.services.erase(config.services.begin() + 2);
  control.apply(config, 1'000'000'000);
  EXPECT_FALSE(dataplane->backend_status().load(gone).up);
  const json rows = backends();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["state"], "drained");
  EXPECT_EQ(rows[0]["connections"], 7);
  EXPECT_EQ(rows[1]["state"], "up");
  EXPECT_EQ(rows[1]["weight"], 9);
}

// All rows, asked for one by one.
template <class Show>
json paged(Show show) {
  json rows = json::array();
  Window window{0, 1};
  for (;;) {
    const Rows page = show(window);
    rows.insert(rows.end(), page.rows.begin(), page.rows.end());
    if (!page.truncated) return rows;
    if (page.next_offset <= window.offset) return "does not go on";
    window.offset = page.next_offset;
  }
}

TEST_F(ShowServices, PageByPage) {
  EXPECT_EQ(paged([&](const Window& window) { return show_services(control, window); }),
            services());
  for (const auto& service : {std::optional<std::string>(), std::optional<std::string>("web")})
    EXPECT_EQ(
        paged([&](const Window& window) { return show_backends(control, service, window, kNow); }),
        backends(service));
}

}  // namespace
}  // namespace adit::show_services_test
