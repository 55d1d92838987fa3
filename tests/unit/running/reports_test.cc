// SPDX-License-Identifier: Apache-2.0
// Control's time for what workers report: one tenant's reports beside a flood of another's.
#include <gtest/gtest.h>

#include <array>
#include <span>

#include "config/parser.h"
#include "running/control_plane.h"
#include "test_dataplane.h"
#include "worker/worker.h"

namespace adit::reports_test {
namespace {

constexpr unsigned kWorkers = 4;
constexpr unsigned kOfOneTick = 4096;  // reports that control takes

constexpr char kYaml[] = R"(
ports:
  trunk: {device: "tap:trunk"}
  green0: {device: "tap:green0", addresses: [10.1.0.254/24]}
networks:
  red: {vni: 100, members: [{port: trunk, vlan: 10}]}
  blue: {vni: 200, members: [{port: trunk, vlan: 20}]}
vrfs:
  green: {ports: [green0]}
)";

struct ReportsTest : testing::Test {
  ReportsTest() { dataplane->step(now_ns); }

  NetworkId network(const char* name) { return control.ids().networks.at(name); }
  void tell_mac(unsigned worker, const char* name, uint16_t vlan, uint64_t mac) {
    Event event{};
    event.kind = Event::Kind::kMacSeen;
    event.fdb_key = uint64_t{network(name)} << 48 | mac;
    event.bridge_port = control.ids().bridge_ports.at(MemberName{name, "trunk", vlan}).id;
    report(dataplane->worker(worker), event);
  }
  // As many new sources of red as the worker's ring takes.
  void flood(unsigned worker) {
    const Counter& lost = dataplane->worker(worker).counters.events_lost;
    for (const uint64_t before = lost.get(); lost.get() == before;)
      tell_mac(worker, "red", 10, ++red_mac);
  }
  void flood_all() {
    for (unsigned worker = 0; worker < kWorkers; ++worker) flood(worker);
  }
  bool is_learned(uint64_t blue_mac) {
    return dataplane->fdb().lookup(uint64_t{network("blue")} << 48 | blue_mac).bridge_port != 0;
  }
  unsigned reports_that_wait() {
    unsigned count = 0;
    for (unsigned worker = 0; worker < kWorkers; ++worker)
      count += rte_ring_count(dataplane->worker(worker).events);
    return count;
  }

  static constexpr MacAddr kMac = MacAddr::from_u64(0x02'00'00'00'00'01);
  uint64_t now_ns = 100'000'000'000, red_mac = 0x02'01'00'00'00'00;
  TestDataplane dataplane{1024, 2, kWorkers};
  ControlPlane control{*dataplane, parse_config(kYaml, "test"), {kMac, kMac}, now_ns};
};

// Of each worker, what a flood left in its ring is before it, and nothing that comes later is.
TEST_F(ReportsTest, ATenantsAreTakenInTheirTurnWhileAnotherFloodsAllRings) {
  flood_all();
  constexpr uint64_t kFirstMac = 0x02'02'00'00'00'00;
  for (unsigned worker = 0; worker < kWorkers; ++worker)
    tell_mac(worker, "blue", 20, kFirstMac + worker);
  Event host{};
  host.kind = Event::Kind::kHostWanted;
  host.link = 1;
  host.ip = *parse_ip("10.1.0.1");
  report(dataplane->worker(kWorkers - 1), host);
  ASSERT_GT(reports_that_wait(), kOfOneTick);
  const unsigned neighbours = static_cast<unsigned>(control.neighbours().all().size());

  const unsigned ticks = (reports_that_wait() + kOfOneTick - 1) / kOfOneTick;
  for (unsigned i = 0; i < ticks; ++i) {
    control.tick(now_ns += 1'000'000);
    flood_all();
  }
  for (unsigned worker = 0; worker < kWorkers; ++worker)
    EXPECT_TRUE(is_learned(kFirstMac + worker)) << worker;
  EXPECT_EQ(control.neighbours().all().size(), neighbours + 1);
}

// A worker that reports as fast as control takes it does not keep control from the others.
TEST_F(ReportsTest, RingsThatAreNeverEmptyLeaveOthersTheirTurn) {
  std::array<Event, 256> events;
  for (unsigned quiet = 0; quiet < kWorkers; ++quiet) {
    while (dataplane->poll_events(events) != 0) continue;
    const auto flood_others = [&] {
      for (unsigned worker = 0; worker < kWorkers; ++worker)
        if (worker != quiet) flood(worker);
    };
    flood_others();
    tell_mac(quiet, "blue", 20, 0x02'02'00'00'00'01);
    unsigned polls = 0, of_blue = 0;
    for (; of_blue == 0 && polls < 100; ++polls) {
      for (const Event& event : std::span(events).first(dataplane->poll_events(events)))
        of_blue += event.tenant == tenant_of_network(network("blue")) ? 1 : 0;
      flood_others();
    }
    EXPECT_EQ(of_blue, 1u) << quiet;
    EXPECT_LE(polls, kWorkers) << quiet;
  }
}

}  // namespace
}  // namespace adit::reports_test
