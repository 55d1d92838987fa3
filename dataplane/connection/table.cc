// SPDX-License-Identifier: Apache-2.0
#include "connection/table.h"

namespace adit {
namespace {

// About a second, as a power of two, which saves a division.
constexpr unsigned kRoundShift = 30;  // ns

// Vigna's SplitMix64: expands the seed into random-looking words.
uint64_t next_secret(uint64_t& state) noexcept {
  state += 0x9e37'79b9'7f4a'7c15;
  uint64_t value = state;
  value = (value ^ value >> 30) * 0xbf58'476d'1ce4'e5b9;
  value = (value ^ value >> 27) * 0x94d0'49bb'1331'11eb;
  return value ^ value >> 31;
}

}  // namespace

ConnectionTable::ConnectionTable(uint32_t capacity, uint64_t seed)
    : capacity_(capacity),
      bucket_count_(buckets_for(capacity)),
      buckets_(bucket_count_),
      connections_(size_t{capacity} + 1),
      check_s_(size_t{capacity} + 1) {
  ADIT_ASSERT(capacity != 0 && capacity <= kMaxCapacity);
  for (uint64_t& secret : secrets_) secret = next_secret(seed);
}

// Two keys for each connection, and a quarter of the entries free. Small tables fill less evenly.
uint32_t ConnectionTable::buckets_for(uint32_t capacity) noexcept {
  return static_cast<uint32_t>((uint64_t{capacity} * 2 * 4 / 3 + kWays - 1) / kWays) + 2;
}

size_t ConnectionTable::bytes_for(uint32_t capacity) noexcept {
  return size_t{buckets_for(capacity)} * sizeof(Bucket) +
         (size_t{capacity} + 1) * (sizeof(Connection) + sizeof(uint32_t));
}

uint64_t ConnectionTable::spilled_keys() const noexcept {
  uint64_t sum = 0;
  for (uint32_t bucket = 0; bucket < bucket_count_; ++bucket) sum += buckets_[bucket].spilled;
  return sum;
}

void ConnectionTable::find_burst(std::span<const FlowKey> keys, Found* found) const noexcept {
  ADIT_ASSERT(keys.size() <= kMaxBurst);
  std::array<uint64_t, kMaxBurst> hashes;
  std::array<Guess, kMaxBurst> guesses;
  for (size_t i = 0; i < keys.size(); ++i) prefetch(hashes[i] = hash(keys[i]));
  for (size_t i = 0; i < keys.size(); ++i) guesses[i] = prefetch_connection(hashes[i]);
  for (size_t i = 0; i < keys.size(); ++i) found[i] = confirm(guesses[i], keys[i], hashes[i]);
}

// The first bucket while two entries are free there: they are found with one cache line. Then the
// bucket with more room, which keeps full ones rare.
inline ConnectionTable::Slot ConnectionTable::find_room(uint64_t hash) noexcept {
  const uint32_t first = first_bucket(hash);
  const unsigned ways = ways_with(buckets_[first], 0);
  if ((ways & (ways - 1)) != 0) [[likely]]
    return {first, std::countr_zero(ways)};
  return find_scarce_room(first, second_bucket(hash));
}

inline bool ConnectionTable::link(uint64_t hash, uint32_t place) noexcept {
  const Slot slot = find_room(hash);
  if (slot.way < 0) [[unlikely]]
    return false;
  Bucket& bucket = buckets_[slot.bucket];
  bucket.tags[slot.way] = tag_of(hash);
  bucket.places[slot.way] = place;
  const uint32_t first = first_bucket(hash);
  if (slot.bucket != first) [[unlikely]]
    ++buckets_[first].spilled;
  return true;
}

// Prefetches the place of the next one.
inline ConnectionId ConnectionTable::take_id() noexcept {
  ADIT_ASSERT(free_ids_ != 0 || used_ids_ < capacity_);
  ConnectionId id = free_ids_;
  if (id == 0)
    id = ++used_ids_;
  else
    free_ids_ = connections_[id].expires_s;
  const ConnectionId next = std::min(free_ids_ != 0 ? free_ids_ : used_ids_ + 1, capacity_);
  __builtin_prefetch(&connections_[next], 1);
  __builtin_prefetch(&connections_[next].reverse, 1);
  return id;
}

ConnectionTable::Inserted ConnectionTable::insert_missed(const Connection& connection,
                                                         Hashes hashes) noexcept {
  const auto [forward_hash, reverse_hash] = hashes;
  ADIT_ASSERT(forward_hash == hash(connection.forward) &&
              find(connection.forward, forward_hash).id == 0 &&
              (!connection.has_reverse() || reverse_hash == hash(connection.reverse)));
  if (connection.has_reverse() &&
      (connection.reverse == connection.forward || find(connection.reverse, reverse_hash).id != 0))
    return {0, Refusal::kReverseExists};
  if (size_ == capacity_) return {0, Refusal::kFull};

  const ConnectionId id = take_id();
  connections_[id] = connection;
  if (!link(forward_hash, id)) {
    give_back(id);
    return {0, Refusal::kFull};
  }
  if (connection.has_reverse() && !link(reverse_hash, id | kReverse)) {
    unlink(forward_hash, id);
    give_back(id);
    return {0, Refusal::kFull};
  }
  check_s_[id] = std::max(connection.expires_s, 1u);
  ++size_;
  return {id, Refusal::kNone};
}

void ConnectionTable::erase(ConnectionId id) noexcept {
  ADIT_ASSERT(id != 0 && id <= used_ids_ && check_s_[id] != 0);
  const Connection& connection = connections_[id];
  unlink(hash(connection.forward), id);
  if (connection.has_reverse()) unlink(hash(connection.reverse), id | kReverse);
  give_back(id);
  --size_;
}

uint32_t ConnectionTable::expiry_budget(uint64_t elapsed_ns) noexcept {
  constexpr uint64_t kRound = uint64_t{1} << kRoundShift;
  expiry_credit_ += std::min(elapsed_ns, kRound) * used_ids_;
  const auto budget = static_cast<uint32_t>(expiry_credit_ >> kRoundShift);
  expiry_credit_ %= kRound;
  return budget;
}

void ConnectionTable::unlink(uint64_t hash, uint32_t place) noexcept {
  Bucket& first = buckets_[first_bucket(hash)];
  for (Bucket* bucket : {&first, &buckets_[second_bucket(hash)]}) {
    for (unsigned ways = ways_with(*bucket, tag_of(hash)); ways != 0; ways &= ways - 1) {
      const int way = std::countr_zero(ways);
      if (bucket->places[way] != place) continue;
      bucket->tags[way] = 0;
      if (bucket != &first) --first.spilled;
      return;
    }
  }
  ADIT_ASSERT(false);
}

ConnectionTable::Slot ConnectionTable::find_scarce_room(uint32_t first, uint32_t second) noexcept {
  const unsigned here = ways_with(buckets_[first], 0), there = ways_with(buckets_[second], 0);
  if (std::popcount(there) > std::popcount(here)) return {second, std::countr_zero(there)};
  if (here != 0) return {first, std::countr_zero(here)};
  const Slot slot = make_room(first);
  return slot.way >= 0 ? slot : make_room(second);
}

// Moves an entry of the bucket to its other bucket.
ConnectionTable::Slot ConnectionTable::make_room(uint32_t bucket) noexcept {
  Bucket& from = buckets_[bucket];
  for (unsigned way = 0; way < kWays; ++way) {
    const uint64_t hash = this->hash(key_at(from.places[way]));
    const uint32_t first = first_bucket(hash);
    const bool is_first = bucket == first;
    Bucket& to = buckets_[is_first ? second_bucket(hash) : first];
    const unsigned ways = ways_with(to, 0);
    if (ways == 0) continue;
    const int target = std::countr_zero(ways);
    to.tags[target] = from.tags[way];
    to.places[target] = from.places[way];
    from.tags[way] = 0;
    buckets_[first].spilled += is_first ? 1u : UINT32_MAX;
    return {bucket, static_cast<int>(way)};
  }
  return {bucket, -1};
}

void ConnectionTable::give_back(ConnectionId id) noexcept {
  connections_[id].expires_s = free_ids_;
  free_ids_ = id;
  check_s_[id] = 0;
}

}  // namespace adit
