// SPDX-License-Identifier: Apache-2.0
#include "eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

namespace adit::replay {
namespace {

// EAL creates a runtime directory even where it puts nothing there; an unprivileged user
// may have none, and two runs must not meet in one.
std::string make_runtime_dir() {
  std::error_code error;
  auto base = std::filesystem::temp_directory_path(error);
  if (error) base = "/tmp";
  std::string path = base / "adit-replay-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    throw EalError("cannot create a directory in " + base.string() + ": " + std::strerror(errno) +
                   " (TMPDIR says where)");
  return path;
}

void remove_runtime_dir(const std::string& path) noexcept {
  std::error_code ignored;  // nothing depends on it
  std::filesystem::remove_all(path, ignored);
}

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

Eal::Eal(unsigned memory_mb) : runtime_dir_(make_runtime_dir()) {
  setenv("RUNTIME_DIRECTORY", runtime_dir_.c_str(), 1);
  std::vector<std::string> words = {
      "adit-replay",   "--no-huge",      "-m",          std::to_string(memory_mb),
      "--no-pci",      "--no-telemetry", "--no-shconf", "--lcores",
      floating_core(), "--log-level",    "*:error"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    const std::string why = rte_strerror(rte_errno);
    remove_runtime_dir(runtime_dir_);
    throw EalError("DPDK does not start with " + std::to_string(memory_mb) +
                   " MB of memory: " + why);
  }
}

Eal::~Eal() {
  (void)rte_eal_cleanup();  // the process ends: nobody could act on a failure
  remove_runtime_dir(runtime_dir_);
}

}  // namespace adit::replay
