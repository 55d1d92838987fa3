// SPDX-License-Identifier: Apache-2.0
// The tunnel kinds' tables; registry.cc puts them in order.
#pragma once

#include "adit/tunnel_ops.h"

namespace adit {

extern const TunnelOps kVxlanOps;

}  // namespace adit
