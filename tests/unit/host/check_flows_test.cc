// SPDX-License-Identifier: Apache-2.0
// Packets of health checks between their namespace, where each backend has an alias, and the wire.
#include "host/check_flows.h"

#include <gtest/gtest.h>

#include <vector>

#include "health/packet_way.h"
#include "host/ip_bytes.h"

namespace adit {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint8_t kSyn = kTcpSyn, kSynAck = kTcpSyn | kTcpAck;

IpAddr ip(const char* text) {
  return *parse_ip(text);
}

void put16(Bytes& bytes, size_t at, uint32_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

size_t l4_of(const Bytes& packet) {
  return packet[0] >> 4 == 4 ? 20 : 40;
}

// The sum of the pseudo-header and all of L4; 0 where the checksum is right.
uint16_t l4_sum(const Bytes& packet) {
  const size_t l4 = l4_of(packet);
  const bool v4 = l4 == 20;
  const uint8_t protocol = packet[v4 ? 9 : 6];
  uint32_t sum = 0;
  if (protocol != kIpProtocolIcmp) {
    for (size_t at = v4 ? 12 : 8; at < l4; at += 2) sum += packet[at] << 8 | packet[at + 1];
    sum += protocol + static_cast<uint32_t>(packet.size() - l4);
  }
  return checksum_of(std::span(packet).subspan(l4), sum);
}

uint16_t header_sum(const Bytes& packet) {
  return l4_of(packet) == 20 ? checksum_of(std::span(packet).first(20)) : 0;
}

Bytes packet_of(const IpAddr& from, const IpAddr& to, uint8_t protocol, Bytes l4, size_t checksum) {
  const bool v4 = from.is_v4();
  Bytes packet(v4 ? 20 : 40);
  const size_t bytes = l4.size();
  packet[0] = v4 ? 0x45 : 0x60;
  put16(packet, v4 ? 2 : 4, static_cast<uint32_t>(bytes + (v4 ? 20 : 0)));
  packet[v4 ? 8 : 7] = 64;
  packet[v4 ? 9 : 6] = protocol;
  const size_t width = v4 ? 4 : 16;
  std::copy_n(from.bytes.begin(), width, &packet[v4 ? 12 : 8]);
  std::copy_n(to.bytes.begin(), width, &packet[v4 ? 16 : 24]);
  if (v4) put16(packet, 10, checksum_of(packet));
  packet.insert(packet.end(), l4.begin(), l4.end());
  put16(packet, l4_of(packet) + checksum, l4_sum(packet));
  return packet;
}

Bytes tcp(const IpAddr& from, uint16_t source, const IpAddr& to, uint16_t port, uint8_t flags) {
  Bytes l4(20);
  put16(l4, 0, source);
  put16(l4, 2, port);
  l4[12] = 0x50;
  l4[13] = flags;
  return packet_of(from, to, kIpProtocolTcp, l4, 16);
}

Bytes udp(const IpAddr& from, uint16_t source, const IpAddr& to, uint16_t port) {
  Bytes l4(13, 0x31);
  put16(l4, 0, source);
  put16(l4, 2, port);
  put16(l4, 4, 13);
  put16(l4, 6, 0);
  return packet_of(from, to, kIpProtocolUdp, l4, 6);
}

Bytes icmp(const IpAddr& from, const IpAddr& to, uint8_t type, uint8_t code, uint16_t id,
           const Bytes& payload = {}) {
  Bytes l4(8);
  l4[0] = type;
  l4[1] = code;
  put16(l4, 4, id);
  l4.insert(l4.end(), payload.begin(), payload.end());
  return packet_of(from, to, from.is_v4() ? kIpProtocolIcmp : kIpProtocolIcmpv6, l4, 2);
}

IpAddr source_of(Bytes packet) {
  return read_ip(packet)->source();
}
IpAddr destination_of(Bytes packet) {
  return read_ip(packet)->destination();
}
uint16_t word(const Bytes& packet, size_t at) {
  return static_cast<uint16_t>(packet[at] << 8 | packet[at + 1]);
}
uint16_t source_port(const Bytes& packet) {
  return word(packet, l4_of(packet));
}
uint16_t destination_port(const Bytes& packet) {
  return word(packet, l4_of(packet) + 2);
}

// What is right in every packet that is passed on.
void expect_sound(const Bytes& packet) {
  EXPECT_EQ(header_sum(packet), 0);
  EXPECT_EQ(l4_sum(packet), 0);
}

// Backends 1 and 2 are one host in VRF 3; 4 is as much in VRF 5; 6 speaks IPv6.
struct CheckFlowsTest : testing::Test {
  CheckFlows flows{[](BackendId id) -> std::optional<CheckFlows::Wire> {
    if (id == 1 || id == 2) return CheckFlows::Wire{3, ip("10.1.0.254"), ip("10.1.0.1")};
    if (id == 4) return CheckFlows::Wire{5, ip("10.1.0.254"), ip("10.1.0.1")};
    if (id == 6) return CheckFlows::Wire{3, ip("fd01::fe"), ip("fd01::1")};
    if (id >= 1000)
      return CheckFlows::Wire{static_cast<VrfId>(id % 2 + 7), ip("10.0.0.1"), ip("10.0.0.2")};
    return std::nullopt;
  }};
  uint64_t now_ns = kSecond;

  static IpAddr own4() { return own_of_aliases(IpFamily::kV4); }
  static IpAddr own6() { return own_of_aliases(IpFamily::kV6); }
  static IpAddr alias4(BackendId id) { return alias_of(id, IpFamily::kV4); }
  static IpAddr alias6(BackendId id) { return alias_of(id, IpFamily::kV6); }
  Bytes sent(Bytes packet, VrfId vrf, BackendId backend) {
    const auto out = flows.send(packet, now_ns);
    EXPECT_TRUE(out && out->vrf == vrf && out->backend == backend);
    expect_sound(packet);
    return packet;
  }
  bool receives(VrfId vrf, Bytes packet) { return flows.receive(vrf, packet, now_ns); }
  Bytes received(VrfId vrf, Bytes packet) {
    EXPECT_TRUE(flows.receive(vrf, packet, now_ns));
    expect_sound(packet);
    return packet;
  }
};

TEST_F(CheckFlowsTest, AConnectionGoesToTheBackendAndComesBack) {
  const Bytes out = sent(tcp(own4(), 40000, alias4(1), 80, kSyn), 3, 1);
  EXPECT_EQ(source_of(out), ip("10.1.0.254"));
  EXPECT_EQ(destination_of(out), ip("10.1.0.1"));
  EXPECT_EQ(destination_port(out), 80);
  EXPECT_GE(source_port(out), CheckFlows::kFirstPort);
  const Bytes back =
      received(3, tcp(ip("10.1.0.1"), 80, ip("10.1.0.254"), source_port(out), kSynAck));
  EXPECT_EQ(source_of(back), alias4(1));
  EXPECT_EQ(destination_of(back), own4());
  EXPECT_EQ(source_port(back), 80);
  EXPECT_EQ(destination_port(back), 40000);
}

TEST_F(CheckFlowsTest, TheSameOverIpv6) {
  const Bytes out = sent(tcp(own6(), 40000, alias6(6), 443, kSyn), 3, 6);
  EXPECT_EQ(source_of(out), ip("fd01::fe"));
  EXPECT_EQ(destination_of(out), ip("fd01::1"));
  const Bytes back =
      received(3, tcp(ip("fd01::1"), 443, ip("fd01::fe"), source_port(out), kSynAck));
  EXPECT_EQ(source_of(back), alias6(6));
  EXPECT_EQ(destination_port(back), 40000);
}

TEST_F(CheckFlowsTest, TwoBackendsOnOneHostAreToldApart) {
  const Bytes one = sent(tcp(own4(), 40000, alias4(1), 80, kSyn), 3, 1);
  const Bytes two = sent(tcp(own4(), 40000, alias4(2), 80, kSyn), 3, 2);
  EXPECT_NE(source_port(one), source_port(two));
  EXPECT_EQ(
      source_of(received(3, tcp(ip("10.1.0.1"), 80, ip("10.1.0.254"), source_port(two), kSynAck))),
      alias4(2));
}

TEST_F(CheckFlowsTest, AnotherTenantsPacketsAreNoReplies) {
  const Bytes out = sent(tcp(own4(), 40000, alias4(1), 80, kSyn), 3, 1);
  EXPECT_FALSE(receives(5, tcp(ip("10.1.0.1"), 80, ip("10.1.0.254"), source_port(out), kSynAck)));
  EXPECT_FALSE(receives(3, tcp(ip("10.1.0.9"), 80, ip("10.1.0.254"), source_port(out), kSynAck)));
  EXPECT_FALSE(receives(3, tcp(ip("10.1.0.1"), 81, ip("10.1.0.254"), source_port(out), kSynAck)));
  EXPECT_FALSE(receives(3, udp(ip("10.1.0.1"), 80, ip("10.1.0.254"), source_port(out))));
  const Bytes other = sent(tcp(own4(), 40000, alias4(4), 80, kSyn), 5, 4);
  EXPECT_EQ(source_of(received(
                5, tcp(ip("10.1.0.1"), 80, ip("10.1.0.254"), source_port(other), kSynAck))),
            alias4(4));
}

TEST_F(CheckFlowsTest, DatagramsAndEchoesAreTranslated) {
  const Bytes query = sent(udp(own4(), 5000, alias4(1), 53), 3, 1);
  const Bytes answer = received(3, udp(ip("10.1.0.1"), 53, ip("10.1.0.254"), source_port(query)));
  EXPECT_EQ(destination_port(answer), 5000);
  const Bytes ping = sent(icmp(own4(), alias4(1), 8, 0, 77), 3, 1);
  const uint16_t id = word(ping, 24);
  const Bytes pong = received(3, icmp(ip("10.1.0.1"), ip("10.1.0.254"), 0, 0, id));
  EXPECT_EQ(word(pong, 24), 77);
  const Bytes ping6 = sent(icmp(own6(), alias6(6), 128, 0, 78), 3, 6);
  const Bytes pong6 = received(3, icmp(ip("fd01::1"), ip("fd01::fe"), 129, 0, word(ping6, 44)));
  EXPECT_EQ(word(pong6, 44), 78);
  EXPECT_EQ(source_of(pong6), alias6(6));
}

TEST_F(CheckFlowsTest, AnErrorAboutACheckNamesWhatTheKernelSent) {
  const Bytes query = sent(udp(own4(), 5000, alias4(1), 53), 3, 1);
  const Bytes quoted(query.begin(), query.begin() + 28);  // RFC 792: 64 bits of the datagram
  const Bytes error = received(3, icmp(ip("10.1.0.99"), ip("10.1.0.254"), 3, 3, 0, quoted));
  EXPECT_EQ(destination_of(error), own4());
  Bytes inside(error.begin() + 28, error.end());
  EXPECT_EQ(header_sum(inside), 0);
  EXPECT_EQ(read_ip(inside, true)->source(), own4());
  EXPECT_EQ(read_ip(inside, true)->destination(), alias4(1));
  EXPECT_EQ(source_port(inside), 5000);
  const Bytes query6 = sent(udp(own6(), 5000, alias6(6), 53), 3, 6);
  const Bytes error6 = received(3, icmp(ip("fd01::1"), ip("fd01::fe"), 1, 4, 0, query6));
  Bytes inside6(error6.begin() + 48, error6.end());
  EXPECT_EQ(source_port(inside6), 5000);
  EXPECT_FALSE(receives(5, icmp(ip("10.1.0.99"), ip("10.1.0.254"), 3, 3, 0, quoted)));
}

TEST_F(CheckFlowsTest, WhatIsNoChecksIsNotPassedOn) {
  Bytes unknown = tcp(own4(), 40000, alias4(9), 80, kSyn);
  EXPECT_FALSE(flows.send(unknown, now_ns));
  Bytes elsewhere = tcp(own4(), 40000, ip("192.0.2.1"), 80, kSyn);
  EXPECT_FALSE(flows.send(elsewhere, now_ns));
  Bytes fragment = udp(own4(), 5000, alias4(1), 53);
  fragment[6] = 0x20;
  EXPECT_FALSE(flows.send(fragment, now_ns));
  // Every length of a packet that was cut.
  const Bytes whole = tcp(own4(), 40000, alias4(1), 80, kSyn);
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
    EXPECT_FALSE(flows.send(cut, now_ns)) << bytes;
    EXPECT_FALSE(flows.receive(3, cut, now_ns)) << bytes;
  }
  EXPECT_EQ(flows.size(), 0u);
}

TEST_F(CheckFlowsTest, APortThatTheKernelTakesAgainIsAnotherFlow) {
  const Bytes first = sent(tcp(own4(), 40000, alias4(1), 80, kSyn), 3, 1);
  EXPECT_EQ(source_port(sent(tcp(own4(), 40000, alias4(1), 80, kSyn), 3, 1)), source_port(first))
      << "the SYN once more";
  EXPECT_EQ(source_port(sent(tcp(own4(), 40000, alias4(1), 80, kTcpFin | kTcpAck), 3, 1)),
            source_port(first));
  sent(tcp(own4(), 40000, alias4(1), 80, kSyn), 3, 1);
  EXPECT_EQ(flows.size(), 1u);
}

TEST_F(CheckFlowsTest, FlowsThatAreOverMakeRoom) {
  sent(tcp(own4(), 40000, alias4(1), 80, kSyn), 3, 1);
  sent(tcp(own4(), 40000, alias4(1), 80, kTcpRst), 3, 1);
  sent(tcp(own4(), 40001, alias4(1), 80, kSyn), 3, 1);
  EXPECT_EQ(flows.size(), 2u);
  now_ns += 10 * kSecond;
  sent(tcp(own4(), 40002, alias4(1), 80, kSyn), 3, 1);
  EXPECT_EQ(flows.size(), 2u) << "the one that is open stays";
}

TEST_F(CheckFlowsTest, ATenantThatHasManyLosesItsOwn) {
  const Bytes kept = sent(tcp(own4(), 40000, alias4(1), 80, kSyn), 3, 1);
  for (BackendId id = 1000; id < 1000 + 2 * CheckFlows::kMostFlows; id += 2)
    sent(tcp(own4(), 40000, alias4(id), static_cast<uint16_t>(id / 4096), kSyn), 7, id);
  EXPECT_EQ(flows.size(), CheckFlows::kMostFlows);
  EXPECT_TRUE(receives(3, tcp(ip("10.1.0.1"), 80, ip("10.1.0.254"), source_port(kept), kSynAck)));
}

}  // namespace
}  // namespace adit
