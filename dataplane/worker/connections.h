// SPDX-License-Identifier: Apache-2.0
// The connections of one worker, of all owners. They enter only by insert() and leave only by
// erase(), which count each one for its owner and VRF and notify the owner. The table itself is for
// look-ups only.
#pragma once

#include <atomic>

#include "adit/drop_reason.h"
#include "connection/table.h"
#include "worker/connection_ops.h"
#include "worker/connection_shares.h"

namespace adit {

class Connections {
 public:
  // `capacity`: number of connections. The seed makes hashes unpredictable for senders.
  Connections(uint32_t capacity, uint64_t seed, const ConnectionOwners& owners)
      : table_(capacity, seed), owners_(&owners) {}

  // For look-ups, and for what each owner and VRF holds.
  const ConnectionTable& table() const noexcept { return table_; }
  const ConnectionShares& shares() const noexcept { return shares_; }
  // Keys, owner and `forwarding` stay as they were inserted; the state changes by set_state().
  Connection& at(ConnectionId id) noexcept { return table_.at(id); }
  const Connection& at(ConnectionId id) const noexcept { return table_.at(id); }
  const ConnectionOps& ops_of(const Connection& connection) const noexcept {
    return *(*owners_)[static_cast<unsigned>(connection.owner.kind)];
  }

  // --- the beginning

  // Call before insert(): frees a place for the owner in the VRF if needed, by `when_full`.
  // `limits.vrf` is the VRF's own limit. kNone: there is a place; else the reason why not.
  DropReason make_room(Worker& worker, ConnectionOwner owner, VrfId vrf,
                       const ConnectionShares::Limits& limits) noexcept;
  // If it is refused, nothing has changed.
  ConnectionTable::Inserted insert(Worker& worker, const Connection& connection) noexcept {
    return begin(worker, connection, table_.insert(connection));
  }
  // The same, where a look-up has just missed the forward key. `hashes`: the table's, of the keys.
  ConnectionTable::Inserted insert_missed(Worker& worker, const Connection& connection,
                                          ConnectionTable::Hashes hashes) noexcept {
    return begin(worker, connection, table_.insert_missed(connection, hashes));
  }

  // --- as it goes on

  // Counts it in its shares, and tells its owner (ConnectionOps). The expiry stays as it is.
  void set_state(Worker& worker, ConnectionId id, ConnectionState state) noexcept;
  // It was active again: others are replaced before it.
  void renew(ConnectionId id) noexcept { shares_.renew(id); }
  // Sets an earlier expiry. To extend the timeout, write Connection::expires_s directly.
  void expire_at(ConnectionId id, uint32_t expires_s) noexcept { table_.expire_at(id, expires_s); }

  // --- the end

  // Calls on_end() of its owner. The id is free for others then.
  void erase(Worker& worker, ConnectionId id) noexcept;
  // Erases expired connections, in slices: all are visited in about a second. Returns the number it
  // may have visited, so that other sweeps can run at the same speed.
  uint32_t expire(Worker& worker, uint64_t elapsed_ns) noexcept;

  // Visits all connections that exist since its first call, `budget` of them in each call. The
  // visitor gets (ConnectionId, const Connection&) and may erase. True: the sweep is complete and
  // `progress` is reset.
  template <class Visitor>
  bool sweep(ConnectionTable::Progress& progress, uint32_t budget, Visitor&& visitor) {
    return table_.sweep(progress, budget, visitor);
  }

  // --- also for control
  uint32_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  uint32_t capacity() const noexcept { return table_.capacity(); }
  uint32_t held_by_vrf(VrfId vrf) const noexcept { return shares_.held_by_vrf(vrf); }

 private:
  ConnectionTable::Inserted begin(Worker& worker, const Connection& connection,
                                  ConnectionTable::Inserted inserted) noexcept;
  void note_size() noexcept { size_.store(table_.size(), std::memory_order_relaxed); }

  ConnectionTable table_;
  ConnectionShares shares_{table_};
  const ConnectionOwners* owners_;
  std::atomic<uint32_t> size_ = 0;
};

}  // namespace adit
