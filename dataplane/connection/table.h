// SPDX-License-Identifier: Apache-2.0
// The connections of one worker, found by the packets of either half. That worker alone reads
// and writes. All memory is taken when the table is made, and costs pages once it is used:
// 149 MB for a million connections, of which 128 are the connections themselves.
//
// A look-up costs one cache line of the index and the connection: a bucket is a line of ten
// entries, each a 16-bit tag and the connection's id. A key whose bucket is nearly full goes
// to another one, and its own counts it: only then is a second line looked at, also where
// nothing is found. At capacity the index is three quarters full.
#pragma once

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "adit/assert.h"
#include "adit/zero_pages.h"
#include "connection/connection.h"

namespace adit {

class ConnectionTable {
 public:
  struct Found {
    ConnectionId id = 0;  // 0: unknown
    Direction direction = Direction::kFromClient;
  };
  enum class Refusal : uint8_t {
    kNone,
    kFull,
    kForwardExists,
    kReverseExists,  // another local port would do, for FullNAT
  };
  struct Inserted {
    ConnectionId id = 0;  // 0: refused
    Refusal refusal = Refusal::kNone;
  };
  // hash() of its keys; `reverse`: where it has_reverse().
  struct Hashes {
    uint64_t forward = 0, reverse = 0;
  };
  // Where a connection may be; 0: nowhere, or not known.
  using Guess = uint32_t;
  // How far a sweep or a sample has come; 0: at the beginning.
  using Progress = uint32_t;

  static constexpr uint32_t kMaxCapacity = 1u << 28;
  static constexpr unsigned kSamples = 32;

  // Room for `capacity` connections, 1 to kMaxCapacity. The seed keeps senders from choosing
  // keys that share a bucket. Throws std::bad_alloc.
  ConnectionTable(uint32_t capacity, uint64_t seed);
  static size_t bytes_for(uint32_t capacity) noexcept;

  // Connections, those that are there and the most.
  uint32_t size() const noexcept { return size_; }
  uint32_t capacity() const noexcept { return capacity_; }
  // Keys that take a second cache line to find. Looks at the whole index.
  uint64_t spilled_keys() const noexcept;

  // --- look-up: for a burst, each step for all packets before the next ---
  uint64_t hash(const FlowKey& key) const noexcept {
    const uint64_t source = fold(key.word(0) ^ secrets_[0], key.word(1) ^ secrets_[1]);
    const uint64_t destination = fold(key.word(2) ^ secrets_[2], key.word(3) ^ secrets_[3]);
    return fold(source ^ secrets_[4], destination ^ key.word(4) ^ secrets_[5]);
  }
  void prefetch(uint64_t hash) const noexcept { __builtin_prefetch(&buckets_[first_bucket(hash)]); }
  // Reads what prefetch() brought, and prefetches the connection that it names, for confirm().
  Guess prefetch_connection(uint64_t hash) const noexcept {
    const Bucket& bucket = buckets_[first_bucket(hash)];
    const unsigned ways = ways_with(bucket, tag_of(hash));
    if (ways == 0) [[unlikely]] {
      if (bucket.spilled != 0) __builtin_prefetch(&buckets_[second_bucket(hash)]);
      return 0;
    }
    const Guess guess = bucket.places[std::countr_zero(ways)];
    const Connection& connection = connections_[guess & ~kReverse];
    __builtin_prefetch(&connection);
    __builtin_prefetch(&connection.reverse);
    return guess;
  }
  // find(), where the guess is that of the hash: it is nearly always right.
  Found confirm(Guess guess, const FlowKey& key, uint64_t hash) const noexcept {
    if (guess != 0 && key_at(guess) == key) [[likely]]
      return found(guess);
    return find(key, hash);
  }
  // A hash() of the key.
  Found find(const FlowKey& key, uint64_t hash) const noexcept {
    const Bucket& bucket = buckets_[first_bucket(hash)];
    const uint32_t place = search(bucket, key, tag_of(hash));
    if (place != 0 || bucket.spilled == 0) [[likely]]
      return found(place);
    return found(search(buckets_[second_bucket(hash)], key, tag_of(hash)));
  }
  Found find(const FlowKey& key) const noexcept { return find(key, hash(key)); }
  // All the steps; at most kMaxBurst keys.
  void find_burst(std::span<const FlowKey> keys, Found* found) const noexcept;

  // --- changes ---
  // By its forward key and, where it has_reverse(), its reverse key: neither may be another
  // connection's of either half. Where it is refused, nothing has changed.
  Inserted insert(const Connection& connection) noexcept {
    const Hashes hashes{hash(connection.forward), hash(connection.reverse)};
    if (find(connection.forward, hashes.forward).id != 0) return {0, Refusal::kForwardExists};
    return insert_missed(connection, hashes);
  }
  // The same, where a look-up has just missed the forward key.
  Inserted insert_missed(const Connection& connection, Hashes hashes) noexcept;
  void erase(ConnectionId id) noexcept;
  // One that is there. Its keys and `forwarding` must not be changed.
  Connection& at(ConnectionId id) noexcept {
    ADIT_ASSERT(id != 0 && id <= used_ids_);
    return connections_[id];
  }
  // `id`: of a connection that is there.
  const Connection& at(ConnectionId id) const noexcept {
    ADIT_ASSERT(id != 0 && id <= used_ids_);
    return connections_[id];
  }
  // Sets an earlier expiry, on a change of state. To extend the timeout, write
  // Connection::expires_s directly, which saves a cache line.
  void expire_at(ConnectionId id, uint32_t expires_s) noexcept {
    connections_[id].expires_s = expires_s;
    if (expires_s < check_s_[id]) check_s_[id] = std::max(expires_s, 1u);
  }

  // --- slices of work: `budget` bounds what one call looks at ---
  // A visitor gets (ConnectionId, Connection&). It may erase that connection and others; it inserts
  // none.

  // What expire() has to look at after so much time, so that it sees all in about a second.
  uint32_t expiry_budget(uint64_t elapsed_ns) noexcept;
  // Visits what has expired. The visitor erases it, or may give it more time: else it comes again a
  // second later.
  template <class Visitor>
  void expire(uint32_t now_s, uint32_t budget, Visitor&& visitor) {
    for (budget = std::min(budget, used_ids_); budget != 0; --budget) {
      expiry_cursor_ = expiry_cursor_ >= used_ids_ ? 1 : expiry_cursor_ + 1;
      const ConnectionId id = expiry_cursor_;
      if (check_s_[id] > now_s || check_s_[id] == 0) [[likely]]
        continue;
      Connection& connection = connections_[id];
      if (connection.expires_s <= now_s) visitor(id, connection);
      if (check_s_[id] != 0) check_s_[id] = std::max(connection.expires_s, now_s + 1);
    }
  }

  // Visits all connections that are there from its first call on. True when it is done and
  // `progress` back at the beginning.
  template <class Visitor>
  bool sweep(Progress& progress, uint32_t budget, Visitor&& visitor) {
    return walk(progress, budget, visitor, [](Progress step) { return step + 1; });
  }
  // The same for one connection in kSamples; after as many turns each was in one of them.
  template <class Visitor>
  bool sample(uint32_t turn, Progress& progress, uint32_t budget, Visitor&& visitor) {
    turn %= kSamples;
    return walk(progress, budget, visitor, [turn](Progress step) {
      return (step / kStripe * kSamples + turn) * kStripe + step % kStripe;
    });
  }

 private:
  static constexpr unsigned kWays = 10;
  static constexpr uint32_t kReverse = 1u << 31;  // in a place, beside the connection's id
  static constexpr unsigned kStripe = 16;         // ids whose checks share a cache line

  struct alignas(64) Bucket {
    uint16_t tags[kWays];  // 0: free
    uint32_t spilled;      // keys that have this as their first bucket, and are in the second
    uint32_t places[kWays];
  };
  static_assert(sizeof(Bucket) == 64);

  struct Slot {
    uint32_t bucket;
    int way;  // -1: none
  };

  static uint64_t fold(uint64_t a, uint64_t b) noexcept {
    const __uint128_t product = __uint128_t{a} * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  static uint32_t buckets_for(uint32_t capacity) noexcept;
  // The buckets come from the upper bits of either half of the hash, the tag from the lower
  // ones of both.
  uint32_t first_bucket(uint64_t hash) const noexcept {
    return static_cast<uint32_t>((hash >> 32) * bucket_count_ >> 32);
  }
  uint32_t second_bucket(uint64_t hash) const noexcept {
    const auto second = static_cast<uint32_t>((hash & UINT32_MAX) * bucket_count_ >> 32);
    if (second != first_bucket(hash)) [[likely]]
      return second;
    return second + 1 == bucket_count_ ? 0 : second + 1;
  }
  static uint16_t tag_of(uint64_t hash) noexcept {
    const auto tag = static_cast<uint16_t>(hash ^ hash >> 32);
    return tag == 0 ? uint16_t{1} : tag;
  }
  // One bit for each way that has the tag.
  static unsigned ways_with(const Bucket& bucket, uint16_t tag) noexcept {
    static_assert(offsetof(Bucket, tags) == 0 && sizeof(Bucket) >= 2 * sizeof(__m128i));
    const auto* words = reinterpret_cast<const __m128i*>(&bucket);
    const __m128i wanted = _mm_set1_epi16(static_cast<int16_t>(tag));
    const __m128i equal = _mm_packs_epi16(_mm_cmpeq_epi16(_mm_load_si128(words), wanted),
                                          _mm_cmpeq_epi16(_mm_load_si128(words + 1), wanted));
    return static_cast<unsigned>(_mm_movemask_epi8(equal)) & ((1u << kWays) - 1);
  }
  const FlowKey& key_at(uint32_t place) const noexcept {
    const Connection& connection = connections_[place & ~kReverse];
    return place & kReverse ? connection.reverse : connection.forward;
  }
  static Found found(uint32_t place) noexcept {
    return {place & ~kReverse, place & kReverse ? Direction::kFromBackend : Direction::kFromClient};
  }
  uint32_t search(const Bucket& bucket, const FlowKey& key, uint16_t tag) const noexcept {
    for (unsigned ways = ways_with(bucket, tag); ways != 0; ways &= ways - 1) {
      const uint32_t place = bucket.places[std::countr_zero(ways)];
      if (key_at(place) == key) [[likely]]
        return place;
    }
    return 0;
  }

  // Visits the connections id_of(0), id_of(1), ...
  template <class Visitor, class IdOf>
  bool walk(Progress& progress, uint32_t budget, Visitor& visitor, IdOf id_of) {
    for (; budget != 0; --budget) {
      const ConnectionId id = id_of(progress);
      if (id > used_ids_) {
        progress = 0;
        return true;
      }
      ++progress;
      if (check_s_[id] != 0) visitor(id, connections_[id]);
    }
    return false;
  }

  bool link(uint64_t hash, uint32_t place) noexcept;
  void unlink(uint64_t hash, uint32_t place) noexcept;
  Slot find_room(uint64_t hash) noexcept;
  Slot find_scarce_room(uint32_t first, uint32_t second) noexcept;
  Slot make_room(uint32_t bucket) noexcept;
  ConnectionId take_id() noexcept;
  void give_back(ConnectionId id) noexcept;

  uint32_t capacity_;
  uint32_t bucket_count_;  // at least 2
  std::array<uint64_t, 6> secrets_;
  ZeroPages<Bucket> buckets_;
  ZeroPages<Connection> connections_;  // by ConnectionId
  // By ConnectionId: no need to look at the connection before that second. 0: there is none.
  // Packets extend a connection's life without a write here, so it may well be too early.
  ZeroPages<uint32_t> check_s_;
  uint32_t size_ = 0;
  uint32_t used_ids_ = 0;      // ids up to this one have been in use
  ConnectionId free_ids_ = 0;  // the first; each free connection has the next in `expires_s`
  ConnectionId expiry_cursor_ = 0;
  uint64_t expiry_credit_ = 0;
};

}  // namespace adit
