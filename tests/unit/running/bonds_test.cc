// SPDX-License-Identifier: Apache-2.0
// Bonds of devices in memory, in all modes: opened, used, closed; and what is told of them.
#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "running/bond_monitor.h"
#include "test_dataplane.h"
#include "worker/worker.h"

namespace adit {
namespace {

constexpr unsigned kFrames = 64;

PortSpec bond_of(BondMode mode, const std::string& arguments, unsigned number = 0) {
  auto bond = std::make_shared<BondSpec>();
  bond->mode = mode;
  bond->link_check_ms = 10;
  for (unsigned i = 0; i < 2; ++i) {
    const std::string name = "net_null" + std::to_string(2 * number + i);
    bond->members.push_back({"vdev:" + name, name, name + arguments});
  }
  PortSpec spec;
  spec.name = "pair";
  spec.device_name = "net_bonding" + std::to_string(number);
  spec.bond = bond;
  return spec;
}

std::unique_ptr<Dataplane> dataplane_with(const PortSpec& spec, unsigned workers = 1) {
  DataplaneOptions options;
  options.workers = workers;
  options.mbufs = 8191;
  options.fdb_capacity = 1024;
  options.ports = {spec};
  return std::make_unique<Dataplane>(options);
}

uint64_t sent_by(const std::string& device) {
  uint16_t id = 0;
  rte_eth_stats stats{};
  EXPECT_EQ(rte_eth_dev_get_port_by_name(device.c_str(), &id), 0);
  EXPECT_EQ(rte_eth_stats_get(id, &stats), 0);
  return stats.opackets;
}
bool there_is(const std::string& device) {
  uint16_t id = 0;
  return rte_eth_dev_get_port_by_name(device.c_str(), &id) == 0;
}

// IPv4 and UDP, from a port of its own each.
rte_mbuf* make_frame(rte_mempool* pool, unsigned number) {
  rte_mbuf* frame = rte_pktmbuf_alloc(pool);
  auto* bytes = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(frame, 60));
  std::fill(bytes, bytes + 60, uint8_t{0});
  bytes[0] = bytes[6] = 2;
  bytes[12] = 0x08;
  bytes[14] = 0x45, bytes[17] = 46, bytes[22] = 64, bytes[23] = 17;
  bytes[26] = bytes[30] = 10, bytes[33] = 1;
  bytes[35] = static_cast<uint8_t>(number);
  return frame;
}

unsigned send(Dataplane& dataplane) {
  std::vector<rte_mbuf*> frames;
  for (unsigned i = 0; i < kFrames; ++i) frames.push_back(make_frame(dataplane.pool(), i));
  const PortIo& io = dataplane.worker(0).tx[0].io;
  const unsigned sent = io.transmit(io.context, frames.data(), kFrames);
  rte_pktmbuf_free_bulk(frames.data() + sent, kFrames - sent);
  return sent;
}

struct ModeCase {
  std::string name;
  BondMode mode;
  uint64_t first, second;  // frames that each member sends
};
class BondModes : public testing::TestWithParam<ModeCase> {};

TEST_P(BondModes, SendByMembersAndReceiveByAllThatAreUsed) {
  const auto [name, mode, first, second] = GetParam();
  {
    const auto dataplane = dataplane_with(bond_of(mode, ""));
    const auto state = dataplane->bond_state(0);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->mode, mode);
    ASSERT_EQ(state->members.size(), 2u);
    EXPECT_EQ(state->members[0].name, "vdev:net_null0");
    for (const BondMemberState& member : state->members)
      EXPECT_EQ(member.link, BondMemberState::Link::kUp);
    EXPECT_EQ(dataplane->link_state(0).status, LinkStatus::kUp);
    EXPECT_EQ(dataplane->port_facts(0).driver, "net_bonding");
    EXPECT_EQ(send(*dataplane), kFrames);
    EXPECT_EQ(sent_by("net_null0"), first);
    EXPECT_EQ(sent_by("net_null1"), second);
    rte_mbuf* received[8];
    const PortIo& io = dataplane->worker(0).rx[0].io;
    const uint16_t count = io.receive(io.context, received, 8);
    EXPECT_EQ(count, 8);
    rte_pktmbuf_free_bulk(received, count);
  }
  for (const char* device : {"net_bonding0", "net_null0", "net_null1"})
    EXPECT_FALSE(there_is(device)) << device;
}

INSTANTIATE_TEST_SUITE_P(
    , BondModes,
    testing::Values(ModeCase{"round_robin", BondMode::kRoundRobin, kFrames / 2, kFrames / 2},
                    ModeCase{"active_backup", BondMode::kActiveBackup, kFrames, 0},
                    ModeCase{"balance", BondMode::kBalance, kFrames / 2, kFrames / 2},
                    ModeCase{"broadcast", BondMode::kBroadcast, kFrames, kFrames},
                    ModeCase{"tlb", BondMode::kTlb, kFrames, 0},
                    ModeCase{"alb", BondMode::kAlb, kFrames, 0}),
    [](const auto& info) { return info.param.name; });

TEST(Bonds, LacpWithoutAPartnerSaysSo) {
  const auto dataplane = dataplane_with(bond_of(BondMode::kLacp, ",no-rx=1"));
  const auto state = dataplane->bond_state(0);
  ASSERT_TRUE(state && state->members.size() == 2u);
  for (const BondMemberState& member : state->members) {
    EXPECT_FALSE(member.is_active);
    ASSERT_TRUE(member.lacp);
    EXPECT_NE(member.lacp->own_state & kLacpActive, 0);
    EXPECT_TRUE(member.lacp->partner_system.is_zero());
  }
}

TEST(Bonds, LacpIsSentWhereNothingElseIs) {
  const auto dataplane = dataplane_with(bond_of(BondMode::kLacp, ",no-rx=1"));
  rte_mbuf* received[8];
  const PortIo& io = dataplane->worker(0).rx[0].io;
  const auto both_have = [] { return sent_by("net_null0") != 0 && sent_by("net_null1") != 0; };
  for (unsigned i = 0; i < 1'000'000 && !both_have(); ++i) {
    EXPECT_EQ(io.receive(io.context, received, 8), 0);
    let_others_run();
  }
  EXPECT_TRUE(both_have());
}

TEST(Bonds, HaveAQueueForEachWorker) {
  const auto dataplane = dataplane_with(bond_of(BondMode::kBalance, ",no-rx=1"), 2);
  EXPECT_EQ(dataplane->port_facts(0).tx_queues, 2u);
  for (unsigned worker = 0; worker < 2; ++worker) {
    const PortIo& io = dataplane->worker(worker).tx[0].io;
    rte_mbuf* frame = make_frame(dataplane->pool(), worker);
    EXPECT_EQ(io.transmit(io.context, &frame, 1), 1);
  }
}

TEST(Bonds, HaveThePrimaryAndTheMacTheyWereGiven) {
  PortSpec spec = bond_of(BondMode::kActiveBackup, ",no-rx=1");
  auto bond = std::make_shared<BondSpec>(*spec.bond);
  bond->primary = 1;
  bond->mac = parse_mac("02:00:00:00:00:0b");
  spec.bond = bond;
  const auto dataplane = dataplane_with(spec);
  EXPECT_EQ(dataplane->port_facts(0).device_mac, *bond->mac);
  const auto state = dataplane->bond_state(0);
  ASSERT_TRUE(state && state->members.size() == 2u);
  EXPECT_FALSE(state->members[0].is_active);
  EXPECT_TRUE(state->members[1].is_active);
}

TEST(Bonds, LeaveNothingBehindWhereAMemberCannotBe) {
  PortSpec spec = bond_of(BondMode::kBalance, "");
  auto bond = std::make_shared<BondSpec>(*spec.bond);
  bond->members[1] = {"vdev:net_none0", "net_none0", "net_none0"};
  spec.bond = bond;
  try {
    dataplane_with(spec);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("port pair: DPDK cannot create net_none0"),
              std::string::npos)
        << error.what();
  }
  EXPECT_FALSE(there_is("net_null0"));
  EXPECT_FALSE(there_is("net_bonding0"));
}

TEST(Bonds, ComeAndGoWhileADataplaneRuns) {
  const auto dataplane = dataplane_with(bond_of(BondMode::kActiveBackup, ",no-rx=1"));
  dataplane->make_room(2);
  auto opened = dataplane->open(bond_of(BondMode::kRoundRobin, ",no-rx=1", 1));
  dataplane->attach(1, std::move(opened));
  dataplane->bind_ports();
  dataplane->look_at_links();
  ASSERT_TRUE(dataplane->bond_state(1));
  EXPECT_EQ(dataplane->bond_state(1)->mode, BondMode::kRoundRobin);
  dataplane->close(1);
  dataplane->bind_ports();
  EXPECT_FALSE(dataplane->bond_state(1));
}

BondState state_of(std::vector<BondMemberState> members) {
  return {.mode = BondMode::kActiveBackup, .members = std::move(members)};
}
using Link = BondMemberState::Link;
using Kind = BondEvent::Kind;

TEST(CompareBonds, TellsOfMembersAndOfThoseThatAreUsed) {
  const BondState before = state_of({{"a", Link::kUp, true}, {"b", Link::kUp, false}});
  const BondState after = state_of({{"a", Link::kDown, false}, {"b", Link::kUp, true}});
  const auto events = compare_bonds(3, &before, after);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind, Kind::kMemberDown);
  EXPECT_EQ(events[0].port, 3);
  EXPECT_EQ(events[0].member, "a");
  EXPECT_FALSE(events[0].is_first);
  EXPECT_EQ(events[1].kind, Kind::kActive);
  EXPECT_EQ(events[1].active, std::vector<std::string>{"b"});
  EXPECT_TRUE(compare_bonds(3, &after, after).empty());
}

TEST(CompareBonds, TellsOfAllAtTheBeginning) {
  const auto events =
      compare_bonds(0, nullptr, state_of({{"a", Link::kUp, true}, {"b", Link::kGone, false}}));
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].kind, Kind::kMemberUp);
  EXPECT_EQ(events[1].kind, Kind::kMemberGone);
  EXPECT_EQ(events[2].kind, Kind::kActive);
  for (const BondEvent& event : events) EXPECT_TRUE(event.is_first);
}

}  // namespace
}  // namespace adit
