// SPDX-License-Identifier: Apache-2.0
// What services do about their connections: OwnerKind::kService.
#pragma once

#include "worker/connection_ops.h"

namespace adit {

extern const ConnectionOps kServiceConnections;

}  // namespace adit
