// SPDX-License-Identifier: Apache-2.0
// Packets that wait for their next hop's MAC. Bounded in all and per next hop; each leaves
// when the neighbour answers or, under its name, when it did not in time.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <vector>

#include "adit/ids.h"

namespace adit {

struct HeldPacket {
  rte_mbuf* mbuf;  // complete but for its destination MAC
  AdjacencyId adjacency;
  LinkId link;
  uint64_t deadline_ns;
  uint16_t buffers;  // of the packet
};

class HoldQueue {
 public:
  static constexpr unsigned kCapacity = 512;
  static constexpr unsigned kPerNextHop = 64;
  static constexpr unsigned kMostBuffers = 2048;  // a packet of 64 KiB has some 32
  static constexpr uint64_t kPatienceNs = 1'500'000'000;

  HoldQueue() : per_next_hop_(kMaxAdjacencies) {}

  bool empty() const noexcept { return count_ == 0; }
  unsigned size() const noexcept { return count_; }

  // False when the packet finds no room.
  bool push(rte_mbuf* mbuf, AdjacencyId adjacency, LinkId link, uint64_t now_ns) noexcept {
    const uint16_t buffers = mbuf->nb_segs;
    if (count_ == kCapacity || per_next_hop_[adjacency] == kPerNextHop ||
        buffers_ + buffers > kMostBuffers)
      return false;
    ++per_next_hop_[adjacency];
    buffers_ += buffers;
    packets_[count_++] = {mbuf, adjacency, link, now_ns + kPatienceNs, buffers};
    return true;
  }

  unsigned waiting_for(AdjacencyId adjacency) const noexcept { return per_next_hop_[adjacency]; }

  // Calls visit(packet) in order of arrival; what it returns true for has left.
  template <class Visit>
  void sweep(Visit visit) noexcept {
    unsigned kept = 0;
    for (unsigned i = 0; i < count_; ++i) {
      if (visit(packets_[i])) {
        --per_next_hop_[packets_[i].adjacency];
        buffers_ -= packets_[i].buffers;
      } else {
        packets_[kept++] = packets_[i];
      }
    }
    count_ = kept;
  }

 private:
  std::array<HeldPacket, kCapacity> packets_;
  unsigned count_ = 0;
  unsigned buffers_ = 0;  // of all
  std::vector<uint8_t> per_next_hop_;
};

}  // namespace adit
