// SPDX-License-Identifier: Apache-2.0
// Virtual services as workers read them.
#pragma once

#include "compile/vrf_routes.h"

namespace adit {

// Fills what a snapshot has of services, and the routes to their addresses. `workers` share
// the backends' thresholds.
void compile_services(const Config& config, const CompiledIds& previous, unsigned workers,
                      CompiledIds& ids, Snapshot& snapshot, VrfRoutes& routes);

}  // namespace adit
