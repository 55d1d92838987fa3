// SPDX-License-Identifier: Apache-2.0
// What holds by the way the code is written is checked where it is to be.
#include "adit/assert.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "packet/packet.h"

namespace adit {
namespace {

#if defined(__has_feature)
#define ADIT_HAS_FEATURE(feature) __has_feature(feature)
#else
#define ADIT_HAS_FEATURE(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || ADIT_HAS_FEATURE(address_sanitizer)
static_assert(kAssertions, "they are on in every build with sanitizers");
#endif

class AssertDeathTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!kAssertions) GTEST_SKIP() << "this build has none";
  }
};

TEST_F(AssertDeathTest, EndsTheProgramAndSaysWhere) {
  ADIT_ASSERT(1 + 1 == 2);
  EXPECT_DEATH(ADIT_ASSERT(1 + 1 == 3), "assert_test.cc:[0-9]+: '1 \\+ 1 == 3' does not hold");
}

TEST_F(AssertDeathTest, AListTakesNoMoreThanItHasRoomFor) {
  PacketList list;
  Packet packet{};
  for (size_t i = 0; i < list.items.size(); ++i) list.push(packet);
  EXPECT_DEATH(list.push(packet), "does not hold");
}

#if ADIT_HAS_FEATURE(undefined_behavior_sanitizer)
// A list says what it does not look at (tests/undefined-ignored): our sources are not among that.
TEST(SanitizerDeathTest, LooksAtOurSources) {
  volatile int most = std::numeric_limits<int>::max();
  EXPECT_DEATH(
      {
        most = most + 1;
        std::abort();  // where it only tells
      },
      "assert_test.cc:.*signed integer overflow");
}
#endif

TEST(Assert, IsNotEvaluatedWhereItIsOff) {
  unsigned evaluated = 0;
  ADIT_ASSERT(++evaluated != 0);
  EXPECT_EQ(evaluated, kAssertions ? 1u : 0u);
}

}  // namespace
}  // namespace adit
