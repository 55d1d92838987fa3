// SPDX-License-Identifier: Apache-2.0
#include "health/running_time.h"

#include <gtest/gtest.h>

namespace adit {
namespace {

using std::chrono::milliseconds;

class RunningTimeTest : public testing::Test {
 protected:
  // Looks every millisecond from `from` on, until before `to`; workers make a pass each time.
  void run(milliseconds from, milliseconds to, bool first_works = true) {
    for (milliseconds at = from; at < to; ++at) {
      if (first_works) ++passes[0];
      ++passes[1];
      time.look(start + at, passes);
    }
  }
  milliseconds counted(milliseconds at) const {
    return std::chrono::duration_cast<milliseconds>(time.at(start + at) - start);
  }

  const RunningTime::Time start = RunningTime::Time(milliseconds(5000));
  RunningTime time{start};
  std::vector<uint64_t> passes = {0, 0};
};

TEST_F(RunningTimeTest, IsTheTimeWhileAllRun) {
  run(milliseconds(1), milliseconds(1001));
  EXPECT_EQ(counted(milliseconds(1000)), milliseconds(1000));
}

TEST_F(RunningTimeTest, StandsStillWhileAWorkerDoes) {
  run(milliseconds(1), milliseconds(201));
  run(milliseconds(201), milliseconds(701), false);
  run(milliseconds(701), milliseconds(1001));
  // To the window in which the worker stopped, and the one in which it went on.
  EXPECT_GE(counted(milliseconds(1000)), milliseconds(500));
  EXPECT_LE(counted(milliseconds(1000)), milliseconds(500) + 2 * RunningTime::kWindow);
}

TEST_F(RunningTimeTest, StandsStillWhileControlIsLate) {
  run(milliseconds(1), milliseconds(101));
  EXPECT_EQ(counted(milliseconds(600)), milliseconds(100) + 2 * RunningTime::kWindow);
  run(milliseconds(600), milliseconds(601));
  EXPECT_EQ(counted(milliseconds(600)), milliseconds(100) + 2 * RunningTime::kWindow);
  run(milliseconds(601), milliseconds(701));
  EXPECT_EQ(counted(milliseconds(700)), milliseconds(200) + 2 * RunningTime::kWindow);
}

TEST_F(RunningTimeTest, GoesOnWithoutWorkers) {
  for (int at = 1; at <= 1000; ++at) time.look(start + milliseconds(at), {});
  EXPECT_EQ(counted(milliseconds(1000)), milliseconds(1000));
}

}  // namespace
}  // namespace adit
