// SPDX-License-Identifier: Apache-2.0
// What a reload of many services costs: each step's CPU time, and the memory before and after.
//   adit-config-speed [SERVICES]...    10000 and 60000 where none is given
// Each service has two backends; the second file has one service more than the first, as a reload
// mostly has. CPU seconds of this thread, which other load on the machine does not add to.
#include <malloc.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "config/parser.h"
#include "running/prepare.h"
#include "speed_arguments.h"

namespace adit {
namespace {

double cpu_s() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double resident_mb() {
  double mb = 0;
  if (std::FILE* file = std::fopen("/proc/self/status", "r")) {
    char line[256];
    while (std::fgets(line, sizeof line, file) != nullptr)
      if (std::strncmp(line, "VmRSS:", 6) == 0)
        mb = static_cast<double>(std::strtoul(line + 6, nullptr, 10)) / 1024;
    std::fclose(file);
  }
  return mb;
}

std::string text_of(unsigned services) {
  std::string text =
      "ports:\n"
      "  c0: {device: \"tap:c0\", addresses: [10.4.0.254/24]}\n"
      "  b0: {device: \"tap:b0\", addresses: [10.5.0.254/16]}\n"
      "vrfs: {t: {ports: [c0, b0]}}\n"
      "services:\n";
  const auto number = [](unsigned n) { return std::to_string(n); };
  for (unsigned i = 0; i < services; ++i)
    text += "  s" + number(i) + ": {vrf: t, address: 10." + number(100 + i / 62500) + '.' +
            number(i / 250 % 250) + '.' + number(i % 250 + 1) +
            ", port: 80, scheduler: wlc, backends: [{address: 10.5." + number(i % 200 + 1) +
            ".1}, {address: 10.5." + number(i % 200 + 1) + ".2}]}\n";
  return text;
}

struct Times {
  double parse = 0, prepare = 0, release = 0;
};

// The state that a reload of `text` leaves.
std::shared_ptr<const RunningState> reload(std::shared_ptr<const RunningState> former,
                                           const std::string& text, Times& times) {
  const double began = cpu_s();
  CheckedConfig checked = check_config(text, "f");
  const double parsed = cpu_s();
  Basis basis{former, {}, {}, std::vector<PortTraits>(2), std::vector<MacAddr>(2), 1, 2};
  auto config = std::make_shared<const Config>(std::move(checked.config));
  Prepared prepared = former->config->ports.empty() ? prepare_first(basis, std::move(config))
                                                    : prepare(basis, std::move(config));
  const double made = cpu_s();
  auto next = prepared.next ? prepared.next : former;
  prepared = {};
  former.reset();
  basis.former.reset();
  checked.warnings.clear();
  malloc_trim(0);
  times = {parsed - began, made - parsed, cpu_s() - made};
  return next;
}

void measure(unsigned services) {
  const std::string texts[] = {text_of(services), text_of(services + 1)};
  std::printf("%u services, %.1f MB of text\n", services,
              static_cast<double>(texts[0].size()) / 1e6);
  auto state = std::make_shared<const RunningState>();
  for (int round = 0; round < 5; ++round) {
    Times times;
    state = reload(std::move(state), texts[round % 2], times);
    std::printf(
        "  %-7s read and check %.3f s, compare and compile %.3f s, release %.3f s; "
        "resident %.0f MB\n",
        round == 0 ? "start" : "reload", times.parse, times.prepare, times.release, resident_mb());
  }
}

}  // namespace
}  // namespace adit

int main(int argc, char** argv) {
  return adit::bench::run_by_arguments(
      argc, argv, "adit-config-speed [SERVICES]...", [](adit::bench::SpeedArguments& arguments) {
        std::vector<unsigned> counts;
        while (!arguments.at_end())
          counts.push_back(arguments.number("SERVICES", 0, 1, adit::kMaxServices - 1));
        if (counts.empty()) counts = {10'000, 60'000};
        for (const unsigned count : counts) adit::measure(count);
      });
}
