// SPDX-License-Identifier: Apache-2.0
// The connections of one worker, of all owners. There is one door in, insert(), and one door out,
// erase(): behind them each connection is counted once for its owner and its VRF, and its owner is
// told. The table itself is for looking up.
#pragma once

#include <atomic>

#include "adit/drop_reason.h"
#include "connection/table.h"
#include "worker/connection_ops.h"
#include "worker/connection_shares.h"

namespace adit {

class Connections {
 public:
  // `capacity`: of connections. The seed makes hashes that nobody can foresee.
  Connections(uint32_t capacity, uint64_t seed, const ConnectionOwners& owners)
      : table_(capacity, seed), owners_(&owners) {}

  const ConnectionTable& table() const noexcept { return table_; }
  const ConnectionShares& shares() const noexcept { return shares_; }
  // Keys, owner and `forwarding` stay as they were inserted; the state changes by set_state().
  Connection& at(ConnectionId id) noexcept { return table_.at(id); }
  const Connection& at(ConnectionId id) const noexcept { return table_.at(id); }
  const ConnectionOps& ops_of(const Connection& connection) const noexcept {
    return *(*owners_)[static_cast<unsigned>(connection.owner.kind)];
  }

  // --- the beginning

  // Before it is inserted: makes a place for one more of the owner in the VRF, by the rule that the
  // operator has chosen. `limits.vrf` is what the VRF's own is. kNone: there is one; else why not.
  DropReason make_room(Worker& worker, ConnectionOwner owner, VrfId vrf,
                       ConnectionShares::Limits limits) noexcept;
  // Where it is refused, nothing has changed.
  ConnectionTable::Inserted insert(Worker& worker, const Connection& connection) noexcept;

  // --- as it goes on

  void set_state(Worker& worker, ConnectionId id, ConnectionState state) noexcept;
  // Others give way before it: it was heard again.
  void renew(ConnectionId id) noexcept { shares_.renew(id); }
  // To end earlier than it would have. To extend its time, write Connection::expires_s.
  void expire_at(ConnectionId id, uint32_t expires_s) noexcept { table_.expire_at(id, expires_s); }

  // --- the end

  void erase(Worker& worker, ConnectionId id) noexcept;
  // Ends those that have expired, in slices: it sees all in about a second. Returns how many it may
  // have looked at, for other searches to go as fast.
  uint32_t expire(Worker& worker, uint64_t elapsed_ns) noexcept;

  // Visits all connections that are there from its first call on, `budget` of them in this one. The
  // visitor gets (ConnectionId, const Connection&) and may erase. True when it is done and
  // `progress` back at the beginning.
  template <class Visitor>
  bool sweep(ConnectionTable::Progress& progress, uint32_t budget, Visitor&& visitor) {
    return table_.sweep(progress, budget, visitor);
  }

  // --- also for control
  uint32_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  uint32_t capacity() const noexcept { return table_.capacity(); }
  uint32_t held_by_vrf(VrfId vrf) const noexcept { return shares_.held_by_vrf(vrf); }

 private:
  void note_size() noexcept { size_.store(table_.size(), std::memory_order_relaxed); }

  ConnectionTable table_;
  ConnectionShares shares_{table_};
  const ConnectionOwners* owners_;
  std::atomic<uint32_t> size_ = 0;
};

}  // namespace adit
