// SPDX-License-Identifier: Apache-2.0
// The schedulers, each in a file of its own: NAME here is its table kNAMEOps there.
#pragma once

#include "adit/scheduler_ops.h"

namespace adit {

// In the order in which operators read them: turns, connections, destinations, hashes, order.
#define ADIT_SCHEDULERS(X) \
  X(Rr)                    \
  X(Wrr)                   \
  X(Lc)                    \
  X(Wlc)                   \
  X(Sed)                   \
  X(Nq)                    \
  X(Lblc)                  \
  X(Lblcr)                 \
  X(Dh)                    \
  X(Sh)                    \
  X(Mh)                    \
  X(Fo)                    \
  X(Ovf)

#define ADIT_DECLARE(name) extern const SchedulerOps k##name##Ops;
ADIT_SCHEDULERS(ADIT_DECLARE)
#undef ADIT_DECLARE

}  // namespace adit
