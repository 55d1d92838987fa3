// SPDX-License-Identifier: Apache-2.0
// Assertions for invariants of the code, such as that a list has room. They are checked in debug,
// sanitized and fuzz builds (meson option `assertions`), and compile to nothing in release builds,
// where a check for each packet would cost.
//
// Not for external input: a wrong packet is dropped under a name and a wrong file is refused, in
// every build.
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
