// SPDX-License-Identifier: Apache-2.0
#include "output_check.h"

#include <rte_mbuf.h>

#include <array>
#include <cstring>

#include "adit/wire.h"

namespace adit::bench {
namespace {

constexpr unsigned kMostHeadBytes = kMostHeaderBytes + kInnerHeadBytes;

// What is the pipeline's choice, and the checksum that goes with it: taken over where it is
// one that the specification permits. Else what is wrong.
std::string take_entropy(const TunnelForm& form, const uint8_t* found, uint8_t* right) {
  const auto take = [&](unsigned at, unsigned bytes) {
    std::memcpy(right + at, found + at, bytes);
  };
  const unsigned end = form.ip_end();
  if (form.ipv6) {  // the flow label: 20 bits
    right[15] = static_cast<uint8_t>((right[15] & 0xf0) | (found[15] & 0x0f));
    take(16, 2);
  }
  if (form.kind == TunnelKind::kNvgre) take(end + 7, 1);  // FlowID
  if (form.is_stt()) take(end + 8, 4);                    // packet id
  if (!form.is_udp() && !form.is_stt()) return {};
  // RFC 7348 section 5: any port of the dynamic range will do.
  if (found[end] < 0xc0) return "its source port";
  take(end, 2);
  if (form.has_udp_checksum()) {
    if ((found[end + 6] | found[end + 7]) == 0) return "its UDP checksum";
    take(end + 6, 2);  // right or not is for tests to say
  }
  return {};
}

}  // namespace

std::string OutputCheck::examine_service(const rte_mbuf* packet) const {
  std::array<uint8_t, kMostHeadBytes> bytes{};
  const bool to_backend = out_ == Side::kServers;
  const unsigned head_bytes =
      to_backend ? service_->head_bytes_to_backend() : unsigned{service_->least_bytes()};
  const auto* head =
      static_cast<const uint8_t*>(rte_pktmbuf_read(packet, 0, head_bytes, bytes.data()));
  if (head == nullptr) return "it has " + std::to_string(packet->pkt_len) + " bytes only";
  return to_backend ? service_->examine_to_backend(head, tcp_flags_, packet->pkt_len)
                    : service_->examine_to_client(head, tcp_flags_, packet->pkt_len);
}

std::string OutputCheck::examine(const rte_mbuf* packet) const {
  if (service_ != nullptr) return examine_service(packet);
  std::array<uint8_t, kMostHeadBytes> bytes{};
  const bool tunnelled = case_.scenario->to == Side::kUplink;
  const unsigned before_inner = tunnelled ? case_.tunnel->header_bytes() : world_.tag_bytes();
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
  if (case_.scenario->destination == Destination::kBroadcast) vtep = world_.vtep_in(head);
  FrameHead right = world_.tunnel_to(vtep, flow, inner_bytes);
  const std::string entropy = take_entropy(*case_.tunnel, head, right.data());
  if (case_.tunnel->is_stt()) world_.set_tcp_checksum(right);
  return entropy.empty() ? first_difference(head, right) : entropy;
}

uint16_t OutputCheck::transmit(void* context, rte_mbuf** packets, uint16_t n) {
  auto& self = *static_cast<OutputCheck*>(context);
  for (unsigned i = 0; i < n; ++i) {
    ++self.packets_;
    std::string mistake = self.examine(packets[i]);
    if (mistake.empty()) continue;
    if (self.mistakes_++ == 0) self.mistake_ = std::move(mistake);
  }
  rte_pktmbuf_free_bulk(packets, n);
  return n;
}

PortIo OutputCheck::io() noexcept {
  return {this, nullptr, transmit};
}

}  // namespace adit::bench
