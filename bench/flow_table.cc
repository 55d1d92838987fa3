// SPDX-License-Identifier: Apache-2.0
#include "flow_table.h"

#include <stdexcept>

namespace adit::bench {

FlowTable::FlowTable(std::size_t count, unsigned slot_bytes)
    : slots_((count + kPadding) * slot_bytes), count_(count), slot_bytes_(slot_bytes) {
  byte_sums_.reserve(count + 1);
  byte_sums_.push_back(0);
}

void FlowTable::set(std::size_t i, const FrameHead& head, uint16_t frame_bytes) {
  if (head.size() + sizeof frame_bytes > slot_bytes_ || i + 1 != byte_sums_.size())
    throw std::logic_error("flow table: frame head too long, or out of order");
  uint8_t* slot = &slots_[i * slot_bytes_];
  std::memcpy(slot, head.data(), head.size());
  std::memcpy(slot + slot_bytes_ - sizeof frame_bytes, &frame_bytes, sizeof frame_bytes);
  byte_sums_.push_back(byte_sums_.back() + frame_bytes);
}

void FlowTable::finish() {
  std::memcpy(&slots_[count_ * slot_bytes_], &slots_[0], kPadding * slot_bytes_);
}

uint64_t FlowTable::bytes_until(uint64_t number) const {
  return number / count_ * byte_sums_.back() + byte_sums_[number % count_];
}

uint64_t FlowTable::bytes_between(uint64_t first, uint64_t last) const {
  return bytes_until(last) - bytes_until(first);
}

}  // namespace adit::bench
