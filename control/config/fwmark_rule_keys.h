// SPDX-License-Identifier: Apache-2.0
// The keys of the classifier.
#pragma once

#include "config/draft.h"

namespace adit {

Section<FwmarkRuleDraft> fwmark_rule_section();

}  // namespace adit
