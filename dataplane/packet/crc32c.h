// SPDX-License-Identifier: Apache-2.0
// How SCTP's checksum (RFC 9260 appendix A) changes with a word of the header. A CRC is
// linear: the difference of two equally long messages alone gives the difference of their
// checksums, so nothing else of the packet is read, and one that was wrong stays wrong.
#pragma once

#include <array>
#include <cstdint>

namespace adit {

namespace crc32c {

inline constexpr uint32_t kPolynomial = 0x82f6'3b78;  // bit 31 is the coefficient of x^0

// The product of two polynomials, modulo the CRC's.
constexpr uint32_t multiply(uint32_t a, uint32_t b) noexcept {
  uint32_t product = 0;
  for (; a != 0; a <<= 1) {
    if (a & 0x8000'0000) product ^= b;
    b = b >> 1 ^ (b & 1 ? kPolynomial : 0);
  }
  return product;
}

// x^8, x^16, x^32 ...: what 1, 2, 4 ... more bytes of message multiply by.
inline constexpr auto kPowers = [] {
  std::array<uint32_t, 17> powers{};
  powers[0] = 0x8000'0000 >> 8;
  for (unsigned i = 1; i < powers.size(); ++i) powers[i] = multiply(powers[i - 1], powers[i - 1]);
  return powers;
}();

}  // namespace crc32c

// What the CRC differs by when the word that begins `bytes` (at most 131071) before the
// message's end differs by `word`, as it stands in memory.
constexpr uint32_t crc32c_difference(uint32_t word, uint32_t bytes) noexcept {
  for (unsigned i = 0; bytes != 0; ++i, bytes >>= 1)
    if (bytes & 1) word = crc32c::multiply(crc32c::kPowers[i], word);
  return word;
}

}  // namespace adit
