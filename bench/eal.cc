// SPDX-License-Identifier: Apache-2.0
#include "eal.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "errors.h"

namespace adit::bench {
namespace {

// EAL wants a folder even where it puts nothing there, and two runs must not meet in one.
std::string make_runtime_dir() {
  std::error_code error;
  auto base = std::filesystem::temp_directory_path(error);
  if (error) base = "/tmp";
  std::string path = base / "adit-bench-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    throw EalError("cannot create a directory in " + base.string() + ": " + std::strerror(errno) +
                   " (TMPDIR says where)");
  return path;
}

void remove_runtime_dir(const std::string& path) noexcept {
  std::error_code ignored;  // nothing depends on it
  std::filesystem::remove_all(path, ignored);
}

}  // namespace

Eal::Eal(Hugepages hugepages, unsigned memory_mb, unsigned core)
    : runtime_dir_(make_runtime_dir()) {
  setenv("RUNTIME_DIRECTORY", runtime_dir_.c_str(), 1);
  std::vector<std::string> words = {"adit-bench",
                                    "--no-pci",
                                    "--no-telemetry",
                                    "--no-shconf",
                                    "--lcores",
                                    "0@" + std::to_string(core),
                                    "--log-level",
                                    "*:error",
                                    "-m",
                                    std::to_string(memory_mb)};
  words.emplace_back(hugepages == Hugepages::kYes ? "--in-memory" : "--no-huge");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    const std::string why = rte_strerror(rte_errno);
    remove_runtime_dir(runtime_dir_);
    throw EalError("DPDK does not start with " + std::to_string(memory_mb) +
                   " MB of memory on core " + std::to_string(core) + ": " + why);
  }
}

Eal::~Eal() {
  (void)rte_eal_cleanup();  // the process ends: nobody could act on a failure
  remove_runtime_dir(runtime_dir_);
}

}  // namespace adit::bench
