// SPDX-License-Identifier: Apache-2.0
#include "running/prepare.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "config/yaml/error.h"

namespace adit {
namespace {

// Ids that are free now.
void find_gone(const CompiledIds& former, const CompiledIds& now, Prepared& out) {
  for (const auto& [name, info] : former.bridge_ports) {
    const auto found = now.bridge_ports.find(name);
    if (found == now.bridge_ports.end() || found->second.id != info.id)
      out.gone_bridge_ports.push_back(info.id);
  }
  for (const auto& [hop, id] : former.adjacencies)
    if (!now.adjacencies.contains(hop)) out.gone_next_hops.push_back(id);
}

void compile_next(const Basis& basis, std::shared_ptr<const Config> config, Prepared& prepared) {
  const RunningState& former = *basis.former;
  auto next = std::make_shared<RunningState>();
  next->config = std::move(config);
  RemoteLearner learner = basis.learner;
  learner.configure(*next->config);
  const LearnedRemotes learned = learner.remotes();
  Compiled compiled = compile(*next->config, basis.traits, former.ids, basis.generation,
                              basis.workers, learned, basis.imported);
  next->ids = std::move(compiled.ids);
  next->importing = std::move(compiled.importing);
  prepared.snapshot = std::move(compiled.snapshot);
  // No worker has used the ids of what is new since the former snapshot was published.
  for (const auto& [name, info] : next->ids.bridge_ports) {
    const auto found = former.ids.bridge_ports.find(name);
    if (found == former.ids.bridge_ports.end() || found->second.id != info.id)
      prepared.fresh_bridge_ports.push_back(info.id);
  }
  if (std::ranges::any_of(next->config->networks, &NetworkConfig::learn_remotes)) {
    next->routing = std::make_unique<const Routing>(*next->config);
    for (const auto& [network, addresses] : learned)
      for (const IpAddr& address : addresses)
        next->learned_at[address].insert(
            next->ids.bridge_ports.at(RemoteName{network, address}).id);
  }
  next->has_live_parts = next->routing != nullptr || !next->importing.vrfs.empty();
  if (next->has_live_parts) find_gone(former.ids, next->ids, prepared);
  next->backends = std::make_shared<const BackendFactsTable>(
      backend_facts(*next->config, next->ids, {*former.config, former.ids, *former.backends}));
  prepared.backends = compare_backends(former.backends, next->backends);
  next->neighbours = plan_neighbours(*next->config, next->ids, basis.port_macs);
  prepared.next = std::move(next);
}

}  // namespace

Prepared prepare_first(const Basis& basis, std::shared_ptr<const Config> config) {
  Prepared prepared;
  compile_next(basis, std::move(config), prepared);
  return prepared;
}

Prepared prepare(const Basis& basis, std::shared_ptr<const Config> config) {
  Prepared prepared;
  // What is equal is decided by the values, not by the words for their differences.
  if (*config == *basis.former->config) return prepared;
  ConfigDiff diff = diff_configs(*basis.former->config, *config);
  if (!diff.needs_restart.empty()) {
    std::vector<ConfigMistake> mistakes;
    for (const std::string& change : diff.needs_restart)
      mistakes.push_back({"", 0, 0, change + " needs a restart; nothing was changed"});
    throw ConfigError(std::move(mistakes));
  }
  prepared.changes = std::move(diff.changes);
  try {
    compile_next(basis, std::move(config), prepared);
  } catch (const std::logic_error& error) {  // of compile(): too much for the tables
    throw ConfigError({{"", 0, 0, std::string(error.what()) + "; nothing was changed"}});
  }
  return prepared;
}

Prepared prepare_learned(const Basis& basis) {
  Prepared prepared;
  compile_next(basis, basis.former->config, prepared);
  return prepared;
}

}  // namespace adit
