// SPDX-License-Identifier: Apache-2.0
// The table of connections against plain maps.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <unordered_map>
#include <vector>

#include "connection/table.h"
#include "connection_test.h"

namespace adit {
namespace {

using Refusal = ConnectionTable::Refusal;

struct KeyHash {
  size_t operator()(const FlowKey& key) const {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(&key), sizeof key});
  }
};

// Random changes against plain maps: 200,000 for each seed.
class ConnectionModelTest : public testing::TestWithParam<uint64_t> {};

TEST_P(ConnectionModelTest, BehavesLikeAMap) {
  constexpr uint32_t kCapacity = 500;
  ConnectionTable table(kCapacity, GetParam());
  std::unordered_map<FlowKey, std::pair<ConnectionId, Direction>, KeyHash> model;
  std::vector<ConnectionId> ids;
  std::mt19937 random(static_cast<uint32_t>(GetParam()));

  // Few values each, so that keys of either half collide and differ in one field only.
  const auto some_key = [&] {
    FlowKey key =
        test_key(random() % 5, static_cast<uint16_t>(random() % 6), random() % 5,
                 static_cast<uint16_t>(random() % 6), static_cast<VrfId>(1 + random() % 2));
    key.protocol = random() % 2 == 0 ? 6 : 17;
    key.ipv6 = random() % 2;
    return key;
  };
  for (int step = 0; step < 200'000; ++step) {
    // Towards a full table, then towards an empty one.
    const bool grow = step / 20'000 % 2 == 0;
    if (random() % 10 < (grow ? 7 : 3)) {
      Connection connection;
      connection.forwarding = static_cast<Forwarding>(random() % 4);
      connection.forward = some_key();
      connection.reverse = some_key();
      connection.owner.id = static_cast<uint16_t>(step);
      connection.ext = static_cast<uint32_t>(step);
      Refusal expected = Refusal::kNone;
      if (model.contains(connection.forward))
        expected = Refusal::kForwardExists;
      else if (connection.has_reverse() &&
               (connection.reverse == connection.forward || model.contains(connection.reverse)))
        expected = Refusal::kReverseExists;
      else if (ids.size() == kCapacity)
        expected = Refusal::kFull;
      const auto [id, refusal] = table.insert(connection);
      ASSERT_EQ(refusal, expected);
      ASSERT_EQ(id != 0, refusal == Refusal::kNone);
      if (id != 0) {
        ASSERT_EQ(std::find(ids.begin(), ids.end(), id), ids.end());
        ASSERT_EQ(table.at(id).owner, connection.owner);
        ASSERT_EQ(table.at(id).ext, connection.ext);
        ids.push_back(id);
        model[connection.forward] = {id, Direction::kFromClient};
        if (connection.has_reverse()) model[connection.reverse] = {id, Direction::kFromBackend};
      }
    } else if (!ids.empty()) {
      const size_t which = random() % ids.size();
      const Connection gone = table.at(ids[which]);
      table.erase(ids[which]);
      model.erase(gone.forward);
      if (gone.has_reverse()) model.erase(gone.reverse);
      ids[which] = ids.back();
      ids.pop_back();
    }
    ASSERT_EQ(table.size(), ids.size());
    for (int probe = 0; probe < 4; ++probe) {
      const FlowKey key = some_key();
      const auto expected = model.find(key);
      const auto found = table.find(key);
      ASSERT_EQ(found.id, expected == model.end() ? 0 : expected->second.first);
      if (found.id != 0) {
        ASSERT_EQ(found.direction, expected->second.second);
      }
    }
  }
  for (const auto& [key, place] : model) ASSERT_EQ(table.find(key).id, place.first);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ConnectionModelTest, testing::Values(1, 2, 3, 0xdead'beef));

}  // namespace
}  // namespace adit
