// SPDX-License-Identifier: Apache-2.0
#include "netlink/kernel_fdb.h"

#include <spdlog/spdlog.h>

#include <exception>
#include <set>

#include "base/log.h"
#include "base/network_namespace.h"

namespace adit {

void KernelFdb::configure(uint64_t now_ns) {
  const Config& config = control_.config();
  std::map<std::string, std::map<std::string, const NetworkConfig*>> spaces;
  for (const NetworkConfig& network : config.networks)
    if (network.kernel_fdb)
      spaces[network.kernel_fdb->network_namespace.value_or("")][network.name] = &network;
  for (const auto& space : spaces)
    if (!sources_.contains(space.first)) sources_[space.first] = std::make_unique<Source>();
  for (auto& each : sources_) {
    Source& source = *each.second;
    const auto& wanted = spaces[each.first];
    for (auto it = source.networks.begin(); it != source.networks.end();) {
      const bool stays = wanted.contains(it->first);
      if (!stays) it->second.table.forget(now_ns);
      it = stays ? std::next(it) : source.networks.erase(it);
    }
    source.port = config.tunnels[tunnel_index(TunnelKind::kVxlan)].port;
    source.tables.clear();
    std::set<std::string> names;
    bool is_new = false;
    for (const auto& [name, network] : wanted) {
      FdbTable& table = source.networks.try_emplace(name, control_).first->second.table;
      is_new |= table.configure(*network, now_ns);
      source.tables[{table.interface(), table.vni()}] = &table;
      names.insert(table.interface());
    }
    if (!source.follower && !wanted.empty() && source.why.empty()) open(each.first, source);
    if (!source.follower) continue;
    source.follower->follow(std::move(names));
    if (is_new) source.follower->refresh(now_ns);
  }
}

void KernelFdb::open(const std::string& name, Source& source) {
  try {
    auto made = std::make_unique<FdbFollower>(name, source);
    source.inode = namespace_inode(name);
    source.follower = std::move(made);
    source.is_stale = false;
    source.why.clear();
    std::set<std::string> names;
    for (const auto& [key, table] : source.tables) names.insert(key.first);
    source.follower->follow(std::move(names));
    spdlog::info("event=kernel_fdb_followed namespace={} networks={}", log_value(name),
                 source.networks.size());
  } catch (const std::exception& error) {
    if (source.why == error.what()) return;
    source.why = error.what();
    spdlog::error("event=kernel_fdb_failed namespace={} error={}", log_value(name),
                  log_value(source.why));
  }
}

// Opens what failed, or what is another namespace of that name now. What is known stays until the
// kernel can be asked again.
void KernelFdb::look_again(const std::string& name, Source& source) {
  if (source.networks.empty()) return;
  source.is_stale = source.follower && namespace_inode(name) != source.inode;
  if (source.is_stale || !source.why.empty()) open(name, source);
}

void KernelFdb::tick(uint64_t now_ns) {
  for (auto& [name, source] : sources_) {
    source->now_ns = now_ns;
    if (!source->follower) continue;
    try {
      source->follower->tick(now_ns);
    } catch (const std::exception& error) {
      // It may not be opened again: that one goes on, too.
      source->follower->refresh(now_ns + KernelLists::kRetryNs);
      if (std::exchange(source->why, error.what()) == error.what()) continue;
      spdlog::error("event=kernel_fdb_failed namespace={} error={}", log_value(name),
                    log_value(source->why));
    }
  }
  if (now_ns < retry_ns_) return;
  retry_ns_ = now_ns + KernelLists::kRetryNs;
  for (auto& [name, source] : sources_) {
    look_again(name, *source);
    for (auto& [network, followed] : source->networks)
      if (followed.table.retry(now_ns) && source->follower) source->follower->refresh(now_ns);
  }
}

void KernelFdb::Source::begin_round() {
  for (auto& [name, followed] : networks) followed.table.begin_round();
}

void KernelFdb::Source::entry(const LinkMessage& link, const FdbMessage& message, bool is_change) {
  const uint32_t vni = link.is_external ? message.source_vni.value_or(0) : link.vni;
  const auto found = tables.find({link.name, vni});
  if (found != tables.end()) found->second->take(link, message, is_change, now_ns);
}

void KernelFdb::Source::end_round() {
  if (!is_stale) why.clear();
  for (auto& [name, followed] : networks) {
    FdbTable& table = followed.table;
    table.end_round(now_ns);
    std::string counts = fmt::format("remotes={} macs={} left_out={}", table.remotes(),
                                     table.macs(), table.left_out());
    if (std::exchange(followed.counts, counts) != counts)
      spdlog::info("event=kernel_fdb network={} interface={} {}", log_value(name),
                   log_value(table.interface()), counts);
    const std::string complaint = complaint_about(table, port);
    if (std::exchange(followed.complaint, complaint) != complaint && !complaint.empty())
      spdlog::warn("event=kernel_fdb_waits network={} reason={}", log_value(name),
                   log_value(complaint));
  }
}

// Empty: none.
std::string KernelFdb::Source::complaint_about(const FdbTable& table, uint16_t wanted) const {
  const std::string& name = table.interface();
  const LinkMessage* link = follower->link(name);
  if (link == nullptr) return "there is no interface '" + name + "' in that network namespace";
  if (!link->is_vxlan) return "'" + name + "' is no VXLAN interface";
  if (!link->is_external && link->vni != table.vni())
    return "'" + name + "' has the VNI " + std::to_string(link->vni) + "; expected " +
           std::to_string(table.vni()) + ", the network's 'vni'";
  if (link->port != wanted)
    return "'" + name + "' has the UDP port " + std::to_string(link->port) + "; expected " +
           std::to_string(wanted) + " (dstport of 'ip link', or 'udp_port' of 'tunnels.vxlan')";
  return "";
}

std::vector<FdbSource> KernelFdb::sources() const {
  std::vector<FdbSource> all;
  for (const NetworkConfig& network : control_.config().networks) {
    if (!network.kernel_fdb) continue;
    const auto found = sources_.find(network.kernel_fdb->network_namespace.value_or(""));
    if (found == sources_.end() || !found->second->networks.contains(network.name)) continue;
    const Source& source = *found->second;
    const Followed& followed = source.networks.at(network.name);
    FdbSource row{.network = network.name,
                  .interface = followed.table.interface(),
                  .network_namespace = found->first,
                  .remotes = followed.table.remotes(),
                  .macs = followed.table.macs(),
                  .unused = followed.table.unused(network.name),
                  .refused = followed.table.refused(),
                  .left_out = followed.table.left_out(),
                  .error = source.why};
    if (source.follower) {
      row.rounds = source.follower->rounds();
      row.overruns = source.follower->overruns();
    }
    using State = FdbSource::State;
    if (!source.why.empty())
      row.state = State::kFailed;
    else if (!source.follower || !source.follower->is_complete())
      row.state = State::kReading;
    else
      row.state = followed.complaint.empty() ? State::kFollowing : State::kWaiting;
    if (row.state == State::kWaiting) row.error = followed.complaint;
    all.push_back(std::move(row));
  }
  return all;
}

}  // namespace adit
