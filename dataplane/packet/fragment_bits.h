// SPDX-License-Identifier: Apache-2.0
// Which parts of a datagram are there: a bit for each 8 bytes, which is what fragment offsets
// count.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace adit {

inline constexpr unsigned kFragmentUnits = 65536 / 8;
using FragmentBits = std::array<uint64_t, kFragmentUnits / 64>;

// Calls `word(index, mask)` for the words that hold the bits from `begin` to before `end`, until
// that returns false. Whether none did.
template <class Word>
constexpr bool each_word(unsigned begin, unsigned end, Word word) noexcept {
  while (begin < end) {
    const unsigned in = begin % 64, bits = std::min(end - begin, 64 - in);
    const uint64_t ones = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    if (!word(begin / 64, ones << in)) return false;
    begin += bits;
  }
  return true;
}

// Of the bits from `begin` to before `end`, which count units of 8 bytes.
constexpr bool any_bit(const FragmentBits& bits, unsigned begin, unsigned end) noexcept {
  return !each_word(begin, end, [&](unsigned at, uint64_t mask) { return !(bits[at] & mask); });
}
constexpr bool all_bits(const FragmentBits& bits, unsigned begin, unsigned end) noexcept {
  return each_word(begin, end,
                   [&](unsigned at, uint64_t mask) { return (bits[at] & mask) == mask; });
}
constexpr void set_bits(FragmentBits& bits, unsigned begin, unsigned end) noexcept {
  each_word(begin, end, [&](unsigned at, uint64_t mask) {
    bits[at] |= mask;
    return true;
  });
}
// False beyond the last unit.
constexpr bool has_bit(const FragmentBits& bits, unsigned at) noexcept {
  return at < kFragmentUnits && (bits[at / 64] >> at % 64 & 1) != 0;
}

}  // namespace adit
