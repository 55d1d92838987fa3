// SPDX-License-Identifier: Apache-2.0
#include "rewrite/sequence_shift.h"

#include "connection/lowered_number.h"
#include "packet/mss.h"
#include "packet/packet.h"
#include "packet/patch.h"

namespace adit {
namespace {

constexpr uint8_t kOptionSack = 5;
constexpr unsigned kSackBlockLen = 8;

uint64_t replace_number(be32& number, uint32_t by) noexcept {
  const be32 fresh(by);
  return replace(&number, &fresh, sizeof fresh);
}

// The blocks of one SACK option; `at` counts from the TCP header's start. At an odd offset the
// bytes are swapped within the checksum's words, and so is the growth.
uint64_t lower_blocks(uint8_t* tcp, unsigned at, unsigned end, uint32_t first,
                      uint32_t shift) noexcept {
  uint64_t growth = 0;
  const bool odd = at % 2 != 0;
  for (; at < end; at += sizeof(be32)) {
    auto& edge = *reinterpret_cast<be32*>(tcp + at);
    growth += replace_number(edge, lowered_number(edge.host(), first, shift));
  }
  return odd ? __builtin_bswap16(fold_sum(growth)) : growth;
}

bool options_ok(const uint8_t* tcp, unsigned header_len) noexcept {
  for (unsigned at = sizeof(TcpHeader); at < header_len && tcp[at] != mss::kOptionEnd;) {
    if (tcp[at] == mss::kOptionNop) {
      ++at;
      continue;
    }
    if (at + 2 > header_len || tcp[at + 1] < 2 || at + tcp[at + 1] > header_len) return false;
    if (tcp[at] == kOptionSack && (tcp[at + 1] - 2u) % kSackBlockLen != 0) return false;
    at += tcp[at + 1];
  }
  return true;
}

// The options are well-formed.
uint64_t lower_sack(uint8_t* tcp, unsigned header_len, uint32_t first, uint32_t shift) noexcept {
  uint64_t growth = 0;
  for (unsigned at = sizeof(TcpHeader); at < header_len && tcp[at] != mss::kOptionEnd;) {
    if (tcp[at] == mss::kOptionNop) {
      ++at;
      continue;
    }
    const unsigned end = at + tcp[at + 1];
    if (tcp[at] == kOptionSack) growth += lower_blocks(tcp, at + 2, end, first, shift);
    at = end;
  }
  return growth;
}

}  // namespace

void shift_sequence(rte_mbuf* mbuf, const Flow& flow, uint32_t shift) noexcept {
  auto& tcp = *reinterpret_cast<TcpHeader*>(frame_of(mbuf) + flow.packet.l4);
  const uint64_t growth = replace_number(tcp.sequence, tcp.sequence.host() + shift);
  adjust_l4(tcp.checksum, l4_checksum_of(mbuf), 0, growth);
}

bool lower_acknowledgment(rte_mbuf* mbuf, const Flow& flow, uint32_t first,
                          uint32_t shift) noexcept {
  uint8_t* at = frame_of(mbuf) + flow.packet.l4;
  auto& tcp = *reinterpret_cast<TcpHeader*>(at);
  if ((tcp.flags & kTcpAck) == 0) return true;
  const unsigned header_len = (tcp.data_offset >> 4) * 4u;
  if (flow.packet.l4 + header_len > mbuf->data_len || !options_ok(at, header_len)) return false;
  uint64_t growth =
      replace_number(tcp.acknowledgment, lowered_number(tcp.acknowledgment.host(), first, shift));
  growth += lower_sack(at, header_len, first, shift);
  adjust_l4(tcp.checksum, l4_checksum_of(mbuf), 0, growth);
  return true;
}

void lower_embedded_sequence(rte_mbuf* mbuf, const Flow& flow, uint32_t first,
                             uint32_t shift) noexcept {
  const IpPacket& embedded = flow.embedded;
  if (embedded.protocol != kIpProtocolTcp) return;
  auto& tcp = *reinterpret_cast<TcpHeader*>(frame_of(mbuf) + embedded.l4);
  uint64_t growth = replace_number(tcp.sequence, lowered_number(tcp.sequence.host(), first, shift));
  const uint32_t end = std::min({flow.packet.end, embedded.end, uint32_t{mbuf->data_len}});
  if (embedded.l4 + offsetof(TcpHeader, urgent) <= end) growth += adjust(tcp.checksum, growth);
  adjust(reinterpret_cast<IcmpHeader*>(frame_of(mbuf) + flow.packet.l4)->checksum, growth);
}

}  // namespace adit
