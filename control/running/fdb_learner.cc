// SPDX-License-Identifier: Apache-2.0
#include "running/fdb_learner.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/time_units.h"

namespace adit {
namespace {

constexpr uint64_t kSliceNs = kNsPerSecond / 10;
constexpr uint32_t kSlicesPerRound = 10;  // the whole table is looked at once a second

uint32_t seconds(uint64_t ns) {
  return static_cast<uint32_t>(ns / kNsPerSecond);
}

}  // namespace

void FdbLearner::configure(const Config& config, const CompiledIds& ids, uint64_t now_ns) {
  rules_.assign(1, {});
  network_of_.assign(1, 0);
  port_of_.assign(1, kNoPort);
  std::map<std::string_view, PortId> ports;
  for (const PortConfig& port : config.ports) ports.emplace(port.name, port.id);
  for (const auto& [name, info] : ids.bridge_ports) {
    if (info.id >= network_of_.size()) {
      network_of_.resize(info.id + 1);
      port_of_.resize(info.id + 1, kNoPort);
    }
    network_of_[info.id] = info.network;
    const auto* member = std::get_if<MemberName>(&name);
    if (member == nullptr) continue;
    if (const auto port = ports.find(member->port); port != ports.end())
      port_of_[info.id] = port->second;
  }
  std::map<uint64_t, BridgePortId> fixed;
  for (const NetworkConfig& network : config.networks) {
    const NetworkId id = ids.networks.at(network.name);
    if (id >= rules_.size()) rules_.resize(id + 1u);
    rules_[id] = {network.learning, network.mac_aging_s, network.mac_limit, 0};
    for (const StaticMacConfig& entry : network.static_macs) {
      const BridgePortName name =
          entry.port ? BridgePortName(MemberName{network.name, *entry.port, entry.vlan.value_or(0)})
                     : RemoteName{network.name, *entry.remote};
      fixed[fdb_key(id, entry.mac)] = ids.bridge_ports.at(name).id;
    }
  }
  Fdb& fdb = dataplane_.fdb();
  const auto learning = std::ranges::count_if(config.networks, &NetworkConfig::learning);
  places_.configure(fdb.capacity() - std::min<size_t>(fixed.size(), fdb.capacity()),
                    static_cast<uint64_t>(learning));
  for (uint32_t slot = 0; slot < fdb.slot_count(); ++slot) {
    const Fdb::Entry entry = fdb.at(slot);
    if (entry.key == 0) continue;
    const NetworkId network = fdb_key_network(entry.key);
    const bool place_is_there =
        entry.bridge_port < network_of_.size() && network_of_[entry.bridge_port] == network;
    const bool stays =
        entry.is_static ? fixed.contains(entry.key) : place_is_there && rules_[network].learning;
    if (!stays)
      fdb.erase(entry.key);
    else if (!entry.is_static && !fixed.contains(entry.key))
      places_.take(rules_[network].learned++);
  }
  for (const auto& [key, bridge_port] : fixed)
    if (!fdb.set(key, bridge_port, true, seconds(now_ns))) ++refused_table_full_;
}

void FdbLearner::add_place(BridgePortId bridge_port, NetworkId network) {
  if (bridge_port >= network_of_.size()) {
    network_of_.resize(bridge_port + 1);
    port_of_.resize(bridge_port + 1, kNoPort);
  }
  network_of_[bridge_port] = network;
  port_of_[bridge_port] = kNoPort;
}

void FdbLearner::remove_places(std::span<const BridgePortId> gone) {
  for (const BridgePortId id : gone) network_of_[id] = 0;
  Fdb& fdb = dataplane_.fdb();
  if (fdb.size() == 0) return;
  for (uint32_t slot = 0; slot < fdb.slot_count(); ++slot) {
    const Fdb::Entry entry = fdb.at(slot);
    if (entry.key != 0 && !entry.is_static && entry.bridge_port < network_of_.size() &&
        network_of_[entry.bridge_port] == 0)
      forget(entry);
  }
}

void FdbLearner::seen(uint64_t key, BridgePortId bridge_port, uint64_t now_ns) {
  const NetworkId network = fdb_key_network(key);
  // The report may be older than the configuration.
  if (bridge_port >= network_of_.size() || network_of_[bridge_port] != network) return;
  NetworkRules& rules = rules_[network];
  if (!rules.learning) return;
  // Seen just before its link went down.
  if (!down_ports_.empty() && down_ports_.contains(port_of_[bridge_port])) return;
  Fdb& fdb = dataplane_.fdb();
  if (const auto entry = fdb.find(key)) {
    if (entry->is_static || entry->bridge_port == bridge_port) return;
    fdb.set(key, bridge_port, false, seconds(now_ns));
    ++moves_;
    return;
  }
  if (rules.learned >= rules.limit) {
    ++refused_by_limit_;
  } else if (!places_.may_take(rules.learned) ||
             !fdb.set(key, bridge_port, false, seconds(now_ns))) {
    ++refused_table_full_;
  } else {
    places_.take(rules.learned++);
  }
}

// One that was learned.
void FdbLearner::forget(const Fdb::Entry& entry) {
  dataplane_.fdb().erase(entry.key);
  places_.give_back(rules_[fdb_key_network(entry.key)].learned--);
}

void FdbLearner::tick(uint64_t now_ns) {
  if (now_ns < next_slice_ns_) return;
  next_slice_ns_ = now_ns + kSliceNs;
  Fdb& fdb = dataplane_.fdb();
  if (fdb.size() == 0) return;
  const uint32_t now_s = seconds(now_ns);
  for (uint32_t left = fdb.slot_count() / kSlicesPerRound + 1; left > 0; --left) {
    if (++next_slot_ >= fdb.slot_count()) next_slot_ = 0;
    const Fdb::Entry entry = fdb.at(next_slot_);
    if (entry.key == 0 || entry.is_static) continue;
    NetworkRules& rules = rules_[fdb_key_network(entry.key)];
    // A worker's clock may be a pass ahead: compare without wrapping.
    if (fdb.last_seen_s(next_slot_) + rules.aging_s >= now_s) continue;
    forget(entry);
  }
}

unsigned FdbLearner::port_down(PortId port) {
  down_ports_.insert(port);
  Fdb& fdb = dataplane_.fdb();
  unsigned removed = 0;
  if (fdb.size() == 0) return 0;
  for (uint32_t slot = 0; slot < fdb.slot_count(); ++slot) {
    const Fdb::Entry entry = fdb.at(slot);
    if (entry.key == 0 || entry.is_static || entry.bridge_port >= port_of_.size() ||
        port_of_[entry.bridge_port] != port)
      continue;
    forget(entry);
    ++removed;
  }
  return removed;
}

uint32_t FdbLearner::learned(NetworkId network) const noexcept {
  return network < rules_.size() ? rules_[network].learned : 0;
}

}  // namespace adit
