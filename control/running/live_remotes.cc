// SPDX-License-Identifier: Apache-2.0
#include "running/live_remotes.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "base/time_units.h"
#include "compile/remotes.h"
#include "compile/tunnels.h"

namespace adit {
namespace {

constexpr uint64_t kIdsRestNs = LiveNextHops::kIdsRestNs;

SenderKey sender_key(const RemoteConfig& remote, std::optional<uint64_t> id) {
  return {address_key(remote.address), tunnel_registry()[tunnel_index(remote.kind)]->wire_id(id)};
}

BridgePortName name_of(const NetworkConfig& network, const IpAddr& address) {
  return RemoteName{network.name, address};
}

// The kind, by which workers know that it is there, comes last.
void write(BridgePort& to, const BridgePort& from) {
  static_assert(offsetof(BridgePort, kind) == 0 && sizeof from.kind == 1);
  std::memcpy(reinterpret_cast<char*>(&to) + 1, reinterpret_cast<const char*>(&from) + 1,
              sizeof from - 1);
  set_kind_now(to, from.kind);
}

}  // namespace

void LiveRemotes::bind(RunningState& state, Snapshot& snapshot, std::vector<PortTraits> traits,
                       std::span<const BridgePortId> gone, uint64_t now_ns) {
  state_ = &state;
  snapshot_ = &snapshot;
  traits_ = std::move(traits);
  next_id_ = 1;
  if (!state.routing) {  // nobody learns
    leaving_.clear();
    resting_.clear();
    not_free_.clear();
    return;
  }
  const auto is_beyond = [&](const auto& each) { return each.id >= snapshot.bridge_ports.size(); };
  std::erase_if(leaving_, is_beyond);
  std::erase_if(resting_, is_beyond);
  const uint64_t token = dataplane_.begin_grace();
  for (const BridgePortId id : gone)
    if (id < snapshot.bridge_ports.size()) leaving_.push_back({id, now_ns, token});
  not_free_.clear();
  for (const auto& list : {leaving_, resting_})
    for (const auto& each : list) not_free_.insert(each.id);
}

// 0: none is left.
BridgePortId LiveRemotes::take_id(uint64_t now_ns) {
  const auto& all = snapshot_->bridge_ports;
  for (; next_id_ < all.size(); ++next_id_)
    if (all[next_id_].kind == BridgePortKind::kNone && !not_free_.contains(next_id_))
      return next_id_++;
  if (resting_.empty() || now_ns < resting_.front().since_ns + kIdsRestNs) return 0;
  const BridgePortId id = resting_.front().id;
  resting_.pop_front();
  not_free_.erase(id);
  return id;
}

// One that take_id() gave, and nobody used.
void LiveRemotes::give_back_id(BridgePortId id) {
  resting_.push_front({id, 0, 0});
  not_free_.insert(id);
}

LiveRemotes::Added LiveRemotes::add(const NetworkConfig& network, const IpAddr& address,
                                    uint64_t now_ns) {
  CompiledIds& ids = state_->ids;
  // It went and came back before anybody took it away.
  if (ids.bridge_ports.contains(name_of(network, address))) return Added::kYes;
  const RemoteConfig remote = learned_remote(network, address);
  const auto hop = state_->routing->find(address);
  const auto network_id = ids.networks.at(network.name);
  NetworkEntry& entry = snapshot_->networks[network_id];
  auto& senders = snapshot_->tunnels[tunnel_index(remote.kind)].senders;
  if (!hop || !senders.has_room() || !snapshot_->remote_addresses.has_room())
    return Added::kCompile;

  const auto wire_id = effective_id(network, remote);
  // The report may be older than the configuration, which names the sender in another network.
  if (senders.find(sender_key(remote, wire_id)) != 0) return Added::kFull;
  BridgePort made;
  made.kind = BridgePortKind::kTunnel;
  made.network = network_id;
  made.flags = flags_of(network);
  if (entry.gateway != 0) made.flags |= BridgePort::kHasGateway;
  made.split_group = split_group_of(remote);
  make_header(*state_->config, traits_, *state_->routing, remote, wire_id, network.tunnel,
              kEtherTypeBridged, *hop, made);
  // Routes through the network's gateway have its MTU.
  const uint32_t least = std::min(entry.flood.least_frame_bytes(), made.max_frame_bytes);
  if (entry.gateway != 0 && least != entry.flood.least_frame_bytes()) return Added::kCompile;

  BridgePortInfo info;
  info.network = network_id;
  info.tunnel = remote.kind;
  info.tunnel_id = wire_id;
  info.id = take_id(now_ns);
  if (info.id == 0)
    return snapshot_->bridge_ports.size() > kMaxBridgePorts ? Added::kFull : Added::kCompile;
  info.adjacency = next_hops_.take(*hop, now_ns);
  if (info.adjacency == 0) {
    give_back_id(info.id);
    return Added::kFull;
  }
  made.adjacency = info.adjacency;
  made.sequence_id = info.id;

  dataplane_.reset_bridge_port(info.id);
  fdb_.add_place(info.id, network_id, address, now_ns);
  ids.bridge_ports[name_of(network, address)] = info;
  state_->learned_at[address].insert(info.id);

  // Workers come to the bridge port by what follows.
  write(snapshot_->bridge_ports[info.id], made);
  senders.add(sender_key(remote, wire_id), info.id);
  if (snapshot_->remote_addresses.find(address_key(address)) == 0)
    snapshot_->remote_addresses.add(address_key(address), info.id);
  entry.flood.set_least_frame_bytes(least);
  dataplane_.retire(entry.flood.add(info.id));
  return Added::kYes;
}

bool LiveRemotes::remove(const NetworkConfig& network, std::span<const IpAddr> addresses,
                         uint64_t now_ns) {
  const size_t before = removed_.size();
  for (const IpAddr& address : addresses) remove_one(network, address, now_ns);
  const std::span gone = std::span(removed_).subspan(before);
  if (gone.empty()) return true;
  std::ranges::sort(gone);
  NetworkEntry& entry = snapshot_->networks[state_->ids.networks.at(network.name)];
  dataplane_.retire(
      entry.flood.remove_if([&](BridgePortId id) { return std::ranges::binary_search(gone, id); }));
  const uint32_t least = least_frame_bytes(*snapshot_, entry);
  const bool stays = least == entry.flood.least_frame_bytes();
  if (entry.gateway == 0) entry.flood.set_least_frame_bytes(least);
  not_free_.insert(gone.begin(), gone.end());
  return stays || entry.gateway == 0;
}

void LiveRemotes::remove_one(const NetworkConfig& network, const IpAddr& address, uint64_t now_ns) {
  CompiledIds& ids = state_->ids;
  const auto found = ids.bridge_ports.find(name_of(network, address));
  if (found == ids.bridge_ports.end()) return;  // it waits for room
  const BridgePortInfo info = found->second;
  ids.bridge_ports.erase(found);
  const RemoteConfig remote = learned_remote(network, address);
  snapshot_->tunnels[tunnel_index(remote.kind)].senders.remove(
      sender_key(remote, effective_id(network, remote)));
  forget_address(address, info.id);
  if (const auto hop = state_->routing->find(address))
    next_hops_.leave(*hop, info.adjacency, now_ns);
  removed_.push_back(info.id);
}

// The address may be another network's remote as well.
void LiveRemotes::forget_address(const IpAddr& address, BridgePortId id) {
  const auto at = state_->learned_at.find(address);
  if (at == state_->learned_at.end()) return;
  at->second.erase(id);
  auto& table = snapshot_->remote_addresses;
  const Ipv6Key key = address_key(address);
  if (table.find(key) == id) {
    if (at->second.empty())
      table.remove(key);
    else
      table.replace(key, *at->second.begin());
  }
  if (at->second.empty()) state_->learned_at.erase(at);
}

void LiveRemotes::finish_removal(uint64_t now_ns) {
  if (now_ns >= next_settling_ns_) settle(now_ns);
}

void LiveRemotes::prepare(uint64_t now_ns) {
  if (state_ == nullptr) return;
  settle(now_ns);
  state_->ids.resting_bridge_ports.assign(not_free_.begin(), not_free_.end());
}

void LiveRemotes::settle(uint64_t now_ns) {
  if (removed_.empty()) return;
  next_settling_ns_ = now_ns + kNsPerSecond;
  fdb_.remove_places(removed_, now_ns);
  // Until here frames went to them, by their MACs.
  const uint64_t token = dataplane_.begin_grace();
  for (const BridgePortId id : removed_) leaving_.push_back({id, now_ns, token});
  removed_.clear();
}

void LiveRemotes::tick(uint64_t now_ns) {
  while (!leaving_.empty() && dataplane_.grace_is_over(leaving_.front().token)) {
    set_kind_now(snapshot_->bridge_ports[leaving_.front().id], BridgePortKind::kNone);
    resting_.push_back({leaving_.front().id, now_ns, 0});
    leaving_.pop_front();
  }
}

}  // namespace adit
