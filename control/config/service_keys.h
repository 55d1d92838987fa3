// SPDX-License-Identifier: Apache-2.0
// The keys of the load balancer.
#pragma once

#include <string>

#include "config/draft.h"

namespace adit {

Section<BalancerConfig> balancer_section();
Section<ServiceDraft> service_section();
// "192.0.2.11:8080 in blue", as differences name it.
std::string backend_name(const BackendConfig& backend);

}  // namespace adit
