// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <rte_cycles.h>
#include <rte_version.h>
#include <sched.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "revision.h"

namespace adit::bench {
namespace {

constexpr int kPriority = 10;

std::string cpu_model() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "unknown";
}

std::string kernel() {
  utsname names{};
  return uname(&names) == 0 ? names.release : "unknown";
}

}  // namespace

Machine describe_machine() {
  Machine machine;
  machine.cpu_model = cpu_model();
  machine.tsc_ghz = static_cast<double>(rte_get_tsc_hz()) / 1e9;
  machine.dpdk = rte_version();
#ifdef __clang__
  machine.compiler = "clang " __clang_version__;
#else
  machine.compiler = "gcc " __VERSION__;
#endif
  machine.built_for = ADIT_BENCH_CPU;
  machine.build = ADIT_BENCH_BUILD;
  machine.revision = ADIT_REVISION;
  machine.kernel = kernel();
  return machine;
}

std::vector<unsigned> allowed_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::vector<unsigned> cores;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    for (unsigned core = 0; core < CPU_SETSIZE; ++core)
      if (CPU_ISSET(core, &allowed)) cores.push_back(core);
  if (cores.empty()) cores.push_back(0);
  return cores;
}

std::string raise_priority() {
  sched_param parameters{};
  parameters.sched_priority = kPriority;
  if (sched_setscheduler(0, SCHED_FIFO, &parameters) == 0)
    return "SCHED_FIFO " + std::to_string(kPriority);
  return std::string("normal, for SCHED_FIFO was refused: ") + std::strerror(errno);
}

}  // namespace adit::bench
