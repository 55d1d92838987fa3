// SPDX-License-Identifier: Apache-2.0
// VRFs as workers read them: their links, tunnels, services and routes.
#pragma once

#include "compile/compilation.h"

namespace adit {

// After the ports and networks. Returns the VRFs that import routes; `imported`: what they have.
ImportingVrfs compile_vrfs(Compilation& all, const ImportedRoutes& imported);

}  // namespace adit
