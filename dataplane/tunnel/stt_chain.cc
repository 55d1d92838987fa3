// SPDX-License-Identifier: Apache-2.0
#include "tunnel/stt_chain.h"

#include <algorithm>
#include <cstring>

#include "adit/frame_guard.h"

namespace adit {
namespace {

// No other mbuf may share bytes that we write.
bool is_writable(const rte_mbuf* mbuf) noexcept {
  return RTE_MBUF_DIRECT(mbuf) && rte_mbuf_refcnt_read(mbuf) == 1;
}

// Bytes of the frame in the first buffer.
uint32_t first_bytes(const SttHeld& first) noexcept {
  return std::min<uint32_t>(first.payload_len, first.mbuf->data_len - first.payload_offset);
}

// Bytes of the frame that fit into the first buffer, which may overwrite padding.
uint32_t first_capacity(const SttHeld& first) noexcept {
  const rte_mbuf* mbuf = first.mbuf;
  if (!is_writable(mbuf)) return first_bytes(first);
  return uint32_t{mbuf->buf_len} - mbuf->data_off - first.payload_offset;
}

// Cuts a chain to `bytes` bytes and returns its last buffer.
rte_mbuf* cut(rte_mbuf* mbuf, uint32_t bytes) noexcept {
  while (bytes > mbuf->data_len) {
    bytes -= mbuf->data_len;
    mbuf = mbuf->next;
  }
  mbuf->data_len = static_cast<uint16_t>(bytes);
  if (mbuf->next != nullptr) [[unlikely]] {
    rte_pktmbuf_free(mbuf->next);
    mbuf->next = nullptr;
  }
  return mbuf;
}

void skip(rte_mbuf* buffer, uint32_t bytes) noexcept {
  buffer->data_off = static_cast<uint16_t>(buffer->data_off + bytes);
  buffer->data_len = static_cast<uint16_t>(buffer->data_len - bytes);
}

// Moves bytes from following buffers to the first, until it has `bytes`.
void pull_up(rte_mbuf* head, uint32_t bytes) noexcept {
  lift_guard(head);
  while (head->data_len < bytes) {
    rte_mbuf* next = head->next;
    const uint32_t moved = std::min<uint32_t>(bytes - head->data_len, next->data_len);
    std::memcpy(rte_pktmbuf_mtod_offset(head, char*, head->data_len),
                rte_pktmbuf_mtod(next, const char*), moved);
    head->data_len = static_cast<uint16_t>(head->data_len + moved);
    skip(next, moved);
    if (next->data_len != 0) continue;
    head->next = next->next;
    rte_pktmbuf_free_seg(next);
  }
}

// Frees the empty buffers behind the first; returns how many buffers are left.
uint16_t drop_empty(rte_mbuf* head) noexcept {
  uint16_t count = 1;
  for (rte_mbuf** link = &head->next; *link != nullptr;) {
    rte_mbuf* buffer = *link;
    if (buffer->data_len == 0) [[unlikely]] {
      *link = buffer->next;
      rte_pktmbuf_free_seg(buffer);
    } else {
      link = &buffer->next;
      ++count;
    }
  }
  return count;
}

}  // namespace

bool can_join_stt(std::span<const SttHeld> segments, uint16_t frame_len) noexcept {
  const uint32_t wanted = std::min<uint32_t>(frame_len, kSttContiguousBytes);
  const SttHeld& first = segments.front();
  return first_bytes(first) >= wanted || first_capacity(first) >= wanted;
}

rte_mbuf* join_stt(std::span<const SttHeld> segments, uint16_t frame_len) noexcept {
  const SttHeld& first = segments.front();
  const uint32_t capacity = first_capacity(first);
  rte_mbuf* head = first.mbuf;
  rte_mbuf* tail = cut(head, uint32_t{first.payload_offset} + first.payload_len);
  for (const SttHeld& segment : segments.subspan(1)) {
    skip(segment.mbuf, segment.payload_offset);
    tail->next = segment.mbuf;
    tail = cut(segment.mbuf, segment.payload_len);
  }
  head->pkt_len = uint32_t{first.payload_offset} + frame_len;
  const uint32_t contiguous =
      capacity >= frame_len ? frame_len : std::min<uint32_t>(frame_len, kSttContiguousBytes);
  pull_up(head, first.payload_offset + contiguous);
  head->nb_segs = drop_empty(head);
  return head;
}

}  // namespace adit
