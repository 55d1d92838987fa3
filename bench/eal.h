// SPDX-License-Identifier: Apache-2.0
// DPDK's environment for the bench: one lcore, the calling thread, pinned; no devices.
#pragma once

#include <string>

namespace adit::bench {

enum class Hugepages { kNo, kYes };

// Pins the calling thread to `core`. One at a time in a process.
class Eal {
 public:
  // Throws EalError.
  Eal(Hugepages hugepages, unsigned memory_mb, unsigned core);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

 private:
  std::string runtime_dir_;
};

}  // namespace adit::bench
