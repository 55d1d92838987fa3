// SPDX-License-Identifier: Apache-2.0
// On what and how it was measured: figures mean nothing without.
#pragma once

#include <string>
#include <vector>

namespace adit::bench {

struct Machine {
  std::string cpu_model;
  double tsc_ghz = 0;
  unsigned core = 0;
  std::string priority;  // of the measuring thread
  bool hugepages = false;
  std::string dpdk;
  std::string compiler;
  std::string built_for;  // meson's option cpu
  std::string build;
  std::string revision;  // git describe
  std::string kernel;
};

// EAL is up. `core`, `priority` and `hugepages` are the caller's to fill in.
Machine describe_machine();

// Processors that this process may run on, in order; never empty.
std::vector<unsigned> allowed_cores();

// Puts the calling thread before all that is not real-time, and says what it came to.
std::string raise_priority();

}  // namespace adit::bench
