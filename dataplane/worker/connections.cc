// SPDX-License-Identifier: Apache-2.0
#include "worker/connections.h"

#include "adit/assert.h"
#include "worker/worker.h"

namespace adit {

DropReason Connections::make_room(Worker& worker, ConnectionOwner owner, VrfId vrf,
                                  const ConnectionShares::Limits& limits) noexcept {
  using Room = ConnectionShares::Room;
  const Snapshot& snapshot = *worker.snapshot;
  const bool replaces = snapshot.when_full == WhenFull::kReplaceHalfOpen;
  // Without replacement: first come, first served, within the configured limits.
  const Room room = shares_.room_for(owner, vrf,
                                     {.vrf = snapshot.vrf_shares[vrf].max_connections,
                                      .owner = limits.owner,
                                      .vrf_is_alone = !replaces || limits.vrf_is_alone,
                                      .owner_is_alone = !replaces || limits.owner_is_alone});
  if (room == Room::kFree) [[likely]]
    return DropReason::kNone;
  const ConnectionId victim = replaces ? shares_.victim(room, owner, vrf) : 0;
  if (victim == 0)
    return room == Room::kTableFull ? DropReason::k_connections_full
                                    : DropReason::k_connections_share;
  erase(worker, victim);
  return DropReason::kNone;
}

ConnectionTable::Inserted Connections::begin(Worker& worker, const Connection& connection,
                                             ConnectionTable::Inserted inserted) noexcept {
  ADIT_ASSERT((*owners_)[static_cast<unsigned>(connection.owner.kind)] != nullptr);
  if (inserted.id == 0) return inserted;
  shares_.add(inserted.id);
  note_size();
  if (const auto on_begin = ops_of(connection).on_begin; on_begin != nullptr)
    on_begin(worker, connection);
  return inserted;
}

void Connections::set_state(Worker& worker, ConnectionId id, ConnectionState state) noexcept {
  Connection& connection = at(id);
  const ConnectionState before = connection.state;
  connection.state = state;
  shares_.changed(id, before);
  if (const auto on_state = ops_of(connection).on_state; on_state != nullptr)
    on_state(worker, connection, before);
}

void Connections::erase(Worker& worker, ConnectionId id) noexcept {
  const Connection& connection = at(id);
  if (const auto on_end = ops_of(connection).on_end; on_end != nullptr) on_end(worker, connection);
  shares_.remove(id);
  table_.erase(id);
  note_size();
}

uint32_t Connections::expire(Worker& worker, uint64_t elapsed_ns) noexcept {
  const uint32_t budget = table_.expiry_budget(elapsed_ns);
  table_.expire(worker.now_s, budget,
                [&](ConnectionId id, const Connection&) { erase(worker, id); });
  return budget;
}

}  // namespace adit
