// SPDX-License-Identifier: Apache-2.0
// Frames for the tests of what finishes, cuts and answers frames, and oracles that share no
// code with what they judge: they know where the parts lie because they put them there.
#pragma once

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace adit {

using Bytes = std::vector<uint8_t>;

inline void put16(Bytes& bytes, std::size_t at, unsigned value) {
  bytes.at(at) = static_cast<uint8_t>(value >> 8);
  bytes.at(at + 1) = static_cast<uint8_t>(value);
}
inline void put32(Bytes& bytes, std::size_t at, uint32_t value) {
  put16(bytes, at, value >> 16);
  put16(bytes, at + 2, value & 0xffff);
}
inline unsigned get16(const Bytes& bytes, std::size_t at) {
  return bytes.at(at) << 8u | bytes.at(at + 1);
}
inline uint32_t get32(const Bytes& bytes, std::size_t at) {
  return uint32_t{get16(bytes, at)} << 16 | get16(bytes, at + 2);
}
inline Bytes slice(const Bytes& bytes, std::size_t begin, std::size_t end) {
  return {bytes.begin() + static_cast<long>(begin), bytes.begin() + static_cast<long>(end)};
}
inline void append(Bytes& to, const Bytes& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// RFC 1071, byte by byte; not complemented.
inline unsigned naive_sum(const Bytes& bytes) {
  unsigned long sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 ? bytes[i] : bytes[i] * 256ul;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<unsigned>(sum);
}

struct Frame {
  Bytes bytes;
  std::size_t ip = 0, l4 = 0, payload = 0;  // offsets
  std::size_t end = 0;                      // behind the packet, padding follows
  std::size_t destination = 0;              // of the address in the pseudo-header
  bool v6 = false;
  uint8_t protocol = 0;

  Bytes pseudo_header(std::size_t l4_bytes) const {
    const std::size_t source = ip + (v6 ? 8 : 12), width = v6 ? 16 : 4;
    Bytes pseudo = slice(bytes, source, source + width);
    append(pseudo, slice(bytes, destination, destination + width));
    pseudo.resize(pseudo.size() + 8);
    put32(pseudo, pseudo.size() - 8, static_cast<uint32_t>(l4_bytes));
    pseudo.back() = protocol;
    return pseudo;
  }
  std::size_t checksum_at() const { return l4 + (protocol == 6 ? 16 : protocol == 17 ? 6 : 2); }
  // 0xffff where the checksum in the frame is right.
  unsigned l4_sum() const {
    Bytes all = pseudo_header(end - l4);
    append(all, slice(bytes, l4, end));
    return naive_sum(all);
  }
  unsigned ip_sum() const { return naive_sum(slice(bytes, ip, ip + (bytes.at(ip) & 15u) * 4)); }
  void finish_ip() {
    if (v6) return;
    put16(bytes, ip + 10, 0);
    put16(bytes, ip + 10, ~ip_sum() & 0xffff);
  }
  void finish_l4() {
    put16(bytes, checksum_at(), 0);
    put16(bytes, checksum_at(), ~l4_sum() & 0xffff);
  }
  // As a sender leaves it for the NIC.
  void leave_pseudo_sum() { put16(bytes, checksum_at(), naive_sum(pseudo_header(end - l4))); }
};

struct FrameShape {
  bool v6 = false;
  unsigned tags = 0;
  uint8_t protocol = 6;
  unsigned payload = 100;
  unsigned ip_options = 0;   // bytes, IPv4
  unsigned extensions = 0;   // IPv6: 1 hop-by-hop, 2 destination options, 4 segment routing
  unsigned tcp_options = 0;  // bytes
  unsigned padding = 0;      // behind the packet
  uint8_t tcp_flags = 0x10;
};

class FrameMaker {
 public:
  explicit FrameMaker(unsigned seed) : random_(seed) {}

  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  Bytes noise(std::size_t n) {
    Bytes bytes(n);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_());
    return bytes;
  }

  Frame make(const FrameShape& shape) {
    Frame frame;
    frame.v6 = shape.v6;
    frame.protocol = shape.protocol;
    Bytes& bytes = frame.bytes;
    bytes = noise(12);
    bytes[0] = bytes[6] = 0x02;
    for (unsigned tag = 0; tag < shape.tags; ++tag)
      append(bytes, {static_cast<uint8_t>(tag + 1 < shape.tags ? 0x88 : 0x81),
                     static_cast<uint8_t>(tag + 1 < shape.tags ? 0xa8 : 0x00), 0x20,
                     static_cast<uint8_t>(random_())});
    append(bytes, shape.v6 ? Bytes{0x86, 0xdd} : Bytes{0x08, 0x00});
    frame.ip = bytes.size();
    shape.v6 ? add_ipv6(frame, shape) : add_ipv4(frame, shape);
    frame.l4 = bytes.size();
    const unsigned l4_len = shape.protocol == 6 ? 20 + shape.tcp_options : 8;
    append(bytes, noise(l4_len));
    if (shape.protocol == 6) {
      bytes[frame.l4 + 12] = static_cast<uint8_t>((l4_len / 4) << 4);
      bytes[frame.l4 + 13] = shape.tcp_flags;
      for (unsigned i = 20; i < l4_len; ++i) bytes[frame.l4 + i] = 1;  // no operation
    } else if (shape.protocol == 17) {
      put16(bytes, frame.l4 + 4, 8 + shape.payload);
    }
    frame.payload = bytes.size();
    append(bytes, noise(shape.payload));
    frame.end = bytes.size();
    if (shape.v6)
      put16(bytes, frame.ip + 4, static_cast<unsigned>(frame.end - frame.ip - 40));
    else
      put16(bytes, frame.ip + 2, static_cast<unsigned>(frame.end - frame.ip));
    append(bytes, noise(shape.padding));
    frame.finish_ip();
    frame.finish_l4();
    return frame;
  }

 private:
  void add_ipv4(Frame& frame, const FrameShape& shape) {
    append(frame.bytes, noise(20));
    uint8_t* ip = frame.bytes.data() + frame.ip;
    ip[0] = static_cast<uint8_t>(0x45 + shape.ip_options / 4);
    ip[6] = ip[7] = 0;
    ip[8] = 64;
    ip[9] = shape.protocol;
    ip[12] = 10;
    ip[16] = 192;
    append(frame.bytes, Bytes(shape.ip_options, 1));  // no operation
    frame.destination = frame.ip + 16;
  }
  void add_ipv6(Frame& frame, const FrameShape& shape) {
    append(frame.bytes, noise(40));
    uint8_t* ip = frame.bytes.data() + frame.ip;
    ip[0] = 0x60;
    ip[7] = 64;
    ip[8] = ip[24] = 0x20;
    frame.destination = frame.ip + 24;
    std::size_t next_at = frame.ip + 6;
    const auto add = [&](uint8_t kind, const Bytes& body) {
      frame.bytes[next_at] = kind;
      next_at = frame.bytes.size();
      Bytes header = {0, static_cast<uint8_t>((body.size() + 2) / 8 - 1)};
      append(header, body);
      append(frame.bytes, header);
    };
    if (shape.extensions & 1) add(0, {1, 4, 0, 0, 0, 0});
    if (shape.extensions & 2) add(60, {1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    if (shape.extensions & 4) {
      Bytes body = {4, 1, 1, 0, 0, 0};  // one segment is left, of two
      append(body, noise(32));
      frame.destination = frame.bytes.size() + 8;
      add(43, body);
    }
    frame.bytes[next_at] = shape.protocol;
  }

  std::mt19937 random_;
};

// A pool, and proof at the end that everything came back to it.
class MbufTest : public testing::Test {
 protected:
  MbufTest() : pool_(make_pool(1023, 2176)) {}
  ~MbufTest() override {
    EXPECT_EQ(rte_mempool_in_use_count(pool_), 0u);
    rte_mempool_free(pool_);
  }

  static rte_mempool* make_pool(unsigned count, uint16_t room_bytes) {
    static unsigned number = 0;
    const std::string name = "offload_" + std::to_string(number++);
    rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), count, 0, 0, room_bytes, 0);
    if (pool == nullptr) std::abort();
    return pool;
  }

  // A chain whose buffers hold so many bytes each; the last of them takes the rest, and more
  // buffers what it has no room for.
  rte_mbuf* to_mbuf(const Bytes& bytes, std::vector<std::size_t> parts = {}) {
    rte_mbuf* head = nullptr;
    std::size_t at = 0, index = 0;
    do {
      rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
      std::size_t n = std::min<std::size_t>(bytes.size() - at, rte_pktmbuf_tailroom(mbuf));
      if (index < parts.size()) n = std::min(n, parts[index++]);
      std::memcpy(rte_pktmbuf_append(mbuf, static_cast<uint16_t>(n)), bytes.data() + at, n);
      at += n;
      if (head == nullptr)
        head = mbuf;
      else if (rte_pktmbuf_chain(head, mbuf) != 0)
        std::abort();
    } while (at < bytes.size());
    return head;
  }
  // The first buffer holds at least `head` bytes, the rest is cut at random.
  rte_mbuf* to_random_chain(FrameMaker& maker, const Bytes& bytes, std::size_t head) {
    std::vector<std::size_t> parts = {head + maker.below(200)};
    for (int i = 0; i < 20; ++i) parts.push_back(maker.below(4) == 0 ? 1 : maker.below(1500));
    return to_mbuf(bytes, parts);
  }
  // One whose data end where their memory does: the address sanitizer sees who reads on.
  rte_mbuf* to_heap_mbuf(const Bytes& bytes) {
    auto* memory = static_cast<uint8_t*>(std::malloc(bytes.size()));
    std::memcpy(memory, bytes.data(), bytes.size());
    auto* shared = new rte_mbuf_ext_shared_info{};
    shared->free_cb = [](void* address, void* opaque) {
      std::free(address);
      delete static_cast<rte_mbuf_ext_shared_info*>(opaque);
    };
    shared->fcb_opaque = shared;
    rte_mbuf_ext_refcnt_set(shared, 1);
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
    rte_pktmbuf_attach_extbuf(mbuf, memory, reinterpret_cast<uintptr_t>(memory),
                              static_cast<uint16_t>(bytes.size()), shared);
    mbuf->data_off = 0;
    mbuf->data_len = static_cast<uint16_t>(bytes.size());
    mbuf->pkt_len = mbuf->data_len;
    return mbuf;
  }

  static Bytes to_bytes(const rte_mbuf* mbuf) {
    Bytes bytes;
    unsigned segments = 0;
    for (const rte_mbuf* part = mbuf; part != nullptr; part = part->next, ++segments) {
      const auto* data = rte_pktmbuf_mtod(part, const uint8_t*);
      bytes.insert(bytes.end(), data, data + part->data_len);
    }
    EXPECT_EQ(bytes.size(), mbuf->pkt_len);
    EXPECT_EQ(segments, mbuf->nb_segs);
    const char* reason = nullptr;
    EXPECT_EQ(rte_mbuf_check(mbuf, 1, &reason), 0) << reason;
    return bytes;
  }

  unsigned in_use() const { return rte_mempool_in_use_count(pool_); }

  // Takes buffers until only `left` are free; free_hoard() gives them back.
  void leave_free(unsigned left) {
    while (rte_mempool_avail_count(pool_) > left) hoard_.push_back(rte_pktmbuf_alloc(pool_));
  }
  void free_hoard() {
    for (rte_mbuf* mbuf : hoard_) rte_pktmbuf_free(mbuf);
    hoard_.clear();
  }

  rte_mempool* pool_;

 private:
  std::vector<rte_mbuf*> hoard_;
};

}  // namespace adit
