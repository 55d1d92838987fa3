// SPDX-License-Identifier: Apache-2.0
// What a change of configuration means for the connections that there are.
#pragma once

#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "running/prepare.h"

namespace adit {

// Backends whose connections a change ends, or lets go on without new ones.
struct TouchedBackends {
  enum class How { kEnd, kWait, kDrain } how;
  std::string of;  // what lines about the change begin with: "services.web: backend 192.0.2.11"
  std::vector<BackendId> backends;
};

// In the thread beside; linear in the size of both.
std::vector<TouchedBackends> touched_backends(const RunningState& former, const Config& next);

struct Consequence {
  std::string of;
  std::string text;  // "drain: 812 connections kept, and no new ones"
};
// By control, as things stand now. Nothing is said of backends without connections that end.
std::vector<Consequence> consequences(const std::vector<TouchedBackends>& touched,
                                      const Dataplane& dataplane);

}  // namespace adit
