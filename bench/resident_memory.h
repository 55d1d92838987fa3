// SPDX-License-Identifier: Apache-2.0
// How much memory this process has.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

#include "errors.h"

namespace adit::bench {

// Without hugepages of hugetlbfs.
inline uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total_pages = 0, resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages)) throw BenchError("/proc/self/statm: no figures");
  return resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace adit::bench
