// SPDX-License-Identifier: Apache-2.0
#include "tunnel/sequences.h"

#include <gtest/gtest.h>

namespace adit {
namespace {

TEST(Sequences, WhatIsNotNewerIsLate) {
  Sequences numbers;
  EXPECT_TRUE(numbers.accept(0xffff'fffe, 1));
  EXPECT_TRUE(numbers.accept(0xffff'ffff, 1));
  EXPECT_FALSE(numbers.accept(0xffff'ffff, 1));
  EXPECT_TRUE(numbers.accept(0, 1));
  EXPECT_FALSE(numbers.accept(0xffff'fffe, 1));
  EXPECT_TRUE(numbers.accept(5, 1));
  EXPECT_FALSE(numbers.accept(4, 1));
}

TEST(Sequences, ARunOfOldOnesThatAscendBeginsAnew) {
  Sequences numbers;
  EXPECT_TRUE(numbers.accept(500'000, 1));
  for (uint32_t i = 0; i + 1 < Sequences::kOldRun; ++i) EXPECT_FALSE(numbers.accept(2 * i, 1));
  EXPECT_TRUE(numbers.accept(2 * Sequences::kOldRun, 1));
  EXPECT_TRUE(numbers.accept(2 * Sequences::kOldRun + 1, 1));
  EXPECT_FALSE(numbers.accept(0, 1));
}

TEST(Sequences, LatePacketsAmongNewOnesDoNot) {
  Sequences numbers;
  for (uint32_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(numbers.accept(1000 + i, 1));
    EXPECT_FALSE(numbers.accept(900 + i, 1));
  }
}

TEST(Sequences, RepeatedOldOnesDoNot) {
  Sequences numbers;
  EXPECT_TRUE(numbers.accept(1000, 1));
  for (uint32_t i = 0; i < 100; ++i) EXPECT_FALSE(numbers.accept(10, 1));
}

TEST(Sequences, AfterASilenceAnyNumberIsBelieved) {
  Sequences numbers;
  EXPECT_TRUE(numbers.accept(500'000, 1));
  EXPECT_FALSE(numbers.accept(0, Sequences::kSilenceS));
  EXPECT_TRUE(numbers.accept(0, 1 + Sequences::kSilenceS));
  EXPECT_TRUE(numbers.accept(1, 1 + Sequences::kSilenceS));
}

}  // namespace
}  // namespace adit
