// SPDX-License-Identifier: Apache-2.0
// Puts the fragments of IP datagrams together. One worker's own. All of a datagram's fragments come
// to one worker (fragments.cc).
//
// A fragment's payload is copied to its place and its buffer freed: however small the fragments
// are, a datagram takes no more buffers than its size needs. What is held is bounded in bytes and
// in datagrams; at a bound the sender that FragmentShares names loses its oldest datagram.
//
// Copies of a fragment are ignored; fragments that overlap in any other way end their datagram,
// with all that is still to come of it (RFC 5722, RFC 8200 section 4.5). Where only the first
// fragment tells whether a datagram concerns us, the others wait for it uncopied
// (State::kUndecided).
//
// Why a table of our own, and who has what share of it: docs/design/fragments.md.
#pragma once

#include <rte_mbuf.h>

#include <atomic>
#include <cstdint>

#include "adit/drop_reason.h"
#include "adit/snapshot.h"
#include "adit/zero_pages.h"
#include "fragments/fragment_shares.h"
#include "packet/fragment_bits.h"

namespace adit {

struct Worker;

class FragmentTable {
 public:
  static constexpr uint32_t kMostDatagrams = 2048;
  static constexpr unsigned kMostExpired = 16;  // datagrams in a pass

  enum class State : uint8_t {
    kCollecting,  // being reassembled
    kUndecided,   // the first fragment is missing: the others wait
    kPassing,     // not for us: forwarded as they came
    kSteered,     // for another worker
    kSpoilt,      // they overlap: all of them are dropped
  };

  // `room_bytes`: of each of the pool's buffers. Throws std::runtime_error.
  FragmentTable(uint32_t room_bytes, uint64_t seed);
  ~FragmentTable();
  FragmentTable(const FragmentTable&) = delete;
  FragmentTable& operator=(const FragmentTable&) = delete;

  // The datagram's slot; kNoSlot: it has none. Expired datagrams are not found.
  uint32_t find(Worker& worker, const FragmentKey& key) noexcept;
  // Begins a datagram in state kCollecting or kUndecided. kNoSlot: no room.
  uint32_t begin(Worker& worker, const FragmentKey& key, State state) noexcept;
  State state(uint32_t slot) noexcept { return entries_[slot].state; }
  unsigned owner(uint32_t slot) noexcept { return entries_[slot].owner; }

  // --- kCollecting
  // Takes the buffer. Not null: the fragment was the last one missing, and this the whole packet,
  // with all that lies before the IP header of the first fragment, flagged kPutTogether; the slot
  // is free. Else it is held, or dropped and counted.
  rte_mbuf* add(Worker& worker, uint32_t slot, rte_mbuf* mbuf, const Fragment& fragment) noexcept;

  // --- kUndecided
  // Takes the buffer.
  void keep(Worker& worker, uint32_t slot, rte_mbuf* mbuf) noexcept;
  // All that were kept, in the order in which they came, for pop().
  rte_mbuf* take_kept(uint32_t slot) noexcept;
  // The first of them; null: none is left.
  static rte_mbuf* pop(rte_mbuf*& list) noexcept;
  void decide(uint32_t slot, State state, unsigned owner = 0) noexcept {
    entries_[slot].state = state;
    entries_[slot].owner = static_cast<uint8_t>(owner);
  }

  // The datagram is of a connection. Fragments with its key that are left over, such as copies, are
  // dropped, not released: they would leave with the backend's own address.
  void note_connection(const Worker& worker, const FragmentKey& key) noexcept;

  // Next fragment of undecided datagrams that is forwarded as it came; null: none is left. To be
  // called after all of the above.
  rte_mbuf* take_released(VrfId& vrf) noexcept;

  // Drops datagrams that have timed out, at most kMostExpired.
  void expire(Worker& worker) noexcept;

  unsigned held() const noexcept { return held_; }            // fragments
  unsigned datagrams() const noexcept { return datagrams_; }  // of any state
  // Whether expire() and take_released() have nothing to do.
  bool is_idle() const noexcept { return datagrams_ == 0 && first_released_ == nullptr; }
  // Of all datagrams, as they are charged: buffers, and a fixed part for each datagram.
  uint64_t held_bytes() const noexcept { return shares_.bytes(); }

 private:
  static constexpr unsigned kMostBuffers = 64;  // of a datagram, each with 1 KiB at least
  struct Entry {
    FragmentKey key;
    uint32_t bucket_next = 0;
    SlotLinks by_age;         // of the worker
    SlotLinks by_sender_age;  // of the sender
    uint32_t sender = kNoSlot;
    uint64_t first_ns = 0;
    rte_mbuf* first_kept = nullptr;
    rte_mbuf* last_kept = nullptr;
    uint32_t bytes = 0;     // that are charged
    uint32_t received = 0;  // of payload
    uint32_t extent = 0;    // end of what is there
    uint32_t total = 0;     // 0: the last one is not here
    uint32_t largest = 0;
    uint32_t first_bytes = 0;  // of the first one's payload; 0: it is not here
    uint32_t ip = 0, header = 0, fragment_header = 0, next_header_at = 0;  // of the first one
    uint16_t count = 0;                                                    // that are held
    uint8_t ecn_seen = 0;                                                  // bits: 1 << ECN
    uint8_t first_ecn = 0;
    uint8_t owner = 0;
    State state = State::kCollecting;
  };
  // All zero while its slot is free.
  struct Body {
    FragmentBits present, starts;
    std::array<rte_mbuf*, kMostBuffers> buffers;
  };
  enum class Fit : uint8_t { kNew, kCopy, kOverlap };

  bool is_expired(const Worker& worker, const Entry& entry) const noexcept;
  Fit fit(uint32_t slot, const rte_mbuf* mbuf, const Fragment& fragment) noexcept;
  bool equals(uint32_t slot, const rte_mbuf* mbuf, const Fragment& fragment) noexcept;
  bool make_room(Worker& worker, uint32_t slot, uint64_t bytes) noexcept;
  bool make_buffers(Worker& worker, uint32_t slot, const Fragment& fragment,
                    DropReason& why) noexcept;
  void copy_in(Worker& worker, uint32_t slot, const rte_mbuf* mbuf,
               const Fragment& fragment) noexcept;
  rte_mbuf* finish(Worker& worker, uint32_t slot) noexcept;
  static DropReason write_headers(rte_mbuf* mbuf, const Entry& entry) noexcept;
  void append(Entry& entry, rte_mbuf* mbuf) noexcept;
  void charge(Entry& entry, int64_t bytes) noexcept;
  void evict(Worker& worker, uint32_t slot) noexcept;
  void spoil(Worker& worker, uint32_t slot, DropReason reason) noexcept;
  void drop_held(Worker& worker, uint32_t slot, DropReason reason) noexcept;
  void release_kept(uint32_t slot) noexcept;
  void clear_body(uint32_t slot) noexcept;
  void erase(uint32_t slot) noexcept;
  void tell_expired(Worker& worker, uint32_t slot) noexcept;

  const uint32_t room_;     // of one buffer
  const uint32_t payload_;  // bytes of payload in one buffer, a multiple of 8
  SlotTable<Entry> entries_;
  ZeroPages<Body> bodies_{kMostDatagrams};
  FragmentShares shares_;
  std::vector<SlotList<Entry>> by_sender_;
  SlotList<Entry> oldest_first_;
  const uint64_t seed_;
  rte_mbuf* first_released_ = nullptr;
  rte_mbuf* last_released_ = nullptr;
  unsigned held_ = 0;
  unsigned datagrams_ = 0;
};

}  // namespace adit
