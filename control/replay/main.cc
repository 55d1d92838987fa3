// SPDX-License-Identifier: Apache-2.0
// adit-replay: adit's pipeline over capture files.
#include <optional>

#include "base/std_descriptors.h"
#include "base/std_output.h"
#include "replay/eal.h"
#include "replay/program.h"

int main(int argc, char** argv) {
  adit::secure_std_descriptors();
  std::optional<adit::replay::Eal> eal;
  const auto start_eal = [&eal](unsigned memory_mb) { eal.emplace(memory_mb); };
  return adit::finish_output("adit-replay", adit::replay::run_program(argc, argv, start_eal));
}
