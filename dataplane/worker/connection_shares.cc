// SPDX-License-Identifier: Apache-2.0
#include "worker/connection_shares.h"

#include "worker/backend_load.h"

namespace adit {

void ConnectionShares::add(ConnectionId id) noexcept {
  const Connection& connection = table_.at(id);
  ++services_[connection.service].held;
  add_to(vrfs_[connection.forward.vrf].held, 1);
  if (gives_way(connection.state)) link(id);
}

void ConnectionShares::remove(ConnectionId id) noexcept {
  const Connection& connection = table_.at(id);
  --services_[connection.service].held;
  add_to(vrfs_[connection.forward.vrf].held, UINT32_MAX);
  if (gives_way(connection.state)) unlink(id);
}

void ConnectionShares::link(ConnectionId id) noexcept {
  Connection& connection = table_.at(id);
  OfService& service = services_[connection.service];
  connection.older = service.newest;
  connection.newer = 0;
  (service.newest == 0 ? service.oldest : table_.at(service.newest).newer) = id;
  service.newest = id;
  ++service.giving_way;
  raise(vrfs_[connection.forward.vrf].most, connection.service);
  raise(most_, connection.service);
}

void ConnectionShares::unlink(ConnectionId id) noexcept {
  const Connection& connection = table_.at(id);
  OfService& service = services_[connection.service];
  (connection.older == 0 ? service.oldest : table_.at(connection.older).newer) = connection.newer;
  (connection.newer == 0 ? service.newest : table_.at(connection.newer).older) = connection.older;
  --service.giving_way;
}

ConnectionId ConnectionShares::victim(Room room, ServiceId service, VrfId vrf) const noexcept {
  const ConnectionId own = services_[service].oldest;
  if (room == Room::kServiceFull) return own;
  if (room == Room::kTableFull)
    if (const ConnectionId id = services_[most_].oldest; id != 0) return id;
  const ConnectionId of_vrf = services_[vrfs_[vrf].most].oldest;
  return of_vrf != 0 ? of_vrf : own;
}

}  // namespace adit
