// SPDX-License-Identifier: Apache-2.0
// The keys of a network.
#pragma once

#include "config/draft.h"

namespace adit {

Section<NetworkDraft> network_section();

}  // namespace adit
