// SPDX-License-Identifier: Apache-2.0
#include "running/remote_learner.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "base/time_units.h"
#include "config/values.h"

namespace adit {
namespace {

// Each update compiles all there is.
constexpr uint64_t kUpdateEveryNs = kNsPerSecond / 10;
// Remotes looked at, and forgotten, in one turn: control has other duties.
constexpr unsigned kLooksPerTurn = 8192, kGonePerTurn = 4096;

std::unordered_set<IpAddr, IpHash> configured_of(const NetworkConfig& network) {
  std::unordered_set<IpAddr, IpHash> all;
  for (const RemoteConfig& remote : network.remotes) all.insert(remote.address);
  return all;
}

// Asks the workers where it has to.
bool is_silent(const NetworkConfig& network, const IpAddr& address, RemoteLearner::Known& known,
               const CompiledIds& ids, const Dataplane& dataplane, uint64_t now_ns) {
  if (known.is_told) return false;
  uint64_t& last_ns = known.heard_ns;
  const uint64_t aging_ns = network.mac_aging_s * kNsPerSecond;
  if (last_ns + aging_ns >= now_ns) return false;
  const auto info = ids.bridge_ports.find(RemoteName{network.name, address});
  if (info != ids.bridge_ports.end())
    last_ns = std::max(last_ns, dataplane.last_received_s(info->second.id) * kNsPerSecond);
  return last_ns + aging_ns < now_ns;
}

bool is_own(const Config& config, const IpAddr& address) {
  for (const PortConfig& port : config.ports)
    for (const IpPrefix& own : port.addresses)
      if (own.address == address) return true;
  return false;
}

bool can_be_remote(const Config& config, const Routing& routing, const IpAddr& address) {
  return parse_host_address(to_string(address)).value && !is_own(config, address) &&
         routing.find(address);
}

}  // namespace

void RemoteLearner::configure(const Config& config) {
  networks_.clear();
  const Routing routing(config);
  std::unordered_set<IpAddr, IpHash> own;
  for (const PortConfig& port : config.ports)
    for (const IpPrefix& each : port.addresses) own.insert(each.address);
  // A sender with an id is one network's: that of the remote in the file.
  std::set<std::tuple<TunnelKind, IpAddr, uint64_t>> named;
  for (const NetworkConfig& network : config.networks)
    for (const RemoteConfig& remote : network.remotes)
      if (remote.id) named.emplace(remote.kind, remote.address, *remote.id);
  std::map<std::string, Learned> kept;
  for (const NetworkConfig& network : config.networks) {
    const auto found = learned_.find(network.name);
    if (!takes_remotes(network) || found == learned_.end()) continue;
    Learned& stays = kept[network.name];
    const auto configured = configured_of(network);
    for (const auto& [address, known] : found->second.all) {
      if (configured.contains(address) || own.contains(address) || !routing.find(address) ||
          named.contains({network.learn_kind, address, network.vni}))
        continue;
      add(stays, network, address, known);
    }
  }
  learned_ = std::move(kept);
}

void RemoteLearner::bind(const Config& config, const CompiledIds& ids) {
  networks_.clear();
  configured_.clear();
  silent_.clear();
  looked_at_ = 0;
  for (const NetworkConfig& network : config.networks)
    if (takes_remotes(network)) {
      const NetworkId id = ids.networks.at(network.name);
      networks_[id] = &network;
      configured_[id] = configured_of(network);
    }
}

void RemoteLearner::seen(const Config& config, const Routing& routing, NetworkId id,
                         const IpAddr& address, uint64_t now_ns) {
  const auto found = networks_.find(id);
  if (found == networks_.end()) return;  // the report is older than the configuration
  const NetworkConfig& network = *found->second;
  Learned& learned = learned_[network.name];
  if (!network.learn_remotes || learned.all.contains(address) ||
      configured_.at(id).contains(address))
    return;
  if (!can_be_remote(config, routing, address)) return;
  if (add(learned, network, address, {.heard_ns = now_ns}))
    fresh_.emplace_back(id, address);
  else
    ++refused_;
}

bool RemoteLearner::tell(const Config& config, const Routing& routing, NetworkId id,
                         const IpAddr& address, uint64_t now_ns) {
  const auto at = networks_.find(id);
  if (at == networks_.end() || !at->second->kernel_fdb) return true;
  const NetworkConfig& network = *at->second;
  Learned& learned = learned_[network.name];
  const auto found = learned.all.find(address);
  const bool is_new = found == learned.all.end();
  if (!is_new && found->second.is_told) return true;
  if (configured_.at(id).contains(address) || !can_be_remote(config, routing, address)) return true;
  if (!add(learned, network, address, {.heard_ns = now_ns, .is_told = true})) return false;
  if (is_new) fresh_.emplace_back(id, address);
  return true;
}

void RemoteLearner::untell(NetworkId id, const IpAddr& address, uint64_t now_ns) {
  const auto at = networks_.find(id);
  if (at == networks_.end()) return;
  const NetworkConfig& network = *at->second;
  Learned& learned = learned_[network.name];
  const auto found = learned.all.find(address);
  if (found == learned.all.end() || !found->second.is_told) return;
  learned.erase(found);
  if (network.learn_remotes && add(learned, network, address, {.heard_ns = now_ns})) return;
  untold_.emplace_back(id, address);
}

// False: there are as many of its kind as there may be.
bool RemoteLearner::add(Learned& to, const NetworkConfig& network, const IpAddr& address,
                        const Known& known) {
  const uint64_t limit = known.is_told ? (network.kernel_fdb ? network.kernel_fdb->limit : 0)
                                       : (network.learn_remotes ? network.learn_limit : 0);
  if ((known.is_told ? to.told : to.all.size() - to.told) >= limit) return false;
  to.all[address] = known;
  to.told += known.is_told;
  return true;
}

std::vector<RemoteLearner::Remote> RemoteLearner::take_fresh() {
  std::vector<Remote> fresh;
  for (const auto& [id, address] : std::exchange(fresh_, {})) {
    // The configuration may have changed meanwhile.
    const auto network = networks_.find(id);
    const Learned* learned = network == networks_.end() ? nullptr : of(network->second->name);
    if (learned != nullptr && learned->all.contains(address))
      fresh.push_back({network->second, address});
  }
  return fresh;
}

void RemoteLearner::refuse(const Remote& remote) {
  Learned& learned = learned_[remote.network->name];
  if (const auto found = learned.all.find(remote.address); found != learned.all.end())
    learned.erase(found);
  ++refused_;
}

std::vector<RemoteLearner::Gone> RemoteLearner::take_gone(const CompiledIds& ids,
                                                          const Dataplane& dataplane,
                                                          uint64_t now_ns) {
  if (silent_.empty()) look_for_silent(ids, dataplane, now_ns);
  std::vector<Gone> all;
  const auto add_gone = [&all](const NetworkConfig& network, const IpAddr& address) {
    if (all.empty() || all.back().network != &network) all.push_back({&network, {}});
    all.back().addresses.push_back(address);
  };
  unsigned left = kGonePerTurn;
  for (; left > 0 && !untold_.empty(); --left) {
    const auto [id, address] = untold_.front();
    untold_.pop_front();
    // It may have come again since, or be the file's now.
    const auto network = networks_.find(id);
    if (network == networks_.end() || configured_.at(id).contains(address)) continue;
    const Learned* learned = of(network->second->name);
    if (learned == nullptr || !learned->all.contains(address)) add_gone(*network->second, address);
  }
  for (; left > 0 && !silent_.empty(); --left) {
    const auto [id, address] = silent_.front();
    silent_.pop_front();
    const NetworkConfig& network = *networks_.at(id);
    Learned& learned = learned_[network.name];
    const auto found = learned.all.find(address);
    if (found == learned.all.end() ||
        !is_silent(network, address, found->second, ids, dataplane, now_ns))
      continue;
    learned.erase(found);
    add_gone(network, address);
  }
  return all;
}

// One slice of all networks; a round takes a second.
void RemoteLearner::look_for_silent(const CompiledIds& ids, const Dataplane& dataplane,
                                    uint64_t now_ns) {
  if (looked_at_ == 0) {
    if (now_ns < next_round_ns_) return;
    next_round_ns_ = now_ns + kNsPerSecond;
  }
  auto network = networks_.upper_bound(looked_at_);
  for (unsigned looked = 0; looked < kLooksPerTurn && network != networks_.end(); ++network) {
    looked_at_ = network->first;
    const auto found = learned_.find(network->second->name);
    if (found == learned_.end()) continue;
    for (auto& [address, known] : found->second.all)
      if (is_silent(*network->second, address, known, ids, dataplane, now_ns))
        silent_.emplace_back(network->first, address);
    looked += static_cast<unsigned>(found->second.all.size());
  }
  if (network == networks_.end()) looked_at_ = 0;
}

void RemoteLearner::begin_update(uint64_t now_ns) noexcept {
  updating_ = std::exchange(changed_, false) || !fresh_.empty();
  fresh_.clear();  // the update has them
  next_update_ns_ = now_ns + kUpdateEveryNs;
}

LearnedRemotes RemoteLearner::remotes() const {
  LearnedRemotes all;
  for (const auto& [network, learned] : learned_) {
    if (learned.all.empty()) continue;
    std::vector<IpAddr>& addresses = all[network];
    for (const auto& [address, known] : learned.all) addresses.push_back(address);
  }
  return all;
}

const RemoteLearner::Learned* RemoteLearner::of(const std::string& network) const {
  const auto found = learned_.find(network);
  return found != learned_.end() ? &found->second : nullptr;
}

}  // namespace adit
