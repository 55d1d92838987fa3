// SPDX-License-Identifier: Apache-2.0
// `show` for what lies behind tunnels: remotes of networks, tunnels of VRFs.
#include <algorithm>
#include <unordered_map>

#include "api/show.h"
#include "api/show_parts.h"
#include "base/drops_json.h"
#include "config/values.h"

namespace adit {
namespace {

using nlohmann::json;
using NeighboursById = std::unordered_map<AdjacencyId, const Neighbour*>;

NeighboursById neighbours_by_id(const Neighbours& neighbours) {
  NeighboursById by_id;
  for (const auto& [hop, neighbour] : neighbours.all())
    if (neighbour.adjacency != 0) by_id.emplace(neighbour.adjacency, &neighbour);
  return by_id;
}

// Whether packets go out to it now.
bool is_reachable(const Neighbour& neighbour) {
  return neighbour.state == NeighbourState::kStatic ||
         neighbour.state == NeighbourState::kReachable ||
         neighbour.state == NeighbourState::kStale || neighbour.state == NeighbourState::kProbing;
}

// The other end by what a remote and a tunnel have in common.
void put_end(json& row, TunnelKind kind, const std::optional<uint64_t>& id, const IpAddr& address) {
  row["kind"] = info_of(kind).name;
  row["id"] = id ? json(*id) : json(nullptr);
  row["address"] = to_string(address);
}

// Next hop, when it was last heard of, traffic; `names` are those of its bridge ports.
void put_state(json& row, const ControlPlane& control, const NeighboursById& neighbours,
               const std::vector<BridgePortName>& names, uint64_t now_ns) {
  row["next_hop"] = nullptr;
  row["next_hop_mac"] = nullptr;
  row["reachable"] = false;
  row["last_seen_s"] = nullptr;
  row["path_mtu_bytes"] = nullptr;
  json errors = json::object();
  const Dataplane& dataplane = control.dataplane();
  Dataplane::Traffic traffic;
  uint64_t last_s = 0;
  for (const BridgePortName& name : names) {
    const auto info = control.ids().bridge_ports.find(name);
    if (info == control.ids().bridge_ports.end()) continue;
    add(traffic, dataplane.bridge_port_traffic(info->second.id));
    last_s = std::max(last_s, dataplane.last_received_s(info->second.id));
    const uint32_t path_mtu = dataplane.path_mtus().of_remote(
        info->second.id, static_cast<uint32_t>(now_ns / kNsPerSecond));
    if (path_mtu != 0) row["path_mtu_bytes"] = path_mtu;
    add_drops(errors, dataplane.bridge_port_drops(info->second.id));
    const auto found = neighbours.find(info->second.adjacency);
    if (found == neighbours.end()) continue;
    const Neighbour& neighbour = *found->second;
    row["next_hop"] = to_string(neighbour.hop.address);
    if (!neighbour.mac.is_zero()) row["next_hop_mac"] = to_string(neighbour.mac);
    row["reachable"] = is_reachable(neighbour);
  }
  if (traffic.rx_packets != 0) row["last_seen_s"] = seconds_since(last_s * kNsPerSecond, now_ns);
  put(row, traffic);
  row["errors"] = std::move(errors);
}

// The part of `lists` that the window shows, as if they were one list. `of(x)` gives the
// entries of x, `make(x, entry)` a row.
template <class Lists, class Of, class Make>
Rows window_of(const Lists& lists, const Window& window, Of of, Make make) {
  Rows out;
  uint64_t place = 0;
  for (const auto& list : lists) {
    const auto& entries = of(list);
    if (place + entries.size() <= window.offset) {
      place += entries.size();
      continue;
    }
    for (const auto& entry : entries) {
      if (place++ < window.offset) continue;
      if (out.rows.size() == window.limit) {
        out.truncated = true;
        out.next_offset = place - 1;
        return out;
      }
      out.rows.push_back(make(list, entry));
    }
  }
  return out;
}

// A network's remotes: those of the file, then those that were learned or that the kernel tells.
class RemoteList {
 public:
  struct Entry {
    RemoteConfig remote;
    RemoteOrigin origin;
  };
  class Iterator {
   public:
    Iterator(const RemoteList& list, size_t place) : list_(list), place_(place) {
      if (list.learned_ == nullptr) return;
      learned_ = place_ == 0 ? list.learned_->all.begin() : list.learned_->all.end();
    }
    Entry operator*() const {
      if (place_ < list_.configured())
        return {list_.network_->remotes[place_], RemoteOrigin::kFile};
      return {learned_remote(*list_.network_, learned_->first),
              learned_->second.is_told ? RemoteOrigin::kNetlink : RemoteOrigin::kLearned};
    }
    Iterator& operator++() {
      if (place_++ >= list_.configured()) ++learned_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return place_ != other.place_; }

   private:
    const RemoteList& list_;
    size_t place_;
    std::map<IpAddr, RemoteLearner::Known>::const_iterator learned_;
  };

  RemoteList() = default;
  RemoteList(const NetworkConfig* network, const RemoteLearner::Learned* learned)
      : network_(network), learned_(learned) {}
  size_t size() const { return configured() + (learned_ == nullptr ? 0 : learned_->all.size()); }
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

 private:
  size_t configured() const { return network_ == nullptr ? 0 : network_->remotes.size(); }
  const NetworkConfig* network_ = nullptr;
  const RemoteLearner::Learned* learned_ = nullptr;
};

}  // namespace

Rows show_remotes(const ControlPlane& control, const std::optional<std::string>& wanted,
                  const Window& window, uint64_t now_ns) {
  const NeighboursById neighbours = neighbours_by_id(control.neighbours());
  return window_of(
      control.config().networks, window,
      [&](const NetworkConfig& network) -> RemoteList {
        if (wanted && network.name != *wanted) return {};
        return {&network, control.remote_learner().of(network.name)};
      },
      [&](const NetworkConfig& network, const RemoteList::Entry& entry) {
        const RemoteConfig& remote = entry.remote;
        json row = {{"network", network.name}};
        put_end(row, remote.kind, effective_id(network, remote), remote.address);
        row["learned"] = entry.origin == RemoteOrigin::kLearned;
        row["origin"] = to_string(entry.origin);
        put_state(row, control, neighbours, {RemoteName{network.name, remote.address}}, now_ns);
        return row;
      });
}

Rows show_tunnels(const ControlPlane& control, const Window& window, uint64_t now_ns) {
  const NeighboursById neighbours = neighbours_by_id(control.neighbours());
  return window_of(
      control.config().vrfs, window,
      [](const VrfConfig& vrf) -> const std::vector<VrfTunnelConfig>& { return vrf.tunnels; },
      [&](const VrfConfig& vrf, const VrfTunnelConfig& tunnel) {
        json row = {{"vrf", vrf.name}, {"name", tunnel.name}};
        put_end(row, tunnel.kind, tunnel.id, tunnel.address);
        put_state(row, control, neighbours,
                  {VrfTunnelName{vrf.name, tunnel.name, 4, tunnel.address},
                   VrfTunnelName{vrf.name, tunnel.name, 6, tunnel.address}},
                  now_ns);
        return row;
      });
}

}  // namespace adit
