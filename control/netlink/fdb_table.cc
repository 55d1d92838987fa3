// SPDX-License-Identifier: Apache-2.0
#include "netlink/fdb_table.h"

#include <vector>

namespace adit {

bool FdbTable::configure(const NetworkConfig& network, uint64_t now_ns) {
  const uint16_t port = control_.config().tunnels[tunnel_index(TunnelKind::kVxlan)].port;
  const KernelFdbConfig& config = *network.kernel_fdb;
  const bool is_other = config.interface != config_.interface || network.vni != vni_ ||
                        port != port_ || config.network_namespace != config_.network_namespace;
  if (is_other) forget(now_ns);
  id_ = control_.ids().networks.at(network.name);
  vni_ = network.vni;
  port_ = port;
  config_ = config;
  room_ = uint64_t{config.limit} + network.mac_limit;
  // The file may have had them, or no route to them.
  tell_remotes(now_ns);
  return is_other;
}

void FdbTable::forget(uint64_t now_ns) {
  for (const auto& [mac, remote] : told_macs_) control_.untell_mac(id_, mac, now_ns);
  for (const auto& [remote, count] : remotes_) control_.untell_remote(id_, remote, now_ns);
  entries_.clear();
  heard_.clear();
  remotes_.clear();
  told_macs_.clear();
  refused_macs_.clear();
  refused_remotes_.clear();
  left_out_ = beyond_ = 0;
}

void FdbTable::tell_remotes(uint64_t now_ns) {
  refused_remotes_.clear();
  for (const auto& [remote, count] : remotes_)
    if (!control_.tell_remote(id_, remote, now_ns)) refused_remotes_.insert(remote);
}

void FdbTable::begin_round() {
  heard_.clear();
  beyond_ = 0;
}

void FdbTable::take(const LinkMessage& link, const FdbMessage& message, bool is_change,
                    uint64_t now_ns) {
  Entry entry{message.mac, {message.remote, message.vni, message.port, message.via}};
  entry.second.fits = message.remote && !message.remote->is_multicast() &&
                      !message.mac.is_group() && message.vni.value_or(vni_) == vni_ &&
                      message.port.value_or(link.port) == port_;
  if (message.is_gone) {
    if (entries_.contains(entry)) remove(entry, now_ns);
    return;
  }
  heard_.insert(entry);
  add(entry, is_change, now_ns);
}

void FdbTable::add(const Entry& entry, bool is_change, uint64_t now_ns) {
  const auto& [mac, to] = entry;
  if (!entries_.contains(entry) && entries_.size() >= room_) {
    ++beyond_;
    return;
  }
  if (entries_.insert(entry).second) {
    if (!to.fits)
      ++left_out_;
    else if (remotes_[*to.remote]++ == 0 && !control_.tell_remote(id_, *to.remote, now_ns))
      refused_remotes_.insert(*to.remote);
    is_change = true;
  }
  if (mac.is_zero() || mac.is_group() || !is_change) return;
  // Of a station the kernel has one: what it says now is instead of what it said. The new remote is
  // told before the former one goes.
  if (to.fits) tell_mac(mac, *to.remote, now_ns);
  std::vector<Entry> former;
  for (auto at = entries_.lower_bound({mac, {}}); at != entries_.end() && at->first == mac; ++at)
    if (*at != entry) former.push_back(*at);
  for (const Entry& each : former) remove(each, now_ns);
}

void FdbTable::tell_mac(MacAddr mac, const IpAddr& remote, uint64_t now_ns) {
  told_macs_[mac] = remote;
  if (control_.tell_mac(id_, mac, remote, now_ns))
    refused_macs_.erase(mac);
  else
    refused_macs_.insert(mac);
}

void FdbTable::remove(const Entry& entry, uint64_t now_ns) {
  const auto [mac, to] = entry;
  entries_.erase(entry);
  if (!to.fits) {
    --left_out_;
    return;
  }
  const auto told = told_macs_.find(mac);
  const auto left = entries_.lower_bound({mac, {}});
  const bool has_another = left != entries_.end() && left->first == mac && left->second.fits;
  if (told != told_macs_.end() && !has_another) {
    told_macs_.erase(told);
    refused_macs_.erase(mac);
    control_.untell_mac(id_, mac, now_ns);
  }
  const auto remote = remotes_.find(*to.remote);
  if (--remote->second != 0) return;
  remotes_.erase(remote);
  refused_remotes_.erase(*to.remote);
  control_.untell_remote(id_, *to.remote, now_ns);
}

// What the kernel has not said is there no longer.
void FdbTable::end_round(uint64_t now_ns) {
  std::vector<Entry> gone;
  for (const Entry& entry : entries_)
    if (!heard_.contains(entry)) gone.push_back(entry);
  for (const Entry& entry : gone) remove(entry, now_ns);
  heard_.clear();
}

bool FdbTable::retry(uint64_t now_ns) {
  tell_remotes(now_ns);
  for (const MacAddr mac : std::exchange(refused_macs_, {}))
    tell_mac(mac, IpAddr(told_macs_.at(mac)), now_ns);
  return beyond_ != 0 && entries_.size() < room_;
}

uint64_t FdbTable::refused() const noexcept {
  return refused_remotes_.size() + refused_macs_.size() + beyond_ + control_.fdb().waiting(id_);
}

uint64_t FdbTable::unused(const std::string& network) const {
  const auto& ids = control_.ids().bridge_ports;
  uint64_t count = 0;
  for (const auto& [remote, entries] : remotes_)
    count += !ids.contains(RemoteName{network, remote});
  return count;
}

}  // namespace adit
