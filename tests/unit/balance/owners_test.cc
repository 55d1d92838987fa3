// SPDX-License-Identifier: Apache-2.0
// Connections that no service has: of a kind of owner that is there for this test alone, which
// sends packets on as they came, through the whole pipeline.
#include <gtest/gtest.h>

#include <map>

#include "adit/connection_dump.h"
#include "balance_world.h"
#include "connection_owners.h"
#include "worker/follow.h"

namespace adit::owners_test {
namespace {

constexpr OwnerKind kPlain{1};
constexpr uint32_t kCapacity = 400;

// Calls of the owner's functions, by the client's port.
struct Calls {
  std::map<unsigned, unsigned> began, ended;
  std::vector<ConnectionState> states;  // that were left
  std::vector<Direction> packets;
};
Calls calls;

unsigned number_of(const Connection& connection) {
  return connection.forward.source_port.host();
}
void begin(Worker&, const Connection& connection) noexcept {
  ++calls.began[number_of(connection)];
}
void change_state(Worker&, const Connection&, ConnectionState before) noexcept {
  calls.states.push_back(before);
}
PacketVerdict take(Worker& worker, Packet& packet, const Flow& flow, ConnectionId id,
                   Direction from) noexcept {
  calls.packets.push_back(from);
  if (flow.kind == FlowKind::kFlow) follow(worker, id, from, flow, packet.mbuf);
  return PacketVerdict::kRoute;
}
void end(Worker& worker, const Connection& connection) noexcept {
  ++calls.ended[number_of(connection)];
  EXPECT_NE(worker.connections->table().find(connection.reverse).id, 0u);
}
void describe(const Connection& connection, ConnectionRow& row) noexcept {
  row.left_s = connection.ext;
}

const ConnectionOps kPlainConnections = {.name = "plain",
                                         .on_begin = begin,
                                         .on_state = change_state,
                                         .on_packet = take,
                                         .on_end = end,
                                         .describe = describe};

End at(const char* address, unsigned port) {
  return {*parse_ip(address), static_cast<uint16_t>(port)};
}
const End kServer = at("10.2.0.12", 22);

class Owners : public testing::Test {
 protected:
  Owners() {
    calls = {};
    model_.keeps_addresses = false;
    model_.services.push_back(
        {.name = "web",
         .at = at("10.9.0.80", 80),
         .backends = {{.at = at("10.2.0.11", 8080)}, {.at = at("10.2.0.12", 8080)}}});
    world_ = std::make_unique<BalanceWorld>(model_, std::vector<std::string>{"rr"}, 1, 1);
    blue_ = world_->control().ids().vrfs.at("blue");
    worker().connections = std::make_unique<Connections>(kCapacity, 7, owners_);
  }
  ~Owners() override {
    EXPECT_EQ(world_->check_sums(), "");
    EXPECT_EQ(world_->dataplane().buffers_in_use(), 0u);
  }

  Worker& worker() { return world_->dataplane().worker(0); }
  Connections& connections() { return *worker().connections; }
  static End client(unsigned number) { return at("10.64.0.1", number); }

  Connection connection(unsigned number, VrfId vrf) {
    Connection made;
    FlowKey& forward = made.forward;
    forward.source = address_key(client(number).address);
    forward.source_port = be16(client(number).port);
    forward.destination = address_key(kServer.address);
    forward.destination_port = be16(kServer.port);
    forward.vrf = vrf;
    forward.protocol = kIpProtocolTcp;
    made.reverse = forward;
    std::swap(made.reverse.source, made.reverse.destination);
    std::swap(made.reverse.source_port, made.reverse.destination_port);
    made.owner = {.id = vrf, .kind = kPlain};
    made.ext = UINT32_MAX;  // no backend's
    made.state = ConnectionState::kSynRecv;
    made.expires_s = worker().now_s + lifetime_s(worker(), made);
    return made;
  }
  // As a step would that begins one. 0: there is no room.
  ConnectionId insert(unsigned number, VrfId vrf) {
    const Connection made = connection(number, vrf);
    if (connections().make_room(worker(), made.owner, vrf,
                                {.vrf_is_alone = false, .owner_is_alone = false}) !=
        DropReason::kNone)
      return 0;
    return connections().insert(worker(), made).id;
  }
  ConnectionId insert(unsigned number) { return insert(number, blue_); }
  bool has(unsigned number, VrfId vrf) {
    return connections().table().find(connection(number, vrf).forward).id != 0;
  }
  Outcome ask(unsigned number, Segment segment) {
    const uint32_t id =
        world_->arrive(BalanceWorld::kEdge0, client(number), kServer, segment, false);
    return world_->run()[id];
  }
  Outcome answer(unsigned number, Segment segment) {
    const uint32_t id = world_->arrive(BalanceWorld::kBack, kServer, client(number), segment, true);
    return world_->run()[id];
  }
  Outcome ask_service(unsigned number, Segment segment) {
    const uint32_t id =
        world_->arrive(BalanceWorld::kEdge0, client(number), model_.services[0].at, segment, false);
    return world_->run()[id];
  }
  // Of all that ever began, those that are not there have ended, each once.
  void expect_each_ended_once() {
    uint32_t there = 0;
    for (const auto& [number, times] : calls.began) {
      const bool is_there = has(number, blue_) || has(number, kOther);
      there += is_there;
      EXPECT_EQ(times, 1u) << number;
      EXPECT_EQ(calls.ended[number], is_there ? 0u : 1u) << number;
    }
    const ConnectionShares& shares = connections().shares();
    EXPECT_EQ(shares.held_by({.id = blue_, .kind = kPlain}) +
                  shares.held_by({.id = kOther, .kind = kPlain}),
              there);
  }

  static constexpr VrfId kOther = 0;  // the underlay: all VRFs have to be configured
  const ConnectionOwners owners_ = {kConnectionOwners[0], &kPlainConnections};
  BalanceModel model_;
  std::unique_ptr<BalanceWorld> world_;
  VrfId blue_ = 0;
};

TEST_F(Owners, ItsPacketsOfBothHalvesComeToIt) {
  const ConnectionId id = insert(1000);
  EXPECT_EQ(calls.began[1000], 1u);
  const auto expect = [&](const Outcome& outcome, bool to_server, ConnectionState state) {
    EXPECT_TRUE(outcome.sent);
    EXPECT_EQ(outcome.fault, "");
    EXPECT_EQ(outcome.source, to_server ? client(1000) : kServer);
    EXPECT_EQ(outcome.destination, to_server ? kServer : client(1000));
    EXPECT_EQ(connections().at(id).state, state);
  };
  expect(ask(1000, Segment::kSyn), true, ConnectionState::kSynRecv);
  expect(answer(1000, Segment::kSyn), false, ConnectionState::kSynRecv);
  expect(ask(1000, Segment::kAck), true, ConnectionState::kEstablished);
  expect(ask(1000, Segment::kFin), true, ConnectionState::kCloseWait);
  expect(answer(1000, Segment::kFin), false, ConnectionState::kTimeWait);
  using enum Direction;
  EXPECT_EQ(calls.packets,
            (std::vector{kFromClient, kFromBackend, kFromClient, kFromClient, kFromBackend}));
  using enum ConnectionState;
  EXPECT_EQ(calls.states, (std::vector{kSynRecv, kEstablished, kCloseWait}));
  world_->wait(110'000);
  EXPECT_EQ(calls.ended[1000], 0u);
  world_->wait(15'000);
  EXPECT_EQ(calls.ended[1000], 1u);
  EXPECT_EQ(world_->dataplane().connections(), 0u);
  EXPECT_TRUE(ask(1000, Segment::kAck).sent) << "routed, as if there had been none";
  EXPECT_EQ(calls.packets.size(), 5u);
}

TEST_F(Owners, PacketsExtendItsTime) {
  insert(1000);
  ask(1000, Segment::kSyn);
  ask(1000, Segment::kAck);
  world_->wait(600'000);
  answer(1000, Segment::kAck);
  world_->wait(600'000);
  EXPECT_EQ(calls.ended[1000], 0u);
  world_->wait(310'000);
  EXPECT_EQ(calls.ended[1000], 1u);
}

TEST_F(Owners, TheOwnerMayEndIt) {
  const ConnectionId id = insert(1000);
  connections().erase(worker(), id);
  EXPECT_EQ(calls.ended[1000], 1u);
  EXPECT_FALSE(has(1000, blue_));
  ask(1000, Segment::kSyn);
  world_->wait(300'000);
  EXPECT_TRUE(calls.packets.empty());
  EXPECT_EQ(calls.ended[1000], 1u);
}

TEST_F(Owners, WhatIsRefusedNeitherBeginsNorEnds) {
  ASSERT_NE(insert(1000), 0u);
  EXPECT_EQ(insert(1000), 0u);
  Connection reverse = connection(1001, blue_);
  reverse.reverse = connection(1000, blue_).reverse;
  EXPECT_EQ(connections().insert(worker(), reverse).refusal,
            ConnectionTable::Refusal::kReverseExists);
  EXPECT_EQ(calls.began.size(), 1u);
  EXPECT_TRUE(calls.ended.empty());
}

TEST_F(Owners, TheOldestOfItsVrfGivesWay) {
  insert(1, kOther);
  unsigned most = 1000;
  while (calls.ended.empty() && most < 1000 + kCapacity) ASSERT_NE(insert(most++), 0u);
  EXPECT_EQ(calls.ended[1000], 1u);
  EXPECT_LT(most, 1000 + kCapacity) << "a part is left to others";
  for (unsigned number = most; number < most + 50; ++number) ASSERT_NE(insert(number), 0u);
  EXPECT_TRUE(has(1, kOther));
  EXPECT_NE(insert(2, kOther), 0u);
  expect_each_ended_once();
  // The share of who is established is used up: nobody gives way to them.
  for (unsigned number = 1000; number < most + 50; ++number)
    if (const ConnectionId id = connections().table().find(connection(number, blue_).forward).id;
        id != 0)
      connections().set_state(worker(), id, ConnectionState::kEstablished);
  EXPECT_EQ(insert(3000), 0u);
  expect_each_ended_once();
}

// Half-open ones of either kind: who has most loses its oldest.
TEST_F(Owners, SharesTheTableWithServices) {
  for (unsigned number = 1; number <= 300; ++number) ASSERT_NE(insert(number, kOther), 0u);
  for (unsigned number = 1000; number < 1600; ++number)
    ASSERT_TRUE(ask_service(number, Segment::kSyn).sent);
  EXPECT_EQ(connections().size(), kCapacity);
  const uint32_t plain = connections().held_by_vrf(kOther);
  EXPECT_NEAR(plain, kCapacity / 2, 1);
  EXPECT_FALSE(has(1, kOther));
  EXPECT_TRUE(has(300, kOther));
  EXPECT_EQ(world_->check_sums(), "");
  expect_each_ended_once();
}

TEST_F(Owners, StaysWhenBackendsAreRemoved) {
  insert(1000);
  ask(1000, Segment::kSyn);
  ask(1000, Segment::kAck);
  ask_service(2000, Segment::kSyn);
  EXPECT_EQ(world_->dataplane().connections(), 2u);
  for (BalanceModel::Backend& backend : model_.services[0].backends) {
    backend.present = false;
    ++backend.life;
  }
  world_->reload();
  world_->wait(3000);
  EXPECT_EQ(world_->dataplane().connections(), 1u);
  EXPECT_TRUE(calls.ended.empty());
  EXPECT_TRUE(ask(1000, Segment::kAck).sent);
}

TEST_F(Owners, IsDescribedByItsOwner) {
  insert(1000);
  ask_service(2000, Segment::kSyn);
  auto dump = std::make_shared<ConnectionDump>();
  dump->group_of = std::make_shared<const std::vector<uint32_t>>();
  dump->rows.resize(10);
  ASSERT_TRUE(world_->dataplane().dump(0, dump));
  world_->run();
  ASSERT_EQ(dump->row_count, 2u);
  EXPECT_EQ(dump->rows[0].owner, "plain");
  EXPECT_EQ(dump->rows[0].left_s, UINT32_MAX);
  EXPECT_EQ(dump->rows[0].backend_id, 0u);
  EXPECT_EQ(dump->rows[0].forwarding, std::nullopt);
  EXPECT_EQ(dump->rows[0].client_port, be16(1000));
  EXPECT_EQ(dump->rows[1].owner, "service");
  EXPECT_NE(dump->rows[1].backend_id, 0u);
  EXPECT_EQ(dump->rows[1].forwarding, Forwarding::kNat);
}

TEST_F(Owners, EachEndsOnceWhateverEndsIt) {
  std::mt19937 random(5);
  unsigned next = 1;
  for (unsigned step = 0; step < 3000; ++step) {
    const unsigned number = next == 1 ? 1 : 1 + static_cast<unsigned>(random()) % next;
    const ConnectionId id = connections().table().find(connection(number, blue_).forward).id;
    switch (random() % 40) {
      case 0:
        if (id != 0) connections().erase(worker(), id);
        break;
      case 1:
        world_->wait(2000 + random() % 20'000);
        break;
      case 2:
        if (id != 0) connections().expire_at(id, worker().now_s + 1);
        break;
      case 3:
        ask_service(30'000 + number, random() % 2 ? Segment::kSyn : Segment::kAck);
        break;
      case 4:
      case 5:
        if (id != 0) ask(number, random() % 2 ? Segment::kAck : Segment::kSyn);
        break;
      case 6:
        if (id != 0) answer(number, Segment::kFin);
        break;
      default:
        insert(next++, random() % 4 == 0 ? kOther : blue_);
    }
  }
  EXPECT_GT(calls.ended.size(), 500u);
  EXPECT_EQ(world_->check_sums(), "");
  expect_each_ended_once();
  world_->wait(1'000'000);
  EXPECT_EQ(connections().size(), 0u);
  expect_each_ended_once();
}

}  // namespace
}  // namespace adit::owners_test
