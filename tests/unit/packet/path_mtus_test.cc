// SPDX-License-Identifier: Apache-2.0
#include "adit/path_mtus.h"

#include <gtest/gtest.h>

namespace adit {
namespace {

const Ipv6Key kHere{0, 1}, kThere{0, 2};

TEST(PathMtus, NothingIsToldAtFirst) {
  const PathMtus mtus;
  EXPECT_EQ(mtus.of_remote(7, 100), 0u);
  EXPECT_EQ(mtus.of_backend(7, kHere, 100), 0u);
  EXPECT_EQ(mtus.fits_all(100), UINT32_MAX);
}

TEST(PathMtus, OnlyGetsLowerWhileItLives) {
  PathMtus mtus;
  mtus.lower_remote(7, 1400, 100);
  mtus.lower_remote(7, 1450, 101);
  EXPECT_EQ(mtus.of_remote(7, 101), 1400u);
  mtus.lower_remote(7, 1300, 102);
  EXPECT_EQ(mtus.of_remote(7, 102), 1300u);
  EXPECT_EQ(mtus.of_remote(8, 102), 0u);
  EXPECT_EQ(mtus.of_remote(7, 102 + PathMtus::kLifeS - 1), 1300u);
  EXPECT_EQ(mtus.of_remote(7, 102 + PathMtus::kLifeS), 0u);
  mtus.lower_remote(7, 1450, 102 + PathMtus::kLifeS);
  EXPECT_EQ(mtus.of_remote(7, 102 + PathMtus::kLifeS), 1450u);
}

TEST(PathMtus, WhatFitsAllIsBelowTheLeastWithAnyHeader) {
  PathMtus mtus;
  mtus.lower_remote(7, 1400, 100);
  mtus.lower_backend(9, kHere, 1300, 200);
  EXPECT_EQ(mtus.fits_all(200), 1300 - PathMtus::kMostHeaderBytes);
  EXPECT_EQ(mtus.fits_all(200 + PathMtus::kLifeS), UINT32_MAX);
  mtus.lower_remote(7, 1450, 200 + PathMtus::kLifeS);
  EXPECT_EQ(mtus.fits_all(200 + PathMtus::kLifeS), 1450 - PathMtus::kMostHeaderBytes);
}

TEST(PathMtus, IsForgottenWithWhatItWasOf) {
  PathMtus mtus;
  mtus.lower_remote(7, 1400, 100);
  mtus.forget_remote(7);
  EXPECT_EQ(mtus.of_remote(7, 100), 0u);
  mtus.lower_backend(9, kHere, 1300, 100);
  EXPECT_EQ(mtus.of_backend(9, kHere, 100), 1300u);
  EXPECT_EQ(mtus.of_backend(9, kThere, 100), 0u);
  mtus.lower_backend(9, kThere, 1350, 101);
  EXPECT_EQ(mtus.of_backend(9, kThere, 101), 1350u);
}

}  // namespace
}  // namespace adit
