// SPDX-License-Identifier: Apache-2.0
// The schedulers' tables, each in a file of its own.
#pragma once

#include "adit/scheduler_ops.h"

namespace adit {

extern const SchedulerOps kRrOps;
extern const SchedulerOps kWrrOps;
extern const SchedulerOps kLcOps;
extern const SchedulerOps kWlcOps;
extern const SchedulerOps kSedOps;
extern const SchedulerOps kNqOps;
extern const SchedulerOps kLblcOps;
extern const SchedulerOps kLblcrOps;
extern const SchedulerOps kDhOps;
extern const SchedulerOps kShOps;
extern const SchedulerOps kMhOps;
extern const SchedulerOps kFoOps;
extern const SchedulerOps kOvfOps;

}  // namespace adit
