// SPDX-License-Identifier: Apache-2.0
// Path MTUs of our own outer packets, learned from ICMP errors (RFC 1191, RFC 8201): of remotes
// and tunnels by BridgePortId, of backends with forwarding by tunnel by BackendId. All workers
// read and write, control reads: one atomic word each. A reload keeps them, as it keeps the ids.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "adit/ids.h"
#include "adit/snapshot.h"
#include "adit/zero_pages.h"

namespace adit {

class PathMtus {
 public:
  // RFC 1191 section 6.3, RFC 8201 section 4: a larger MTU is tried after ten minutes.
  static constexpr uint32_t kLifeS = 600;
  // Lower MTUs are not accepted, because errors can be spoofed. IPv4: every host accepts this size
  // (RFC 791 section 3.1), and a frame of 64 KiB in segments still fits its buffers. IPv6: RFC 8200
  // section 5.
  static constexpr uint32_t kLeastIpv4 = 576, kLeastIpv6 = 1280;
  // No tunnel header is longer than this, in bytes.
  static constexpr uint32_t kMostHeaderBytes = 128;

  PathMtus() : remotes_(kMaxBridgePorts + 1), backends_(kMaxBackends + 1) {}

  // Size of the outer IP packet in bytes; 0: none was learned, or it has expired.
  uint32_t of_remote(BridgePortId id, uint32_t now_s) const noexcept {
    return value_of(remotes_[id].load(std::memory_order_relaxed), now_s);
  }
  // Ids of backends are assigned again: an MTU learned for another address is ignored.
  uint32_t of_backend(BackendId id, const Ipv6Key& address, uint32_t now_s) const noexcept {
    const uint64_t word = backends_[id].load(std::memory_order_relaxed);
    return tag_of(address) == static_cast<uint16_t>(word >> 16) ? value_of(word, now_s) : 0;
  }
  // `mtu`: bytes of the outer IP packet, below 65536; the caller has judged whether to believe it.
  // A lower one that is known stays, and an equal one lives on (RFC 8201 section 4).
  void lower_remote(BridgePortId id, uint32_t mtu, uint32_t now_s) noexcept {
    lower(remotes_[id], mtu, 0, now_s);
  }
  // `address`: the backend's, as FlowKey has it.
  void lower_backend(BackendId id, const Ipv6Key& address, uint32_t mtu, uint32_t now_s) noexcept {
    lower(backends_[id], mtu, tag_of(address), now_s);
  }
  // Call before the id is assigned again. Writes used entries only: untouched pages take no memory.
  void forget_remote(BridgePortId id) noexcept {
    if (remotes_[id].load(std::memory_order_relaxed) != 0)
      remotes_[id].store(0, std::memory_order_relaxed);
  }

  // A frame or packet of at most this many bytes fits every path, with any tunnel header.
  uint32_t fits_all(uint32_t now_s) const noexcept {
    const uint32_t least = least_.load(std::memory_order_relaxed);
    if (least == UINT32_MAX || now_s >= last_expiry_s_.load(std::memory_order_relaxed))
      return UINT32_MAX;
    return least - kMostHeaderBytes;
  }

 private:
  // From the lowest bit: 16 bits of MTU, 16 bits of tag, 32 bits of the second in which it expires.
  using Word = std::atomic<uint64_t>;

  static uint16_t tag_of(const Ipv6Key& address) noexcept {
    return static_cast<uint16_t>(hash_of(address));
  }
  static uint32_t value_of(uint64_t word, uint32_t now_s) noexcept {
    return word >> 32 > now_s ? static_cast<uint16_t>(word) : 0;
  }
  void lower(Word& word, uint32_t mtu, uint16_t tag, uint32_t now_s) noexcept {
    const uint64_t former = word.load(std::memory_order_relaxed);
    const uint32_t known = static_cast<uint16_t>(former >> 16) == tag ? value_of(former, now_s) : 0;
    if (known != 0 && known < mtu) return;
    const uint32_t expires_s = now_s + kLifeS;
    word.store(uint64_t{expires_s} << 32 | uint32_t{tag} << 16 | (mtu & 0xffff),
               std::memory_order_relaxed);
    uint32_t least = least_.load(std::memory_order_relaxed);
    if (now_s >= last_expiry_s_.load(std::memory_order_relaxed)) least = UINT32_MAX;
    least_.store(std::min(least, mtu), std::memory_order_relaxed);
    last_expiry_s_.store(expires_s, std::memory_order_relaxed);
  }

  ZeroPages<Word> remotes_, backends_;
  std::atomic<uint32_t> least_ = UINT32_MAX;
  std::atomic<uint32_t> last_expiry_s_ = 0;
};

}  // namespace adit
