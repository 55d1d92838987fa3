// SPDX-License-Identifier: Apache-2.0
// The Internet checksum (RFC 1071). Sums are of 16-bit words as they stand in memory, so
// that neither reading nor writing swaps bytes.
#pragma once

#include <rte_ip.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "adit/wire.h"

namespace adit {

// Each step adds the two halves, with the carry, in the upper one.
constexpr uint16_t fold_sum(uint64_t sum) noexcept {
  sum += std::rotl(sum, 32);
  auto half = static_cast<uint32_t>(sum >> 32);
  half += std::rotl(half, 16);
  return static_cast<uint16_t>(half >> 16);
}

// Of `bytes` bytes, a multiple of 4; not folded.
inline uint64_t sum_words(const void* data, unsigned bytes) noexcept {
  uint64_t sum = 0;
  for (unsigned i = 0; i < bytes; i += 4) {
    uint32_t word;
    std::memcpy(&word, static_cast<const uint8_t*>(data) + i, sizeof word);
    sum += word;
  }
  return sum;
}

// One more word into a sum whose carries are counted.
inline void add_word(const uint8_t* at, uint64_t& sum, uint64_t& carries) noexcept {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  carries += __builtin_add_overflow(sum, word, &sum);
}

// As sum_words(), quicker for few bytes: eight at once, in two chains.
inline uint64_t sum_few_words(const uint8_t* data, uint32_t bytes) noexcept {
  uint64_t even = 0, odd = 0, carries = 0;
  uint32_t i = 0;
  for (; i + 16 <= bytes; i += 16) {
    add_word(data + i, even, carries);
    add_word(data + i + 8, odd, carries);
  }
  if (bytes & 8) {
    add_word(data + i, even, carries);
    i += 8;
  }
  uint64_t sum = carries + (even & 0xffff'ffff) + (even >> 32) + (odd & 0xffff'ffff) + (odd >> 32);
  if (bytes & 4) sum += sum_words(data + i, 4);
  return sum;
}

// The same of any number of bytes; an odd last one is the first of its word. The loop over many
// words is one that the compiler turns into vector instructions.
inline uint64_t sum_bytes(const uint8_t* data, uint32_t bytes) noexcept {
  constexpr uint32_t kFew = 192;
  const uint32_t whole = bytes & ~3u;
  uint64_t sum = whole < kFew ? sum_few_words(data, whole) : sum_words(data, whole);
  const uint8_t* rest = data + (bytes & ~3u);
  if (bytes & 2) {
    uint16_t word;
    std::memcpy(&word, rest, sizeof word);
    sum += word;
    rest += 2;
  }
  return (bytes & 1) != 0 ? sum + *rest : sum;
}

// Whether an IPv4 header of `bytes` bytes has the right checksum.
inline bool ipv4_header_sum_ok(const Ipv4Header* ip, unsigned bytes) noexcept {
  return fold_sum(sum_words(ip, bytes)) == 0xffff;
}

// RFC 1624 equation 3: the checksum after a 16-bit word went from `from` to `to`.
inline be16 update_checksum(be16 checksum, be16 from, be16 to) noexcept {
  const uint32_t sum = static_cast<uint16_t>(~checksum.raw()) +
                       uint32_t{static_cast<uint16_t>(~from.raw())} + to.raw();
  return be16::from_raw(static_cast<uint16_t>(~fold_sum(sum)));
}

// The same for a checksum over all of a message: where the rest may be all zeroes, 0 would be
// wrong, and 0xffff is right whatever the rest is (RFC 1624 section 3).
inline be16 update_message_checksum(be16 checksum, be16 from, be16 to) noexcept {
  const be16 updated = update_checksum(checksum, from, to);
  return updated == be16(0) ? be16(0xffff) : updated;
}

// Folded sum over a part of a packet that may have several segments, and `sum` beside it. The
// part must exist.
// rte_raw_cksum_mbuf() of DPDK 22.11 loses carries behind a segment of odd length, and takes
// three times as long.
inline uint16_t sum_mbuf(const rte_mbuf* mbuf, uint32_t offset, uint32_t bytes,
                         uint64_t sum = 0) noexcept {
  if (offset + bytes <= mbuf->data_len) [[likely]]
    return fold_sum(sum + sum_bytes(rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, offset), bytes));
  for (; mbuf != nullptr && offset >= mbuf->data_len; mbuf = mbuf->next) offset -= mbuf->data_len;
  bool odd = false;  // the next byte is the second of its word
  for (; mbuf != nullptr && bytes > 0; mbuf = mbuf->next, offset = 0) {
    const uint32_t here = std::min(bytes, mbuf->data_len - offset);
    const uint64_t part = sum_bytes(rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, offset), here);
    sum += odd ? __builtin_bswap16(fold_sum(part)) : part;
    odd ^= (here & 1) != 0;
    bytes -= here;
  }
  return fold_sum(sum);
}

}  // namespace adit
