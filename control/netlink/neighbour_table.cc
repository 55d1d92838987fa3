// SPDX-License-Identifier: Apache-2.0
#include "netlink/neighbour_table.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "compile/imported_routes.h"

namespace adit {

bool NeighbourTable::configure(const KernelNeighboursConfig& config, uint64_t now_ns) {
  const bool is_other = config != config_;
  if (config.network_namespace != config_.network_namespace) forget(now_ns);
  config_ = config;
  interfaces_ = {config.interfaces.begin(), config.interfaces.end()};
  while (entries_.size() > config_.limit) {
    remove(std::prev(entries_.end())->first, now_ns);
    ++refused_;
  }
  return is_other;
}

void NeighbourTable::forget(uint64_t now_ns) {
  for (const auto& [address, told] : told_) control_.untell_neighbour(vrf_, address, now_ns);
  entries_.clear();
  heard_.clear();
  told_.clear();
  lasting_ = refused_ = 0;
}

void NeighbourTable::begin_round() {
  heard_.clear();
  refused_ = 0;
}

void NeighbourTable::take(const LinkMessage& link, const NeighbourMessage& message,
                          uint64_t now_ns) {
  // Of which of our links a link-local one is, the kernel's interface does not tell.
  if (!interfaces_.contains(link.name) || is_link_local(message.address)) return;
  const Name name{message.address, message.interface};
  if (message.is_gone) return remove(name, now_ns);
  if (!entries_.contains(name) && entries_.size() >= config_.limit) {
    ++refused_;
    return;
  }
  heard_.insert(name);
  const ToldNeighbour entry{message.mac, message.is_lasting};
  const auto [known, is_new] = entries_.try_emplace(name, entry);
  if (!is_new && known->second == entry) return;
  known->second = entry;
  tell(message.address, now_ns);
}

// By value: it may be of the entry that goes.
void NeighbourTable::remove(Name name, uint64_t now_ns) {
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
    lasting_ -= told->second.is_lasting;
    told_.erase(told);
    return control_.untell_neighbour(vrf_, address, now_ns);
  }
  if (told != told_.end() && told->second == *best) return;
  if (told != told_.end()) lasting_ -= told->second.is_lasting;
  lasting_ += best->is_lasting;
  told_[address] = *best;
  control_.tell_neighbour(vrf_, address, *best, now_ns);
}

// What the kernel has not said is there no longer.
void NeighbourTable::end_round(uint64_t now_ns) {
  std::vector<Name> gone;
  for (const auto& [name, entry] : entries_)
    if (!heard_.contains(name)) gone.push_back(name);
  for (const Name& name : gone) remove(name, now_ns);
  heard_.clear();
}

uint64_t NeighbourTable::unused() const {
  return static_cast<uint64_t>(std::ranges::count_if(told_, [this](const auto& each) {
    return !control_.neighbours().link_to(vrf_, each.first);
  }));
}

}  // namespace adit
