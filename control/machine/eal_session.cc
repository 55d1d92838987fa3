// SPDX-License-Identifier: Apache-2.0
#include "machine/eal_session.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace adit {
namespace {

// EAL creates a runtime directory even where it puts nothing there; an unprivileged user
// may have none, and two runs must not meet in one.
std::string make_runtime_dir(const std::string& program) {
  std::error_code error;
  auto base = std::filesystem::temp_directory_path(error);
  if (error) base = "/tmp";
  std::string path = base / (program + "-XXXXXX");  // the form that mkdtemp() fills in
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

EalSession::EalSession(const std::string& program, unsigned memory_mb,
                       const std::vector<std::string>& arguments)
    : runtime_dir_(make_runtime_dir(program)) {
  setenv("RUNTIME_DIRECTORY", runtime_dir_.c_str(), 1);
  std::vector<std::string> words = {
      program,   "--no-pci", "--no-telemetry",         "--no-shconf", "--log-level",
      "*:error", "-m",       std::to_string(memory_mb)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    const std::string why = rte_strerror(rte_errno);
    remove_runtime_dir(runtime_dir_);
    throw EalError("DPDK does not start with " + std::to_string(memory_mb) +
                   " MB of memory: " + why);
  }
}

EalSession::~EalSession() {
  (void)rte_eal_cleanup();  // the process ends: a failure has no consequence
  remove_runtime_dir(runtime_dir_);
}

}  // namespace adit
