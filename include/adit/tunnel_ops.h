// SPDX-License-Identifier: Apache-2.0
// What workers know of a tunnel kind: one of these tables, in its own file below
// dataplane/tunnel/. Its line is in tunnel_kinds.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "adit/addr.h"
#include "adit/snapshot.h"
#include "adit/tunnel_kinds.h"
#include "adit/wire.h"

namespace adit {

struct Packet;  // dataplane/packet/packet.h
struct Worker;  // dataplane/worker/worker.h

// One remote of one network, or one version's half of a VRF's tunnel, as control knows it.
struct TunnelEndpoint {
  MacAddr source_mac;
  IpAddr source_ip;  // of the same family as remote_ip
  IpAddr remote_ip;
  std::optional<uint64_t> id;  // none: a kind that can do without has none
  uint16_t port = 0;           // UDP (STT: TCP-like) destination port, host order
  uint8_t ttl = 0;
  uint8_t dscp = 0;
  bool checksum = false;                 // GRE: send one; UDP over IPv6: true, or zero is sent
  bool sequence = false;                 // GRE: number the packets
  uint16_t payload = kEtherTypeBridged;  // EtherType of what is carried
  uint8_t outer = 0;                     // outer::kUniformDscp and so on
  unsigned mtu_bytes = 0;                // of the underlay port: the outer IP packet's largest size
};

struct TunnelOps {
  // The id that a packet of such a remote carries, as decap sets Packet::tunnel_id.
  uint64_t (*wire_id)(const std::optional<uint64_t>& id);

  // Fills header, header_len, checksum_base, outer and max_frame_bytes of the bridge port.
  void (*compile)(const TunnelEndpoint& endpoint, BridgePort& out);

  // Checks the tunnel header at Packet::l4_payload and sets Packet::tunnel_id and
  // Packet::inner_offset, or Packet::drop. May keep a packet for later: then it sets
  // Packet::mbuf null.
  void (*decap)(Worker& worker, std::span<Packet* const> packets);

  // Puts the header of the bridge port Packet::out before each frame, or sets Packet::drop.
  void (*encap)(Worker& worker, std::span<Packet* const> packets);
};

// All kinds, by tunnel_index().
std::span<const TunnelOps* const> tunnel_registry() noexcept;

}  // namespace adit
