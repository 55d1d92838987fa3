// SPDX-License-Identifier: Apache-2.0
// `show connections` over two workers that go on meanwhile, a pass at a time.
#include "show_connections_test.h"

#include "connection_owners.h"

namespace adit::show_connections_test {
namespace {

using Ports = std::set<unsigned>;
const json kAll = json::object();

TEST_F(ShowConnections, RowsSayWhoTalksToWhom) {
  insert(0, {.state = ConnectionState::kSynRecv});
  insert(1, {.backend = "10.1.0.11",
             .backend_port = 8080,
             .backend_vrf = "blue",
             .client_port = 40'001,
             .forwarding = Forwarding::kFullNat,
             .local = "10.1.0.250",
             .local_port = 1024});
  insert(1, {.service = "six",
             .backend = "2001:db8::b",
             .client = "2001:db8:5::1",
             .client_port = 40'002,
             .virtual_address = "2001:db8::80",
             .forwarding = Forwarding::kDirect});
  now_ns += 10 * kSecond;
  const json answer = ask();
  EXPECT_EQ(answer["total"], 3);
  EXPECT_EQ(answer["truncated"], false);
  ASSERT_EQ(answer["rows"].size(), 3u);
  EXPECT_EQ(answer["rows"][0], json::parse(R"({"worker": 0, "vrf": "underlay", "protocol": "tcp",
      "client": "198.51.100.1", "client_port": 40000, "virtual": "192.0.2.80", "virtual_port": 80,
      "local": null, "local_port": null, "backend": "192.0.2.11", "backend_port": 80,
      "backend_vrf": "underlay", "service": "web", "forwarding": "nat", "state": "SYN_RECV",
      "expires_s": 90})"));
  EXPECT_EQ(answer["rows"][1], json::parse(R"({"worker": 1, "vrf": "underlay", "protocol": "tcp",
      "client": "198.51.100.1", "client_port": 40001, "virtual": "192.0.2.80", "virtual_port": 80,
      "local": "10.1.0.250", "local_port": 1024, "backend": "10.1.0.11", "backend_port": 8080,
      "backend_vrf": "blue", "service": "web", "forwarding": "fullnat", "state": "ESTABLISHED",
      "expires_s": 90})"));
  EXPECT_EQ(answer["rows"][2]["client"], "2001:db8:5::1");
  EXPECT_EQ(answer["rows"][2]["virtual"], "2001:db8::80");
  EXPECT_EQ(answer["rows"][2]["backend"], "2001:db8::b");
  EXPECT_EQ(answer["rows"][2]["forwarding"], "direct");
}

// What no service has, no service is asked about.
TEST_F(ShowConnections, RowsOfOtherOwnersSayWhoseTheyAre) {
  static const ConnectionOps kPlain = {.name = "plain"};
  static const ConnectionOwners kOwners = {kConnectionOwners[0], &kPlain};
  dataplane->worker(0).connections = std::make_unique<Connections>(1000, 1, kOwners);
  insert(0, {.client_port = 1});
  Connection connection;
  connection.forward.source_port = be16(2);
  connection.forward.protocol = kIpProtocolUdp;
  connection.reverse.destination_port = be16(2);
  connection.owner = {.id = 1, .kind = OwnerKind{1}};
  connection.ext = UINT32_MAX;
  connection.expires_s = UINT32_MAX;
  ASSERT_NE(insert_as_it_is(0, connection), 0u);
  const json rows = ask()["rows"];
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_FALSE(rows[0].contains("owner"));
  EXPECT_EQ(rows[1]["owner"], "plain");
  EXPECT_EQ(rows[1]["client_port"], 2);
  EXPECT_EQ(rows[1]["service"], nullptr);
  EXPECT_EQ(rows[1]["forwarding"], nullptr);
  EXPECT_EQ(ask({{"service", "web"}})["total"], 1);
  EXPECT_EQ(ask({{"count", true}})["total"], 2);
}

TEST_F(ShowConnections, FiltersLeaveOutTheRest) {
  insert(0, {.client_port = 1});
  insert(1, {.backend = "10.1.0.11",
             .backend_port = 8080,
             .backend_vrf = "blue",
             .client = "198.51.100.200",
             .client_port = 2,
             .state = ConnectionState::kTimeWait});
  insert(0, {.service = "dns",
             .backend = "10.1.0.11",
             .backend_vrf = "blue",
             .client = "10.1.0.7",
             .client_port = 3,
             .virtual_address = "10.1.0.80",
             .virtual_port = 53,
             .vrf = "blue",
             .protocol = kIpProtocolUdp,
             .state = ConnectionState::kUdp});
  insert(1, {.service = "six",
             .backend = "2001:db8::b",
             .client = "2001:db8:5::1",
             .client_port = 4,
             .virtual_address = "2001:db8::80",
             .state = ConnectionState::kSctpEstablished});
  EXPECT_EQ(ports(kAll), (Ports{1, 2, 3, 4}));
  EXPECT_EQ(ports({{"service", "web"}}), (Ports{1, 2}));
  EXPECT_EQ(ports({{"service", "192.0.2.80"}}), (Ports{1, 2}));
  EXPECT_EQ(ports({{"service", "2001:db8::80"}}), Ports{4});
  EXPECT_EQ(ports({{"backend", "10.1.0.11"}}), (Ports{2, 3}));
  EXPECT_EQ(ports({{"backend", "10.1.0.11"}, {"service", "dns"}}), Ports{3});
  EXPECT_EQ(ports({{"client", "198.51.100.200"}}), Ports{2});
  EXPECT_EQ(ports({{"client", "198.51.100.0/24"}}), (Ports{1, 2}));
  EXPECT_EQ(ports({{"client", "198.51.100.7/25"}}), Ports{1}) << "host bits do not count";
  EXPECT_EQ(ports({{"client", "0.0.0.0/0"}}), (Ports{1, 2, 3})) << "those of IPv4";
  EXPECT_EQ(ports({{"client", "2001:db8::/32"}}), Ports{4});
  EXPECT_EQ(ports({{"client", "203.0.113.1"}}), Ports{});
  EXPECT_EQ(ports({{"state", "ESTABLISHED"}}), (Ports{1, 4})) << "of TCP and of SCTP";
  EXPECT_EQ(ports({{"state", "time_wait"}}), Ports{2});
  EXPECT_EQ(ports({{"vrf", "blue"}}), Ports{3});
  EXPECT_EQ(ports({{"vrf", "underlay"}}), (Ports{1, 2, 4}));
  EXPECT_EQ(ports({{"vrf", "underlay"}, {"client", "198.51.100.0/24"}, {"state", "TIME_WAIT"}}),
            Ports{2});
}

TEST_F(ShowConnections, WrongFiltersAreNamed) {
  insert(0, {});
  EXPECT_EQ(complaint({{"service", "wbe"}}), "there is no service 'wbe'; did you mean 'web'?");
  EXPECT_EQ(complaint({{"service", "192.0.2.81"}}),
            "there is no service '192.0.2.81'; did you mean '192.0.2.80'?");
  EXPECT_EQ(complaint({{"backend", "192.0.2.12"}}),
            "there is no backend '192.0.2.12'; did you mean '192.0.2.11'?");
  EXPECT_EQ(complaint({{"backend", "s1"}}),
            "parameter 'backend': expected its address, found 's1'");
  EXPECT_EQ(complaint({{"vrf", "bleu"}}), "there is no VRF 'bleu'; did you mean 'blue'?");
  EXPECT_EQ(complaint({{"client", "198.51.100.0/33"}}),
            "parameter 'client': expected an address or ADDRESS/LENGTH, found '198.51.100.0/33'");
  const std::string state = complaint({{"state", "establshed"}});
  EXPECT_TRUE(state.starts_with("there is no state 'ESTABLSHED'; did you mean 'ESTABLISHED'?"))
      << state;
  EXPECT_NE(state.find("one of: C-ECHOED, "), std::string::npos) << state;
  for (const uint64_t limit : {uint64_t{0}, uint64_t{10'001}})
    EXPECT_EQ(
        complaint({{"limit", limit}}),
        "show.connections: parameter 'limit': expected 1..10000, found " + std::to_string(limit));
}

TEST_F(ShowConnections, ALongTableGivesTheFirstRowsAndTheirTotal) {
  for (unsigned worker = 0; worker < kWorkers; ++worker) insert_many(worker, 20'000);
  const json some = ask();
  EXPECT_EQ(some["rows"].size(), 100u);
  EXPECT_EQ(some["truncated"], true);
  EXPECT_EQ(some["total"], 40'000);
  EXPECT_EQ(some["rows"][0]["client"], "100.64.0.0");
  EXPECT_EQ(some["rows"][99]["client"], "100.64.0.99");
  EXPECT_EQ(ask()["rows"], some["rows"]) << "in the same order";
  EXPECT_EQ(ask({{"limit", 10'000}})["rows"].size(), 10'000u);
  EXPECT_EQ(polls, 40u + 99u) << "rows are written a hundred at a time";

  const json few = ask({{"client", "100.64.0.0/15"}, {"limit", 1}});
  EXPECT_EQ(few["rows"].size(), 1u);
  EXPECT_EQ(few["total"], 40'000);
  const json second = ask({{"client", "100.65.1.0/24"}, {"limit", 256}});
  EXPECT_EQ(second["truncated"], false) << "as many as there are";
  ASSERT_EQ(second["rows"].size(), 256u);
  for (const json& row : second["rows"]) EXPECT_EQ(row["worker"], 1);
}

// How many passes a look at 20,000 connections takes.
TEST_F(ShowConnections, AWorkerLooksAtAFewConnectionsInEachPass) {
  insert_many(0, 20'000);
  EXPECT_EQ(ask()["total"], 20'000);
  EXPECT_EQ(polls, 40u) << "512 in each, and the poll behind the last";
  traffic = true;
  EXPECT_EQ(ask()["total"], 20'000);
  EXPECT_EQ(polls, 313u) << "64 in each, where there are packets";
}

TEST_F(ShowConnections, WhatStaysIsShownOnceWhileOthersComeAndGo) {
  insert_many(0, 5000);
  std::vector<ConnectionId> passing;
  for (uint16_t port = 1; port <= 500; ++port) passing.push_back(insert(0, {.client_port = port}));
  RpcAnswer answer = begin({{"limit", 10'000}, {"client", "100.64.0.0/16"}});
  uint16_t port = 1000;
  while (!finish_answer(answer, kRoom)) {
    for (int i = 0; i < 50 && !passing.empty(); ++i) {
      erase(0, passing.back());
      passing.pop_back();
      ASSERT_NE(insert(0, {.client_port = ++port}), 0u);
    }
    now_ns += kMillisecond;
    pass_all();
  }
  const json result = json::parse(answer.text)["result"];
  std::set<std::string> clients;
  for (const json& row : result["rows"]) clients.insert(row["client"].get<std::string>());
  EXPECT_EQ(result["total"], 5000);
  EXPECT_EQ(clients.size(), 5000u);
}

TEST_F(ShowConnections, CountsByBackendAndState) {
  for (uint16_t port = 1; port <= 30; ++port)
    insert(port % kWorkers,
           {.client_port = port,
            .state = port <= 20 ? ConnectionState::kEstablished : ConnectionState::kFinWait});
  for (uint16_t port = 31; port <= 35; ++port)
    insert(
        0,
        {.backend = "10.1.0.11", .backend_port = 8080, .backend_vrf = "blue", .client_port = port});
  const json answer = ask({{"count", true}});
  EXPECT_EQ(answer["total"], 35);
  EXPECT_EQ(answer["truncated"], false);
  EXPECT_EQ(answer["rows"], json::parse(R"([
      {"service": "web", "backend": "10.1.0.11", "backend_port": 8080, "backend_vrf": "blue",
       "state": "ESTABLISHED", "connections": 5},
      {"service": "web", "backend": "192.0.2.11", "backend_port": null, "backend_vrf": "underlay",
       "state": "ESTABLISHED", "connections": 20},
      {"service": "web", "backend": "192.0.2.11", "backend_port": null, "backend_vrf": "underlay",
       "state": "FIN_WAIT", "connections": 10}])"));
  EXPECT_EQ(ask({{"count", true}, {"service", "dns"}})["rows"], json::array());
  const json few = ask({{"count", true}, {"limit", 1}, {"state", "established"}});
  EXPECT_EQ(few["rows"].size(), 1u);
  EXPECT_EQ(few["truncated"], true);
  EXPECT_EQ(few["total"], 25);
}

TEST_F(ShowConnections, ABackendThatHasGoneIsKnownByItsAddress) {
  insert(0, {});
  insert(1, {.service = "dns",
             .backend = "10.1.0.11",
             .backend_vrf = "blue",
             .client_port = 2,
             .virtual_address = "10.1.0.80",
             .vrf = "blue"});
  std::string without = kYaml;
  const std::string line = "      - {address: 192.0.2.11}\n";
  without.replace(without.find(line), line.size(), "");
  control->apply(parse_config("balancer: {expire_nodest: false}\n" + without, "test"), now_ns);
  const json rows = ask({{"backend", "192.0.2.11"}})["rows"];
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["service"], nullptr);
  EXPECT_EQ(rows[0]["backend"], "192.0.2.11");
  EXPECT_EQ(ports({{"service", "web"}}), Ports{}) << "it is no backend of it any more";
  const json counts = ask({{"count", true}})["rows"];
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0]["service"], "dns");
  EXPECT_EQ(counts[1]["backend"], nullptr) << "at the end";
  EXPECT_EQ(counts[1]["connections"], 1);
}

TEST_F(ShowConnections, AReloadInBetweenTakesNoNames) {
  for (uint16_t port = 1; port <= 300; ++port) insert(0, {.client_port = port});
  RpcAnswer answer = begin({{"limit", 300}});
  EXPECT_FALSE(finish_answer(answer, kRoom));
  pass_all();
  EXPECT_FALSE(finish_answer(answer, kRoom)) << "a part of the rows is written";
  const size_t services = kYaml.find("services:");
  control->apply(parse_config(kYaml.substr(0, services), "test"), now_ns);
  const json rows = finish(std::move(answer))["result"]["rows"];
  ASSERT_EQ(rows.size(), 300u);
  for (const json& row : rows) ASSERT_EQ(row["service"], "web");
}

TEST_F(ShowConnections, AWorkerThatDoesNotAnswerIsNamed) {
  insert(0, {});
  const uint64_t begun_ns = now_ns;
  const json silent = finish(begin(kAll), 0);
  EXPECT_EQ(silent["error"]["code"], kNoAnswer) << silent;
  EXPECT_EQ(silent["error"]["message"],
            "worker 1 does not answer; `show workers` tells whether it runs");
  EXPECT_LE(now_ns - begun_ns, ConnectionQuery::kSilentNs + 10 * kMillisecond);
  const json busy = finish(begin(kAll), 0);
  EXPECT_EQ(busy["error"]["message"], "worker 1 is still busy with other calls; try again");
  EXPECT_EQ(ask()["total"], 1) << "it goes on";
}

TEST_F(ShowConnections, CallsTakeTurns) {
  insert_many(0, 5000);
  insert(1, {});
  RpcAnswer first = begin(kAll), second = begin({{"count", true}}), third = begin({{"limit", 7}});
  bool done[3] = {};
  while (!done[0] || !done[1] || !done[2]) {
    if (!done[0]) done[0] = finish_answer(first, kRoom);
    if (!done[1]) done[1] = finish_answer(second, kRoom);
    if (!done[2]) done[2] = finish_answer(third, kRoom);
    now_ns += kMillisecond;
    pass_all();
  }
  EXPECT_EQ(json::parse(first.text)["result"]["rows"].size(), 100u);
  EXPECT_EQ(json::parse(second.text)["result"]["rows"].size(), 1u);
  EXPECT_EQ(json::parse(third.text)["result"]["rows"].size(), 7u);
  for (const RpcAnswer* answer : {&first, &second, &third})
    EXPECT_EQ(json::parse(answer->text)["result"]["total"], 5001);
}

TEST_F(ShowConnections, WhoLeavesKeepsNobodyWaiting) {
  insert_many(0, 50'000);
  {
    RpcAnswer left = begin(kAll);
    EXPECT_FALSE(finish_answer(left, kRoom));
    pass_all();
  }
  EXPECT_FALSE(dataplane->takes_dump(0));
  pass_all();
  EXPECT_TRUE(dataplane->takes_dump(0));
  EXPECT_EQ(ask({{"limit", 1}})["total"], 50'000);
}

}  // namespace
}  // namespace adit::show_connections_test
