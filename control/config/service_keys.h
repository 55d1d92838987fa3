// SPDX-License-Identifier: Apache-2.0
// The keys of the load balancer.
#pragma once

#include "config/draft.h"

namespace adit {

Section<BalancerConfig> balancer_section();
Section<ServiceDraft> service_section();

}  // namespace adit
