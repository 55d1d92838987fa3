// SPDX-License-Identifier: Apache-2.0
// The interface of tunnel kinds for workers: a table of functions, in the kind's file below
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

// One remote of a network, or a VRF's tunnel for packets of one IP version. Control fills it in.
struct TunnelEndpoint {
  MacAddr source_mac;
  IpAddr source_ip;  // of the same family as remote_ip
  IpAddr remote_ip;
  std::optional<uint64_t> id;  // none: the remote has no id
  uint16_t port = 0;           // destination port, host order; 0: the kind has none
  uint8_t ttl = 0;
  uint8_t dscp = 0;
  bool checksum = false;                 // GRE: send one; UDP over IPv6: false: send zero
  bool sequence = false;                 // GRE: send and expect sequence numbers
  uint16_t payload = kEtherTypeBridged;  // EtherType of the payload
  uint8_t outer = 0;                     // outer::kUniformDscp and so on
  unsigned mtu_bytes = 0;                // of the underlay port: largest outer IP packet
};

// State of a kind, of a type that only the kind knows.
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

// The part of our packet that an ICMP error quotes, after the outer IP header. Words are in network
// byte order, and present only if has() returns true.
struct TunnelQuote {
  const uint8_t* data;
  uint32_t bytes;  // at least 8
  Ipv6Key remote;  // destination of the quoted packet

  // Whether the first `up_to` bytes are there.
  bool has(uint32_t up_to) const noexcept { return up_to <= bytes; }
  // The bytes at offset `at` from the header's start, in host byte order. The caller has checked
  // that they are there.
  uint16_t word16(uint32_t at) const noexcept {
    return reinterpret_cast<const be16*>(data + at)->host();
  }
  uint32_t word32(uint32_t at) const noexcept {
    return reinterpret_cast<const be32*>(data + at)->host();
  }
};

// The remote or tunnel that sent it: its kind, and its id if enough of the packet is quoted.
struct QuotedId {
  TunnelKind kind;
  std::optional<uint64_t> wire_id;
};

struct TunnelOps {
  // The id in packets of this remote, in the form of Packet::tunnel_id.
  uint64_t (*wire_id)(const std::optional<uint64_t>& id);

  // Fills header, header_len, checksum_base, outer and max_frame_bytes of the bridge port.
  void (*compile)(const TunnelEndpoint& endpoint, BridgePort& out);

  // Checks the tunnel header at Packet::l4_payload, and sets Packet::tunnel_id and
  // Packet::inner_offset, or Packet::drop. It may keep a packet for later; then it sets
  // Packet::mbuf to null.
  void (*decap)(Worker& worker, std::span<Packet* const> packets);

  // Prepends the header of bridge port Packet::out to each frame, or sets Packet::drop. Returns
  // the number of frames done: fewer than all if it has segmented a frame, and the caller has to
  // empty Outbox::pieces before it sends the packets themselves.
  std::size_t (*encap)(Worker& worker, std::span<Packet* const> packets);

  // Which remote or tunnel sent a packet that has the kind's protocol and port. If several kinds
  // share a protocol, one of them implements it.
  std::optional<QuotedId> (*read_quote)(const Snapshot& snapshot, const TunnelQuote& quote);

  // --- Optional; null or false: the kind does not have it.

  // Its header says which checksums and segmentation are left to the other end.
  bool takes_pending_offload = false;
  // State of a worker, created and freed with it. `seed` differs for each worker.
  TunnelState (*make_state)(Worker& worker, uint64_t seed) = nullptr;
  // State shared by all workers, created before them and freed after them.
  TunnelState (*make_shared)() = nullptr;
  // Removes a remote or tunnel from the shared state, before its id is assigned again.
  void (*forget)(TunnelState& shared, BridgePortId bridge_port) = nullptr;
  // Called once a pass while packets are kept (TunnelStates::kept is not 0).
  void (*tick)(Worker& worker) noexcept = nullptr;
};

// All kinds, by tunnel_index().
std::span<const TunnelOps* const> tunnel_registry() noexcept;

}  // namespace adit
