// SPDX-License-Identifier: Apache-2.0
#include "daemon/tick_pace.h"

#include <gtest/gtest.h>

namespace adit::tick_pace_test {

TEST(TickPace, IsQuietUntilSomethingComesAndAWhileAfterTheLast) {
  TickPace pace;
  uint64_t now_ns = 7'000'000'000;
  EXPECT_EQ(pace.until_next(now_ns), TickPace::kQuiet);
  for (int i = 0; i < 3; ++i) {
    pace.moved(now_ns);
    EXPECT_EQ(pace.until_next(now_ns), TickPace::kBusy);
    now_ns += TickPace::kQuietAfterNs - 1;
    EXPECT_EQ(pace.until_next(now_ns), TickPace::kBusy);
  }
  EXPECT_EQ(pace.until_next(now_ns + 1), TickPace::kQuiet);
}

}  // namespace adit::tick_pace_test
