// SPDX-License-Identifier: Apache-2.0
// Shares of a worker's connection table, and which connection is replaced by a new one: the oldest
// replaceable one (protocol_state.h) of the holder with most of them. Only the worker writes.
//
// A holder is an owner (such as a service) or a VRF with all its owners. It may have a multiple of
// the number of free places: a single holder that takes all it can leaves a part for others, and
// several holders share the table, without any configuration. A holder with a configured limit has
// that limit instead.
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
  // It was active again: others are replaced before it.
  void renew(ConnectionId id) noexcept {
    unlink(id);
    link(id);
  }

  // Whether a new connection of the owner has a place. `vrf_is_alone`, `owner_is_alone`: no other
  // VRF has owners; the VRF has no other owner.
  enum class Room : uint8_t { kFree, kTableFull, kVrfFull, kOwnerFull };
  struct Limits {
    uint32_t vrf = 0, owner = 0;  // connections; 0: by what is free
    bool vrf_is_alone = true, owner_is_alone = true;
  };
  // kFree, or the first limit that is in the way of another connection of the owner.
  Room room_for(ConnectionOwner owner, VrfId vrf, const Limits& limits) const noexcept {
    const uint64_t free = table_.capacity() - table_.size();
    const uint64_t of_owner = owners_[index_of(owner)].held;
    const uint64_t of_vrf = vrfs_[vrf].held.load(std::memory_order_relaxed);
    if (limits.owner != 0 ? of_owner >= limits.owner
                          : !limits.owner_is_alone && of_owner >= kServiceShareFactor * free)
      return Room::kOwnerFull;
    if (limits.vrf != 0 ? of_vrf >= limits.vrf
                        : !limits.vrf_is_alone && of_vrf >= kVrfShareFactor * free)
      return Room::kVrfFull;
    return free == 0 ? Room::kTableFull : Room::kFree;
  }
  // The connection to replace; 0: none is replaceable.
  ConnectionId victim(Room room, ConnectionOwner owner, VrfId vrf) const noexcept;

  uint32_t held_by(ConnectionOwner owner) const noexcept { return owners_[index_of(owner)].held; }

  // Also for control.
  uint32_t held_by_vrf(VrfId vrf) const noexcept {
    return vrfs_[vrf].held.load(std::memory_order_relaxed);
  }

 private:
  struct OfOwner {
    uint32_t held, giving_way;
    ConnectionId oldest, newest;  // of the replaceable ones
  };
  // `most`: approximately the owner with most replaceable connections, in the table or the VRF: it
  // is compared when another owner gets one more.
  struct OfVrf {
    std::atomic<uint32_t> held;
    OwnerIndex most;
  };

  void link(ConnectionId id) noexcept;
  void unlink(ConnectionId id) noexcept;
  void raise(OwnerIndex& most, OwnerIndex owner) noexcept {
    if (owners_[owner].giving_way > owners_[most].giving_way) most = owner;
  }

  ConnectionTable& table_;
  ZeroPages<OfOwner> owners_{kOwnerIndices};
  ZeroPages<OfVrf> vrfs_{kMaxVrfs + 1};
  OwnerIndex most_ = 0;
};

}  // namespace adit
