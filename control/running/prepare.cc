// SPDX-License-Identifier: Apache-2.0
#include "running/prepare.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "config/port_ids.h"
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

// Another MAC than before; none: it stays.
std::optional<MacAddr> new_mac(const Config& former, const PortConfig& port, bool is_opened,
                               const MacAddr& of_device) {
  const PortConfig* was = find_port(former, port.name);
  if (was != nullptr && was->mac == port.mac) {
    const auto is_made_up = [](const PortConfig& one) { return !one.mac && has_tap(one); };
    if (!is_opened || (is_made_up(*was) && is_made_up(port))) return std::nullopt;
  }
  return make_port_mac(port, of_device);
}

// What is known of the ports once those of the plan are open.
void add_ports(const Planned& planned, Basis& basis, Prepared& prepared) {
  const size_t end = std::max<size_t>(basis.traits.size(), end_of_port_ids(*planned.config));
  basis.traits.resize(end);
  basis.port_macs.resize(end);
  basis.device_macs.resize(end);
  std::vector<bool> is_opened(end);
  for (const PortOpening& opening : planned.ports.open) {
    const PortFacts& facts = opening.opened->facts;
    basis.traits[opening.id] = {basis.port_macs[opening.id], facts.max_tx_buffers > 1,
                                facts.takes_pending_offload};
    basis.device_macs[opening.id] = facts.device_mac;
    is_opened[opening.id] = true;
  }
  for (const PortConfig& port : planned.config->ports) {
    const auto mac =
        new_mac(*basis.former->config, port, is_opened[port.id], basis.device_macs[port.id]);
    if (!mac || *mac == basis.port_macs[port.id]) continue;
    basis.port_macs[port.id] = basis.traits[port.id].mac = *mac;
    prepared.new_macs.emplace_back(port.id, *mac);
  }
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
  if (std::ranges::any_of(next->config->networks, takes_remotes)) {
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

Planned plan(const Basis& basis, Config config, PortOpener* opener) {
  const Config& former = *basis.former->config;
  Planned planned;
  std::vector<ConfigMistake> mistakes;
  const auto refuse = [&mistakes](const std::string& what) {
    mistakes.push_back({"", 0, 0, what + "; nothing was changed"});
  };
  try {
    take_port_ids(config, former);
  } catch (const std::length_error& error) {
    refuse(error.what());
    throw ConfigError(std::move(mistakes));
  }
  // What is equal is decided by the values, not by the words for their differences.
  if (config == former) return planned;
  ConfigDiff diff = diff_configs(former, config);
  for (const std::string& change : diff.needs_restart) refuse(change + " needs a restart");
  planned.ports = compare_ports(former, config);
  if (opener != nullptr) {
    try {
      std::vector<PortSpec> specs =
          opener->specs(config, planned.ports.ids_to_open(), basis.devices);
      for (size_t i = 0; i < specs.size(); ++i) planned.ports.open[i].spec = std::move(specs[i]);
    } catch (const ConfigError& error) {
      for (const ConfigMistake& mistake : error.mistakes()) refuse(mistake.message);
    }
  } else {
    for (const PortId id : planned.ports.ids_to_open())
      refuse("ports." + find_port(config, id)->name + ": to open it needs a restart");
  }
  if (!mistakes.empty()) throw ConfigError(std::move(mistakes));
  planned.changes = std::move(diff.changes);
  planned.config = std::make_shared<const Config>(std::move(config));
  return planned;
}

Prepared prepare(Basis basis, Planned& planned) {
  Prepared prepared;
  if (!planned.config) return prepared;
  add_ports(planned, basis, prepared);
  prepared.changes = std::move(planned.changes);
  try {
    compile_next(basis, planned.config, prepared);
  } catch (const std::logic_error& error) {  // of compile(): too much for the tables
    throw ConfigError({{"", 0, 0, std::string(error.what()) + "; nothing was changed"}});
  }
  prepared.ports = std::move(planned.ports);
  return prepared;
}

Prepared prepare_learned(const Basis& basis) {
  Prepared prepared;
  compile_next(basis, basis.former->config, prepared);
  return prepared;
}

}  // namespace adit
