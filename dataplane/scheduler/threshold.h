// SPDX-License-Identifier: Apache-2.0
// A backend's thresholds (ipvsadm -x and -y): BackendLoad::overloaded.
#pragma once

#include "adit/service.h"

namespace adit {

// Whether a backend that has so many connections of a worker, active and inactive, takes no
// more; `was` says whether it took none until now. Without a lower threshold it takes some
// again below three quarters of the upper one.
constexpr bool is_overloaded(const ServiceBackend& backend, uint64_t connections,
                             bool was) noexcept {
  if (backend.upper_connections == 0) return false;
  if (connections >= backend.upper_connections) return true;
  if (!was) return false;
  return backend.lower_connections != 0
             ? connections >= backend.lower_connections
             : connections * 4 >= uint64_t{backend.upper_connections} * 3;
}

}  // namespace adit
