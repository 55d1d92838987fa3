// SPDX-License-Identifier: Apache-2.0
#include "compile/remotes.h"

#include <algorithm>

namespace adit {
namespace {

// Groups of the remotes that name none are behind those that can be configured.
constexpr uint16_t kFirstKindGroup = 65001;

}  // namespace

uint8_t flags_of(const NetworkConfig& network) {
  int flags = 0;
  if (network.learning) flags |= BridgePort::kLearning;
  if (network.carry_vlans) flags |= BridgePort::kCarryVlans;
  if (network.mss_clamp) flags |= BridgePort::kMssClamp;
  if (network.too_big != TooBig::kDrop) flags |= BridgePort::kTooBigIcmp;
  if (network.too_big == TooBig::kFragment) flags |= BridgePort::kTooBigFragment;
  return static_cast<uint8_t>(flags);
}

uint16_t split_group_of(const RemoteConfig& remote) {
  return remote.split_horizon.value_or(
      static_cast<uint16_t>(kFirstKindGroup + tunnel_index(remote.kind)));
}

RemoteConfig learned_remote(const NetworkConfig& network, const IpAddr& address) {
  RemoteConfig remote;
  remote.address = address;
  remote.kind = network.learn_kind;
  remote.id = network.vni;
  return remote;
}

uint32_t least_frame_bytes(const Snapshot& snapshot, const NetworkEntry& network) {
  uint32_t least = UINT32_MAX;
  for (const BridgePortId id : network.flood.members())
    least = std::min(least, snapshot.bridge_ports[id].max_frame_bytes);
  return least;
}

}  // namespace adit
