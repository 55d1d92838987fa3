// SPDX-License-Identifier: Apache-2.0
// `show.connections`: the workers' balanced connections, with filters, or how many there are.
#pragma once

#include "api/method.h"

namespace adit {

inline constexpr uint64_t kConnectionRows = 100;  // if not told otherwise
inline constexpr uint64_t kMaxConnectionRows = 10'000;

// Parameters as the table of methods declares them. Throws ApiError.
LaterAnswer show_connections(ApiContext& context, const nlohmann::json& params,
                             const Caller& caller);

}  // namespace adit
