// SPDX-License-Identifier: Apache-2.0
// Datagrams that left in fragments which differ from what their sender sent: in id, length or IP
// version. An ICMP error of a router about one quotes what it got; its sender is to read of what it
// sent. Each VRF has a few entries, and a datagram gives way to later ones of its VRF alone: an
// error about it then quotes what the router got.
#pragma once

#include "adit/zero_pages.h"
#include "packet/fragment.h"

namespace adit {

class ChangedIds {
 public:
  // The seed keeps senders from choosing ids that share an entry.
  explicit ChangedIds(uint64_t seed = 1) : seed_(seed) {}

  // `left_as`: its place is that of a VRF.
  void note(const FragmentKey& left_as, const SentFragment& sent) noexcept {
    const uint64_t hash = hash_of(left_as, seed_);
    entries_[index(left_as, hash)] = {check(hash), sent};
  }
  // Null: it is not known (any more).
  const SentFragment* find(const FragmentKey& left_as) const noexcept {
    const uint64_t hash = hash_of(left_as, seed_);
    const Entry& entry = entries_[index(left_as, hash)];
    return entry.check == check(hash) ? &entry.sent : nullptr;
  }

 private:
  static constexpr size_t kOfVrf = 128;
  struct Entry {
    uint32_t check = 0;  // of the key; 0: none is here
    SentFragment sent;
  };
  static uint32_t check(uint64_t hash) noexcept { return static_cast<uint32_t>(hash >> 32) | 1u; }
  static size_t index(const FragmentKey& key, uint64_t hash) noexcept {
    return vrf_of(key.place) * kOfVrf + hash % kOfVrf;
  }

  ZeroPages<Entry> entries_{(kMaxVrfs + 1) * kOfVrf};
  uint64_t seed_;
};

}  // namespace adit
