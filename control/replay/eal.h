// SPDX-License-Identifier: Apache-2.0
// DPDK's environment for a process that has no devices: no hugepages, no privileges, nothing
// shared with other DPDK processes.
#pragma once

#include <stdexcept>
#include <string>

namespace adit::replay {

// Exit code 4.
class EalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One at a time in a process, as is EAL.
class Eal {
 public:
  // Throws EalError.
  explicit Eal(unsigned memory_mb);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

 private:
  std::string runtime_dir_;
};

}  // namespace adit::replay
