// SPDX-License-Identifier: Apache-2.0
// The kinds that have keys of their own, each with its table in a file of its own.
#pragma once

#include "adit/tunnel_keys.h"

namespace adit {

extern const TunnelKeys kSttKeys;

}  // namespace adit
