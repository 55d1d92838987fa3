// SPDX-License-Identifier: Apache-2.0
// The tunnel kinds' tables, each in a file of its own.
#pragma once

#include "adit/tunnel_ops.h"

namespace adit {

#define ADIT_KIND(Name, ...) extern const TunnelOps k##Name##Ops;
ADIT_TUNNEL_KINDS(ADIT_KIND)
#undef ADIT_KIND

}  // namespace adit
