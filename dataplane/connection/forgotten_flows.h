// SPDX-License-Identifier: Apache-2.0
// Records of flows without connection. They distinguish a backend's reply of a forgotten connection
// from packets that the backend sends by itself. Both tables are bounded. Entries that share a set
// are of the VRFs in equal parts: a VRF that adds many replaces its own.
#pragma once

#include <array>
#include <atomic>

#include "adit/zero_pages.h"
#include "packet/flow_key.h"

namespace adit {

// Of a set of entries, each with the VRF whose it is: the one that a new entry of a VRF replaces,
// which is the first one that `is_better` than all others of the VRF that would hold most.
template <size_t kWays, class VrfOf, class IsBetter>
unsigned entry_to_replace(VrfId newcomer, VrfOf vrf_of, IsBetter is_better) noexcept {
  const auto held_by = [&](VrfId vrf) noexcept {
    unsigned held = vrf == newcomer ? 1 : 0;
    for (unsigned i = 0; i < kWays; ++i) held += vrf_of(i) == vrf ? 1 : 0;
    return held;
  };
  VrfId most = newcomer;
  unsigned most_held = held_by(newcomer);
  for (unsigned i = 0; i < kWays; ++i)
    if (const unsigned held = held_by(vrf_of(i)); held > most_held) {
      most = vrf_of(i);
      most_held = held;
    }
  unsigned chosen = kWays;
  for (unsigned i = 0; i < kWays; ++i)
    if (vrf_of(i) == most && (chosen == kWays || is_better(i, chosen))) chosen = i;
  // None where eight others have one each: one of them gives way.
  return chosen == kWays ? 0 : chosen;
}

// Connections with a reverse half that this worker has erased, by a hash() of that.
class ForgottenFlows {
 public:
  // `vrf`: the service's.
  void add(uint64_t hash, VrfId vrf, uint32_t now_s) noexcept {
    Set& set = sets_[hash & (kSets - 1)];
    Entry* place = nullptr;
    for (Entry& entry : set) {
      if (entry.tag == tag_of(hash)) {
        place = &entry;
        break;
      }
      if (entry.tag == 0 || age_s(entry, now_s) > kSeconds) place = &entry;
    }
    if (place == nullptr)
      place = &set[entry_to_replace<kWays>(
          vrf, [&](unsigned i) noexcept { return static_cast<VrfId>(set[i].vrf); },
          [&](unsigned i, unsigned than) noexcept {
            const uint32_t age = age_s(set[i], now_s), other = age_s(set[than], now_s);
            return age != other ? age > other
                                : (set[i].tag ^ tag_of(hash)) > (set[than].tag ^ tag_of(hash));
          })];
    *place = {tag_of(hash), now_s & kSinceMask, vrf & kVrfMask};
  }
  // Whether one of that hash was added in the last kSeconds; flows of one hash are not told apart.
  bool has(uint64_t hash, uint32_t now_s) const noexcept {
    for (const Entry& entry : sets_[hash & (kSets - 1)])
      if (entry.tag == tag_of(hash)) return age_s(entry, now_s) <= kSeconds;
    return false;
  }

 private:
  // Longer than a client waits for an answer.
  static constexpr uint32_t kSeconds = 300;
  static constexpr unsigned kWays = 8, kSets = 1u << 13;
  static constexpr uint32_t kSinceMask = (1u << 19) - 1;  // six days
  static constexpr uint32_t kVrfMask = (1u << 13) - 1;
  static_assert(kMaxVrfs <= kVrfMask);
  struct Entry {
    uint32_t tag;  // 0: free
    uint32_t since_s : 19;
    uint32_t vrf : 13;
  };
  using Set = std::array<Entry, kWays>;
  static_assert(sizeof(Set) == 64);
  static uint32_t tag_of(uint64_t hash) noexcept { return static_cast<uint32_t>(hash >> 32) | 1; }
  static uint32_t age_s(const Entry& entry, uint32_t now_s) noexcept {
    return (now_s - entry.since_s) & kSinceMask;
  }

  ZeroPages<Set> sets_{kSets};
};

// Flows between a backend and a host that uses the backend's own address, or that the backend
// contacted. The two halves of a flow may arrive on different workers, so all workers write.
class DirectFlows {
 public:
  explicit DirectFlows(uint64_t seed) noexcept : seed_(seed) {}

  // `key`: as the backend's packets have it.
  void add(const FlowKey& key) noexcept {
    const uint64_t hash = hash_of(key), entry = entry_of(hash, key.vrf);
    Set& set = sets_[hash & (kSets - 1)];
    std::array<uint64_t, kWays> there;
    for (unsigned i = 0; i < kWays; ++i) {
      there[i] = set[i].load(std::memory_order_relaxed);
      if (there[i] == entry) return;
    }
    unsigned place = 0;
    while (place < kWays && there[place] != 0) ++place;
    // Which one of the VRF does not matter, but not always the same.
    if (place == kWays)
      place = entry_to_replace<kWays>(
          key.vrf, [&](unsigned i) noexcept { return static_cast<VrfId>(there[i] & kVrfMask); },
          [&](unsigned i, unsigned than) noexcept {
            return (there[i] ^ hash) >> 16 > (there[than] ^ hash) >> 16;
          });
    set[place].store(entry, std::memory_order_relaxed);
  }
  bool has(const FlowKey& key) const noexcept {
    const uint64_t hash = hash_of(key), entry = entry_of(hash, key.vrf);
    for (const std::atomic<uint64_t>& one : sets_[hash & (kSets - 1)])
      if (one.load(std::memory_order_relaxed) == entry) return true;
    return false;
  }

 private:
  static constexpr unsigned kWays = 8, kSets = 1u << 13;
  static constexpr uint64_t kVrfMask = (1u << 13) - 1;
  static constexpr uint64_t kInUse = 1u << 13;
  static_assert(kMaxVrfs <= kVrfMask);
  using Set = std::array<std::atomic<uint64_t>, kWays>;
  static uint64_t entry_of(uint64_t hash, VrfId vrf) noexcept {
    return (hash & ~(kVrfMask | kInUse)) | kInUse | vrf;
  }
  uint64_t hash_of(const FlowKey& key) const noexcept {
    uint64_t words[5];
    static_assert(sizeof words == sizeof key);
    std::memcpy(words, &key, sizeof words);
    uint64_t hash = seed_;
    for (const uint64_t word : words) hash = mix64(hash ^ word) + seed_;
    return mix64(hash);
  }

  uint64_t seed_;
  ZeroPages<Set> sets_{kSets};
};

// Flows of packets that control sent, as the packets of the other end have them.
class HostFlows {
 public:
  explicit HostFlows(uint64_t seed) noexcept : flows_(seed) {}

  // `key`: as the other end's packets have it.
  void add(const FlowKey& key) noexcept {
    if (!any_.load(std::memory_order_relaxed)) any_.store(true, std::memory_order_relaxed);
    flows_.add(key);
  }
  // Whether one was ever added: else there is no need to read a packet for has().
  bool any() const noexcept { return any_.load(std::memory_order_relaxed); }
  bool has(const FlowKey& key) const noexcept { return flows_.has(key); }

 private:
  std::atomic<bool> any_ = false;
  DirectFlows flows_;
};

}  // namespace adit
