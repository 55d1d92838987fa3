// SPDX-License-Identifier: Apache-2.0
// DPDK's environment for the bench: one lcore, the calling thread, pinned; no devices.
#pragma once

#include "machine/eal_session.h"

namespace adit::bench {

enum class Hugepages { kNo, kYes };

class Eal {
 public:
  // Pins the calling thread to `core`. Throws EalError.
  Eal(Hugepages hugepages, unsigned memory_mb, unsigned core)
      : session_("adit-bench", memory_mb,
                 {"--lcores", "0@" + std::to_string(core),
                  hugepages == Hugepages::kYes ? "--in-memory" : "--no-huge"}) {}

 private:
  EalSession session_;
};

}  // namespace adit::bench
