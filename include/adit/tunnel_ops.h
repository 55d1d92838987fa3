// SPDX-License-Identifier: Apache-2.0
// What a tunnel kind is: one of these tables, in its own file below dataplane/tunnel/, and
// a line in registry.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "adit/addr.h"
#include "adit/snapshot.h"

namespace adit {

struct Packet;  // dataplane/packet.h
struct Worker;  // dataplane/worker.h

// One remote of one network, as control knows it.
struct TunnelEndpoint {
  MacAddr source_mac;
  IpAddr source_ip;
  IpAddr remote_ip;
  uint32_t id = 0;  // VNI
  uint16_t udp_port = 0;
  uint8_t ttl = 0;
  uint8_t dscp = 0;
};

struct TunnelOps {
  std::string_view name;  // as in the YAML

  // Fills header, header_len and checksum_base of the bridge port. Pure.
  void (*compile)(const TunnelEndpoint& endpoint, BridgePort& out);

  // Checks the tunnel header at Packet::l4_payload and sets Packet::tunnel_id and
  // Packet::inner_offset, or Packet::drop.
  void (*decap)(std::span<Packet* const> packets);

  // Puts the header of the bridge port Packet::out before each frame, or sets Packet::drop.
  void (*encap)(const Snapshot& snapshot, std::span<Packet* const> packets);
};

// All kinds; an index in here is what Snapshot calls `tunnel`.
std::span<const TunnelOps* const> tunnel_registry() noexcept;

inline constexpr uint8_t kTunnelVxlan = 0;
inline constexpr unsigned kMaxTunnelKinds = 16;

}  // namespace adit
