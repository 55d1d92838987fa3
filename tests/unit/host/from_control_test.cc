// SPDX-License-Identifier: Apache-2.0
// Packets that control sends as clients' packets go, and their replies.
#include <gtest/gtest.h>

#include <vector>

#include "balance/balance.h"
#include "config/parser.h"
#include "ingress/classify.h"
#include "packet/inner.h"
#include "packet/ip_packet.h"
#include "packet/ip_version.h"
#include "pipeline.h"
#include "route/route.h"
#include "run_loop.h"
#include "running/control_plane.h"
#include "test_dataplane.h"
#include "worker/worker.h"

namespace adit {
namespace {

constexpr const char* kConfig = R"(
ports:
  up: {device: "tap:up0", addresses: [192.0.2.1/24]}
  lan: {device: "tap:lan0", addresses: [10.1.0.254/24, "fd01::fe/64"]}
neighbours: [{address: 192.0.2.9, mac: "02:00:00:00:00:09"}]
vrfs:
  shop:
    ports: [lan]
    neighbours:
      - {address: 10.1.0.1, mac: "02:00:00:00:01:01"}
      - {address: 10.1.0.2, mac: "02:00:00:00:01:02"}
      - {address: "fd01::1", mac: "02:00:00:00:01:06"}
services:
  nat:
    {vrf: shop, address: 198.51.100.80, port: 80, backends: [{address: 10.1.0.1}]}
  direct:
    {vrf: shop, address: 198.51.100.81, port: 80, forwarding: direct,
     backends: [{address: 10.1.0.1}, {address: 10.1.0.2}]}
  tunnel:
    {vrf: shop, address: 198.51.100.82, port: 80, forwarding: tunnel,
     backends: [{address: 10.1.0.1}, {address: 10.1.0.2}]}
  six:
    {vrf: shop, address: "2001:db8::80", port: 80, backends: [{address: "fd01::1"}]}
  under:
    {vrf: underlay, address: 198.51.100.80, port: 80, backends: [{address: 192.0.2.9}]}
)";

constexpr uint16_t kPort = 61000;
const MacAddr kUp = MacAddr::from_u64(0x0200'0000'aa00), kLan = MacAddr::from_u64(0x0200'0000'aa01);

IpAddr ip(const char* text) {
  return *parse_ip(text);
}

struct Segment4 {
  Ipv4Header ip;
  TcpHeader tcp;
};
struct Segment6 {
  Ipv6Header ip;
  TcpHeader tcp;
};

Segment4 segment(const IpAddr& from, uint16_t source, const IpAddr& to, uint16_t port,
                 uint8_t flags) {
  Segment4 sent{};
  sent.ip.version_ihl = 0x45;
  sent.ip.total_length = be16(sizeof sent);
  sent.ip.ttl = 64;
  sent.ip.protocol = kIpProtocolTcp;
  sent.ip.src = from.as_v4();
  sent.ip.dst = to.as_v4();
  write_ipv4_checksum(&sent.ip);
  sent.tcp.src_port = be16(source);
  sent.tcp.dst_port = be16(port);
  sent.tcp.data_offset = 0x50;
  sent.tcp.flags = flags;
  return sent;
}
Segment6 segment6(const IpAddr& from, uint16_t source, const IpAddr& to, uint16_t port,
                  uint8_t flags) {
  Segment6 sent{};
  sent.ip.version_class_label = be32(6u << 28);
  sent.ip.payload_length = be16(sizeof sent.tcp);
  sent.ip.next_header = kIpProtocolTcp;
  sent.ip.hop_limit = 64;
  sent.ip.src = from.bytes;
  sent.ip.dst = to.bytes;
  sent.tcp.src_port = be16(source);
  sent.tcp.dst_port = be16(port);
  sent.tcp.data_offset = 0x50;
  sent.tcp.flags = flags;
  return sent;
}

template <class Packet>
std::span<const uint8_t> bytes_of(const Packet& packet) {
  return {reinterpret_cast<const uint8_t*>(&packet), sizeof packet};
}

struct FromControlTest : testing::Test {
  FromControlTest() {
    worker.now_ns = 1'000'000'000;
    shop = control.ids().vrfs.at("shop");
    dataplane->step(worker.now_ns);  // announcements
  }
  BackendId backend(const char* service, const char* address, const char* vrf = "shop") {
    return control.ids().backends.at({service, vrf, ip(address), 0});
  }
  // What it sends, as a frame.
  template <class Packet>
  std::vector<uint8_t> sent(VrfId vrf, BackendId id, const Packet& packet) {
    dataplane.sent.clear();
    EXPECT_TRUE(dataplane->send_packet(vrf, id, bytes_of(packet)));
    dataplane->step(worker.now_ns);
    EXPECT_EQ(dataplane.sent.size(), 1u);
    return dataplane.sent.empty() ? std::vector<uint8_t>(200) : dataplane.sent[0];
  }
  static uint64_t mac_of(const std::vector<uint8_t>& frame) {
    MacAddr mac;
    std::copy_n(frame.begin(), 6, mac.bytes.begin());
    return mac.to_u64();
  }
  // A frame comes in by the port and goes its way.
  template <class Packet>
  void come(PortId port, const MacAddr& to, const Packet& packet, uint16_t type = kEtherTypeIpv4) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane->pool());
    const EthernetHeader ethernet{to, *parse_mac("02:00:00:00:00:99"), be16(type)};
    std::memcpy(rte_pktmbuf_append(mbuf, sizeof ethernet), &ethernet, sizeof ethernet);
    std::memcpy(rte_pktmbuf_append(mbuf, sizeof packet), &packet, sizeof packet);
    begin_pass(worker, worker.now_ns);
    classify(worker, port, &mbuf, 1);
    check_packets(worker);
    balance(worker, worker.routed);
    route_all(worker, worker.routed);
  }
  struct Got {
    VrfId vrf;
    size_t bytes;
    uint8_t version;
    friend bool operator==(const Got&, const Got&) = default;
  };
  std::vector<Got> take() {
    std::vector<Got> got;
    dataplane->take_punted([&](const Punted& punted) {
      EXPECT_TRUE(punted.of_host);
      got.push_back(
          {punted.to.vrf, punted.packet.size(), static_cast<uint8_t>(punted.packet[0] >> 4)});
    });
    return got;
  }
  uint64_t drops(DropReason reason) { return dataplane->drops(reason); }

  TestDataplane dataplane;
  ControlPlane control{*dataplane, parse_config(kConfig, "test"), {kUp, kLan}, 1'000'000'000};
  Worker& worker = dataplane->worker(0);
  VrfId shop = 0;
  const IpAddr own = ip("10.1.0.254"), one = ip("10.1.0.1");
};

TEST_F(FromControlTest, ABackendByNatIsAskedAtItsAddressAndAnswers) {
  const auto frame = sent(shop, backend("nat", "10.1.0.1"), segment(own, kPort, one, 80, kTcpSyn));
  EXPECT_EQ(mac_of(frame), 0x0200'0000'0101u);
  // Without that flow the reply would be one of a connection that is not known.
  come(1, kLan, segment(one, 80, own, kPort, kTcpSyn | kTcpAck));
  EXPECT_EQ(take(), (std::vector<Got>{{shop, sizeof(Segment4), 4}}));
}

TEST_F(FromControlTest, WhatIsNoReplyIsRefusedAsBefore) {
  come(1, kLan, segment(one, 81, own, kPort, kTcpSyn | kTcpAck));
  EXPECT_EQ(drops(DropReason::k_ip_protocol_unknown), 1u);
  sent(shop, backend("nat", "10.1.0.1"), segment(own, kPort, one, 80, kTcpSyn));
  come(1, kLan, segment(one, 81, own, kPort, kTcpSyn | kTcpAck));
  come(1, kLan, segment(one, 82, own, 179, kTcpSyn));
  EXPECT_EQ(drops(DropReason::k_ip_protocol_unknown), 3u);
  come(1, kLan, segment(one, 80, own, kPort + 1, kTcpSyn | kTcpAck));
  EXPECT_EQ(drops(DropReason::k_connection_unknown), 1u);
  EXPECT_EQ(take().size(), 0u);
}

TEST_F(FromControlTest, DirectlyTheVirtualAddressIsAskedAtThatBackend) {
  const IpAddr service = ip("198.51.100.81");
  for (const auto& [address, mac] :
       {std::pair{"10.1.0.1", 0x0200'0000'0101u}, std::pair{"10.1.0.2", 0x0200'0000'0102u}}) {
    const auto frame =
        sent(shop, backend("direct", address), segment(own, kPort, service, 80, kTcpSyn));
    EXPECT_EQ(mac_of(frame), mac);
    EXPECT_EQ(reinterpret_cast<const Segment4*>(frame.data() + 14)->ip.dst, service.as_v4());
  }
  come(1, kLan, segment(service, 80, own, kPort, kTcpSyn | kTcpAck));
  EXPECT_EQ(take(), (std::vector<Got>{{shop, sizeof(Segment4), 4}}));
}

TEST_F(FromControlTest, ByTunnelThePacketIsWrappedForThatBackend) {
  const IpAddr service = ip("198.51.100.82");
  const auto frame =
      sent(shop, backend("tunnel", "10.1.0.2"), segment(own, kPort, service, 80, kTcpSyn));
  EXPECT_EQ(mac_of(frame), 0x0200'0000'0102u);
  const auto* outer = reinterpret_cast<const Ipv4Header*>(frame.data() + 14);
  EXPECT_EQ(outer->protocol, kIpProtocolIpv4);
  EXPECT_EQ(outer->dst, ip("10.1.0.2").as_v4());
  EXPECT_EQ(outer->src, own.as_v4());
  EXPECT_EQ(outer[1].dst, service.as_v4());
  come(1, kLan, segment(service, 80, own, kPort, kTcpSyn | kTcpAck));
  EXPECT_EQ(take().size(), 1u);
}

TEST_F(FromControlTest, TheSameOverIpv6) {
  const IpAddr ours = ip("fd01::fe"), theirs = ip("fd01::1");
  const auto frame =
      sent(shop, backend("six", "fd01::1"), segment6(ours, kPort, theirs, 80, kTcpSyn));
  EXPECT_EQ(mac_of(frame), 0x0200'0000'0106u);
  come(1, kLan, segment6(theirs, 80, ours, kPort, kTcpSyn | kTcpAck), kEtherTypeIpv6);
  EXPECT_EQ(take(), (std::vector<Got>{{shop, sizeof(Segment6), 6}}));
}

TEST_F(FromControlTest, TheUnderlayHasItsOwn) {
  const auto frame = sent(0, backend("under", "192.0.2.9", "underlay"),
                          segment(ip("192.0.2.1"), kPort, ip("192.0.2.9"), 80, kTcpSyn));
  EXPECT_EQ(mac_of(frame), 0x0200'0000'0009u);
  come(0, kUp, segment(ip("192.0.2.9"), 80, ip("192.0.2.1"), kPort, kTcpSyn | kTcpAck));
  EXPECT_EQ(take(), (std::vector<Got>{{0, sizeof(Segment4), 4}}));
}

TEST_F(FromControlTest, ABackendThatIsGoneGetsNothing) {
  EXPECT_TRUE(dataplane->send_packet(shop, 999, bytes_of(segment(own, kPort, one, 80, kTcpSyn))));
  dataplane->step(worker.now_ns);
  EXPECT_EQ(drops(DropReason::k_no_backend), 1u);
}

TEST_F(FromControlTest, CommandsFindRoomBesidePackets) {
  const auto packet = segment(own, kPort, one, 80, kTcpSyn);
  while (dataplane->send_packet(shop, 0, bytes_of(packet))) continue;
  EXPECT_TRUE(dataplane->send(Command{}));
  // What waits is freed with the dataplane; until then it is in use.
  EXPECT_GT(dataplane->buffers_in_use(), 0u);
}

TEST_F(FromControlTest, AFloodOfRepliesHasItsLimit) {
  sent(shop, backend("nat", "10.1.0.1"), segment(own, kPort, one, 80, kTcpSyn));
  for (unsigned i = 0; i < 3000; ++i) {
    come(1, kLan, segment(one, 80, own, kPort, kTcpSyn | kTcpAck));
    if (i % 32 == 0) take();
  }
  EXPECT_GT(drops(DropReason::k_punt_limit), 0u);
}

}  // namespace
}  // namespace adit
