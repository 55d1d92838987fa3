// SPDX-License-Identifier: Apache-2.0
#include "api/methods.h"

#include <algorithm>

namespace adit {

// Each beside what it works on; here alone they get their names.
BeginMethod begin_check, begin_reload, begin_confirm, begin_rollback, begin_revision, begin_ports,
    begin_networks, begin_remotes, begin_tunnels, begin_routes, begin_route_sources, begin_services,
    begin_backends, begin_connections, begin_fdb, begin_neighbours;
HandleMethod answer_history, answer_drain, answer_bonds, answer_drops, answer_fdb_sources,
    answer_hosts, answer_neighbour_sources, answer_steering, answer_workers, answer_status,
    answer_version, answer_help;

namespace {

constexpr Binding later(std::string_view name, BeginMethod& begin) {
  return {name, nullptr, begin};
}

constexpr Binding kBindings[] = {
    later("check", begin_check),
    later("reload", begin_reload),
    later("confirm", begin_confirm),
    later("rollback", begin_rollback),
    {"history", answer_history},
    later("revision", begin_revision),
    {"drain", answer_drain},
    later("show.ports", begin_ports),
    {"show.bonds", answer_bonds},
    later("show.networks", begin_networks),
    later("show.remotes", begin_remotes),
    later("show.tunnels", begin_tunnels),
    later("show.routes", begin_routes),
    later("show.route-sources", begin_route_sources),
    later("show.services", begin_services),
    later("show.backends", begin_backends),
    later("show.connections", begin_connections),
    later("show.fdb", begin_fdb),
    later("show.neighbours", begin_neighbours),
    {"show.neighbour-sources", answer_neighbour_sources},
    {"show.fdb-sources", answer_fdb_sources},
    {"show.drops", answer_drops},
    {"show.hosts", answer_hosts},
    {"show.steering", answer_steering},
    {"show.workers", answer_workers},
    {"show.status", answer_status},
    {"version", answer_version},
    {"help", answer_help},
};

}  // namespace

std::vector<Method> bind_methods(Catalogue catalogue, std::span<const Binding> bindings) {
  std::vector<Method> methods;
  std::string mistakes;
  const auto complain = [&](std::string_view name, const char* what) {
    mistakes += (mistakes.empty() ? "" : "; ") + std::string(name) + ' ' + what;
  };
  for (const MethodInfo& info : catalogue) {
    const auto bound = std::ranges::find(bindings, info.name, &Binding::name);
    if (bound == bindings.end())
      complain(info.name, "has no handler");
    else if ((bound->begin != nullptr) != (info.answer == Answer::kLater))
      complain(info.name, "has a handler of the other kind");
    else
      methods.push_back({info, bound->handler, bound->begin});
  }
  for (const Binding& binding : bindings)
    if (std::ranges::find(catalogue, binding.name, &MethodInfo::name) == catalogue.end())
      complain(binding.name, "is not in the catalogue");
  if (!mistakes.empty()) throw std::logic_error("API methods: " + mistakes);
  return methods;
}

MethodTable api_methods() {
  static const std::vector<Method> kMethods = bind_methods(catalogue(), kBindings);
  return kMethods;
}

}  // namespace adit
