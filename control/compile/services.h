// SPDX-License-Identifier: Apache-2.0
// Virtual services as workers read them.
#pragma once

#include <memory>

#include "compile/vrf_routes.h"
#include "health/health_target.h"

namespace adit {

// Fills what a snapshot has of services, and the routes to their addresses. `workers` share
// the backends' thresholds.
void compile_services(const Config& config, const CompiledIds& previous, unsigned workers,
                      CompiledIds& ids, Snapshot& snapshot, VrfRoutes& routes);

// A backend by what the configuration calls it.
BackendName backend_name(const ServiceConfig& service, const BackendConfig& backend);

// Calls function(backend) for each backend, and for the sorry server as the last.
template <class Function>
void for_all_backends(const ServiceConfig& service, Function function) {
  for (const BackendConfig& backend : service.backends) function(backend);
  if (service.sorry) function(*service.sorry);
}
// The same as a list.
std::vector<BackendConfig> all_backends(const ServiceConfig& service);

// What the running configuration says of each backend, by its id.
struct BackendFacts {
  BackendName name;
  uint16_t weight = 0;
  unsigned slow_start_s = 0;
  unsigned drain_udp_s = 0;                   // 0: UDP flows stay when it is drained
  bool keeps = false;                         // its connections, when it is down
  std::shared_ptr<const HealthTarget> check;  // large; none: it counts as up

  friend bool operator==(const BackendFacts& a, const BackendFacts& b) {
    if (!a.check != !b.check || (a.check && *a.check != *b.check)) return false;
    return a.name == b.name && a.weight == b.weight && a.slow_start_s == b.slow_start_s &&
           a.drain_udp_s == b.drain_udp_s && a.keeps == b.keeps;
  }
};
// Of all backends of the configuration that have an id.
std::map<BackendId, BackendFacts> backend_facts(const Config& config, const CompiledIds& ids);

// The addresses of services within a subnet of `own`, which a link with that address answers
// for; as subnets of their own. `vrf`: its name.
std::vector<IpPrefix> service_addresses(const Config& config, const std::string& vrf,
                                        const std::vector<IpPrefix>& own);

// Whether services take packets from the underlay.
bool balances_underlay(const Config& config);

}  // namespace adit
