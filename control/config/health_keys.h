// SPDX-License-Identifier: Apache-2.0
// The keys of health checks.
#pragma once

#include "config/draft.h"

namespace adit {

Section<HealthDraft> health_section();

// As written in the file: "200", "200-399".
std::string to_string(const StatusRange& range);

}  // namespace adit
