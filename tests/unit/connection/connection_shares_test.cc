// SPDX-License-Identifier: Apache-2.0
#include "worker/connection_shares.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "connection_test.h"

namespace adit {
namespace {

using Room = ConnectionShares::Room;
constexpr uint32_t kCapacity = 400;

class Shares : public testing::Test {
 protected:
  ConnectionId add(ServiceId service, VrfId vrf, ConnectionState state) {
    Connection connection = test_connection(number_++);
    connection.owner = service_owner(service);
    connection.forward.vrf = vrf;
    connection.state = state;
    const ConnectionId id = table.insert(connection).id;
    EXPECT_NE(id, 0u);
    shares.add(id);
    return id;
  }
  void erase(ConnectionId id) {
    shares.remove(id);
    table.erase(id);
  }
  void change(ConnectionId id, ConnectionState state) {
    const ConnectionState before = table.at(id).state;
    table.at(id).state = state;
    shares.changed(id, before);
  }

  ConnectionTable table{kCapacity, 7};
  ConnectionShares shares{table};

 private:
  uint32_t number_ = 1;
};

TEST_F(Shares, TheOldestYoungOneGivesWay) {
  const ConnectionId first = add(1, 1, ConnectionState::kUdpNew);
  const ConnectionId second = add(1, 1, ConnectionState::kSynRecv);
  const ConnectionId third = add(1, 1, ConnectionState::kUdpNew);
  EXPECT_EQ(shares.victim(Room::kOwnerFull, service_owner(1), 1), first);
  shares.renew(first);
  EXPECT_EQ(shares.victim(Room::kOwnerFull, service_owner(1), 1), second);
  change(second, ConnectionState::kEstablished);
  EXPECT_EQ(shares.victim(Room::kOwnerFull, service_owner(1), 1), third);
  erase(third);
  EXPECT_EQ(shares.victim(Room::kOwnerFull, service_owner(1), 1), first);
  change(first, ConnectionState::kUdp);
  EXPECT_EQ(shares.victim(Room::kOwnerFull, service_owner(1), 1), 0u);
  change(second, ConnectionState::kFinWait);
  EXPECT_EQ(shares.victim(Room::kOwnerFull, service_owner(1), 1), 0u) << "its other half is in use";
  change(second, ConnectionState::kTimeWait);
  EXPECT_EQ(shares.victim(Room::kTableFull, service_owner(9), 9), second);
}

TEST_F(Shares, WhoHasMostGivesWayToOthers) {
  const ConnectionId own = add(1, 1, ConnectionState::kSynRecv);
  const ConnectionId beside = add(2, 1, ConnectionState::kSynRecv);
  add(2, 1, ConnectionState::kSynRecv);
  ConnectionId flood = 0;
  for (unsigned i = 0; i < 10; ++i) {
    const ConnectionId id = add(3, 2, ConnectionState::kUdpNew);
    if (i == 0) flood = id;
  }
  EXPECT_EQ(shares.victim(Room::kTableFull, service_owner(1), 1), flood);
  EXPECT_EQ(shares.victim(Room::kVrfFull, service_owner(1), 1), beside);
  EXPECT_EQ(shares.victim(Room::kOwnerFull, service_owner(1), 1), own);
  EXPECT_EQ(shares.held_by_vrf(1), 3u);
  EXPECT_EQ(shares.held_by_vrf(2), 10u);
}

TEST_F(Shares, AHolderLeavesAPartForOthers) {
  const ConnectionShares::Limits vrfs = {.vrf_is_alone = false};
  const ConnectionShares::Limits services = {.owner_is_alone = false};
  const ConnectionShares::Limits fixed = {.vrf = 10, .owner = 5};
  for (unsigned i = 0; i < 5; ++i) {
    EXPECT_EQ(shares.room_for(service_owner(1), 1, fixed), Room::kFree);
    add(1, 1, ConnectionState::kEstablished);
  }
  EXPECT_EQ(shares.room_for(service_owner(1), 1, fixed), Room::kOwnerFull);
  EXPECT_EQ(shares.room_for(service_owner(2), 1, fixed), Room::kFree);
  for (unsigned i = 0; i < 5; ++i) add(2, 1, ConnectionState::kEstablished);
  EXPECT_EQ(shares.room_for(service_owner(3), 1, fixed), Room::kVrfFull);
  EXPECT_EQ(shares.room_for(service_owner(3), 2, fixed), Room::kFree);
  unsigned most = 10;
  for (; shares.room_for(service_owner(1), 1, vrfs) == Room::kFree; ++most)
    add(1, 1, ConnectionState::kUdp);
  EXPECT_EQ(most, 356u) << "8/9";
  EXPECT_EQ(shares.room_for(service_owner(1), 1, vrfs), Room::kVrfFull);
  EXPECT_EQ(shares.room_for(service_owner(4), 2, vrfs), Room::kFree);
  EXPECT_EQ(shares.room_for(service_owner(1), 1, {}), Room::kFree) << "who is alone may have all";
  for (; shares.room_for(service_owner(1), 1, services) == Room::kFree; ++most)
    add(1, 1, ConnectionState::kUdp);
  EXPECT_EQ(most, 377u) << "16/17 of a service, beside the five of the other";
  for (; shares.room_for(service_owner(1), 1, {}) == Room::kFree; ++most)
    add(1, 1, ConnectionState::kUdp);
  EXPECT_EQ(most, kCapacity);
  EXPECT_EQ(shares.room_for(service_owner(1), 1, {}), Room::kTableFull);
}

// Against lists.
TEST_F(Shares, StayRightWhateverComesAndGoes) {
  std::mt19937 random(3);
  std::map<ServiceId, std::deque<ConnectionId>> young;
  std::vector<ConnectionId> all;
  const auto forget = [&](ConnectionId id) { std::erase(young[table.at(id).owner.id], id); };
  for (unsigned step = 0; step < 20000; ++step) {
    const unsigned what = random() % 4;
    if (what == 0 && table.size() < kCapacity) {
      const auto state = static_cast<ConnectionState>(random() % kConnectionStates);
      const ConnectionId id = add(static_cast<ServiceId>(1 + random() % 3),
                                  static_cast<VrfId>(1 + random() % 2), state);
      all.push_back(id);
      if (gives_way(state)) young[table.at(id).owner.id].push_back(id);
    } else if (!all.empty()) {
      const size_t place = random() % all.size();
      const ConnectionId id = all[place];
      if (what == 1) {
        forget(id);
        erase(id);
        all.erase(all.begin() + static_cast<ptrdiff_t>(place));
      } else {
        const bool before = gives_way(table.at(id).state);
        change(id, static_cast<ConnectionState>(random() % kConnectionStates));
        const bool after = gives_way(table.at(id).state);
        if (before && !after) forget(id);
        if (after && !before) young[table.at(id).owner.id].push_back(id);
      }
    }
    for (const ServiceId service : {1u, 2u, 3u})
      ASSERT_EQ(shares.victim(Room::kOwnerFull, service_owner(service), 1),
                young[service].empty() ? 0 : young[service].front());
  }
  EXPECT_EQ(shares.held_by_vrf(1) + shares.held_by_vrf(2), table.size());
}

}  // namespace
}  // namespace adit
