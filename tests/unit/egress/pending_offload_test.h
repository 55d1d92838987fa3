// SPDX-License-Identifier: Apache-2.0
// A gateway with ports that cut GSO frames and ports that do not, for frames whose checksum or
// segmentation is left to do.
#pragma once

#include "adit/dataplane.h"
#include "adit/wire.h"
#include "compile/compile.h"
#include "config/parser.h"
#include "offload_frames.h"
#include "packet/segment.h"
#include "tunnel/stt_header.h"

namespace adit {

inline constexpr uint64_t kSecond = 1'000'000'000;
// Those of the configuration, in its order. r1 and so on are of the VRF.
enum : PortId { kUp, kA, kB, kPlain, kSmall, kR1, kR2, kR3, kR4, kPorts };

inline std::string config_text(const std::string& too_big) {
  return R"(
ports:
  up: {device: "tap:up", addresses: [192.0.2.1/24]}
  a: {device: "tap:a"}
  b: {device: "tap:b"}
  plain: {device: "tap:plain"}
  small: {device: "tap:small", mtu_bytes: 1000}
  r1: {device: "tap:r1", addresses: [10.1.0.1/24]}
  r2: {device: "tap:r2", addresses: [10.2.0.1/24]}
  r3: {device: "tap:r3", mtu_bytes: 1000, addresses: [10.3.0.1/24]}
  r4: {device: "tap:r4", addresses: [10.4.0.1/24]}
networks:
  red:
    vni: 100
    too_big: )" +
         too_big + R"(
    members: [{port: a}, {port: b}, {port: plain}, {port: small}, {port: b, vlan: 7}]
    remotes: [{address: 192.0.2.2}, {address: 192.0.2.3, kind: stt}]
vrfs:
  v:
    ports: [r1, r2, r3, r4]
    vlans: [{port: b, vlan: 8, addresses: [10.5.0.1/24]}, {port: plain, vlan: 8, addresses: [10.6.0.1/24]}]
    tunnels: {t: {address: 192.0.2.4, kind: gre-ip, addresses: [10.9.0.1/30]}}
)";
}

class PendingOffloadTest : public testing::Test {
 protected:
  struct Sent {
    Bytes bytes;
    uint64_t tx_offload;
    uint16_t mss;
  };
  struct Wire {
    PendingOffloadTest* test;
    std::vector<rte_mbuf*> arriving;
    std::vector<Sent> sent;
  };

  explicit PendingOffloadTest(const std::string& too_big = "icmp") {
    DataplaneOptions options;
    options.mbufs = 4095;
    options.fdb_capacity = 1024;
    std::vector<PortTraits> traits;
    for (PortId port = 0; port < kPorts; ++port) {
      wires_[port].test = this;
      PortSpec spec;
      spec.name = "port" + std::to_string(port);
      spec.io = {&wires_[port], receive, transmit};
      options.ports.push_back(spec);
      traits.push_back({mac(port), true, port != kUp && port != kPlain && port != kR4});
    }
    dataplane_ = std::make_unique<Dataplane>(options);
    const Config config = parse_config(config_text(too_big), "test");
    Compiled compiled = compile(config, traits, {}, 1, 1);
    ids_ = compiled.ids;
    dataplane_->publish(std::move(compiled.snapshot));
    for (const auto& [hop, id] : ids_.adjacencies) dataplane_->adjacencies().resolve(id, kPeer);
    const LinkId links[] = {kR1,
                            kR2,
                            kR3,
                            kR4,
                            subinterface_link(ids_.subinterfaces.at({"b", 8})),
                            subinterface_link(ids_.subinterfaces.at({"plain", 8}))};
    for (uint8_t subnet = 1; subnet <= std::size(links); ++subnet) {
      const AdjacencyId host = kMaxNextHops + subnet;
      dataplane_->hosts().insert(links[subnet - 1],
                                 IpAddr::v4(be32(0x0a00'0002u | uint32_t{subnet} << 16)), host);
      dataplane_->adjacencies().resolve(host, kPeer);
    }
  }
  ~PendingOffloadTest() override { EXPECT_EQ(dataplane_->buffers_in_use(), 0u); }

  static MacAddr mac(PortId port) { return MacAddr::from_u64(0x0200'0000'0100u + port); }

  // The bridge port of network red: a member, or a remote.
  BridgePortId place(const std::string& port, uint16_t vlan = 0) const {
    return ids_.bridge_ports.at(MemberName{"red", port, vlan}).id;
  }
  BridgePortId remote(const char* address) const {
    return ids_.bridge_ports.at(RemoteName{"red", *parse_ip(address)}).id;
  }
  // Where the frame's destination is from now on.
  void learn(const Frame& frame, BridgePortId where) {
    MacAddr destination;
    std::memcpy(destination.bytes.data(), frame.bytes.data(), sizeof destination);
    ASSERT_TRUE(
        dataplane_->fdb().set(fdb_key(ids_.networks.at("red"), destination), where, true, 1));
  }
  // To the host of a subnet of the VRF, by way of the port r1.
  static Frame routed(unsigned subnet, FrameShape shape, bool dont_fragment) {
    Frame frame = FrameMaker(77).make(shape);
    const MacAddr gateway = mac(kR1);
    std::memcpy(frame.bytes.data(), gateway.bytes.data(), sizeof gateway);
    put32(frame.bytes, frame.ip + 12, 0x0a01'0002);
    put32(frame.bytes, frame.ip + 16, 0x0a00'0002 | subnet << 16);
    put16(frame.bytes, frame.ip + 6, dont_fragment ? 0x4000 : 0);
    frame.finish_ip();
    frame.finish_l4();
    return frame;
  }

  // Lets the frame come in by the port; `mss` 0: only its checksum is left to do.
  void arrive(PortId port, Frame frame, uint16_t mss, uint64_t more_flags = 0) {
    frame.leave_pseudo_sum();
    rte_mbuf* head = nullptr;
    for (std::size_t at = 0; at < frame.bytes.size();) {
      rte_mbuf* part = rte_pktmbuf_alloc(dataplane_->pool());
      const auto n = static_cast<uint16_t>(
          std::min<std::size_t>(frame.bytes.size() - at, rte_pktmbuf_tailroom(part)));
      std::memcpy(rte_pktmbuf_append(part, n), frame.bytes.data() + at, n);
      at += n;
      if (head == nullptr)
        head = part;
      else
        ASSERT_EQ(rte_pktmbuf_chain(head, part), 0);
    }
    set_tx_offload(head, frame.protocol, mss);
    head->ol_flags |= more_flags;
    wires_[port].arriving.push_back(head);
    now_ns_ += kSecond;
    dataplane_->step(now_ns_);
  }
  std::vector<Sent> sent(PortId port) { return std::exchange(wires_[port].sent, {}); }
  uint64_t drops(DropReason reason) const { return dataplane_->drops(reason); }

  // All are finished TCP segments of the frame, in order; `before` bytes precede each.
  static void expect_segments(const Frame& frame, const std::vector<Sent>& all, unsigned mss,
                              std::size_t before = 0) {
    Bytes payload;
    EXPECT_EQ(all.size(), (frame.end - frame.payload + mss - 1) / mss);
    for (const Sent& one : all) {
      EXPECT_EQ(one.tx_offload, 0u);
      ASSERT_GT(one.bytes.size(), before + frame.payload);
      Frame segment = frame;
      segment.bytes = slice(one.bytes, before, one.bytes.size());
      segment.end = segment.bytes.size();
      EXPECT_EQ(segment.l4_sum(), 0xffffu);
      append(payload, slice(segment.bytes, frame.payload, segment.end));
    }
    EXPECT_EQ(payload, slice(frame.bytes, frame.payload, frame.end));
  }
  // One GSO frame, as it came.
  static void expect_whole(Frame frame, const std::vector<Sent>& all, unsigned mss) {
    ASSERT_EQ(all.size(), 1u);
    frame.leave_pseudo_sum();
    EXPECT_EQ(all[0].bytes, frame.bytes);
    EXPECT_EQ(all[0].tx_offload, RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG);
    EXPECT_EQ(all[0].mss, mss);
  }

  static constexpr MacAddr kPeer = MacAddr::from_u64(0x0200'0000'0200);
  std::unique_ptr<Dataplane> dataplane_;
  CompiledIds ids_;

 private:
  static uint16_t receive(void* context, rte_mbuf** packets, uint16_t n) {
    auto& wire = *static_cast<Wire*>(context);
    const auto count = static_cast<uint16_t>(std::min<std::size_t>(n, wire.arriving.size()));
    std::copy_n(wire.arriving.begin(), count, packets);
    wire.arriving.erase(wire.arriving.begin(), wire.arriving.begin() + count);
    return count;
  }
  static uint16_t transmit(void* context, rte_mbuf** packets, uint16_t n) {
    auto& wire = *static_cast<Wire*>(context);
    for (unsigned i = 0; i < n; ++i) {
      Bytes bytes;
      for (const rte_mbuf* part = packets[i]; part != nullptr; part = part->next) {
        const auto* data = rte_pktmbuf_mtod(part, const uint8_t*);
        bytes.insert(bytes.end(), data, data + part->data_len);
      }
      wire.sent.push_back({bytes, packets[i]->ol_flags & kTxOffloadFlags,
                           static_cast<uint16_t>(packets[i]->tso_segsz)});
      rte_pktmbuf_free(packets[i]);
    }
    return n;
  }

  std::array<Wire, kPorts> wires_;
  uint64_t now_ns_ = 0;
};

struct PendingOffloadFragments : PendingOffloadTest {
  PendingOffloadFragments() : PendingOffloadTest("fragment") {}
};

inline void tag(Frame& frame, uint8_t vlan) {
  frame.bytes.insert(frame.bytes.begin() + 12, {0x81, 0x00, 0x00, vlan});
  for (std::size_t* at : {&frame.ip, &frame.l4, &frame.payload, &frame.end, &frame.destination})
    *at += 4;
}

inline Frame tcp(unsigned payload, bool v6 = false) {
  return FrameMaker(5).make({.v6 = v6, .payload = payload, .tcp_options = 12});
}

}  // namespace adit
