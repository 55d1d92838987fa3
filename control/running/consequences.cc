// SPDX-License-Identifier: Apache-2.0
#include "running/consequences.h"

#include <map>
#include <tuple>
#include <unordered_map>

#include "compile/backend_ids.h"
#include "config/service_keys.h"

namespace adit {
namespace {

using How = TouchedBackends::How;
using BackendKey = std::tuple<std::string, IpAddr, uint16_t>;

BackendKey key_of(const ServiceConfig& service, const BackendConfig& backend) {
  return {vrf_of(service, backend), backend.address, backend.port};
}

void compare(const ServiceConfig& from, const ServiceConfig& to, const BackendIds::List& ids,
             How removed, std::vector<TouchedBackends>& out) {
  std::map<BackendKey, const BackendConfig*> kept;
  for (const BackendConfig& backend : to.backends) kept.emplace(key_of(to, backend), &backend);
  for (size_t i = 0; i < from.backends.size(); ++i) {
    const BackendConfig& backend = from.backends[i];
    const auto found = kept.find(key_of(from, backend));
    const std::string of = "services." + from.name + ": backend " + backend_name(backend);
    if (found == kept.end())
      out.push_back({removed, of, {ids[i].id}});
    else if (backend.weight != 0 && found->second->weight == 0)
      out.push_back({How::kDrain, of, {ids[i].id}});
  }
}

std::string counted(uint64_t connections) {
  return std::to_string(connections) + (connections == 1 ? " connection" : " connections");
}

}  // namespace

std::vector<TouchedBackends> touched_backends(const RunningState& former, const Config& next) {
  std::unordered_map<std::string_view, const ServiceConfig*> kept;
  for (const ServiceConfig& service : next.services) kept.emplace(service.name, &service);
  const How removed = next.balancer.expire_nodest ? How::kEnd : How::kWait;
  std::vector<TouchedBackends> out;
  for (const ServiceConfig& service : former.config->services) {
    const BackendIds::ListPtr& ids = former.ids.backends.of(service.name);
    if (!ids) continue;
    if (const auto found = kept.find(service.name); found != kept.end()) {
      if (found->second->backends != service.backends)
        compare(service, *found->second, *ids, removed, out);
      continue;
    }
    TouchedBackends all = {removed, "services." + service.name, {}};
    for (const BackendIds::Entry& entry : *ids) all.backends.push_back(entry.id);
    out.push_back(std::move(all));
  }
  return out;
}

std::vector<Consequence> consequences(const std::vector<TouchedBackends>& touched,
                                      const Dataplane& dataplane) {
  std::vector<Consequence> out;
  for (const TouchedBackends& each : touched) {
    uint64_t connections = 0;
    for (const BackendId id : each.backends) {
      const Dataplane::BackendState state = dataplane.backend_state(id);
      connections += state.active + state.inactive;
    }
    if (each.how == How::kDrain)
      out.push_back({each.of, "drain: " + counted(connections) + " kept, and no new ones"});
    else if (connections != 0)
      out.push_back({each.of, each.how == How::kEnd
                                  ? counted(connections) + (connections == 1 ? " ends" : " end")
                                  : counted(connections) + " stand still until it is back, "
                                                           "as expire_nodest is false"});
  }
  return out;
}

}  // namespace adit
