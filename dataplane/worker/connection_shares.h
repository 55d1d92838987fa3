// SPDX-License-Identifier: Apache-2.0
// Who has how much of a worker's connection table, and which connection makes room for a new one:
// the oldest that gives way (protocol_state.h) of whoever takes most. The worker alone writes.
//
// A holder, a service or a VRF with all its services, may have so many connections as are left
// free, times a factor: one that wants all leaves a part for others, and several share what there
// is, without anybody having to say how much. A holder with a limit of its own goes by that
// instead.
#pragma once

#include <atomic>

#include "adit/ids.h"
#include "adit/zero_pages.h"
#include "connection/protocol_state.h"
#include "connection/table.h"

namespace adit {

class ConnectionShares {
 public:
  explicit ConnectionShares(ConnectionTable& table) noexcept : table_(table) {}

  // After it was inserted, before it is erased, and when its state has changed.
  void add(ConnectionId id) noexcept;
  void remove(ConnectionId id) noexcept;
  void changed(ConnectionId id, ConnectionState before) noexcept {
    const ConnectionState after = table_.at(id).state;
    if (gives_way(before) == gives_way(after)) return;
    if (gives_way(after))
      link(id);
    else
      unlink(id);
  }
  // Others give way before it: it was heard again.
  void renew(ConnectionId id) noexcept {
    unlink(id);
    link(id);
  }

  // What a new connection of the service in the VRF may do. `vrf_is_alone`, `service_is_alone`:
  // there is no other VRF with services, or no other service in it.
  enum class Room : uint8_t { kFree, kTableFull, kVrfFull, kServiceFull };
  struct Limits {
    uint32_t vrf = 0, service = 0;  // connections; 0: by what is free
    bool vrf_is_alone = true, service_is_alone = true;
  };
  Room room_for(ServiceId service, VrfId vrf, const Limits& limits) const noexcept {
    const uint64_t free = table_.capacity() - table_.size();
    const uint64_t of_service = services_[service].held;
    const uint64_t of_vrf = vrfs_[vrf].held.load(std::memory_order_relaxed);
    if (limits.service != 0 ? of_service >= limits.service
                            : !limits.service_is_alone && of_service >= kServiceShareFactor * free)
      return Room::kServiceFull;
    if (limits.vrf != 0 ? of_vrf >= limits.vrf
                        : !limits.vrf_is_alone && of_vrf >= kVrfShareFactor * free)
      return Room::kVrfFull;
    return free == 0 ? Room::kTableFull : Room::kFree;
  }
  // The one that makes room; 0: none gives way.
  ConnectionId victim(Room room, ServiceId service, VrfId vrf) const noexcept;

  // Also for control.
  uint32_t held_by_vrf(VrfId vrf) const noexcept {
    return vrfs_[vrf].held.load(std::memory_order_relaxed);
  }

 private:
  struct OfService {
    uint32_t held, giving_way;
    ConnectionId oldest, newest;  // of those that give way
  };
  // `most`: the service, here or in the VRF, that has most connections which give way; about so:
  // it is compared with when another one gets more.
  struct OfVrf {
    std::atomic<uint32_t> held;
    ServiceId most;
  };

  void link(ConnectionId id) noexcept;
  void unlink(ConnectionId id) noexcept;
  void raise(ServiceId& most, ServiceId service) noexcept {
    if (services_[service].giving_way > services_[most].giving_way) most = service;
  }

  ConnectionTable& table_;
  ZeroPages<OfService> services_{kMaxServices + 1};
  ZeroPages<OfVrf> vrfs_{kMaxVrfs + 1};
  ServiceId most_ = 0;
};

}  // namespace adit
