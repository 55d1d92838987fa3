// SPDX-License-Identifier: Apache-2.0
#include "base/log_limit.h"

#include <gtest/gtest.h>

#include <vector>

namespace adit {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

struct LogLimitTest : testing::Test {
  unsigned written(const char* kind, const char* tenant, unsigned lines) {
    unsigned count = 0;
    for (unsigned i = 0; i < lines; ++i) count += limit.allows(kind, tenant, now_ns);
    return count;
  }
  std::vector<std::string> told() {
    std::vector<std::string> lines;
    limit.tick(now_ns, [&](std::string_view kind, std::string_view tenant, uint64_t count) {
      lines.push_back(std::string(kind) + ' ' + std::string(tenant) + ' ' + std::to_string(count));
    });
    return lines;
  }
  LogLimit limit;
  uint64_t now_ns = 100 * kSecond;
};

TEST_F(LogLimitTest, EachKindAndTenantHasARateOfItsOwn) {
  EXPECT_EQ(written("backend_down", "red", 1000), LogLimit::kBurst);
  EXPECT_EQ(written("backend_down", "blue", 3), 3u);
  EXPECT_EQ(written("backend_up", "red", 3), 3u);
  now_ns += 10 * kSecond;
  EXPECT_EQ(written("backend_down", "red", 1000), 10u);
}

TEST_F(LogLimitTest, WhatIsLeftOutIsToldOnceItsTimeCame) {
  written("backend_down", "red", 1000);
  written("backend_up", "blue", 2);
  EXPECT_TRUE(told().empty());
  now_ns += 11 * kSecond;
  EXPECT_EQ(told(), std::vector<std::string>{"backend_down red 980"});
  now_ns += 11 * kSecond;
  EXPECT_TRUE(told().empty());
}

TEST_F(LogLimitTest, ForgetsWhoIsQuietAndIsBounded) {
  for (int i = 0; i < 10000; ++i) limit.allows("backend_down", std::to_string(i), now_ns);
  EXPECT_EQ(written("backend_down", "another", 1000), 0u) << "its rate is that of many others";
  now_ns += 60 * kSecond;
  told();
  now_ns += 60 * kSecond;
  told();
  EXPECT_EQ(written("backend_down", "another", 1000), LogLimit::kBurst);
}

}  // namespace
}  // namespace adit
