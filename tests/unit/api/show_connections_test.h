// SPDX-License-Identifier: Apache-2.0
// Two workers with connections put into their tables, and the API that is asked for them.
#pragma once

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <set>

#include "api/methods.h"
#include "api/rpc.h"
#include "config/parser.h"
#include "pipeline.h"
#include "run_loop.h"
#include "running/connection_query.h"
#include "running/control_plane.h"
#include "worker/worker.h"

namespace adit::show_connections_test {

using nlohmann::json;

inline constexpr uint64_t kSecond = 1'000'000'000;
inline constexpr uint64_t kMillisecond = 1'000'000;
inline constexpr unsigned kWorkers = 2;

inline const std::string kYaml = R"(
ports:
  uplink: {device: "tap:up0", addresses: [192.0.2.1/24]}
  blue0: {device: "tap:blue0", addresses: [10.1.0.254/24]}
vrfs:
  blue: {ports: [blue0]}
services:
  web:
    address: 192.0.2.80
    port: 80
    local_addresses: [10.1.0.250]
    backends:
      - {address: 192.0.2.11}
      - {address: 10.1.0.11, port: 8080, vrf: blue, forwarding: fullnat}
  dns: {vrf: blue, address: 10.1.0.80, protocol: udp, port: 53, backends: [{address: 10.1.0.11}]}
  six: {address: "2001:db8::80", port: 80, forwarding: direct, backends: [{address: "2001:db8::b"}]}
)";

// The workers' clock, as the API reads it.
inline uint64_t now_ns = 0;

class ShowConnections : public testing::Test {
 protected:
  ShowConnections() {
    now_ns = 1000 * kSecond;
    DataplaneOptions options;
    options.workers = kWorkers;
    options.mbufs = 1023;
    options.fdb_capacity = 1024;
    options.connections = 200'000;
    for (const char* name : {"uplink", "blue0"}) {
      PortSpec port;
      port.name = name;
      port.io = {this, receive, transmit};
      options.ports.push_back(port);
    }
    dataplane = std::make_unique<Dataplane>(options);
    control = std::make_unique<ControlPlane>(
        *dataplane, parse_config(kYaml, "test"),
        std::vector<MacAddr>{*parse_mac("02:00:00:00:00:01"), *parse_mac("02:00:00:00:00:02")},
        now_ns);
    context = {control.get(), "", [] { return now_ns; }};
    pass_all();
  }

  // --- connections
  struct Shape {
    const char* service = "web";
    const char* backend = "192.0.2.11";
    uint16_t backend_port = 0;
    const char* backend_vrf = "underlay";
    const char* client = "198.51.100.1";
    uint16_t client_port = 40'000;
    const char* virtual_address = "192.0.2.80";
    uint16_t virtual_port = 80;
    const char* vrf = "underlay";
    uint8_t protocol = kIpProtocolTcp;
    ConnectionState state = ConnectionState::kEstablished;
    Forwarding forwarding = Forwarding::kNat;
    const char* local = nullptr;
    uint16_t local_port = 0;
  };
  VrfId vrf_id(const std::string& name) {
    return name == "underlay" ? VrfId{0} : control->ids().vrfs.at(name);
  }
  ConnectionId insert_as_it_is(unsigned worker, const Connection& connection) {
    Worker& own = dataplane->worker(worker);
    return own.connections->insert(own, connection).id;
  }
  ConnectionId insert(unsigned worker, const Shape& shape) {
    Connection connection;
    FlowKey& forward = connection.forward;
    FlowKey& reverse = connection.reverse;
    const IpAddr client = *parse_ip(shape.client), backend = *parse_ip(shape.backend);
    forward.source = address_key(client);
    forward.destination = address_key(*parse_ip(shape.virtual_address));
    forward.source_port = be16(shape.client_port);
    forward.destination_port = be16(shape.virtual_port);
    forward.vrf = vrf_id(shape.vrf);
    forward.protocol = reverse.protocol = shape.protocol;
    forward.ipv6 = !client.is_v4();
    reverse.source = address_key(backend);
    reverse.source_port = be16(shape.backend_port != 0 ? shape.backend_port : shape.virtual_port);
    reverse.destination = shape.local ? address_key(*parse_ip(shape.local)) : forward.source;
    reverse.destination_port = be16(shape.local ? shape.local_port : shape.client_port);
    reverse.vrf = vrf_id(shape.backend_vrf);
    reverse.ipv6 = !backend.is_v4();
    connection.backend =
        control->ids().backends.at({shape.service, shape.backend_vrf, backend, shape.backend_port});
    connection.owner = service_owner(control->ids().services.at(shape.service));
    connection.state = shape.state;
    connection.forwarding = shape.forwarding;
    connection.expires_s = dataplane->worker(worker).now_s + 100;
    return insert_as_it_is(worker, connection);
  }
  void insert_many(unsigned worker, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      const std::string client = "100." + std::to_string(64 + worker) + '.' +
                                 std::to_string(i >> 8) + '.' + std::to_string(i & 255);
      ASSERT_NE(insert(worker, {.client = client.c_str()}), 0u) << i;
    }
  }
  void erase(unsigned worker, ConnectionId id) {
    Worker& own = dataplane->worker(worker);
    own.connections->erase(own, id);
  }

  // --- the workers
  void pass(unsigned worker) {
    begin_pass(dataplane->worker(worker), now_ns);
    NoProfile probe;
    run_pass(dataplane->worker(worker), probe);
  }
  void pass_all() {
    for (unsigned id = 0; id < kWorkers; ++id) pass(id);
  }

  // --- the API
  RpcAnswer begin(const json& params) {
    const json request = {
        {"jsonrpc", "2.0"}, {"id", 1}, {"method", "show.connections"}, {"params", params}};
    return answer_request(api_methods(), context, {0, 1}, request.dump(), kRoom);
  }
  // Lets that worker, or all of them, work until there is an answer.
  json finish(RpcAnswer answer, std::optional<unsigned> only = {}) {
    for (polls = 0; answer.later && polls < 100'000; ++polls) {
      if (finish_answer(answer, kRoom)) break;
      now_ns += kMillisecond;
      only ? pass(*only) : pass_all();
    }
    return json::parse(answer.text);
  }
  json ask(const json& params = json::object()) {
    const json answer = finish(begin(params));
    EXPECT_TRUE(answer.contains("result")) << answer;
    return answer.value("result", json::object());
  }
  std::string complaint(const json& params) {
    const json answer = finish(begin(params));
    EXPECT_EQ(answer["error"]["code"], kInvalidParams) << answer;
    return answer["error"]["message"];
  }
  // Clients' ports of the rows.
  std::set<unsigned> ports(const json& params) {
    std::set<unsigned> ports;
    const json answer = ask(params);
    for (const json& row : answer["rows"]) ports.insert(row["client_port"].get<unsigned>());
    EXPECT_EQ(answer["total"], ports.size());
    return ports;
  }

  static constexpr size_t kRoom = 64 << 20;
  std::unique_ptr<Dataplane> dataplane;
  std::unique_ptr<ControlPlane> control;
  ApiContext context;
  unsigned polls = 0;
  bool traffic = false;  // a frame to drop in each pass

 private:
  static uint16_t receive(void* test, rte_mbuf** packets, uint16_t) {
    auto& self = *static_cast<ShowConnections*>(test);
    if (!self.traffic) return 0;
    packets[0] = rte_pktmbuf_alloc(self.dataplane->pool());
    if (packets[0] == nullptr) return 0;
    std::memset(rte_pktmbuf_append(packets[0], 60), 0, 60);
    return 1;
  }
  static uint16_t transmit(void*, rte_mbuf** packets, uint16_t n) {
    rte_pktmbuf_free_bulk(packets, n);
    return n;
  }
};

}  // namespace adit::show_connections_test
