// SPDX-License-Identifier: Apache-2.0
#include "fragments/fragment_shares.h"

#include <algorithm>
#include <bit>

namespace adit {
namespace {

constexpr unsigned kLeastBytesLog2 = 11;  // a small buffer

}  // namespace

uint64_t hash_of(const FragmentShares::SenderKey& key, uint64_t seed) noexcept {
  const uint64_t place = uint64_t{key.place} << 1 | key.ipv6;
  return mix64(mix64(mix64(mix64(key.source.high ^ seed) + key.source.low) + place) ^ seed);
}
uint64_t hash_of(const FragmentShares::PlaceKey& key, uint64_t seed) noexcept {
  return mix64(key.place ^ seed);
}

FragmentShares::FragmentShares(uint32_t most, uint64_t seed)
    : senders_(most, seed), places_(std::min(most, place_of(kMaxVrfs) + 1), seed) {}

uint32_t FragmentShares::class_of(uint64_t bytes) noexcept {
  return std::min(static_cast<uint32_t>(std::bit_width(bytes >> kLeastBytesLog2)), kClasses - 1);
}

void FragmentShares::put_in_class(uint32_t slot, uint32_t weight) noexcept {
  Sender& sender = senders_[slot];
  Place& place = places_[sender.place];
  sender.weight = weight;
  place.classes |= 1u << weight;
  place.by_class[weight].push_back(senders_, &Sender::in_class, slot);
}

void FragmentShares::take_from_class(uint32_t slot) noexcept {
  const Sender& sender = senders_[slot];
  Place& place = places_[sender.place];
  SlotList<Sender>& list = place.by_class[sender.weight];
  list.remove(senders_, &Sender::in_class, slot);
  if (list.front() == kNoSlot) place.classes &= ~(1u << sender.weight);
}

uint32_t FragmentShares::acquire_place(FragmentPlace id) noexcept {
  const uint32_t found = places_.find({id});
  if (found != kNoSlot) return found;
  const uint32_t slot = places_.insert({id});
  ADIT_ASSERT(slot != kNoSlot);
  Place& place = places_[slot];
  place.bytes = 0;
  place.senders = place.classes = 0;
  in_use_.push_back(places_, &Place::in_use, slot);
  return slot;
}

uint32_t FragmentShares::join(const FragmentKey& key) noexcept {
  const SenderKey whose{key.source, key.place, key.ipv6};
  uint32_t slot = senders_.find(whose);
  if (slot == kNoSlot) {
    slot = senders_.insert(whose);
    ADIT_ASSERT(slot != kNoSlot);
    Sender& sender = senders_[slot];
    sender.bytes = 0;
    sender.datagrams = 0;
    sender.place = acquire_place(key.place);
    ++places_[sender.place].senders;
    put_in_class(slot, 0);
  }
  ++senders_[slot].datagrams;
  return slot;
}

void FragmentShares::leave(uint32_t slot) noexcept {
  Sender& sender = senders_[slot];
  if (--sender.datagrams != 0) return;
  take_from_class(slot);
  const uint32_t place = sender.place;
  senders_.erase(slot);
  if (--places_[place].senders != 0) return;
  in_use_.remove(places_, &Place::in_use, place);
  places_.erase(place);
}

void FragmentShares::charge(uint32_t slot, int64_t bytes) noexcept {
  Sender& sender = senders_[slot];
  const auto more = static_cast<uint64_t>(bytes);  // modulo 2^64
  sender.bytes += more;
  places_[sender.place].bytes += more;
  bytes_ += more;
  const uint32_t weight = class_of(sender.bytes);
  if (weight == sender.weight) return;
  take_from_class(slot);
  put_in_class(slot, weight);
}

uint32_t FragmentShares::heaviest(uint32_t wanting, uint64_t more) noexcept {
  const Sender& sender = senders_[wanting];
  uint32_t most = sender.place;
  uint64_t most_bytes = places_[most].bytes + more;
  for (uint32_t slot = in_use_.front(); slot != kNoSlot; slot = places_[slot].in_use.next) {
    if (places_[slot].bytes <= most_bytes) continue;
    most = slot;
    most_bytes = places_[slot].bytes;
  }
  const Place& place = places_[most];
  ADIT_ASSERT(place.classes != 0);
  const auto top = static_cast<uint32_t>(std::bit_width(place.classes)) - 1;
  // Among equals the newest stays: the oldest datagram is least likely to be completed.
  if (most == sender.place && class_of(sender.bytes + more) > top) return wanting;
  return place.by_class[top].front();
}

}  // namespace adit
