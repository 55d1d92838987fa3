// SPDX-License-Identifier: Apache-2.0
#include "netlink/kernel_neighbours.h"

#include <spdlog/spdlog.h>

#include <set>
#include <utility>

#include "base/log.h"

namespace adit {
namespace {

using FollowingVrf = std::pair<std::string, const KernelNeighboursConfig*>;

// By name; empty: the underlay.
std::vector<FollowingVrf> following_vrfs(const Config& config) {
  std::vector<FollowingVrf> all;
  if (config.kernel_neighbours) all.emplace_back("", &*config.kernel_neighbours);
  for (const VrfConfig& vrf : config.vrfs)
    if (vrf.kernel_neighbours) all.emplace_back(vrf.name, &*vrf.kernel_neighbours);
  return all;
}

std::string shown_vrf(const std::string& name) {
  return name.empty() ? kUnderlayName : name;
}

}  // namespace

void KernelNeighbours::configure(uint64_t now_ns) {
  std::map<std::string, std::map<std::string, const KernelNeighboursConfig*>> spaces;
  for (const auto& [vrf, config] : following_vrfs(control_.config()))
    spaces[config->network_namespace.value_or("")][vrf] = config;
  for (const auto& space : spaces)
    if (!sources_.contains(space.first))
      sources_[space.first] = std::make_unique<Source>(space.first);
  for (auto& each : sources_) {
    Source& source = *each.second;
    const auto& wanted = spaces[each.first];
    for (auto it = source.vrfs.begin(); it != source.vrfs.end();) {
      const bool stays = wanted.contains(it->first);
      if (!stays) it->second.table.forget(now_ns);
      it = stays ? std::next(it) : source.vrfs.erase(it);
    }
    std::set<std::string> names;
    bool is_new = false;
    for (const auto& [vrf, config] : wanted) {
      NeighbourTable& table = source.vrfs.try_emplace(vrf, control_, vrf).first->second.table;
      is_new |= table.configure(*config, now_ns);
      names.insert(config->interfaces.begin(), config->interfaces.end());
    }
    source.space.follow(std::move(names));
    if (is_new) source.space.refresh(now_ns);
  }
}

void KernelNeighbours::tick(uint64_t now_ns) {
  for (auto& [name, source] : sources_) {
    source->now_ns = now_ns;
    source->space.tick(now_ns);
  }
  if (now_ns < retry_ns_) return;
  retry_ns_ = now_ns + KernelLists::kRetryNs;
  for (auto& [name, source] : sources_) {
    source->space.look_again();
    for (const auto& [vrf, followed] : source->vrfs)
      if (followed.table.wants_round()) source->space.refresh(now_ns);
  }
}

void KernelNeighbours::Source::begin_round() {
  for (auto& [vrf, followed] : vrfs) followed.table.begin_round();
}

void KernelNeighbours::Source::entry(const LinkMessage& link, const NeighbourMessage& message,
                                     bool) {
  for (auto& [vrf, followed] : vrfs) followed.table.take(link, message, now_ns);
}

void KernelNeighbours::Source::end_round() {
  space.round_ended();
  for (auto& [vrf, followed] : vrfs) {
    NeighbourTable& table = followed.table;
    table.end_round(now_ns);
    std::string counts = fmt::format("neighbours={} lasting={} refused={}", table.neighbours(),
                                     table.lasting(), table.refused());
    if (std::exchange(followed.counts, counts) != counts)
      spdlog::info("event=kernel_neighbours vrf={} {}", log_value(shown_vrf(vrf)), counts);
    const std::string complaint = complaint_about(table);
    if (std::exchange(followed.complaint, complaint) == complaint) continue;
    if (complaint.empty())
      spdlog::info("event=kernel_neighbours_waits_no_longer vrf={}", log_value(shown_vrf(vrf)));
    else
      spdlog::warn("event=kernel_neighbours_waits vrf={} reason={}", log_value(shown_vrf(vrf)),
                   log_value(complaint));
  }
}

// Empty: none.
std::string KernelNeighbours::Source::complaint_about(const NeighbourTable& table) const {
  for (const std::string& name : table.config().interfaces)
    if (space.follower()->link(name) == nullptr)
      return "there is no interface '" + name + "' in that network namespace";
  return "";
}

std::vector<NeighbourSource> KernelNeighbours::sources() const {
  std::vector<NeighbourSource> all;
  for (const auto& [vrf, config] : following_vrfs(control_.config())) {
    const auto found = sources_.find(config->network_namespace.value_or(""));
    if (found == sources_.end() || !found->second->vrfs.contains(vrf)) continue;
    const Source& source = *found->second;
    const Followed& followed = source.vrfs.at(vrf);
    NeighbourSource row;
    source.space.put_state(row);
    row.wait_for(followed.complaint);
    row.vrf = vrf;
    row.interfaces = config->interfaces;
    row.neighbours = followed.table.neighbours();
    row.lasting = followed.table.lasting();
    row.unused = followed.table.unused();
    row.refused = followed.table.refused();
    all.push_back(std::move(row));
  }
  return all;
}

}  // namespace adit
