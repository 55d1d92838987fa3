// SPDX-License-Identifier: Apache-2.0
// The keys of a VRF.
#pragma once

#include "config/draft.h"

namespace adit {

Section<VrfDraft> vrf_section();

}  // namespace adit
