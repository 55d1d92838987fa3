// SPDX-License-Identifier: Apache-2.0
#include "output_check.h"

#include <rte_mbuf.h>

#include <array>
#include <cstring>

#include "adit/wire.h"

namespace adit::bench {
namespace {

constexpr unsigned kMostHeadBytes = kVxlanHeaderBytes + kInnerHeadBytes;
constexpr unsigned kUdpSourcePortOffset = 14 + 20;
constexpr unsigned kOuterDestinationIpOffset = 14 + 16;

template <class T>
T read_at(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

std::string first_difference(const uint8_t* found, const FrameHead& right) {
  for (unsigned i = 0; i < right.size(); ++i)
    if (found[i] != right.data()[i])
      return "byte " + std::to_string(i) + " is " + std::to_string(found[i]) + ", not " +
             std::to_string(right.data()[i]);
  return {};
}

}  // namespace

std::string OutputCheck::examine(const rte_mbuf* packet) const {
  std::array<uint8_t, kMostHeadBytes> bytes{};
  const bool tunnelled = case_.scenario->to == Side::kUplink;
  const unsigned before_inner = tunnelled ? kVxlanHeaderBytes : world_.tag_bytes();
  const unsigned head_bytes = before_inner + kInnerHeadBytes;
  const auto* head =
      static_cast<const uint8_t*>(rte_pktmbuf_read(packet, 0, head_bytes, bytes.data()));
  if (head == nullptr) return "it has " + std::to_string(packet->pkt_len) + " bytes only";
  // A tag stands inside the Ethernet header: what follows is shifted by as much.
  const uint32_t flow = World::flow_of(head + before_inner);
  if (flow >= case_.flows) return "its inner source address is no flow's";
  if (case_.size != kImix && packet->pkt_len != before_inner + case_.size)
    return "it has " + std::to_string(packet->pkt_len) + " bytes";
  const auto inner_bytes = static_cast<uint16_t>(packet->pkt_len - before_inner);
  if (!tunnelled) return first_difference(head, world_.access_frame(flow, inner_bytes));

  const uint32_t network = world_.network_of(flow);
  unsigned vtep = world_.vtep_of(network, world_.remote_of(flow));
  if (case_.scenario->destination == Destination::kBroadcast)
    vtep = read_at<be32>(head + kOuterDestinationIpOffset).host() - World::vtep_ip(0).host();
  FrameHead right = world_.vxlan_to(vtep, flow, inner_bytes);
  // RFC 7348 section 5: any port of the dynamic range will do.
  if (read_at<be16>(head + kUdpSourcePortOffset).host() < 0xc000) return "its UDP source port";
  std::memcpy(right.data() + kUdpSourcePortOffset, head + kUdpSourcePortOffset, sizeof(be16));
  return first_difference(head, right);
}

uint16_t OutputCheck::transmit(void* context, rte_mbuf** packets, uint16_t n) {
  auto& self = *static_cast<OutputCheck*>(context);
  for (unsigned i = 0; i < n; ++i) {
    ++self.packets_;
    if (self.mistake_.empty()) self.mistake_ = self.examine(packets[i]);
  }
  rte_pktmbuf_free_bulk(packets, n);
  return n;
}

PortIo OutputCheck::io() noexcept {
  return {this, nullptr, transmit};
}

}  // namespace adit::bench
