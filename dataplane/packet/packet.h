// SPDX-License-Identifier: Apache-2.0
// The parsed facts of one packet, in one cache line beside it, and lists of such.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <span>

#include "adit/assert.h"
#include "adit/drop_reason.h"
#include "adit/ids.h"
#include "packet/inner_flow.h"

namespace adit {

// Where a routed packet came in, and what was put before it since, for those who tell its sender
// of an error.
struct Origin {
  enum Id : uint8_t {
    kSameId,        // or it had none
    kMappedId,      // a fragment, whose id is not its sender's (forward_cut())
    kMayFragment,   // it came as IPv4 with `id` and without DF, and became IPv6
    kDontFragment,  // the same, with DF
    kWasIpv6,       // it came as IPv6, with label(), and became IPv4
    kOurs           // nobody sent it, who could be told of errors
  };
  VrfId vrf;
  uint8_t wrapped_bytes;
  Id id_is : 4;
  uint8_t label_high : 4;
  uint16_t id;  // as on the wire; of a label the lower bits

  // RFC 6437: 20 bits.
  void set_label(uint32_t label) noexcept {
    id_is = kWasIpv6;
    label_high = (label >> 16) & 0xf;
    id = static_cast<uint16_t>(label);
  }
  // Only of what came as IPv6 and became IPv4.
  uint32_t label() const noexcept { return uint32_t{label_high} << 16 | id; }
};
static_assert(sizeof(Origin) == 6);

// Of a packet as it came in.
constexpr Origin origin_in(VrfId vrf) noexcept {
  return {vrf, 0, Origin::kSameId, 0, 0};
}

// Of a frame with a routed packet: how its sender would know it.
struct RoutedFrame {
  enum How : uint8_t { kNotRouted, kAsSent, kTranslated };
  Origin origin;
  How how;
};

// In Packet::in_flags, beside those of BridgePort: a copy that does not fit says so to nobody, as
// another one has reached where it can, or says it.
inline constexpr uint8_t kTooBigUntold = 128;

struct alignas(64) Packet {
  rte_mbuf* mbuf;
  uint64_t src_key;  // fdb_key of the source MAC
  union {
    uint64_t dst_key;
    Origin origin;  // of a routed packet
  };
  BridgePortId in;   // where the frame entered its network
  BridgePortId out;  // where it leaves
  union {
    uint64_t tunnel_id;  // as TunnelOps::wire_id gives it, set by TunnelOps::decap
    const uint8_t* via;  // of a routed packet: address to send it to instead of its destination
    RoutedFrame routed;  // of a frame that its network's gateway sends
  };
  union {
    InnerFlow inner;
    LinkId link;  // of what is for us: where it came in
  };
  NetworkId network;      // of a routed packet: the VRF
  uint16_t split_group;   // of `in`
  uint16_t l4_payload;    // offset of the tunnel header from the frame's start, bytes
  uint16_t inner_offset;  // offset of the inner frame, bytes
  uint8_t outer_tos;      // or traffic class
  uint8_t in_flags;       // BridgePort::flags of `in`; kTooBigUntold
  uint8_t tunnel;         // tunnel_index()
  bool outer_ipv6;
  bool handed_over;  // came from another worker
  bool translated;   // its addresses are not those that it came with
  union {
    uint8_t outer_protocol;  // that of the tunnel's outermost header
    bool may_fragment;       // of a routed packet: IPv6 that came in fragments, or as IPv4
  };
  DropReason drop;  // kNone: none
};
static_assert(sizeof(RoutedFrame) == 8 && sizeof(Packet) == 64);

struct PacketList {
  // A burst, and as many copies of its frames.
  std::array<Packet*, 2 * kMaxBurst> items;
  unsigned count = 0;

  // The caller sees to it that there is room.
  void push(Packet& packet) noexcept {
    ADIT_ASSERT(count < items.size());
    items[count++] = &packet;
  }
  bool empty() const noexcept { return count == 0; }
  std::span<Packet* const> span() const noexcept { return {items.data(), count}; }
};

// The first byte of the first buffer.
inline uint8_t* frame_of(rte_mbuf* mbuf) noexcept {
  return rte_pktmbuf_mtod(mbuf, uint8_t*);
}

// Takes bytes off the front, which the first buffer has.
inline void cut_front(rte_mbuf* mbuf, uint32_t bytes) noexcept {
  ADIT_ASSERT(bytes <= mbuf->data_len);
  rte_pktmbuf_adj(mbuf, static_cast<uint16_t>(bytes));
}
// Makes room for bytes before what is there, which the headroom has.
inline uint8_t* put_front(rte_mbuf* mbuf, uint32_t bytes) noexcept {
  ADIT_ASSERT(bytes <= rte_pktmbuf_headroom(mbuf));
  return reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(mbuf, static_cast<uint16_t>(bytes)));
}

}  // namespace adit
