// SPDX-License-Identifier: Apache-2.0
#include "running/remote_learner.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/time_units.h"
#include "config/values.h"

namespace adit {
namespace {

// Each update compiles all there is.
constexpr uint64_t kUpdateEveryNs = kNsPerSecond / 10;
// Remotes looked at, and forgotten, in one turn: control has other duties.
constexpr unsigned kLooksPerTurn = 8192, kSilentPerTurn = 4096;

bool is_configured(const NetworkConfig& network, const IpAddr& address) {
  return std::any_of(network.remotes.begin(), network.remotes.end(),
                     [&](const RemoteConfig& remote) { return remote.address == address; });
}

// Asks the workers where it has to.
bool is_silent(const NetworkConfig& network, std::pair<const IpAddr, uint64_t>& heard_ns,
               const CompiledIds& ids, const Dataplane& dataplane, uint64_t now_ns) {
  auto& [address, last_ns] = heard_ns;
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

}  // namespace

void RemoteLearner::configure(const Config& config) {
  networks_.clear();
  const Routing routing(config);
  // A sender with an id is one network's: that of the remote in the file.
  std::set<std::tuple<TunnelKind, IpAddr, uint64_t>> named;
  for (const NetworkConfig& network : config.networks)
    for (const RemoteConfig& remote : network.remotes)
      if (remote.id) named.emplace(remote.kind, remote.address, *remote.id);
  std::map<std::string, Learned> kept;
  for (const NetworkConfig& network : config.networks) {
    const auto found = learned_.find(network.name);
    if (!network.learn_remotes || found == learned_.end()) continue;
    auto& stays = kept[network.name].heard_ns;
    for (const auto& [address, since] : found->second.heard_ns)
      if (!is_configured(network, address) && routing.find(address) &&
          !named.contains({network.learn_kind, address, network.vni}) &&
          stays.size() < network.learn_limit)
        stays[address] = since;
  }
  learned_ = std::move(kept);
}

void RemoteLearner::bind(const Config& config, const CompiledIds& ids) {
  networks_.clear();
  silent_.clear();
  looked_at_ = 0;
  for (const NetworkConfig& network : config.networks)
    if (network.learn_remotes) networks_[ids.networks.at(network.name)] = &network;
}

void RemoteLearner::seen(const Config& config, const Routing& routing, NetworkId id,
                         const IpAddr& address, uint64_t now_ns) {
  const auto found = networks_.find(id);
  if (found == networks_.end()) return;  // the report is older than the configuration
  const NetworkConfig& network = *found->second;
  auto& known = learned_[network.name].heard_ns;
  if (known.contains(address) || is_configured(network, address)) return;
  if (known.size() >= network.learn_limit) {
    ++refused_;
    return;
  }
  if (!parse_host_address(to_string(address)).value || is_own(config, address) ||
      !routing.find(address))
    return;
  known[address] = now_ns;
  fresh_.emplace_back(id, address);
}

std::vector<RemoteLearner::Remote> RemoteLearner::take_fresh() {
  std::vector<Remote> fresh;
  for (const auto& [id, address] : std::exchange(fresh_, {})) {
    // The configuration may have changed meanwhile.
    const auto network = networks_.find(id);
    const Learned* learned = network == networks_.end() ? nullptr : of(network->second->name);
    if (learned != nullptr && learned->heard_ns.contains(address))
      fresh.push_back({network->second, address});
  }
  return fresh;
}

void RemoteLearner::refuse(const Remote& remote) {
  learned_[remote.network->name].heard_ns.erase(remote.address);
  ++refused_;
}

std::vector<RemoteLearner::Silent> RemoteLearner::take_silent(const CompiledIds& ids,
                                                              const Dataplane& dataplane,
                                                              uint64_t now_ns) {
  if (silent_.empty()) look_for_silent(ids, dataplane, now_ns);
  std::vector<Silent> all;
  for (unsigned left = kSilentPerTurn; left > 0 && !silent_.empty(); --left) {
    const auto [id, address] = silent_.front();
    silent_.pop_front();
    const NetworkConfig& network = *networks_.at(id);
    auto& known = learned_[network.name].heard_ns;
    const auto found = known.find(address);
    if (found == known.end() || !is_silent(network, *found, ids, dataplane, now_ns)) continue;
    known.erase(found);
    if (all.empty() || all.back().network != &network) all.push_back({&network, {}});
    all.back().addresses.push_back(address);
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
    for (auto& each : found->second.heard_ns)
      if (is_silent(*network->second, each, ids, dataplane, now_ns))
        silent_.emplace_back(network->first, each.first);
    looked += static_cast<unsigned>(found->second.heard_ns.size());
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
    if (learned.heard_ns.empty()) continue;
    std::vector<IpAddr>& addresses = all[network];
    for (const auto& [address, heard_ns] : learned.heard_ns) addresses.push_back(address);
  }
  return all;
}

const RemoteLearner::Learned* RemoteLearner::of(const std::string& network) const {
  const auto found = learned_.find(network);
  return found != learned_.end() ? &found->second : nullptr;
}

}  // namespace adit
