// SPDX-License-Identifier: Apache-2.0
// Big-endian integers of wire formats. The byte order is part of the type, so that a
// forgotten conversion does not compile; storage has alignment 1, so that a header may
// start at any address.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace adit {

template <class T>
class BigEndian {
  static_assert(sizeof(T) > 1);

 public:
  constexpr BigEndian() = default;
  // `host`: in the processor's order.
  constexpr explicit BigEndian(T host) noexcept : bytes_(std::bit_cast<Bytes>(swap(host))) {}

  // The value in the processor's order.
  constexpr T host() const noexcept { return swap(raw()); }

  // The bytes in memory order, for hashing and one's-complement sums.
  constexpr T raw() const noexcept { return std::bit_cast<T>(bytes_); }
  // `raw`: as it lies in memory, the inverse of raw().
  static constexpr BigEndian from_raw(T raw) noexcept {
    BigEndian value;
    value.bytes_ = std::bit_cast<Bytes>(raw);
    return value;
  }

  friend constexpr bool operator==(const BigEndian& a, const BigEndian& b) noexcept {
    return a.raw() == b.raw();
  }

 private:
  using Bytes = std::array<uint8_t, sizeof(T)>;
  static_assert(std::endian::native == std::endian::little);
  static constexpr T swap(T value) noexcept {
    if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
    if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
    if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  }

  Bytes bytes_ = {};
};

using be16 = BigEndian<uint16_t>;
using be32 = BigEndian<uint32_t>;
using be64 = BigEndian<uint64_t>;

static_assert(sizeof(be16) == 2 && alignof(be16) == 1);
static_assert(sizeof(be32) == 4 && alignof(be32) == 1);

}  // namespace adit
