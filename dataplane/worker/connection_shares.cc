// SPDX-License-Identifier: Apache-2.0
#include "worker/connection_shares.h"

#include "adit/assert.h"
#include "worker/backend_load.h"

namespace adit {

void ConnectionShares::add(ConnectionId id) noexcept {
  const Connection& connection = table_.at(id);
  ++owners_[index_of(connection.owner)].held;
  add_to(vrfs_[connection.forward.vrf].held, 1);
  if (gives_way(connection.state)) link(id);
}

void ConnectionShares::remove(ConnectionId id) noexcept {
  const Connection& connection = table_.at(id);
  ADIT_ASSERT(owners_[index_of(connection.owner)].held != 0 &&
              held_by_vrf(connection.forward.vrf) != 0);
  --owners_[index_of(connection.owner)].held;
  add_to(vrfs_[connection.forward.vrf].held, UINT32_MAX);
  if (gives_way(connection.state)) unlink(id);
}

void ConnectionShares::link(ConnectionId id) noexcept {
  Connection& connection = table_.at(id);
  const OwnerIndex index = index_of(connection.owner);
  OfOwner& owner = owners_[index];
  connection.older = owner.newest;
  connection.newer = 0;
  (owner.newest == 0 ? owner.oldest : table_.at(owner.newest).newer) = id;
  owner.newest = id;
  ++owner.giving_way;
  raise(vrfs_[connection.forward.vrf].most, index);
  raise(most_, index);
}

void ConnectionShares::unlink(ConnectionId id) noexcept {
  const Connection& connection = table_.at(id);
  OfOwner& owner = owners_[index_of(connection.owner)];
  (connection.older == 0 ? owner.oldest : table_.at(connection.older).newer) = connection.newer;
  (connection.newer == 0 ? owner.newest : table_.at(connection.newer).older) = connection.older;
  --owner.giving_way;
}

ConnectionId ConnectionShares::victim(Room room, ConnectionOwner owner, VrfId vrf) const noexcept {
  const ConnectionId own = owners_[index_of(owner)].oldest;
  if (room == Room::kOwnerFull) return own;
  if (room == Room::kTableFull)
    if (const ConnectionId id = owners_[most_].oldest; id != 0) return id;
  const ConnectionId of_vrf = owners_[vrfs_[vrf].most].oldest;
  return of_vrf != 0 ? of_vrf : own;
}

}  // namespace adit
