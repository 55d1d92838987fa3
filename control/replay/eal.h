// SPDX-License-Identifier: Apache-2.0
// DPDK's environment for adit-replay: no hugepages, no privileges.
#pragma once

#include "machine/eal_session.h"

namespace adit::replay {

class Eal {
 public:
  // Throws EalError, for exit code 4.
  explicit Eal(unsigned memory_mb);

 private:
  EalSession session_;
};

}  // namespace adit::replay
