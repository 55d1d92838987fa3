// SPDX-License-Identifier: Apache-2.0
// Shares of a worker's fragment table, and which sender loses a datagram when it is full: in the
// place (the underlay, a VRF) that holds most, a sender that holds most. A place or sender below
// its share loses nothing to others. All memory is allocated by the constructor.
//
// Senders are compared by powers of two, so that the choice takes no search: a flood from forged
// sources makes as many senders as there are datagrams.
#pragma once

#include "packet/fragment.h"
#include "table/slot_table.h"

namespace adit {

class FragmentShares {
 public:
  // `most`: datagrams, and so senders.
  FragmentShares(uint32_t most, uint64_t seed);

  // One datagram more of the key's sender, whose slot it returns; and one less.
  uint32_t join(const FragmentKey& key) noexcept;
  void leave(uint32_t sender) noexcept;
  // Adds `bytes`, which may be negative, to what the sender holds.
  void charge(uint32_t sender, int64_t bytes) noexcept;
  // The sender that would hold most if `wanting` got `more` bytes.
  uint32_t heaviest(uint32_t wanting, uint64_t more) noexcept;

  // What all hold, and one sender, by charge().
  uint64_t bytes() const noexcept { return bytes_; }
  uint64_t bytes_of(uint32_t sender) noexcept { return senders_[sender].bytes; }

 private:
  static constexpr unsigned kClasses = 16;
  struct SenderKey {
    Ipv6Key source;
    FragmentPlace place = 0;
    bool ipv6 = false;
    friend bool operator==(const SenderKey&, const SenderKey&) = default;
  };
  struct Sender {
    SenderKey key;
    uint32_t bucket_next = 0;
    SlotLinks in_class;
    uint64_t bytes = 0;
    uint32_t datagrams = 0;
    uint32_t place = kNoSlot;  // slot
    uint32_t weight = 0;       // class
  };
  struct PlaceKey {
    FragmentPlace place = 0;
    friend bool operator==(const PlaceKey&, const PlaceKey&) = default;
  };
  struct Place {
    PlaceKey key;
    uint32_t bucket_next = 0;
    SlotLinks in_use;
    uint64_t bytes = 0;
    uint32_t senders = 0;
    uint32_t classes = 0;  // bits: those in which there are senders
    std::array<SlotList<Sender>, kClasses> by_class;
  };
  friend uint64_t hash_of(const SenderKey& key, uint64_t seed) noexcept;
  friend uint64_t hash_of(const PlaceKey& key, uint64_t seed) noexcept;

  static uint32_t class_of(uint64_t bytes) noexcept;
  void put_in_class(uint32_t sender, uint32_t weight) noexcept;
  void take_from_class(uint32_t sender) noexcept;
  uint32_t acquire_place(FragmentPlace place) noexcept;

  SlotTable<Sender> senders_;
  SlotTable<Place> places_;
  SlotList<Place> in_use_;
  uint64_t bytes_ = 0;
};

}  // namespace adit
