// SPDX-License-Identifier: Apache-2.0
// The end of the workers: what waits then, of all kinds and between them, is sent or dropped by
// name.
#include <gtest/gtest.h>
#include <rte_mempool.h>

#include <array>
#include <numeric>

#include "config/parser.h"
#include "fragments/reassembly.h"
#include "packet/ip_packet.h"
#include "pipeline.h"
#include "run_loop.h"
#include "running/control_plane.h"
#include "tunnel/stt_header.h"
#include "tunnel/stt_segment.h"

namespace adit::drain_test {
namespace {

constexpr unsigned kMbufs = 4095;
constexpr PortId kUp = 0, kRed0 = 1, kEdge = 2, kPorts = 3;
const std::vector<MacAddr> kMacs = {MacAddr::from_u64(0x0200'0000'0000),
                                    MacAddr::from_u64(0x0200'0000'0001),
                                    MacAddr::from_u64(0x0200'0000'0002)};
const MacAddr kPeer = MacAddr::from_u64(0x0200'0000'aa01);
const MacAddr kHost = MacAddr::from_u64(0x0200'0000'bb01);

constexpr uint32_t kOurs = 0xc000'0201, kRemote = 0xc000'0202;    // 192.0.2.1, 192.0.2.2
constexpr uint32_t kClient = 0x0a01'0009, kServer = 0x0a05'0009;  // 10.1.0.9, 10.5.0.9
constexpr uint32_t kGateway = 0x0a05'00fe, kOtherServer = 0x0a05'000a;

constexpr char kConfig[] = R"(
ports:
  up: {device: "tap:up0", addresses: [192.0.2.1/24]}
  red0: {device: "tap:red0"}
  edge: {device: "tap:edge0", addresses: [10.1.0.254/24]}
networks:
  red: {vni: 100, members: [{port: red0}], remotes: [{address: 192.0.2.2, kind: stt}, {address: 192.0.2.3}]}
vrfs:
  blue:
    ports: [edge]
    networks: {red: {addresses: [10.5.0.254/24]}}
)";

class DrainTest : public testing::Test {
 protected:
  DrainTest() {
    DataplaneOptions options;
    options.workers = 2;
    options.mbufs = kMbufs;
    options.fdb_capacity = 1024;
    options.connections = 1024;
    for (PortId port = 0; port < kPorts; ++port) {
      wires_[port] = {{}, {}};
      PortSpec spec;
      spec.name = "port" + std::to_string(port);
      spec.io = {&wires_[port], receive, transmit};
      options.ports.push_back(spec);
    }
    dataplane_ = std::make_unique<Dataplane>(options);
    control_ =
        std::make_unique<ControlPlane>(*dataplane_, parse_config(kConfig, "test"), kMacs, now_ns_);
    // What is announced at the start waits for remotes, until its time is over.
    pass_all();
    now_ns_ += 2'000'000'000;
    pass_all();
    unresolved_before_ = drops(DropReason::k_neighbour_unresolved);
  }

  // A frame that comes in with the next pass.
  template <class Write>
  void arrive(PortId port, uint16_t bytes, Write write) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane_->pool());
    ASSERT_NE(mbuf, nullptr);
    char* data = rte_pktmbuf_append(mbuf, bytes);
    std::memset(data, 0, bytes);
    write(reinterpret_cast<EthernetHeader*>(data), mbuf);
    wires_[port].arriving.push_back(mbuf);
  }
  static Ipv4Header* write_ip(EthernetHeader* ethernet, const MacAddr& to, uint32_t source,
                              uint32_t destination, uint8_t protocol, uint16_t bytes,
                              uint16_t id = 0, uint16_t fragment = 0) {
    *ethernet = {to, kPeer, be16(kEtherTypeIpv4)};
    auto* ip = reinterpret_cast<Ipv4Header*>(ethernet + 1);
    *ip = {0x45, 0,        be16(bytes), be16(id),     be16(fragment),
           64,   protocol, be16(0),     be32(source), be32(destination)};
    write_ipv4_checksum(ip);
    return ip;
  }
  // To a host of the network, which has to be asked for.
  void arrive_routed(uint32_t server) {
    arrive(kEdge, 14 + 28, [server](EthernetHeader* ethernet, rte_mbuf*) {
      Ipv4Header* ip = write_ip(ethernet, kMacs[kEdge], kClient, server, kIpProtocolUdp, 28);
      *reinterpret_cast<UdpHeader*>(ip + 1) = {be16(7), be16(9), be16(8), be16(0)};
    });
  }
  void arrive_flooded() {
    arrive(kRed0, 60, [](EthernetHeader* ethernet, rte_mbuf*) {
      *ethernet = {MacAddr::from_u64(0xffff'ffff'ffff), kPeer, be16(0x88b5)};
    });
  }
  // The first of an STT frame's segments.
  void arrive_segment() {
    constexpr uint16_t kPayload = 1000, kTcp = sizeof(SttTcpHeader) + kPayload;
    arrive(kUp, 34 + kTcp, [](EthernetHeader* ethernet, rte_mbuf* mbuf) {
      Ipv4Header* ip = write_ip(ethernet, kMacs[kUp], kRemote, kOurs, kIpProtocolTcp, 20 + kTcp);
      auto* tcp = reinterpret_cast<SttTcpHeader*>(ip + 1);
      write_stt_tcp(*tcp, 50000, 7471, 3000, 0, 1, SttLast::kNo);
      tcp->checksum = stt_checksum(*ip, mbuf, 34, kTcp);
    });
  }
  // The first fragment of an echo request.
  void arrive_fragment(uint16_t id) {
    arrive(kUp, 34 + 16, [id](EthernetHeader* ethernet, rte_mbuf*) {
      write_ip(ethernet, kMacs[kUp], kRemote, kOurs, kIpProtocolIcmp, 20 + 16, id,
               kIpv4MoreFragments);
    });
  }
  // The server says where it is.
  void arrive_arp() {
    arrive(kRed0, 60, [](EthernetHeader* ethernet, rte_mbuf*) {
      const MacAddr gateway = default_gateway_mac(100);
      *ethernet = {gateway, kHost, be16(kEtherTypeArp)};
      *reinterpret_cast<ArpPacket*>(ethernet + 1) = {
          be16(1), be16(kEtherTypeIpv4), sizeof(MacAddr), sizeof(be32),  be16(2),
          kHost,   be32(kServer),        gateway,         be32(kGateway)};
    });
  }

  Worker& worker(unsigned id) { return dataplane_->worker(id); }
  void pass(unsigned id) {
    begin_pass(worker(id), now_ns_);
    NoProfile probe;
    run_pass(worker(id), probe);
  }
  // The underlay's port is worker 0's: what that hands over waits for worker 1.
  void pass_all() {
    pass(1);
    pass(0);
  }
  uint64_t unresolved() { return drops(DropReason::k_neighbour_unresolved) - unresolved_before_; }
  void drain_all() {
    const std::array<Worker*, 2> workers = {&worker(0), &worker(1)};
    drain(workers);
  }
  uint64_t drops(DropReason reason) { return dataplane_->drops(reason); }
  void expect_nothing_lost() {
    uint64_t in = 0, out = 0;
    for (unsigned id = 0; id < 2; ++id) {
      const WorkerCounters& counters = worker(id).counters;
      in += counters.received.get() + counters.copied.get() + counters.originated.get();
      out += counters.sent.get() + counters.consumed.get();
      for (const Counter& drop : counters.drops) out += drop.get();
      EXPECT_TRUE(worker(id).held.empty());
      EXPECT_EQ(worker(id).tunnels.kept, 0u);
      EXPECT_TRUE(worker(id).fragments->is_idle());
      EXPECT_TRUE(rte_ring_empty(worker(id).peers[id].ring));
    }
    EXPECT_EQ(in, out);
    EXPECT_EQ(rte_mempool_avail_count(dataplane_->pool()), kMbufs);
  }

  struct Wire {
    std::vector<rte_mbuf*> arriving;
    std::vector<std::vector<uint8_t>> sent;
  };
  static uint16_t receive(void* context, rte_mbuf** packets, uint16_t n) {
    auto& arriving = static_cast<Wire*>(context)->arriving;
    const auto count = static_cast<uint16_t>(std::min<size_t>(n, arriving.size()));
    std::copy_n(arriving.begin(), count, packets);
    arriving.erase(arriving.begin(), arriving.begin() + count);
    return count;
  }
  static uint16_t transmit(void* context, rte_mbuf** packets, uint16_t n) {
    for (unsigned i = 0; i < n; ++i) {
      const auto* data = rte_pktmbuf_mtod(packets[i], const uint8_t*);
      static_cast<Wire*>(context)->sent.emplace_back(data, data + packets[i]->data_len);
    }
    rte_pktmbuf_free_bulk(packets, n);
    return n;
  }

  uint64_t unresolved_before_ = 0;
  uint64_t now_ns_ = 1'000'000'000'000;
  std::array<Wire, kPorts> wires_;
  std::unique_ptr<Dataplane> dataplane_;
  std::unique_ptr<ControlPlane> control_;
};

TEST_F(DrainTest, OfNothingIsNothing) {
  drain_all();
  expect_nothing_lost();
}

TEST_F(DrainTest, WhatWaitsIsDroppedByName) {
  constexpr unsigned kFragments = 20;
  arrive_routed(kOtherServer);
  arrive_flooded();
  arrive_segment();
  for (uint16_t id = 1; id <= kFragments; ++id) arrive_fragment(id);
  pass_all();
  // A worker has handed the other one fragments that nobody has looked at.
  EXPECT_FALSE(rte_ring_empty(worker(1).peers[1].ring));
  EXPECT_EQ(worker(0).tunnels.kept + worker(1).tunnels.kept, 1u);
  EXPECT_EQ(worker(0).held.size() + worker(1).held.size(), 3u);

  drain_all();
  expect_nothing_lost();
  EXPECT_EQ(drops(DropReason::k_stt_expired), 1u);
  EXPECT_EQ(drops(DropReason::k_ip_reassembly), kFragments);
  // Two floods, the routed packet, and the error about it, whose receiver nobody knows either.
  EXPECT_EQ(unresolved(), 4u);
}

TEST_F(DrainTest, WhatNeedNotWaitAnyMoreIsSent) {
  arrive_routed(kServer);
  pass_all();
  arrive_arp();
  pass_all();
  control_->tick(now_ns_);
  ASSERT_EQ(worker(0).held.size() + worker(1).held.size(), 1u);
  for (Wire& wire : wires_) wire.sent.clear();

  // Into the network, and by the port of which its MAC is known.
  drain_all();
  expect_nothing_lost();
  const auto is_it = [](const std::vector<uint8_t>& frame) {
    const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame.data());
    return frame.size() == 42 && ethernet->dst == kHost &&
           ethernet->ether_type == be16(kEtherTypeIpv4);
  };
  EXPECT_EQ(std::ranges::count_if(wires_[kRed0].sent, is_it), 1);
  // The questions for it, which were flooded to both remotes.
  EXPECT_EQ(unresolved(), 2u);
}

}  // namespace
}  // namespace adit::drain_test
