// SPDX-License-Identifier: Apache-2.0
// All kinds of owners that connections have.
#pragma once

#include "worker/connection_ops.h"

namespace adit {

extern const ConnectionOwners kConnectionOwners;

}  // namespace adit
