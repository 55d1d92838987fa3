// SPDX-License-Identifier: Apache-2.0
// STT segments made by hand, and a reassembly that remembers what it dropped.
#pragma once

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tunnel/stt_reassembly.h"

namespace adit::stt_test {

using Bytes = std::vector<uint8_t>;
using Random = std::mt19937;

inline unsigned below(Random& random, std::size_t bound) {
  return static_cast<unsigned>(random() % bound);
}

inline constexpr unsigned kRoom = 2048;  // of a buffer, headroom not included

// Emptied again by the end of each test, or that test has leaked.
inline rte_mempool* pool() {
  static rte_mempool* pool =
      rte_pktmbuf_pool_create("stt_test", 16383, 0, 0, RTE_PKTMBUF_HEADROOM + kRoom, SOCKET_ID_ANY);
  return pool;
}

// A packet whose buffers hold `pieces`; the last takes the rest, as many as it needs.
inline rte_mbuf* make_packet(const Bytes& bytes, const std::vector<unsigned>& pieces = {}) {
  rte_mbuf* head = nullptr;
  std::size_t done = 0;
  for (std::size_t i = 0; head == nullptr || done < bytes.size(); ++i) {
    const std::size_t wanted = i < pieces.size() ? pieces[i] : kRoom;
    const std::size_t here = std::min({wanted, bytes.size() - done, std::size_t{kRoom}});
    rte_mbuf* buffer = rte_pktmbuf_alloc(pool());
    if (buffer == nullptr) throw std::bad_alloc();
    std::memcpy(rte_pktmbuf_append(buffer, static_cast<uint16_t>(here)), bytes.data() + done, here);
    done += here;
    if (head == nullptr)
      head = buffer;
    else if (rte_pktmbuf_chain(head, buffer) != 0)
      throw std::length_error("chain");
  }
  return head;
}

inline Bytes bytes_of(const rte_mbuf* mbuf) {
  Bytes bytes;
  for (; mbuf != nullptr; mbuf = mbuf->next) {
    const auto* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
    bytes.insert(bytes.end(), data, data + mbuf->data_len);
  }
  return bytes;
}

// Bytes that tell their place and their frame.
inline Bytes pattern(std::size_t size, unsigned seed = 0) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<uint8_t>((i * 131 + (i >> 8) * 7 + seed * 29) & 0xff);
  return bytes;
}

inline SttKey key(unsigned peer, uint32_t packet_id, bool is_v6 = false) {
  SttKey key;
  key.src = {192, 0, static_cast<uint8_t>(peer >> 8), static_cast<uint8_t>(peer)};
  key.dst = {192, 0, 2, 254};
  key.packet_id = packet_id;
  key.is_v6 = is_v6;
  return key;
}

inline constexpr uint16_t kOuterLen = 54;  // Ethernet, IPv4, TCP-like header

struct Cut {
  unsigned offset;
  unsigned len;
};

// The segment with frame[cut], behind outer headers that end in the packet id.
inline SttSegment segment(const SttKey& key, const Bytes& frame, Cut cut, uint8_t ecn = 0,
                          const std::vector<unsigned>& pieces = {}, unsigned padding = 0) {
  Bytes packet(kOuterLen, 0xee);
  std::memcpy(&packet[kOuterLen - 4], &key.packet_id, 4);
  packet.insert(packet.end(), frame.begin() + cut.offset, frame.begin() + cut.offset + cut.len);
  packet.resize(packet.size() + padding, 0xdd);
  return {key,
          static_cast<uint32_t>(frame.size() << 16 | cut.offset),
          make_packet(packet, pieces),
          kOuterLen,
          static_cast<uint16_t>(cut.len),
          ecn};
}

struct TestReassembly {
  explicit TestReassembly(const SttReassemblyOptions& options = {})
      : in_use(rte_mempool_in_use_count(pool())),
        stt(std::make_unique<SttReassembly>(
            options,
            SttDropSink{this, [](void* self, rte_mbuf* mbuf, const SttDrop& facts) noexcept {
                          auto& test = *static_cast<TestReassembly*>(self);
                          ++test.drops[facts.reason];
                          ++test.drops_of[{facts.key.src, facts.context_id}];
                          rte_pktmbuf_free(mbuf);
                        }})) {}
  ~TestReassembly() {
    stt.reset();
    EXPECT_EQ(rte_mempool_in_use_count(pool()), in_use) << "buffers leaked";
  }
  SttReassembly* operator->() noexcept { return stt.get(); }
  uint64_t total_drops() const {
    uint64_t total = 0;
    for (const auto& [reason, count] : drops) total += count;
    return total;
  }

  unsigned in_use;
  std::map<DropReason, uint64_t> drops;
  std::map<std::pair<std::array<uint8_t, 16>, uint64_t>, uint64_t> drops_of;  // sender, context
  std::unique_ptr<SttReassembly> stt;
};

// Why the packet is not what join_stt() promises for `frame`; empty: it is.
inline std::string fault_of(const SttResult& result, const SttKey& key, const Bytes& frame) {
  const rte_mbuf* mbuf = result.mbuf;
  const Bytes packet = bytes_of(mbuf);
  if (packet.size() != result.payload_offset + frame.size()) return "length";
  if (mbuf->pkt_len != packet.size()) return "pkt_len";
  if (packet[0] != 0xee) return "outer header is not at the start";
  if (std::memcmp(&packet[result.payload_offset - 4u], &key.packet_id, 4) != 0) return "packet id";
  if (!std::equal(frame.begin(), frame.end(), packet.begin() + result.payload_offset))
    return "bytes of the frame";
  unsigned buffers = 0;
  for (const rte_mbuf* at = mbuf; at != nullptr; at = at->next, ++buffers)
    if (at->data_len == 0) return "empty buffer";
  if (mbuf->nb_segs != buffers) return "nb_segs";
  const std::size_t contiguous = std::min<std::size_t>(frame.size(), kSttContiguousBytes);
  if (mbuf->data_len < result.payload_offset + contiguous) return "contiguous bytes";
  if (packet.size() <= kRoom && buffers != 1) return "small frame in several buffers";
  return "";
}

}  // namespace adit::stt_test
