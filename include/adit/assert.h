// SPDX-License-Identifier: Apache-2.0
// What holds by the way the code is written, such as that a list has room: checked in builds for
// debugging, for sanitizers and for the fuzzer (meson's option `assertions`), and nothing at all in
// others, where a check on each packet would cost.
//
// Not for what comes from outside: a packet or a file that is wrong is refused by name, in any
// build.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace adit {

#ifdef ADIT_ASSERTIONS
inline constexpr bool kAssertions = true;
#else
inline constexpr bool kAssertions = false;
#endif

[[noreturn, gnu::cold, gnu::noinline]] inline void fail_assertion(const char* condition,
                                                                  const char* file,
                                                                  int line) noexcept {
  std::fprintf(stderr, "%s:%d: '%s' does not hold\n", file, line, condition);
  std::abort();
}

}  // namespace adit

#ifdef ADIT_ASSERTIONS
#define ADIT_ASSERT(condition) \
  (static_cast<bool>(condition) ? void() : ::adit::fail_assertion(#condition, __FILE__, __LINE__))
#else
// Compiled, so that it stays right, but not evaluated.
#define ADIT_ASSERT(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#endif
