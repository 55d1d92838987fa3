// SPDX-License-Identifier: Apache-2.0
#include "netlink/neighbour_table.h"

#include <algorithm>
#include <vector>

#include "compile/imported_routes.h"

namespace adit {

bool NeighbourTable::configure(const KernelNeighboursConfig& config, uint64_t now_ns) {
  const bool is_other = config != config_;
  if (config.interfaces != config_.interfaces ||
      config.network_namespace != config_.network_namespace || entries_.size() > config.limit)
    forget(now_ns);
  config_ = config;
  interfaces_ = {config.interfaces.begin(), config.interfaces.end()};
  return is_other;
}

void NeighbourTable::forget(uint64_t now_ns) {
  for (const auto& [address, told] : told_) control_.untell_neighbour(vrf_, address, now_ns);
  entries_.clear();
  heard_.clear();
  refused_.clear();
  told_.clear();
}

void NeighbourTable::take(const LinkMessage& link, const NeighbourMessage& message,
                          uint64_t now_ns) {
  // Of which of our links a link-local one is, the kernel's interface does not tell.
  if (!interfaces_.contains(link.name) || is_link_local(message.address)) return;
  const Name name{message.address, message.interface};
  if (message.is_gone) return remove(name, now_ns);
  heard_.insert(name);
  if (!entries_.contains(name) && entries_.size() >= config_.limit) {
    refused_.insert(name);
    return;
  }
  refused_.erase(name);
  const ToldNeighbour entry{message.mac, message.is_lasting};
  const auto [known, is_new] = entries_.try_emplace(name, entry);
  if (!is_new && known->second == entry) return;
  known->second = entry;
  tell(message.address, now_ns);
}

void NeighbourTable::remove(const Name& name, uint64_t now_ns) {
  refused_.erase(name);
  if (entries_.erase(name) != 0) tell(name.first, now_ns);
}

// What is known of the address now, if that is something else than before.
void NeighbourTable::tell(const IpAddr& address, uint64_t now_ns) {
  const ToldNeighbour* best = nullptr;
  for (auto at = entries_.lower_bound({address, 0});
       at != entries_.end() && at->first.first == address; ++at)
    if (best == nullptr || (at->second.is_lasting && !best->is_lasting)) best = &at->second;
  const auto told = told_.find(address);
  if (best == nullptr) {
    if (told == told_.end()) return;
    told_.erase(told);
    return control_.untell_neighbour(vrf_, address, now_ns);
  }
  if (told != told_.end() && told->second == *best) return;
  told_[address] = *best;
  control_.tell_neighbour(vrf_, address, *best, now_ns);
}

// What the kernel has not said is there no longer.
void NeighbourTable::end_round(uint64_t now_ns) {
  std::vector<Name> gone;
  for (const auto& [name, entry] : entries_)
    if (!heard_.contains(name)) gone.push_back(name);
  for (const Name& name : refused_)
    if (!heard_.contains(name)) gone.push_back(name);
  for (const Name& name : gone) remove(name, now_ns);
  heard_.clear();
}

uint64_t NeighbourTable::lasting() const noexcept {
  return static_cast<uint64_t>(
      std::ranges::count_if(told_, [](const auto& each) { return each.second.is_lasting; }));
}

uint64_t NeighbourTable::unused() const {
  return static_cast<uint64_t>(std::ranges::count_if(told_, [this](const auto& each) {
    return !control_.neighbours().link_to(vrf_, each.first);
  }));
}

}  // namespace adit
