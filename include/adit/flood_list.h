// SPDX-License-Identifier: Apache-2.0
// The bridge ports to which a network's frames are flooded. Control adds and removes while workers
// read: what is added stands behind the others, one store makes it count; what is removed, or has
// no room, makes a new list, and the former one has to be kept until no worker reads it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "adit/ids.h"

namespace adit {

class FloodList {
  struct Block {
    std::atomic<uint32_t> count = 0;
    uint32_t capacity = 0;
    BridgePortId* ids() noexcept { return reinterpret_cast<BridgePortId*>(this + 1); }
  };

 public:
  // A list that workers may still read.
  using Former = std::shared_ptr<const void>;

  FloodList() = default;
  FloodList(FloodList&& other) noexcept
      : block_(other.block_.exchange(nullptr)), least_frame_bytes_(other.least_frame_bytes()) {}
  FloodList& operator=(FloodList&& other) noexcept {
    free(block_.exchange(other.block_.exchange(nullptr)));
    least_frame_bytes_ = other.least_frame_bytes();
    return *this;
  }
  ~FloodList() { free(block_.load()); }

  // --- workers ---
  // Valid until the worker's pass ends.
  std::span<const BridgePortId> members() const noexcept {
    Block* block = block_.load(std::memory_order_acquire);
    if (block == nullptr) return {};
    return {block->ids(), block->count.load(std::memory_order_acquire)};
  }

  // What fits every one of them.
  uint32_t least_frame_bytes() const noexcept {
    return least_frame_bytes_.load(std::memory_order_relaxed);
  }

  // --- control ---
  void set_least_frame_bytes(uint32_t bytes) noexcept {
    least_frame_bytes_.store(bytes, std::memory_order_relaxed);
  }
  // Null where no list has been replaced.
  Former add(BridgePortId id) {
    Block* block = block_.load(std::memory_order_relaxed);
    const uint32_t count = block == nullptr ? 0 : block->count.load(std::memory_order_relaxed);
    Former former;
    if (block == nullptr || count == block->capacity) {
      Block* larger = make(std::max<uint32_t>(kLeast, 2 * count));
      std::ranges::copy(members(), larger->ids());
      larger->count.store(count, std::memory_order_relaxed);
      former = replace(larger);
      block = larger;
    }
    block->ids()[count] = id;
    block->count.store(count + 1, std::memory_order_release);
    return former;
  }
  // All for which `is_gone(id)`.
  template <class IsGone>
  Former remove_if(IsGone is_gone) {
    const auto now = members();
    Block* fewer = make(std::max<uint32_t>(kLeast, static_cast<uint32_t>(now.size())));
    uint32_t count = 0;
    for (const BridgePortId id : now)
      if (!is_gone(id)) fewer->ids()[count++] = id;
    fewer->count.store(count, std::memory_order_relaxed);
    return replace(fewer);
  }

 private:
  static constexpr uint32_t kLeast = 6;  // with the count in 32 bytes

  static Block* make(uint32_t capacity) {
    auto* block = new (::operator new(sizeof(Block) + capacity * sizeof(BridgePortId))) Block;
    block->capacity = capacity;
    return block;
  }
  static void free(Block* block) noexcept { ::operator delete(block); }
  Former replace(Block* block) {
    Block* former = block_.exchange(block, std::memory_order_acq_rel);
    return former == nullptr ? nullptr : Former(former, free);
  }

  std::atomic<Block*> block_ = nullptr;
  std::atomic<uint32_t> least_frame_bytes_ = UINT32_MAX;
};

}  // namespace adit
