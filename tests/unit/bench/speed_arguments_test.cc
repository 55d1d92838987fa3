// SPDX-License-Identifier: Apache-2.0
#include "speed_arguments.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace adit::bench {
namespace {

struct Ran {
  int exit_code = -1;
  std::string out, error;
  std::string word;
  unsigned number = 0;
};

Ran run(std::vector<const char*> given) {
  given.insert(given.begin(), "/somewhere/adit-x-speed");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Ran ran;
  ran.exit_code = run_by_arguments(
      static_cast<int>(given.size()), given.data(), "adit-x-speed [KIND [COUNT]]",
      [&](SpeedArguments& arguments) {
        ran.word =
            arguments.word("KIND", "red", [](std::string_view kind) { return kind != "nonsense"; });
        ran.number = arguments.number("COUNT", 100, 1, 1000);
        arguments.finish();
        if (ran.number == 13) throw std::runtime_error("one\ntwo");
      });
  ran.out = testing::internal::GetCapturedStdout();
  ran.error = testing::internal::GetCapturedStderr();
  return ran;
}

TEST(SpeedArguments, WhatIsLeftOutIsAsTheProgramHasIt) {
  EXPECT_EQ(run({}).exit_code, 0);
  EXPECT_EQ(run({}).word, "red");
  EXPECT_EQ(run({"blue"}).word, "blue");
  EXPECT_EQ(run({"blue"}).number, 100u);
  EXPECT_EQ(run({"blue", "1000"}).number, 1000u);
}

TEST(SpeedArguments, AMistakeIsOneShortLineWithTheUsage) {
  const std::string lengthy(5000, '7');
  for (const std::vector<const char*>& wrong : std::vector<std::vector<const char*>>{
           {"nonsense"},
           {"blue", "0"},
           {"blue", "1001"},
           {"blue", "-1"},
           {"blue", "ten"},
           {"blue", "10x"},
           {"blue", ""},
           {"blue", lengthy.c_str()},
           {"blue", "10", "surplus"},
       }) {
    const Ran ran = run(wrong);
    EXPECT_EQ(ran.exit_code, 2) << ran.error;
    EXPECT_EQ(std::count(ran.error.begin(), ran.error.end(), '\n'), 1);
    EXPECT_LT(ran.error.size(), 200u);
    EXPECT_TRUE(ran.error.starts_with("adit-x-speed: ")) << ran.error;
    EXPECT_TRUE(ran.error.ends_with("; usage: adit-x-speed [KIND [COUNT]]\n")) << ran.error;
  }
  EXPECT_EQ(run({"blue", "0"}).error,
            "adit-x-speed: COUNT '0': expected a number from 1 to 1000; usage: adit-x-speed [KIND "
            "[COUNT]]\n");
}

TEST(SpeedArguments, OfAFailureOneLineIsShown) {
  const Ran ran = run({"blue", "13"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.error, "adit-x-speed: one\n");
}

TEST(SpeedArguments, HelpIsTheUsage) {
  const Ran ran = run({"--help"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "usage: adit-x-speed [KIND [COUNT]]\n");
}

}  // namespace
}  // namespace adit::bench
