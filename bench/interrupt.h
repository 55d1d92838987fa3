// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM, looked at between two runs.
#pragma once

#include <csignal>

#include "errors.h"

namespace adit::bench {

inline volatile std::sig_atomic_t interrupted_by = 0;

inline void notice_interrupts() noexcept {
  const auto notice = [](int signal) { interrupted_by = signal; };
  std::signal(SIGINT, notice);
  std::signal(SIGTERM, notice);
}

inline void throw_if_interrupted() {
  if (interrupted_by != 0) throw Interrupted("interrupted");
}

}  // namespace adit::bench
