// SPDX-License-Identifier: Apache-2.0
#include "running/fdb_learner.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/time_units.h"

namespace adit {
namespace {

constexpr uint64_t kSliceNs = kNsPerSecond / 10;
constexpr uint64_t kRetryToldNs = 5 * kNsPerSecond;
constexpr uint32_t kSlicesPerRound = 10;  // the whole table is looked at once a second

uint32_t seconds(uint64_t ns) {
  return static_cast<uint32_t>(ns / kNsPerSecond);
}

}  // namespace

void FdbLearner::configure(const Config& config, const CompiledIds& ids, uint64_t now_ns) {
  const std::vector<NetworkRules> former = std::exchange(rules_, std::vector<NetworkRules>(1));
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
    rules_[id] = {.name = network.name,
                  .learning = network.learning,
                  .is_told = network.kernel_fdb.has_value(),
                  .is_announced = network.kernel_fdb && network.kernel_fdb->announce,
                  .aging_s = network.mac_aging_s,
                  .limit = network.mac_limit};
    for (const StaticMacConfig& entry : network.static_macs) {
      const BridgePortName name =
          entry.port ? BridgePortName(MemberName{network.name, *entry.port, entry.vlan.value_or(0)})
                     : RemoteName{network.name, *entry.remote};
      fixed[fdb_key(id, entry.mac)] = ids.bridge_ports.at(name).id;
    }
  }
  configure_told(ids, former);
  Fdb& fdb = dataplane_.fdb();
  const auto learning = std::ranges::count_if(config.networks, [](const NetworkConfig& network) {
    return network.learning || network.kernel_fdb;
  });
  places_.configure(fdb.capacity() - std::min<size_t>(fixed.size(), fdb.capacity()),
                    static_cast<uint64_t>(learning));
  for (uint32_t slot = 0; slot < fdb.slot_count(); ++slot) {
    const Fdb::Entry entry = fdb.at(slot);
    if (entry.key == 0) continue;
    const NetworkId network = fdb_key_network(entry.key);
    const bool place_is_there =
        entry.bridge_port < network_of_.size() && network_of_[entry.bridge_port] == network;
    const bool stays = entry.is_static
                           ? fixed.contains(entry.key)
                           : place_is_there && (rules_[network].learning || is_told(entry));
    if (!stays)
      fdb.erase(entry.key);
    else if (!entry.is_static && !fixed.contains(entry.key))
      places_.take(rules_[network].learned++);
  }
  for (const auto& [key, bridge_port] : fixed)
    if (!fdb.set(key, bridge_port, true, seconds(now_ns))) ++refused_table_full_;
  for (const auto& [key, remote] : told_)
    if (!fdb.find(key)) put_told(key, remote, now_ns);
}

// Which of the told ones stay, and where their remotes are.
void FdbLearner::configure_told(const CompiledIds& ids, const std::vector<NetworkRules>& former) {
  remote_places_.clear();
  for (const auto& [name, info] : ids.bridge_ports)
    if (const auto* remote = std::get_if<RemoteName>(&name);
        remote != nullptr && rules_[info.network].is_told)
      remote_places_[{info.network, remote->address}] = info.id;
  // The id may be another network's now.
  const auto follows = [&](NetworkId id) {
    return id < rules_.size() && rules_[id].is_told && rules_[id].name == former[id].name;
  };
  std::erase_if(told_, [&](const auto& each) { return !follows(fdb_key_network(each.first)); });
  std::erase_if(told_at_, [&](const auto& each) { return !follows(each.first.first); });
  std::erase_if(waiting_, [&](uint64_t key) { return !told_.contains(key); });
  for (const auto& [key, remote] : told_) ++rules_[fdb_key_network(key)].told;
}

void FdbLearner::add_place(BridgePortId bridge_port, NetworkId network, const IpAddr& remote,
                           uint64_t now_ns) {
  if (bridge_port >= network_of_.size()) {
    network_of_.resize(bridge_port + 1);
    port_of_.resize(bridge_port + 1, kNoPort);
  }
  network_of_[bridge_port] = network;
  port_of_[bridge_port] = kNoPort;
  if (network >= rules_.size() || !rules_[network].is_told) return;
  remote_places_[{network, remote}] = bridge_port;
  if (const auto at = told_at_.find({network, remote}); at != told_at_.end())
    for (const uint64_t key : at->second) put_told(key, remote, now_ns);
}

void FdbLearner::remove_places(std::span<const BridgePortId> gone, uint64_t now_ns) {
  for (const BridgePortId id : gone) network_of_[id] = 0;
  std::erase_if(remote_places_, [this](const auto& each) { return network_of_[each.second] == 0; });
  Fdb& fdb = dataplane_.fdb();
  if (fdb.size() == 0) return;
  for (uint32_t slot = 0; slot < fdb.slot_count(); ++slot) {
    const Fdb::Entry entry = fdb.at(slot);
    if (entry.key != 0 && !entry.is_static && entry.bridge_port < network_of_.size() &&
        network_of_[entry.bridge_port] == 0)
      forget(entry, now_ns);
  }
}

// 0: none yet.
BridgePortId FdbLearner::place_of(NetworkId network, const IpAddr& remote) const noexcept {
  const auto found = remote_places_.find({network, remote});
  return found == remote_places_.end() ? 0 : found->second;
}

bool FdbLearner::is_told(const Fdb::Entry& entry) const noexcept {
  if (entry.is_static || told_.empty()) return false;
  const auto found = told_.find(entry.key);
  return found != told_.end() &&
         place_of(fdb_key_network(entry.key), found->second) == entry.bridge_port;
}

bool FdbLearner::tell(NetworkId network, MacAddr mac, const IpAddr& remote, uint64_t now_ns) {
  if (network >= rules_.size() || !rules_[network].is_told) return true;
  const uint64_t key = fdb_key(network, mac);
  const auto known = told_.find(key);
  if (known == told_.end() && rules_[network].told >= rules_[network].limit) {
    ++refused_by_limit_;
    return false;
  }
  if (known != told_.end()) forget_told(known);
  told_.emplace(key, remote);
  told_at_[{network, remote}].insert(key);
  ++rules_[network].told;
  put_told(key, remote, now_ns);
  return true;
}

void FdbLearner::put_told(uint64_t key, const IpAddr& remote, uint64_t now_ns) {
  const NetworkId network = fdb_key_network(key);
  const BridgePortId place = place_of(network, remote);
  waiting_.erase(key);
  if (place == 0) return;  // it waits for the remote
  Fdb& fdb = dataplane_.fdb();
  if (const auto entry = fdb.find(key)) {
    if (!entry->is_static) fdb.set(key, place, false, seconds(now_ns));
  } else if (!add(key, place, now_ns)) {
    waiting_.insert(key);
  }
}

uint64_t FdbLearner::waiting(NetworkId network) const noexcept {
  return static_cast<uint64_t>(std::ranges::count_if(
      waiting_, [&](uint64_t key) { return fdb_key_network(key) == network; }));
}

void FdbLearner::untell(NetworkId network, MacAddr mac, uint64_t now_ns) {
  const uint64_t key = fdb_key(network, mac);
  const auto told = told_.find(key);
  if (told == told_.end()) return;
  const auto entry = dataplane_.fdb().find(key);
  const bool is_there = entry && is_told(*entry);
  forget_told(told);
  if (is_there) forget(*entry, now_ns);
}

void FdbLearner::forget_told(std::unordered_map<uint64_t, IpAddr>::iterator told) {
  const auto& [key, remote] = *told;
  const NetworkId network = fdb_key_network(key);
  const auto at = told_at_.find({network, remote});
  at->second.erase(key);
  if (at->second.empty()) told_at_.erase(at);
  --rules_[network].told;
  waiting_.erase(key);
  told_.erase(told);
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
    // Which remote it is behind, the kernel says.
    if (rules.is_told && is_told(*entry) && port_of_[bridge_port] == kNoPort) return;
    fdb.set(key, bridge_port, false, seconds(now_ns));
    ++moves_;
  } else if (!add(key, bridge_port, now_ns)) {
    return;
  }
  if (rules.is_announced) tell_member(key, bridge_port, now_ns);
}

void FdbLearner::tell_member(uint64_t key, BridgePortId bridge_port, uint64_t now_ns) {
  if (member_macs_ == nullptr || bridge_port >= port_of_.size() || port_of_[bridge_port] == kNoPort)
    return;
  member_macs_->at_member(fdb_key_network(key), fdb_key_mac(key), now_ns);
}

bool FdbLearner::is_at_member(NetworkId network, MacAddr mac) const {
  const auto entry = dataplane_.fdb().find(fdb_key(network, mac));
  return entry && entry->bridge_port < port_of_.size() && port_of_[entry->bridge_port] != kNoPort;
}

// False: there is no room for it.
bool FdbLearner::add(uint64_t key, BridgePortId bridge_port, uint64_t now_ns) {
  NetworkRules& rules = rules_[fdb_key_network(key)];
  if (rules.learned >= rules.limit) {
    ++refused_by_limit_;
    return false;
  }
  if (!places_.may_take(rules.learned) ||
      !dataplane_.fdb().set(key, bridge_port, false, seconds(now_ns))) {
    ++refused_table_full_;
    return false;
  }
  places_.take(rules.learned++);
  return true;
}

// One that was learned, or told and whose remote is gone.
void FdbLearner::forget(const Fdb::Entry& entry, uint64_t now_ns) {
  dataplane_.fdb().erase(entry.key);
  places_.give_back(rules_[fdb_key_network(entry.key)].learned--);
  if (const auto told = told_.find(entry.key); told != told_.end())
    put_told(entry.key, told->second, now_ns);
}

void FdbLearner::tick(uint64_t now_ns) {
  if (now_ns < next_slice_ns_) return;
  next_slice_ns_ = now_ns + kSliceNs;
  if (now_ns >= next_retry_ns_) {
    next_retry_ns_ = now_ns + kRetryToldNs;
    for (const uint64_t key : std::vector<uint64_t>(waiting_.begin(), waiting_.end()))
      put_told(key, told_.at(key), now_ns);
  }
  Fdb& fdb = dataplane_.fdb();
  if (fdb.size() == 0) return end_sweep(now_ns);
  const uint32_t now_s = seconds(now_ns);
  for (uint32_t left = fdb.slot_count() / kSlicesPerRound + 1; left > 0; --left) {
    if (++next_slot_ >= fdb.slot_count()) {
      next_slot_ = 0;
      end_sweep(now_ns);
    }
    const Fdb::Entry entry = fdb.at(next_slot_);
    if (entry.key == 0) continue;
    NetworkRules& rules = rules_[fdb_key_network(entry.key)];
    if (rules.is_announced) tell_member(entry.key, entry.bridge_port, now_ns);
    if (entry.is_static) continue;
    // A worker's clock may be a pass ahead: compare without wrapping.
    if (fdb.last_seen_s(next_slot_) + rules.aging_s >= now_s || is_told(entry)) continue;
    forget(entry, now_ns);
  }
}

// Once a second, also where the table is empty.
void FdbLearner::end_sweep(uint64_t now_ns) {
  if (member_macs_ == nullptr || now_ns < next_sweep_ns_) return;
  next_sweep_ns_ = now_ns + kNsPerSecond / 2;
  member_macs_->swept();
}

unsigned FdbLearner::port_down(PortId port, uint64_t now_ns) {
  down_ports_.insert(port);
  Fdb& fdb = dataplane_.fdb();
  unsigned removed = 0;
  if (fdb.size() == 0) return 0;
  for (uint32_t slot = 0; slot < fdb.slot_count(); ++slot) {
    const Fdb::Entry entry = fdb.at(slot);
    if (entry.key == 0 || entry.is_static || entry.bridge_port >= port_of_.size() ||
        port_of_[entry.bridge_port] != port)
      continue;
    forget(entry, now_ns);
    ++removed;
  }
  return removed;
}

uint32_t FdbLearner::learned(NetworkId network) const noexcept {
  return network < rules_.size() ? rules_[network].learned : 0;
}

}  // namespace adit
