// SPDX-License-Identifier: Apache-2.0
// Integers as they stand on the wire. The byte order is part of the type, so that a
// forgotten conversion does not compile; storage has alignment 1, so that a header may
// start at any address.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace adit {

template <class T>
class BigEndian {
  static_assert(sizeof(T) > 1);

 public:
  constexpr BigEndian() = default;
  constexpr explicit BigEndian(T host) noexcept {
    for (unsigned i = 0; i < sizeof(T); ++i)
      bytes_[i] = static_cast<uint8_t>(host >> (8 * (sizeof(T) - 1 - i)));
  }

  // The value in the processor's order.
  constexpr T host() const noexcept {
    T value = 0;
    for (unsigned i = 0; i < sizeof(T); ++i)
      value = static_cast<T>(value << 8 | bytes_[i]);
    return value;
  }

  // The bytes as they stand in memory, for hashing and one's-complement sums.
  T raw() const noexcept {
    T value;
    std::memcpy(&value, bytes_, sizeof value);
    return value;
  }
  static BigEndian from_raw(T raw) noexcept {
    BigEndian value;
    std::memcpy(value.bytes_, &raw, sizeof raw);
    return value;
  }

  friend constexpr bool operator==(const BigEndian&, const BigEndian&) = default;

 private:
  uint8_t bytes_[sizeof(T)] = {};
};

using be16 = BigEndian<uint16_t>;
using be32 = BigEndian<uint32_t>;
using be64 = BigEndian<uint64_t>;

static_assert(sizeof(be16) == 2 && alignof(be16) == 1);
static_assert(sizeof(be32) == 4 && alignof(be32) == 1);

}  // namespace adit
