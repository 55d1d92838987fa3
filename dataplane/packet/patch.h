// SPDX-License-Identifier: Apache-2.0
// Replacing words under a checksum (RFC 1624). Each function returns how much the
// one's-complement sum over the place grew: not folded, as it stands in memory, to be added
// up and given to adjust().
#pragma once

#include "packet/checksum.h"
#include "packet/segment.h"

namespace adit {

// The one's complement of a sum, which is what subtracting it adds.
constexpr uint16_t complement(uint64_t sum) noexcept {
  return static_cast<uint16_t>(~fold_sum(sum));
}

// `word` is an even number of bytes behind where the sum begins.
inline uint64_t replace(be16& word, be16 by) noexcept {
  const uint64_t growth = uint64_t{complement(word.raw())} + by.raw();
  word = by;
  return growth;
}

// `bytes`: a multiple of 4. `at` is an even number of bytes behind where the sum begins.
inline uint64_t replace(void* at, const void* by, unsigned bytes) noexcept {
  uint64_t growth = 0;
  for (unsigned i = 0; i < bytes; i += 4) {
    uint32_t from, to;
    std::memcpy(&from, static_cast<const uint8_t*>(at) + i, sizeof from);
    std::memcpy(&to, static_cast<const uint8_t*>(by) + i, sizeof to);
    growth += uint64_t{~from} + to;
    std::memcpy(static_cast<uint8_t*>(at) + i, &to, sizeof to);
  }
  return growth;
}

// The checksum of a message whose sum grew.
inline uint64_t adjust(be16& checksum, uint64_t growth) noexcept {
  return replace(checksum, be16::from_raw(complement(complement(checksum.raw()) + growth)));
}

// Whether the L4 checksum is still to be computed (RTE_MBUF_F_TX_...). Until then the field
// holds the sum of the pseudo-header, not complemented: the ports are no part of it.
enum class L4Checksum : uint8_t { kComplete, kPending };

// By the offload flags of the mbuf.
inline L4Checksum l4_checksum_of(const rte_mbuf* mbuf) noexcept {
  constexpr uint64_t kPending =
      RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG;
  return (mbuf->ol_flags & kPending) != 0 ? L4Checksum::kPending : L4Checksum::kComplete;
}

// The checksum of L4 after the pseudo-header grew by `pseudo` and the rest by `message`.
inline uint64_t adjust_l4(be16& checksum, L4Checksum state, uint64_t pseudo,
                          uint64_t message) noexcept {
  if (state == L4Checksum::kPending)
    return replace(checksum, be16::from_raw(fold_sum(checksum.raw() + pseudo)));
  return adjust(checksum, pseudo + message);
}

}  // namespace adit
