// SPDX-License-Identifier: Apache-2.0
// What a remote is to its network: the same whether it is compiled or comes later.
#pragma once

#include "adit/snapshot.h"
#include "config/config.h"

namespace adit {

// Where a remote comes from.
enum class RemoteOrigin : uint8_t { kFile, kLearned, kNetlink };
constexpr const char* to_string(RemoteOrigin origin) noexcept {
  switch (origin) {
    case RemoteOrigin::kFile:
      return "file";
    case RemoteOrigin::kLearned:
      return "learned";
    case RemoteOrigin::kNetlink:
      return "netlink";
  }
  return "";
}

// BridgePort::flags that the network gives.
uint8_t flags_of(const NetworkConfig& network);
// The split-horizon group of a remote.
uint16_t split_group_of(const RemoteConfig& remote);
// A sender that becomes a remote of the network.
RemoteConfig learned_remote(const NetworkConfig& network, const IpAddr& address);
// What fits all that the network's frames are flooded to.
uint32_t least_frame_bytes(const Snapshot& snapshot, const NetworkEntry& network);

}  // namespace adit
