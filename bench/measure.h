// SPDX-License-Identifier: Apache-2.0
// Runs, repeated and checked, and what is said of them in the end.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cases.h"
#include "step_profile.h"
#include "testbed.h"

namespace adit::bench {

// TSC cycles per packet (per pass, where a scenario has no packets) over several runs.
struct Spread {
  double median = 0, min = 0, max = 0;
  // From the lowest to the highest, in percent of the median.
  double percent() const noexcept { return median > 0 ? 100 * (max - min) / median : 0; }
};
Spread spread_of(std::vector<double> values);

struct Row {
  Case the_case;
  Spread total, floor;
  // Medians of runs next to each other: what the machine does to both is left out.
  double minus_floor = 0;
  uint64_t packets = 0;    // through the pipeline, in the runs that count
  unsigned disturbed = 0;  // runs that count although the core was taken away in them
  std::optional<std::array<double, kStepCount>> steps;
  std::optional<ConnectionMemory> connection_memory;
};

struct MeasureOptions {
  unsigned runs = 5;
  double seconds = 0.3;  // of each run
  uint16_t burst = 32;
  bool steps = false;
  bool express = true;  // lanes past the pipeline
};

// Measures one case. Throws BenchError when packets go astray.
Row measure(const Case& the_case, const MeasureOptions& options);

}  // namespace adit::bench
