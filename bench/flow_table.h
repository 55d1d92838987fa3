// SPDX-License-Identifier: Apache-2.0
// The frames of all flows, prepared beforehand and walked in order: what a receive copies is
// one to three cache lines that the processor fetches ahead, so that the harness costs little
// and the same with one flow and with a million.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "adit/zero_pages.h"
#include "frames.h"

namespace adit::bench {

class FlowTable {
 public:
  // Frames in the table beyond count(), copies of the first: a burst reads on over the end.
  static constexpr std::size_t kPadding = 64;
  // A slot holds the head of a frame and, in its last two bytes, the frame's length.
  static constexpr unsigned kSmallSlot = 64;
  static constexpr unsigned kLargeSlot = 128;
  static constexpr unsigned kLongestSlot = 192;
  // What holds a head of so many bytes behind a tunnel's headers.
  static constexpr unsigned slot_for(unsigned head_bytes) noexcept {
    return head_bytes + sizeof(uint16_t) <= kLargeSlot ? kLargeSlot : kLongestSlot;
  }

  FlowTable() = default;
  // `slot_bytes`: one of the above. `count` is at least kPadding.
  FlowTable(std::size_t count, unsigned slot_bytes);

  // Fills slot i; `head` must fit.
  void set(std::size_t i, const FrameHead& head, uint16_t frame_bytes);
  // After the last set(): makes the copies behind the end.
  void finish();

  std::size_t count() const noexcept { return count_; }
  unsigned slot_bytes() const noexcept { return slot_bytes_; }
  const uint8_t* data() const noexcept { return &slots_[0]; }

  // Bytes of the frames with numbers `first` to `last`-1, counted on over the end.
  uint64_t bytes_between(uint64_t first, uint64_t last) const;

 private:
  uint64_t bytes_until(uint64_t number) const;

  ZeroPages<uint8_t> slots_;
  std::size_t count_ = 0;
  unsigned slot_bytes_ = kSmallSlot;
  std::vector<uint64_t> byte_sums_;  // of the frames before each
};

// The length that a slot carries.
inline uint16_t slot_frame_bytes(const uint8_t* slot, unsigned slot_bytes) noexcept {
  uint16_t bytes;
  std::memcpy(&bytes, slot + slot_bytes - sizeof bytes, sizeof bytes);
  return bytes;
}

}  // namespace adit::bench
