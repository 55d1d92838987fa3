// SPDX-License-Identifier: Apache-2.0
// Persistence through the whole pipeline of two workers, in step: what adit-replay, with one
// worker and one configuration, does not see.
#include <gtest/gtest.h>
#include <rte_ip.h>

#include <set>

#include "adit/wire.h"
#include "balance/balance.h"
#include "balance/schedule.h"
#include "config/parser.h"
#include "pipeline.h"
#include "run_loop.h"
#include "running/control_plane.h"
#include "worker/handover.h"

namespace adit {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint32_t kVip = 0x0a09'0050, kLocal = 0x0a02'00c8;  // 10.9.0.80, 10.2.0.200
enum : PortId { kEdge0, kEdge1, kBack, kPorts };              // the second is the other worker's

std::string config_text(const std::string& keys, const std::string& backends,
                        const std::string& more = "") {
  return R"(
ports:
  edge0: {device: "tap:edge0", addresses: [10.1.0.254/24]}
  edge1: {device: "tap:edge1", addresses: [10.3.0.254/24]}
  back: {device: "tap:back", addresses: [10.2.0.254/24]}
vrfs:
  blue:
    ports: [edge0, edge1, back]
    routes: [{to: 10.64.0.0/10, via: 10.1.0.1}]
    neighbours:
      - {address: 10.1.0.1, mac: "02:00:00:00:01:01"}
      - {address: 10.2.0.11, mac: "02:00:00:00:02:11"}
      - {address: 10.2.0.12, mac: "02:00:00:00:02:12"}
      - {address: 10.2.0.13, mac: "02:00:00:00:02:13"}
      - {address: 10.2.0.14, mac: "02:00:00:00:02:14"}
balancer: {templates: 1024, timeouts: {udp_s: 5}}
services:
  web: {vrf: blue, address: 10.9.0.80, protocol: udp, port: 0, scheduler: rr, )" +
         keys + ", backends: [" + backends + "]" + more + "}\n";
}
const std::string kThree = "{address: 10.2.0.11}, {address: 10.2.0.12}, {address: 10.2.0.13}";
const std::string kTen = "persistence: {timeout_s: 10}";

struct Sent {
  uint32_t source, destination;
  uint16_t source_port, destination_port;
};

class PersistenceTest : public testing::Test {
 protected:
  void start(const std::string& keys, const std::string& backends = kThree,
             const std::string& more = "") {
    DataplaneOptions options;
    options.workers = 2;
    options.mbufs = 16383;
    options.fdb_capacity = 1024;
    options.connections = 4096;
    options.persistence_entries = 1024;
    std::vector<MacAddr> macs;
    for (PortId port = 0; port < kPorts; ++port) {
      wires_[port].test = this;
      PortSpec spec;
      spec.name = "port" + std::to_string(port);
      spec.io = {&wires_[port], receive, transmit};
      options.ports.push_back(spec);
      macs.push_back(MacAddr::from_u64(0x0200'0000'0000 + port));
    }
    dataplane = std::make_unique<Dataplane>(options);
    control = std::make_unique<ControlPlane>(
        *dataplane, parse_config(config_text(keys, backends, more), "test"), macs, now_ns);
    run();
    sent.clear();
  }
  void reload(const std::string& keys, const std::string& backends = kThree) {
    control->apply(parse_config(config_text(keys, backends), "test"), now_ns);
  }
  ~PersistenceTest() override {
    if (!dataplane) return;
    run();
    EXPECT_EQ(dataplane->buffers_in_use(), 0u);
  }

  void pass(unsigned worker) {
    begin_pass(dataplane->worker(worker), now_ns);
    NoProfile probe;
    run_pass(dataplane->worker(worker), probe);
  }
  // As many passes as a packet can take, from worker to worker.
  void run() {
    for (unsigned i = 0; i < 6; ++i)
      for (unsigned id = 0; id < dataplane->worker_count(); ++id) pass(id);
  }
  void wait(uint64_t seconds) {
    for (uint64_t i = 0; i < seconds; ++i) {
      now_ns += kSecond;
      run();
    }
  }

  void arrive(PortId port, uint32_t source, uint32_t destination, uint16_t source_port,
              uint16_t destination_port) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane->pool());
    ASSERT_NE(mbuf, nullptr);
    auto* ethernet = reinterpret_cast<EthernetHeader*>(rte_pktmbuf_append(mbuf, 14 + 28));
    *ethernet = {control->port_macs()[port], MacAddr::from_u64(0x0200'0000'0101),
                 be16(kEtherTypeIpv4)};
    auto* ip = reinterpret_cast<Ipv4Header*>(ethernet + 1);
    *ip = {0x45,           0,       be16(28),     be16(0),          be16(0), 64,
           kIpProtocolUdp, be16(0), be32(source), be32(destination)};
    ip->checksum = be16::from_raw(rte_ipv4_cksum(reinterpret_cast<const rte_ipv4_hdr*>(ip)));
    *reinterpret_cast<UdpHeader*>(ip + 1) = {be16(source_port), be16(destination_port), be16(8),
                                             be16(0)};
    wires_[port].arriving.push_back(mbuf);
  }
  // A packet of a client, and the last byte of the backend that got it; 0: none.
  uint32_t ask(uint32_t client, uint16_t client_port, uint16_t port = 80, PortId in = kEdge0) {
    sent.clear();
    arrive(in, client, kVip, client_port, port);
    run();
    return sent.size() == 1 && sent[0].destination >> 8 == 0x0a'0200 ? sent[0].destination & 0xff
                                                                     : 0;
  }
  uint64_t entries() { return dataplane->persistence_entries(control->ids().services.at("web")); }
  BackendId backend(uint32_t last_byte) {
    return control->ids().backends.at(
        {"web", "blue", IpAddr::v4(be32(0x0a02'0000 | last_byte)), 0});
  }
  void set_status(uint32_t last_byte, BackendStatus status) {
    dataplane->backend_status().store(backend(last_byte), status);
  }
  unsigned owner_worker(uint32_t client) { return owner_of({0, be32(client).raw()}, be16(0), 2); }
  unsigned owner(uint32_t client, uint16_t port) {
    return owner_of({0, be32(client).raw()}, be16(port), 2);
  }
  // A client whose entry is the worker's, and a port of a connection that is the other's.
  uint32_t client_of(unsigned worker) {
    uint32_t client = 0x0a40'0001;
    while (owner_worker(client) != worker) ++client;
    return client;
  }
  uint16_t port_at(uint32_t client, unsigned worker, uint16_t from = 1000) {
    while (owner(client, from) != worker) ++from;
    return from;
  }

  uint64_t now_ns = 1000 * kSecond;
  std::vector<Sent> sent;
  std::unique_ptr<Dataplane> dataplane;
  std::unique_ptr<ControlPlane> control;

 private:
  struct Wire {
    PersistenceTest* test = nullptr;
    std::vector<rte_mbuf*> arriving;
  };
  static uint16_t receive(void* context, rte_mbuf** packets, uint16_t n) {
    auto& arriving = static_cast<Wire*>(context)->arriving;
    const auto count = static_cast<uint16_t>(std::min<size_t>(n, arriving.size()));
    std::copy_n(arriving.begin(), count, packets);
    arriving.erase(arriving.begin(), arriving.begin() + count);
    return count;
  }
  // ARP is no matter here.
  static uint16_t transmit(void* context, rte_mbuf** packets, uint16_t n) {
    for (unsigned i = 0; i < n; ++i) {
      const auto* ethernet = rte_pktmbuf_mtod(packets[i], const EthernetHeader*);
      const auto* ip = reinterpret_cast<const Ipv4Header*>(ethernet + 1);
      const auto* udp = reinterpret_cast<const UdpHeader*>(ip + 1);
      if (ethernet->ether_type == be16(kEtherTypeIpv4))
        static_cast<Wire*>(context)->test->sent.push_back(
            {ip->src.host(), ip->dst.host(), udp->src_port.host(), udp->dst_port.host()});
    }
    rte_pktmbuf_free_bulk(packets, n);
    return n;
  }
  std::array<Wire, kPorts> wires_;
};

TEST_F(PersistenceTest, AClientHasOneBackendWhicheverWorkersHaveItsConnections) {
  start("persistence: {}");
  std::set<uint32_t> used;
  for (uint32_t client = 0x0a40'0001; client <= 0x0a40'0020; ++client) {
    std::set<uint32_t> backends;
    for (uint16_t i = 0; i < 40; ++i)
      backends.insert(
          ask(client, static_cast<uint16_t>(1000 + i), i % 7, i % 2 == 0 ? kEdge0 : kEdge1));
    ASSERT_EQ(backends.size(), 1u) << client;
    ASSERT_FALSE(backends.contains(0));
    used.insert(*backends.begin());
  }
  EXPECT_EQ(used.size(), 3u) << "rr has them all";
  EXPECT_EQ(entries(), 32u);
  for (unsigned id = 0; id < 2; ++id) {
    EXPECT_GT(dataplane->worker(id).connections->size(), 400u) << id;
    EXPECT_GT(dataplane->worker_counters(id).handed_over.get(), 300u) << id;
  }
  EXPECT_EQ(dataplane->connections(), 32u * 40u);
}

TEST_F(PersistenceTest, RepliesOfFullNatFindTheirConnection) {
  start("persistence: {}, forwarding: fullnat, local_addresses: [10.2.0.200]");
  for (const unsigned worker : {0u, 1u}) {
    const uint32_t client = client_of(worker);
    for (uint16_t port = 1000; port < 1030; ++port) {
      const uint32_t server = ask(client, port);
      ASSERT_NE(server, 0u);
      const Sent request = sent[0];
      EXPECT_EQ(request.source, kLocal);
      sent.clear();
      arrive(kBack, request.destination, request.source, request.destination_port,
             request.source_port);
      run();
      ASSERT_EQ(sent.size(), 1u);
      EXPECT_EQ(sent[0].source, kVip);
      EXPECT_EQ(sent[0].destination, client);
      EXPECT_EQ(sent[0].destination_port, port);
    }
  }
}

TEST_F(PersistenceTest, PacketsThatCameBeforeTheAnswerAreOfOneConnection) {
  start("persistence: {}");
  const uint32_t client = client_of(1);
  const uint16_t port = port_at(client, 0);
  for (unsigned i = 0; i < 5; ++i) arrive(kEdge0, client, kVip, port, 80);
  run();
  ASSERT_EQ(sent.size(), 5u);
  for (const Sent& packet : sent) EXPECT_EQ(packet.destination, sent[0].destination);
  EXPECT_EQ(dataplane->connections(), 1u);
  // Each but the first has given back what was counted for it, or the entry would stay.
  wait(400);
  EXPECT_EQ(dataplane->connections(), 0u);
  EXPECT_EQ(entries(), 0u);
}

TEST_F(PersistenceTest, AnEntryLastsFromTheLastConnectionOnAndWhileThereIsOne) {
  start(kTen);
  for (const unsigned worker : {0u, 1u}) {
    const uint32_t client = client_of(worker);
    // The connection is the other worker's, and lives for 5 seconds.
    const uint32_t first = ask(client, port_at(client, 1 - worker));
    ask(client + 0x10000, 1);  // the turn of another backend
    wait(8);
    EXPECT_EQ(entries(), 2u);
    EXPECT_EQ(ask(client, port_at(client, 1 - worker, 2000)), first);
    wait(8);
    EXPECT_EQ(entries(), 1u) << "that of the other client is over";
    EXPECT_EQ(ask(client, port_at(client, 1 - worker, 3000)), first);
    // Kept alive by packets of one connection, for longer than the timeout.
    const uint16_t port = port_at(client, 1 - worker, 4000);
    for (unsigned i = 0; i < 10; ++i) {
      EXPECT_EQ(ask(client, port), first);
      wait(3);
    }
    EXPECT_EQ(ask(client, port_at(client, 1 - worker, 5000)), first);
    wait(30);
    EXPECT_EQ(entries(), 0u);
    EXPECT_EQ(dataplane->connections(), 0u);
  }
}

TEST_F(PersistenceTest, ADownBackendLosesItsClients) {
  start("persistence: {}");
  const uint32_t client = client_of(1);
  const uint32_t first = ask(client, 1000);
  set_status(first, {1, false, false});
  const uint32_t second = ask(client, 1001);
  EXPECT_NE(second, 0u);
  EXPECT_NE(second, first);
  set_status(first, {1, true, false});
  EXPECT_EQ(ask(client, 1002), second) << "it stays where it is now";
  EXPECT_EQ(entries(), 1u);
}

TEST_F(PersistenceTest, ADrainedBackendKeepsItsClientsUnlessToldOtherwise) {
  start("persistence: {}");
  const uint32_t client = client_of(0);
  const uint32_t first = ask(client, 1000);
  set_status(first, {0, true, false});
  EXPECT_EQ(ask(client, 1001), first);
  for (uint32_t other = 0; other < 6; ++other)
    EXPECT_NE(ask(client + 0x10000 + other, 1000), first) << "a new client";
  reload("persistence: {expire_quiescent_template: true}");
  set_status(first, {0, true, false});
  const uint32_t second = ask(client, 1002);
  EXPECT_NE(second, first);
  EXPECT_EQ(ask(client, 1003), second);
  EXPECT_EQ(ask(client, 1000), first) << "a connection that is there";
}

TEST_F(PersistenceTest, ARemovedBackendIsForgotten) {
  start("persistence: {}", "{address: 10.2.0.11}");
  const uint32_t client = client_of(1);
  EXPECT_EQ(ask(client, 1000), 11u);
  reload("persistence: {}", "{address: 10.2.0.12}");
  EXPECT_EQ(ask(client, 1001), 12u);
  reload("persistence: {}", "{address: 10.2.0.11}, {address: 10.2.0.12}");
  EXPECT_EQ(ask(client, 1002), 12u);
}

TEST_F(PersistenceTest, NobodyStaysWithTheSorryServer) {
  start(kTen, "{address: 10.2.0.11}, {address: 10.2.0.12}", ", sorry: {address: 10.2.0.14}");
  const uint32_t client = client_of(1), other = client + 0x10000;
  const uint32_t first = ask(client, port_at(client, 0));
  set_status(11, {1, false, true});
  set_status(12, {1, false, true});
  EXPECT_EQ(ask(client, port_at(client, 0, 2000)), 14u);
  EXPECT_EQ(ask(other, 1000), 14u);
  EXPECT_EQ(entries(), 1u);
  set_status(11, {1, true, false});
  set_status(12, {1, true, false});
  EXPECT_EQ(ask(client, port_at(client, 0, 3000)), first) << "its backend came back in time";
  EXPECT_NE(ask(other, 1001), 14u);
}

TEST_F(PersistenceTest, ThresholdsDoNotMatterToThoseWhoHaveTheBackend) {
  start("persistence: {}",
        "{address: 10.2.0.11, upper_connections: 2}, {address: 10.2.0.12, weight: 0}");
  const uint32_t client = client_of(0);
  for (uint16_t port = 1000; port < 1020; ++port) ASSERT_EQ(ask(client, port), 11u);
  for (uint32_t other = 1; other < 20; ++other)
    if (owner_worker(client + other) == 0) {
      EXPECT_EQ(ask(client + other, 1000), 0u);
    }
  EXPECT_GT(dataplane->drops(DropReason::k_no_backend), 0u);
}

// Its packets keep a flow, until it has to go.
TEST_F(PersistenceTest, UdpFlowsLeaveADrainedBackend) {
  const std::string keys = "drain_udp_s: 30";
  start(keys, "{address: 10.2.0.11}, {address: 10.2.0.12, weight: 0}");
  const uint32_t client = client_of(1);
  const uint16_t port = port_at(client, 0);
  ASSERT_EQ(ask(client, port), 11u);
  reload(keys, "{address: 10.2.0.11, weight: 0}, {address: 10.2.0.12}");
  for (unsigned seconds = 4; seconds <= 60; seconds += 4) {
    wait(4);
    control->tick(now_ns);
    ASSERT_EQ(ask(client, port), seconds < 30 ? 11u : 12u) << seconds;
  }
}

TEST_F(PersistenceTest, PersistentUdpClientsLeaveADrainedBackendWhenTold) {
  const std::string keys = kTen + ", drain_udp_s: 0";
  start(keys, "{address: 10.2.0.11}, {address: 10.2.0.12, weight: 0}");
  const uint32_t client = client_of(1);
  const uint16_t port = port_at(client, 0);
  ASSERT_EQ(ask(client, port), 11u);
  reload(keys, "{address: 10.2.0.11, weight: 0}, {address: 10.2.0.12}");
  wait(4);
  ASSERT_EQ(ask(client, port), 11u);
  ASSERT_EQ(control->backends().move_udp("web", std::nullopt, now_ns), 1u);
  EXPECT_EQ(ask(client, port), 12u);
  EXPECT_EQ(ask(client, port), 12u);
  EXPECT_EQ(ask(client, port_at(client, 1, 3000)), 12u);
}

TEST_F(PersistenceTest, AReloadWhileAPacketIsUnderWayStrandsNothing) {
  start(kTen);
  const uint32_t client = client_of(1);
  const uint16_t port = port_at(client, 0);
  const auto begin_to_ask = [&](uint16_t from) {
    sent.clear();
    arrive(kEdge0, client, kVip, from, 80);
    pass(0);
  };
  begin_to_ask(port);
  ASSERT_EQ(rte_ring_count(dataplane->worker(1).peers[1].ring), 1u);
  reload("persistence: {timeout_s: 10}", "{address: 10.2.0.12}");
  run();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].destination, 0x0a02'000cu);
  // No more persistent when the question, and when the answer, is read.
  begin_to_ask(port_at(client, 0, 2000));
  reload("slow_start_s: 0");
  run();
  ASSERT_EQ(sent.size(), 1u);
  reload(kTen);
  begin_to_ask(port_at(client, 0, 3000));
  pass(1);
  ASSERT_EQ(rte_ring_count(dataplane->worker(0).peers[0].ring), 1u);
  reload(kTen, "{address: 10.2.0.13}");
  run();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].destination, 0x0a02'000du);
  wait(30);
  EXPECT_EQ(dataplane->connections(), 0u);
  EXPECT_EQ(entries(), 0u) << "each connection that was counted is counted out";
}

TEST_F(PersistenceTest, AnAnswerThatFindsTheRingFullIsDroppedAndNotCounted) {
  start(kTen);
  const uint32_t client = client_of(1);
  arrive(kEdge0, client, kVip, port_at(client, 0), 80);
  pass(0);
  rte_ring* back = dataplane->worker(0).peers[0].ring;
  for (unsigned i = 0; i < rte_ring_get_capacity(back); ++i) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane->pool());
    ASSERT_NE(mbuf, nullptr);
    rte_ring_mp_enqueue(back, mbuf);
  }
  pass(1);
  EXPECT_EQ(dataplane->drops(DropReason::k_handover_full), 1u);
  EXPECT_EQ(entries(), 1u);
  for (void* mbuf = nullptr; rte_ring_sc_dequeue(back, &mbuf) == 0;)
    rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
  wait(12);
  EXPECT_EQ(entries(), 0u);
}

TEST_F(PersistenceTest, AConnectionThatDoesNotComeAboutIsNotCounted) {
  // One port of the backend, so that the second port of the service collides.
  start(kTen, "{address: 10.2.0.11, port: 9}");
  const uint32_t client = client_of(1);
  const uint16_t port = port_at(client, 0);
  EXPECT_EQ(ask(client, port, 80), 11u);
  EXPECT_EQ(ask(client, port, 81), 0u);
  EXPECT_EQ(dataplane->drops(DropReason::k_connection_collides), 1u);
  wait(30);
  EXPECT_EQ(entries(), 0u);
}

}  // namespace
}  // namespace adit
