// SPDX-License-Identifier: Apache-2.0
// What the express lanes have in common: which buffers are plain, the order of packets that are
// left to the pipeline, and when not to look at a port's packets at all.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "egress/transmit.h"
#include "packet/ip_version.h"
#include "packet/segment.h"
#include "worker/worker.h"

namespace adit {

inline constexpr unsigned kPrefetchAhead = 4;
inline constexpr uint32_t kIpOffset = sizeof(EthernetHeader);

// One buffer, which is the packet's own, and nothing left to do by a NIC.
inline bool is_plain_buffer(const rte_mbuf* mbuf) noexcept {
  constexpr uint64_t kNotPlain = kTxOffloadFlags | RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
  // Both numbers at once, as drivers write them.
  static_assert(offsetof(rte_mbuf, nb_segs) == offsetof(rte_mbuf, refcnt) + 2);
  uint32_t refcnt_and_segs;
  std::memcpy(&refcnt_and_segs, reinterpret_cast<const char*>(mbuf) + offsetof(rte_mbuf, refcnt),
              sizeof refcnt_and_segs);
  return ((mbuf->ol_flags & kNotPlain) | (refcnt_and_segs ^ 0x1'0001)) == 0;
}

// The packet at place `i` of its burst, in a set of 64.
inline uint64_t bit_of(unsigned i) noexcept {
  static_assert(kMaxBurst <= 64);
  return uint64_t{1} << i;
}

// One T for each packet of a burst. Nothing is in it at first.
template <class T>
union Room {
  static_assert(std::is_trivially_destructible_v<T>);
  std::array<T, kMaxBurst> packets;
  Room() noexcept {}
  T& operator[](unsigned i) noexcept { return packets[i]; }
};

// --- the order of those that are left

// One bit of 64 for who sends to whom.
inline uint64_t pair_bit(uint64_t source, uint64_t destination) noexcept {
  constexpr uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;
  return uint64_t{1} << ((source * kOdd + destination) * kOdd >> 58);
}
inline uint64_t pair_bit(const Ipv6Key& source, const Ipv6Key& destination) noexcept {
  return pair_bit(source.low + source.high, destination.low + destination.high);
}

// Of a packet that was not plain and has `bytes` bytes, as far as it has IP addresses.
inline uint64_t pair_bit_of_ip(const uint8_t* ip, uint32_t bytes, bool ipv6) noexcept {
  if (bytes < (ipv6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header))) return 0;
  if (!ipv6) {
    const auto& header = *reinterpret_cast<const Ipv4Header*>(ip);
    return pair_bit(Ipv4::key_at(Ipv4::source(header)), Ipv4::host_key(header));
  }
  const auto& header = *reinterpret_cast<const Ipv6Header*>(ip);
  return pair_bit(Ipv6::key_at(Ipv6::source(header)), Ipv6::host_key(header));
}

// The same of an untagged frame.
[[gnu::cold, gnu::noinline]] inline uint64_t pair_bit_of(const rte_mbuf* mbuf) noexcept {
  if (mbuf->data_len < kIpOffset) return 0;
  const auto& ethernet = *rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  const bool ipv6 = ethernet.ether_type == be16(kEtherTypeIpv6);
  if (!ipv6 && ethernet.ether_type != be16(kEtherTypeIpv4)) return 0;
  return pair_bit_of_ip(rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, kIpOffset),
                        mbuf->data_len - kIpOffset, ipv6);
}

// --- queues

// Puts buffers into the queues of ports: most go where the last one went. None of them has several
// segments, which flatten() would have to be asked for.
class Enqueuer {
 public:
  explicit Enqueuer(Worker& worker) noexcept : worker_(worker) {}

  [[gnu::always_inline]] void put(PortId port, rte_mbuf* mbuf) noexcept {
    if (port != port_) [[unlikely]] {
      port_ = port;
      queue_ = &worker_.tx[port];
    }
    const unsigned count = queue_->count;
    queue_->packets[count] = mbuf;
    queue_->count = count + 1;
    if (count + 1 == kMaxBurst) [[unlikely]]
      flush(worker_, port);
  }

 private:
  Worker& worker_;
  PortId port_ = kNoPort;
  TxQueue* queue_ = nullptr;
};

// --- whether to look at all

// A port that brings nothing for the lane costs no more than a look at one packet in 33.
inline constexpr uint32_t kPatience = 256, kSkip = 32 * kPatience;

// Whether a burst of `n` packets is not looked at, after many in vain.
inline bool is_skipped(ExpressUse& use, uint32_t n) noexcept {
  if (use.skip == 0) [[likely]]
    return false;
  use.skip -= std::min(use.skip, n);
  return true;
}

// `n` packets were looked at, none of which the lane took.
inline void note_in_vain(ExpressUse& use, uint32_t n) noexcept {
  use.in_vain += n;
  if (use.in_vain >= kPatience) use = {.in_vain = 0, .skip = kSkip};
}

// Counts what the lane took of a burst of `burst` packets, of which it left `kept`: `bytes` bytes
// as they came in.
inline void note_taken(Worker& worker, PortId port, ExpressUse& use, unsigned burst, unsigned kept,
                       uint64_t bytes) noexcept {
  const unsigned n = burst - kept;
  if (n == 0) return note_in_vain(use, burst);
  use.in_vain = 0;
  TrafficCounters& counters = worker.port_counters[port];
  counters.rx_packets.add(n);
  counters.rx_bytes.add(bytes);
  worker.counters.received.add(n);
}

}  // namespace adit
