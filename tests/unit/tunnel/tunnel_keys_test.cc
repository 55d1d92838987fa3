// SPDX-License-Identifier: Apache-2.0
// Keys of tunnel kinds' own, of all kinds that there are.
#include "adit/tunnel_keys.h"

#include <gtest/gtest.h>

#include <set>

namespace adit {
namespace {

TEST(TunnelKeys, DefaultsAreInRangeAndFitTogether) {
  for (std::size_t kind = 0; kind < kTunnelKindCount; ++kind) {
    const TunnelKeys& own = tunnel_keys(kind);
    const auto name = kTunnelKinds[kind].name;
    EXPECT_LE(own.keys.size(), kMaxTunnelKeys) << name;
    std::set<std::string_view> names;
    for (const TunnelKey& key : own.keys) {
      EXPECT_TRUE(names.insert(key.name).second) << name << ' ' << key.name;
      EXPECT_LE(key.least, key.fallback) << name << ' ' << key.name;
      EXPECT_LE(key.fallback, key.most) << name << ' ' << key.name;
    }
    if (own.check != nullptr) {
      EXPECT_TRUE(own.check({default_values(kind)}).empty()) << name;
    }
  }
}

// Values that have no key stay 0, so that two configurations that say the same are equal.
TEST(TunnelKeys, WhatHasNoKeyHasNoValue) {
  for (std::size_t kind = 0; kind < kTunnelKindCount; ++kind)
    for (std::size_t i = tunnel_keys(kind).keys.size(); i < kMaxTunnelKeys; ++i)
      EXPECT_EQ(default_values(kind)[i], 0u) << kTunnelKinds[kind].name;
}

}  // namespace
}  // namespace adit
