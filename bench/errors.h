// SPDX-License-Identifier: Apache-2.0
// What ends adit-bench early; each has its exit code (see main.cc).
#pragma once

#include <stdexcept>

#include "machine/eal_session.h"  // EalError

namespace adit::bench {

// A figure that would not mean what it says.
struct BenchError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// SIGINT or SIGTERM came: what was borrowed from the system is given back on the way out.
struct Interrupted : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace adit::bench
