// SPDX-License-Identifier: Apache-2.0
// Next hops' MAC addresses. Control writes, workers read: one atomic word each, so that a
// neighbour that appears or changes its MAC costs no new snapshot and no lock.
#pragma once

#include <atomic>
#include <bit>
#include <cstring>
#include <memory>

#include "adit/addr.h"
#include "adit/ids.h"

namespace adit {

class AdjacencyTable {
 public:
  AdjacencyTable() : words_(new std::atomic<uint64_t>[kMaxAdjacencies]()) {}

  // Control: the next hop's MAC is known, or another one; held packets for it may be sent.
  void resolve(AdjacencyId id, const MacAddr& mac) noexcept {
    uint64_t word = 0;
    std::memcpy(&word, mac.bytes.data(), sizeof mac);
    words_[id].store(word | kResolved, std::memory_order_release);
    resolved_.fetch_add(1, std::memory_order_release);
  }
  // Control: it is not known any more; packets for it are held.
  void clear(AdjacencyId id) noexcept { words_[id].store(0, std::memory_order_release); }

  // 0 while the next hop is unresolved, else a word for write_mac().
  uint64_t load(AdjacencyId id) const noexcept {
    return words_[id].load(std::memory_order_relaxed);
  }
  // Number of resolutions so far; while it is unchanged, no held packet can be sent.
  uint64_t resolved() const noexcept { return resolved_.load(std::memory_order_acquire); }
  // Writes the six bytes of the MAC in a word of load() to `destination`.
  static void write_mac(uint64_t word, void* destination) noexcept {
    std::memcpy(destination, &word, sizeof(MacAddr));
  }

 private:
  static_assert(std::endian::native == std::endian::little);
  static constexpr uint64_t kResolved = uint64_t{1} << 48;
  std::unique_ptr<std::atomic<uint64_t>[]> words_;
  std::atomic<uint64_t> resolved_ = 0;
};

}  // namespace adit
