// SPDX-License-Identifier: Apache-2.0
// A sequence number of a stream into which the gateway has put bytes of its own, as their sender
// knows it (rewrite/sequence_shift.h).
#pragma once

#include <cstdint>

namespace adit {

// RFC 9293 section 3.4: sequence numbers are compared modulo 2^32.
inline bool is_number_after(uint32_t a, uint32_t b) noexcept {
  return static_cast<int32_t>(a - b) > 0;
}

// There are `shift` bytes at `first`. What is within these bytes is before all that follows them.
inline uint32_t lowered_number(uint32_t number, uint32_t first, uint32_t shift) noexcept {
  if (!is_number_after(number, first)) return number;
  return is_number_after(number - shift, first) ? number - shift : first;
}

}  // namespace adit
