// SPDX-License-Identifier: Apache-2.0
// Backends that go and come back by reloads, and those that have no room for a client, through the
// whole pipeline.
#include <gtest/gtest.h>

#include "balance_world.h"

namespace adit {
namespace {

const End kClient = {*parse_ip("10.64.0.1"), 1000};

End at(const char* address, uint16_t port) {
  return {*parse_ip(address), port};
}

class RemovedBackends : public testing::Test {
 protected:
  // Services at ports 80 and on, of the same two backends.
  void start(unsigned services, bool expire_nodest, const std::string& scheduler = "rr") {
    model.expire_nodest = expire_nodest;
    model.keeps_addresses = false;
    model.locals = {*parse_ip("10.2.0.200")};
    for (unsigned i = 0; i < services; ++i)
      model.services.push_back({.name = "web" + std::to_string(i),
                                .at = at("10.9.0.80", static_cast<uint16_t>(80 + i)),
                                .backends = {{.at = kFirst}, {.at = kSecond}}});
    world =
        std::make_unique<BalanceWorld>(model, std::vector<std::string>(services, scheduler), 2, 1);
  }
  ~RemovedBackends() override {
    if (world) {
      EXPECT_EQ(world->dataplane().buffers_in_use(), 0u);
    }
  }
  void set(size_t service, size_t backend, bool present) {
    model.services[service].backends[backend].present = present;
    if (!present && model.expire_nodest) ++model.services[service].backends[backend].life;
    world->reload();
  }
  // What becomes of a client's packet.
  Outcome ask(Segment segment, size_t service = 0, End client = kClient) {
    const uint32_t id =
        world->arrive(BalanceWorld::kEdge0, client, model.services[service].at, segment, false);
    return world->run()[id];
  }
  Outcome answer(const End& backend, End client = kClient) {
    const uint32_t id = world->arrive(BalanceWorld::kBack, backend, client, Segment::kAck, true);
    return world->run()[id];
  }

  const End kFirst = at("10.2.0.11", 8080), kSecond = at("10.2.0.12", 8080);
  BalanceModel model;
  std::unique_ptr<BalanceWorld> world;
};

TEST_F(RemovedBackends, ConnectionsWaitForTheirBackend) {
  start(1, false);
  const End backend = ask(Segment::kSyn).destination;
  const size_t index = backend == kFirst ? 0 : 1;
  EXPECT_EQ(ask(Segment::kAck).destination, backend);
  set(0, index, false);
  EXPECT_EQ(ask(Segment::kAck).drop, DropReason::k_no_backend);
  EXPECT_EQ(answer(backend).drop, DropReason::k_no_backend);
  world->wait(60'000);
  EXPECT_EQ(world->dataplane().connections(), 1u);
  // Others come and go meanwhile.
  set(0, 1 - index, false);
  set(0, 1 - index, true);
  set(0, index, true);
  EXPECT_EQ(ask(Segment::kAck).destination, backend);
  EXPECT_EQ(answer(backend).source, model.services[0].at);
}

TEST_F(RemovedBackends, ConnectionsWaitForTheirService) {
  start(1, false);
  const End backend = ask(Segment::kSyn).destination;
  ask(Segment::kAck);
  model.services[0].present = false;
  for (auto& each : model.services[0].backends) each.present = false;
  world->reload();
  world->wait(2000);
  EXPECT_FALSE(ask(Segment::kAck).sent);
  model.services[0].present = true;
  for (auto& each : model.services[0].backends) each.present = true;
  world->reload();
  EXPECT_EQ(ask(Segment::kAck).destination, backend);
}

TEST_F(RemovedBackends, AreForgottenSoon) {
  start(2, true);
  for (uint16_t port = 1; port <= 40; ++port)
    for (size_t service : {0, 1}) {
      ASSERT_TRUE(ask(Segment::kSyn, service,
                      {*parse_ip("10.64.0.1"), static_cast<uint16_t>(port * 2 + service)})
                      .sent);
    }
  EXPECT_EQ(world->dataplane().connections(), 80u);
  set(0, 0, false);
  world->wait(2000);
  EXPECT_EQ(world->dataplane().connections(), 60u);
  set(0, 0, true);
  world->wait(2000);
  EXPECT_EQ(world->dataplane().connections(), 60u);
  // The last service of the address: no packet would find its connections.
  for (auto& service : model.services) {
    service.present = false;
    for (auto& each : service.backends) {
      each.present = false;
      ++each.life;
    }
  }
  world->reload();
  world->wait(2000);
  EXPECT_EQ(world->dataplane().connections(), 0u);
}

// Two are removed in quick succession, the second when the search for connections of the first
// has passed by.
TEST_F(RemovedBackends, NoneIsMissedWhileOthersAreSearched) {
  start(1, true);
  for (uint16_t port = 1; port <= 200; ++port)
    ask(Segment::kSyn, 0, {*parse_ip("10.64.0.1"), port});
  set(0, 0, false);
  world->wait(500);
  EXPECT_GT(world->dataplane().connections(), 100u);
  EXPECT_LT(world->dataplane().connections(), 200u);
  set(0, 1, false);
  world->wait(900);
  world->wait(900);
  EXPECT_EQ(world->dataplane().connections(), 0u);
}

// A client's port, for two services of the same backends: not to be told apart at one of them.
TEST_F(RemovedBackends, AnotherBackendTakesWhatCollides) {
  for (const char* scheduler : {"rr", "wlc", "mh"}) {
    SCOPED_TRACE(scheduler);
    model.services.clear();
    start(3, true, scheduler);
    const End first = ask(Segment::kSyn, 0).destination;
    const Outcome second = ask(Segment::kSyn, 1);
    ASSERT_TRUE(second.sent);
    EXPECT_NE(second.destination, first);
    EXPECT_EQ(answer(first).source, model.services[0].at);
    EXPECT_EQ(answer(second.destination).source, model.services[1].at);
    EXPECT_EQ(ask(Segment::kSyn, 2).drop, DropReason::k_connection_collides) << "at both of them";
    // None is passed over by later clients.
    std::set<End> later;
    for (uint16_t port = 2000; port < 2040; ++port)
      later.insert(ask(Segment::kSyn, 1, {*parse_ip("10.64.0.1"), port}).destination);
    if (scheduler == std::string("mh"))
      EXPECT_EQ(later, std::set{first}) << "by the client's address";
    else
      EXPECT_EQ(later, (std::set{kFirst, kSecond}));
    world.reset();
  }
}

}  // namespace
}  // namespace adit
