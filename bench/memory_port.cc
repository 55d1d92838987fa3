// SPDX-License-Identifier: Apache-2.0
#include "memory_port.h"

#include <rte_mbuf.h>

#include <algorithm>

namespace adit::bench {
namespace {

uint16_t receive_never(void*, rte_mbuf**, uint16_t) noexcept {
  return 0;
}
uint16_t transmit_never(void*, rte_mbuf**, uint16_t) noexcept {
  return 0;
}

}  // namespace

template <unsigned kSlotBytes>
uint16_t MemorySource::receive(void* context, rte_mbuf** packets, uint16_t n) noexcept {
  auto& self = *static_cast<MemorySource*>(context);
  if (self.bursts_left_ == 0) return 0;
  self.count_burst();
  n = std::min(n, self.burst_);
  if (rte_pktmbuf_alloc_bulk(self.pool_, packets, n) != 0) {
    ++self.starved_;
    return 0;
  }
  const uint8_t* slot = self.table_.data() + self.next_ * kSlotBytes;
  for (unsigned i = 0; i < n; ++i, slot += kSlotBytes) {
    // All but the length: bytes behind the head stay zero, as STT's checksum has them.
    std::memcpy(rte_pktmbuf_mtod(packets[i], uint8_t*), slot, kSlotBytes - sizeof(uint16_t));
    const uint16_t bytes = slot_frame_bytes(slot, kSlotBytes);
    packets[i]->data_len = bytes;
    packets[i]->pkt_len = bytes;
  }
  self.next_ += n;
  if (self.next_ >= self.table_.count()) self.next_ -= self.table_.count();
  self.packets_ += n;
  return n;
}

uint16_t MemorySource::receive_nothing(void* context, rte_mbuf**, uint16_t) noexcept {
  auto& self = *static_cast<MemorySource*>(context);
  if (self.bursts_left_ != 0) self.count_burst();
  return 0;
}

PortIo MemorySource::io() noexcept {
  if (table_.count() == 0) return {this, receive_nothing, transmit_never};
  switch (table_.slot_bytes()) {
    case FlowTable::kSmallSlot:
      return {this, receive<FlowTable::kSmallSlot>, transmit_never};
    case FlowTable::kLargeSlot:
      return {this, receive<FlowTable::kLargeSlot>, transmit_never};
    default:
      return {this, receive<FlowTable::kLongestSlot>, transmit_never};
  }
}

uint16_t MemorySink::transmit(void* context, rte_mbuf** packets, uint16_t n) noexcept {
  static_cast<MemorySink*>(context)->packets_ += n;
  rte_pktmbuf_free_bulk(packets, n);
  return n;
}

PortIo MemorySink::io() noexcept {
  return {this, receive_never, transmit};
}

}  // namespace adit::bench
