// SPDX-License-Identifier: Apache-2.0
// Packets that steps originate: fragments and segments, answers, ICMP errors, frames of networks'
// gateways. No step calls another: it puts such packets here, and the responsible step takes them
// when the pipeline runs it.
#pragma once

#include <rte_mbuf.h>

#include <vector>

#include "adit/ids.h"
#include "packet/packet.h"

namespace adit {

// A bounded FIFO.
template <class Item>
class OutboxList {
 public:
  // What 32 frames of 64 KiB make, the most that one burst brings, for a path of 552 bytes
  // (PathMtus::kLeastIpv4).
  static constexpr unsigned kCapacity = 4096;

  // False: the list is full, and the caller keeps the item.
  bool push(const Item& item) noexcept {
    if (count_ == kCapacity) [[unlikely]]
      return false;
    items_[count_++] = item;
    return true;
  }
  bool empty() const noexcept { return taken_ == count_; }
  unsigned size() const noexcept { return count_ - taken_; }
  // Null: the list is empty. Items that are pushed meanwhile are returned too.
  const Item* take() noexcept {
    ADIT_ASSERT(taken_ <= count_ && count_ <= kCapacity);
    if (taken_ == count_) {
      taken_ = count_ = 0;
      return nullptr;
    }
    return &items_[taken_++];
  }

 private:
  std::vector<Item> items_ = std::vector<Item>(kCapacity);
  unsigned taken_ = 0, count_ = 0;
};

// A complete frame of a network's gateway, for the network.
struct FrameToNetwork {
  rte_mbuf* mbuf;
  NetworkId network;
  RoutedFrame routed = {};
};

// Segment of a frame that a tunnel kind has segmented, complete but for the next hop's MAC.
struct PieceToRemote {
  rte_mbuf* mbuf;
  BridgePortId out;
};

// A packet, which begins with its IP header, for the VRF's routes.
struct PacketToRoute {
  enum class Kind : uint8_t {
    kOnItsWay,  // forwarded traffic: its TTL is lowered, and its sender may get ICMP errors
    kOwn,       // originated by adit: an answer, an ICMP error
    kLocal,     // a fragment to one of our addresses
  };
  rte_mbuf* mbuf;
  const uint8_t* via = nullptr;  // Packet::via
  Origin origin = {};
  VrfId vrf = 0;
  Kind kind = Kind::kOnItsWay;
  bool translated = false;
  bool may_fragment = false;
  bool handed_over = false;
  BridgePortId in = 0;  // where a link-local sender is
};

// A packet of control's own, see Dataplane::send_packet().
struct PacketFromControl {
  rte_mbuf* mbuf;
  VrfId vrf;
  BackendId backend;
};

struct Outbox {
  OutboxList<PacketFromControl> from_control;
  OutboxList<PacketToRoute> to_route;
  OutboxList<PacketToRoute> fragments;  // to be reassembled
  OutboxList<FrameToNetwork> to_network;
  OutboxList<PieceToRemote> pieces;  // of one frame, all but the last: see TunnelOps::encap
};

}  // namespace adit
