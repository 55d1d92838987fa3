// SPDX-License-Identifier: Apache-2.0
#include "running/remote_learner.h"

#include <algorithm>
#include <utility>

#include "base/time_units.h"
#include "compile/routing.h"
#include "config/values.h"

namespace adit {
namespace {

// Each update publishes a snapshot: a flood of senders must not keep control at that.
constexpr uint64_t kUpdateEveryNs = kNsPerSecond / 10;

bool is_configured(const NetworkConfig& network, const IpAddr& address) {
  return std::any_of(network.remotes.begin(), network.remotes.end(),
                     [&](const RemoteConfig& remote) { return remote.address == address; });
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
  std::map<std::string, Learned> kept;
  for (const NetworkConfig& network : config.networks) {
    const auto found = learned_.find(network.name);
    if (!network.learn_remotes || found == learned_.end()) continue;
    auto& stays = kept[network.name].since_ns;
    for (const auto& [address, since] : found->second.since_ns)
      if (!is_configured(network, address) && routing.find(address) &&
          stays.size() < network.learn_limit)
        stays[address] = since;
  }
  learned_ = std::move(kept);
}

void RemoteLearner::bind(const Config& config, const CompiledIds& ids) {
  networks_.clear();
  for (const NetworkConfig& network : config.networks)
    if (network.learn_remotes) networks_[ids.networks.at(network.name)] = &network;
}

void RemoteLearner::seen(const Config& config, NetworkId id, const IpAddr& address,
                         uint64_t now_ns) {
  const auto found = networks_.find(id);
  if (found == networks_.end()) return;  // the report is older than the configuration
  const NetworkConfig& network = *found->second;
  auto& known = learned_[network.name].since_ns;
  if (known.contains(address) || is_configured(network, address)) return;
  if (known.size() >= network.learn_limit) {
    ++refused_;
    return;
  }
  if (!parse_host_address(to_string(address)).value || is_own(config, address) ||
      !Routing(config).find(address))
    return;
  known[address] = now_ns;
  changed_ = true;
}

void RemoteLearner::tick(const CompiledIds& ids, const Dataplane& dataplane, uint64_t now_ns) {
  if (now_ns < next_tick_ns_) return;
  next_tick_ns_ = now_ns + kNsPerSecond;
  for (const auto& entry_of_network : networks_) {
    const NetworkConfig* network = entry_of_network.second;
    const auto found = learned_.find(network->name);
    if (found == learned_.end()) continue;
    const uint64_t aging_ns = network->mac_aging_s * kNsPerSecond;
    changed_ |=
        std::erase_if(found->second.since_ns, [&](const auto& entry) {
          uint64_t last_ns = entry.second;
          const auto info = ids.bridge_ports.find(RemoteName{network->name, entry.first});
          if (info != ids.bridge_ports.end())
            last_ns = std::max(last_ns, dataplane.last_received_s(info->second.id) * kNsPerSecond);
          return last_ns + aging_ns < now_ns;
        }) != 0;
  }
}

void RemoteLearner::begin_update(uint64_t now_ns) noexcept {
  updating_ = std::exchange(changed_, false);
  next_update_ns_ = now_ns + kUpdateEveryNs;
}

std::shared_ptr<const Config> RemoteLearner::with_learned(
    std::shared_ptr<const Config> config) const {
  const bool any = std::any_of(learned_.begin(), learned_.end(),
                               [](const auto& each) { return !each.second.since_ns.empty(); });
  if (!any) return config;
  auto running = std::make_shared<Config>(*config);
  for (NetworkConfig& network : running->networks) {
    const auto found = learned_.find(network.name);
    if (found == learned_.end()) continue;
    for (const auto& [address, since] : found->second.since_ns) {
      RemoteConfig remote;
      remote.address = address;
      remote.kind = network.learn_kind;
      remote.id = network.vni;
      network.remotes.push_back(remote);
    }
  }
  return running;
}

bool RemoteLearner::is_learned(const std::string& network, const IpAddr& address) const {
  const auto found = learned_.find(network);
  return found != learned_.end() && found->second.since_ns.contains(address);
}

}  // namespace adit
