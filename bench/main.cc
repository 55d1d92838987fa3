// SPDX-License-Identifier: Apache-2.0
// adit-bench: what the pipeline costs, in cycles per packet.
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <memory>

#include "base/std_descriptors.h"
#include "base/std_output.h"
#include "eal.h"
#include "errors.h"
#include "hugepages.h"
#include "interrupt.h"
#include "machine.h"
#include "measure.h"
#include "options.h"
#include "report.h"
#include "testbed.h"

namespace adit::bench {
namespace {

enum Exit { kOk = 0, kFailed = 1, kUsage = 2, kEalFailed = 4 };

unsigned most_memory_mb(const std::vector<Case>& cases) {
  unsigned most = 0;
  for (const Case& the_case : cases) most = std::max(most, memory_mb(the_case));
  return most;
}

unsigned choose_core(const Options& options) {
  const std::vector<unsigned> allowed = allowed_cores();
  if (!options.core) return allowed[allowed.size() > 1 ? 1 : 0];
  if (std::find(allowed.begin(), allowed.end(), *options.core) == allowed.end())
    throw UsageError("--core " + std::to_string(*options.core) +
                     ": this process may not run there");
  return *options.core;
}

Hugepages choose_hugepages(const Options& options, unsigned needed_mb) {
  if (options.hugepages == HugepageChoice::kNo) return Hugepages::kNo;
  const unsigned free_mb = free_hugepages_mb();
  if (free_mb >= needed_mb) return Hugepages::kYes;
  const std::string text = std::to_string(needed_mb) + " MB of hugepages are needed, " +
                           std::to_string(free_mb) + " MB are free";
  if (options.hugepages == HugepageChoice::kYes)
    throw EalError(text + "; --take-hugepages takes them for the run");
  std::cerr << "adit-bench: " << text
            << ": going on without, which costs cycles (--take-hugepages takes them)\n";
  return Hugepages::kNo;
}

std::vector<Row> measure_all(const std::vector<Case>& cases, const MeasureOptions& options) {
  const bool show = isatty(STDERR_FILENO) != 0;
  std::vector<Row> rows;
  for (const Case& the_case : cases) {
    if (show)
      std::cerr << "\r\x1b[K" << rows.size() + 1 << "/" << cases.size() << " "
                << the_case.scenario->name << ", " << the_case.flows << " flows, "
                << the_case.networks << " networks, " << to_string_frame(the_case.size)
                << std::flush;
    try {
      rows.push_back(measure(the_case, options));
    } catch (const BenchError& error) {
      throw BenchError(std::string(the_case.scenario->name) + ", " +
                       std::to_string(the_case.flows) + " flows, " +
                       std::to_string(the_case.networks) + " networks, frame " +
                       to_string_frame(the_case.size) + ": " + error.what());
    }
  }
  if (show) std::cerr << "\r\x1b[K" << std::flush;
  return rows;
}

void write_json(const nlohmann::ordered_json& json, const std::string& path) {
  const std::string text = json.dump(2) + '\n';
  if (path == "-") {
    std::cout << text << std::flush;
    return;
  }
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) throw BenchError(path + ": cannot be written");
}

void run(const Options& options) {
  const std::vector<Case> cases = make_cases(options.lists);
  const unsigned needed_mb = most_memory_mb(cases);
  const unsigned core = choose_core(options);
  notice_interrupts();
  std::unique_ptr<BorrowedHugepages> borrowed;
  if (options.take_hugepages) borrowed = std::make_unique<BorrowedHugepages>(needed_mb);
  const Hugepages hugepages = choose_hugepages(options, needed_mb);
  const Eal eal(hugepages, needed_mb, core);
  Machine machine = describe_machine();
  machine.core = core;
  machine.hugepages = hugepages == Hugepages::kYes;
  machine.priority = raise_priority();

  const std::vector<Row> rows = measure_all(cases, options.measure);
  if (options.json != "-") {
    std::cout << machine_text(machine, options.measure) << '\n' << table(rows, machine.tsc_ghz);
    if (const std::string steps = step_table(rows); !steps.empty()) std::cout << '\n' << steps;
    if (const std::string connections = connection_table(rows, machine.tsc_ghz);
        !connections.empty())
      std::cout << '\n' << connections;
    std::cout << std::flush;
  }
  if (!options.json.empty()) write_json(to_json(machine, options.measure, rows), options.json);
}

}  // namespace
}  // namespace adit::bench

int main(int argc, char** argv) {
  using namespace adit::bench;
  adit::secure_std_descriptors();
  try {
    const Options options = parse_options(argc, argv);
    if (options.help)
      std::cout << usage_text();
    else if (options.version)
      std::cout << "adit-bench " ADIT_VERSION "\n";
    else if (options.list)
      std::cout << scenario_text();
    else
      run(options);
    return adit::finish_output("adit-bench", kOk);
  } catch (const UsageError& error) {
    std::cerr << "adit-bench: " << error.what() << "; see adit-bench --help\n";
    return kUsage;
  } catch (const adit::EalError& error) {
    std::cerr << "adit-bench: " << error.what() << '\n';
    return kEalFailed;
  } catch (const Interrupted&) {
    std::cerr << "adit-bench: interrupted\n";
    return 128 + interrupted_by;
  } catch (const std::exception& error) {
    std::cerr << "adit-bench: " << error.what() << '\n';
    return kFailed;
  }
}
