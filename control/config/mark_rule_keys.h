// SPDX-License-Identifier: Apache-2.0
// The keys of the classifier.
#pragma once

#include "config/draft.h"

namespace adit {

Section<MarkRuleDraft> mark_rule_section();

// The protocols that are balanced, as the file calls them.
inline std::vector<std::pair<const char*, Protocol>> protocol_words() {
  return {{"tcp", Protocol::kTcp}, {"udp", Protocol::kUdp}, {"sctp", Protocol::kSctp}};
}

}  // namespace adit
