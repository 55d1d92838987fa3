// SPDX-License-Identifier: Apache-2.0
#include "measure.h"

#include <rte_cycles.h>
#include <sys/resource.h>

#include <algorithm>

#include "errors.h"
#include "interrupt.h"

namespace adit::bench {
namespace {

// A run in which the kernel took the core is made again, so often at most.
constexpr unsigned kAttempts = 6;
constexpr uint64_t kCalibrationBursts = 2'000;

long involuntary_switches() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

struct Run {
  double cycles = 0;  // per unit
  bool disturbed = false;
};

// `run(bursts)` returns TSC cycles. Of disturbed attempts the quickest counts: whatever
// takes a core away only adds.
template <class Loop>
Run run_undisturbed(uint64_t bursts, unsigned units_per_burst, Loop run) {
  Run best;
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    throw_if_interrupted();
    const long before = involuntary_switches();
    const auto cycles =
        static_cast<double>(run(bursts)) / (static_cast<double>(bursts) * units_per_burst);
    const bool disturbed = involuntary_switches() != before;
    if (attempt == 0 || cycles < best.cycles || !disturbed) best = {cycles, disturbed};
    if (!disturbed) break;
  }
  return best;
}

// TSC cycles that one done() of a StepProfile costs: the least of many short runs, as the processor
// may be taken away in any of them.
double done_cycles() {
  constexpr unsigned kCalls = 2'000, kRuns = 50;
  uint64_t least = UINT64_MAX;
  for (unsigned run = 0; run < kRuns; ++run) {
    StepProfile probe;
    probe.start();
    for (unsigned i = 0; i < kCalls; ++i) probe.done(Step::kHost);
    least = std::min(least, probe.cycles[static_cast<std::size_t>(Step::kHost)]);
  }
  return static_cast<double>(least) / kCalls;
}

std::array<double, kStepCount> measure_steps(Testbed& testbed, uint64_t bursts, unsigned runs) {
  std::vector<std::array<double, kStepCount>> results;
  const double units = static_cast<double>(bursts) * testbed.units_per_burst();
  const double overhead = done_cycles() * static_cast<double>(bursts) / units;
  for (unsigned i = 0; i < runs; ++i) {
    StepProfile best;
    run_undisturbed(bursts, testbed.units_per_burst(), [&](uint64_t n) {
      StepProfile probe;
      const uint64_t cycles = testbed.run_steps(n, probe);
      best = probe;
      return cycles;
    });
    testbed.check_accounts();
    auto& result = results.emplace_back();
    for (std::size_t step = 0; step < kStepCount; ++step)
      result[step] = std::max(0.0, static_cast<double>(best.cycles[step]) / units - overhead);
  }
  std::array<double, kStepCount> medians;
  for (std::size_t step = 0; step < kStepCount; ++step) {
    std::vector<double> values;
    for (const auto& result : results) values.push_back(result[step]);
    medians[step] = spread_of(std::move(values)).median;
  }
  return medians;
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

Row measure(const Case& the_case, const MeasureOptions& options) {
  Testbed testbed(the_case, options.burst, options.express);
  testbed.check_output();
  // Warm: every flow has been seen once.
  testbed.run_pipeline(
      std::min(std::max(kCalibrationBursts, testbed.bursts_per_walk()), testbed.most_bursts()));
  testbed.check_accounts();
  const uint64_t calibration = std::min(kCalibrationBursts, testbed.most_bursts());
  const double cycles_per_burst =
      static_cast<double>(testbed.run_pipeline(calibration)) / static_cast<double>(calibration);
  testbed.check_accounts();
  const auto enough = static_cast<uint64_t>(
      options.seconds * static_cast<double>(rte_get_tsc_hz()) / cycles_per_burst);
  const uint64_t bursts =
      std::min(std::max(enough, testbed.bursts_per_walk()), testbed.most_bursts());

  Row row;
  row.the_case = the_case;
  std::vector<double> totals, floors, differences;
  for (unsigned i = 0; i < options.runs; ++i) {
    const unsigned units = testbed.units_per_burst();
    const Run floor =
        run_undisturbed(bursts, units, [&](uint64_t n) { return testbed.run_floor(n); });
    testbed.check_accounts();
    const Run total =
        run_undisturbed(bursts, units, [&](uint64_t n) { return testbed.run_pipeline(n); });
    testbed.check_accounts();
    totals.push_back(total.cycles);
    floors.push_back(floor.cycles);
    differences.push_back(total.cycles - floor.cycles);
    row.packets += bursts * units;
    row.disturbed += total.disturbed || floor.disturbed ? 1 : 0;
  }
  row.total = spread_of(std::move(totals));
  row.floor = spread_of(std::move(floors));
  row.minus_floor = spread_of(std::move(differences)).median;
  if (options.steps && the_case.scenario->from != Side::kNone)
    row.steps = measure_steps(testbed, bursts, options.runs);
  // Nothing went astray in between either.
  if (the_case.scenario->service) testbed.check_output();
  row.connection_memory = testbed.connection_memory();
  return row;
}

}  // namespace adit::bench
