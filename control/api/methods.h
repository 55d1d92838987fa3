// SPDX-License-Identifier: Apache-2.0
// The methods of aditd's API; docs/api.md describes them.
#pragma once

#include "api/method.h"

namespace adit {

MethodTable api_methods() noexcept;

}  // namespace adit
