// SPDX-License-Identifier: Apache-2.0
// The keys of health checks.
#pragma once

#include "config/draft.h"

namespace adit {

Section<HealthDraft> health_section();

}  // namespace adit
