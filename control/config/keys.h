// SPDX-License-Identifier: Apache-2.0
// The table of all keys of the configuration, for the walker.
#pragma once

#include "config/draft.h"

namespace adit {

// The top level of the file.
const Section<ConfigDraft>& config_section();

}  // namespace adit
