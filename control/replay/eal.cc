// SPDX-License-Identifier: Apache-2.0
#include "replay/eal.h"

#include <sched.h>

namespace adit::replay {
namespace {

// One logical core that may run on every processor this process may use: EAL would pin
// the main thread to the first one otherwise, and parallel runs would share it.
std::string floating_core() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return "0";
  std::string cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) cpus += (cpus.empty() ? "" : ",") + std::to_string(cpu);
  return "0@(" + cpus + ")";
}

}  // namespace

Eal::Eal(unsigned memory_mb)
    : session_("adit-replay", memory_mb, {"--no-huge", "--lcores", floating_core()}) {}

}  // namespace adit::replay
