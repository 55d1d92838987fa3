// SPDX-License-Identifier: Apache-2.0
#include "tunnel/stt_segment.h"

namespace adit {
namespace {

// An empty buffer for the outer headers; null: out of buffers.
rte_mbuf* new_head(rte_mempool* pool, uint16_t headroom) noexcept {
  rte_mbuf* head = rte_pktmbuf_alloc(pool);
  if (head == nullptr) return nullptr;
  if (head->buf_len < headroom) {
    rte_pktmbuf_free(head);
    return nullptr;
  }
  head->data_off = std::max(head->data_off, headroom);
  return head;
}

// A place in the frame.
struct Cursor {
  rte_mbuf* buffer;
  uint32_t offset;  // in that buffer
};

// A header buffer, then the next `bytes` bytes of the frame, shared; null: out of buffers.
rte_mbuf* new_segment(Cursor& from, uint32_t bytes, uint16_t headroom, rte_mempool* pool) noexcept {
  rte_mbuf* head = new_head(pool, headroom);
  if (head == nullptr) return nullptr;
  head->pkt_len = bytes;
  for (rte_mbuf* tail = head; bytes > 0;) {
    const uint32_t here = std::min(bytes, from.buffer->data_len - from.offset);
    if (here == 0) {
      from = {from.buffer->next, 0};
      continue;
    }
    rte_mbuf* slice = rte_pktmbuf_alloc(pool);
    if (slice == nullptr) {
      rte_pktmbuf_free(head);
      return nullptr;
    }
    rte_pktmbuf_attach(slice, from.buffer);
    slice->data_off = static_cast<uint16_t>(from.buffer->data_off + from.offset);
    slice->data_len = static_cast<uint16_t>(here);
    slice->pkt_len = here;
    tail->next = slice;
    tail = slice;
    ++head->nb_segs;
    from.offset += here;
    bytes -= here;
  }
  return head;
}

}  // namespace

unsigned split_stt(rte_mbuf* frame, uint32_t max_payload, uint16_t headroom, rte_mempool* pool,
                   std::span<rte_mbuf*> out) noexcept {
  if (max_payload == 0 || out.empty()) return 0;
  if (frame->pkt_len <= max_payload) {
    out[0] = frame;
    if (rte_pktmbuf_headroom(frame) >= headroom) return 1;
    rte_mbuf* head = new_head(pool, headroom);
    // Fails for a chain that is too long already.
    if (head != nullptr && rte_pktmbuf_chain(head, frame) == 0) {
      out[0] = head;
      return 1;
    }
    rte_pktmbuf_free(head);
    return 0;
  }
  Cursor from = {frame, 0};
  unsigned count = 0;
  for (uint32_t left = frame->pkt_len; left > 0; ++count) {
    const uint32_t bytes = next_stt_payload(left, max_payload);
    rte_mbuf* segment = count < out.size() ? new_segment(from, bytes, headroom, pool) : nullptr;
    if (segment == nullptr) {
      rte_pktmbuf_free_bulk(out.data(), count);
      return 0;
    }
    out[count] = segment;
    left -= bytes;
  }
  rte_pktmbuf_free(frame);  // the slices keep its buffers
  return count;
}

}  // namespace adit
