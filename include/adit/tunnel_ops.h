// SPDX-License-Identifier: Apache-2.0
// What workers know of a tunnel kind: one of these tables, in its own file below
// dataplane/tunnel/. Its line is in tunnel_kinds.h, its keys are in tunnel_keys.h.
#pragma once

#include <cstdint>
#include <memory>
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
  uint16_t port = 0;           // destination port, host order; 0: the kind has none
  uint8_t ttl = 0;
  uint8_t dscp = 0;
  bool checksum = false;                 // GRE: send one; UDP over IPv6: true, or zero is sent
  bool sequence = false;                 // GRE: number the packets
  uint16_t payload = kEtherTypeBridged;  // EtherType of what is carried
  uint8_t outer = 0;                     // outer::kUniformDscp and so on
  unsigned mtu_bytes = 0;                // of the underlay port: the outer IP packet's largest size
};

// What a kind keeps, of a type that only the kind knows.
class TunnelState {
 public:
  TunnelState() = default;
  template <class T>
  explicit TunnelState(std::unique_ptr<T> state)
      : state_(state.release(), {[](void* gone) noexcept { delete static_cast<T*>(gone); }}) {}

  void* get() const noexcept { return state_.get(); }
  template <class T>
  T& as() const noexcept {
    return *static_cast<T*>(get());
  }

 private:
  struct Free {
    void (*free)(void* gone) noexcept;
    void operator()(void* gone) const noexcept { free(gone); }
  };
  std::unique_ptr<void, Free> state_;
};

// What an ICMP error quotes of a packet of ours, from behind its outer IP header on. Words are
// big-endian, and there only where has() says so.
struct TunnelQuote {
  const uint8_t* data;
  uint32_t bytes;  // 8 at least
  Ipv6Key remote;  // whom it was sent to

  bool has(uint32_t up_to) const noexcept { return up_to <= bytes; }
  uint16_t word16(uint32_t at) const noexcept {
    return reinterpret_cast<const be16*>(data + at)->host();
  }
  uint32_t word32(uint32_t at) const noexcept {
    return reinterpret_cast<const be32*>(data + at)->host();
  }
};

// By which remote or tunnel: its kind, and its id where enough of the packet is there to tell.
struct QuotedId {
  TunnelKind kind;
  std::optional<uint64_t> wire_id;
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

  // Puts the header of the bridge port Packet::out before each frame, or sets Packet::drop. Returns
  // how many of them it has done: fewer than all where it has put a frame in pieces and
  // Outbox::pieces is to be emptied first, before the packets themselves are sent.
  std::size_t (*encap)(Worker& worker, std::span<Packet* const> packets);

  // Whose packet it was, of what came by the kind's protocol and port; several kinds of one
  // protocol leave it to one of them.
  std::optional<QuotedId> (*read_quote)(const Snapshot& snapshot, const TunnelQuote& quote);

  // --- What follows is for kinds that have it.

  // It tells the other end what of a frame's checksum and segmentation is left to do.
  bool takes_pending_offload = false;
  // Of each worker, made and freed with it. `seed`: another one for each.
  TunnelState (*make_state)(Worker& worker, uint64_t seed) = nullptr;
  // Of all workers, made before them and freed after them.
  TunnelState (*make_shared)() = nullptr;
  // What the shared state has of the remote or tunnel goes: its id is to be another's.
  void (*forget)(TunnelState& shared, BridgePortId bridge_port) = nullptr;
  // Once a pass while packets are kept for later (TunnelStates::kept).
  void (*tick)(Worker& worker) noexcept = nullptr;
};

// All kinds, by tunnel_index().
std::span<const TunnelOps* const> tunnel_registry() noexcept;

}  // namespace adit
