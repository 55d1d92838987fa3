// SPDX-License-Identifier: Apache-2.0
// What steps make beside the packets that they were given: parts of a packet that was cut, answers,
// errors, frames of networks' gateways. No step calls another: it puts what it made in here, and
// the step whose business that is takes it when the pipeline comes to it.
#pragma once

#include <rte_mbuf.h>

#include <vector>

#include "adit/ids.h"
#include "packet/packet.h"

namespace adit {

// In order of arrival, and bounded.
template <class Item>
class OutboxList {
 public:
  // What 32 frames of 64 KiB make, the most that one burst brings, for a path of 552 bytes
  // (PathMtus::kLeastIpv4).
  static constexpr unsigned kCapacity = 4096;

  // False: there is no room, and the item stays the caller's.
  bool push(const Item& item) noexcept {
    if (count_ == kCapacity) [[unlikely]]
      return false;
    items_[count_++] = item;
    return true;
  }
  bool empty() const noexcept { return taken_ == count_; }
  unsigned size() const noexcept { return count_ - taken_; }
  // Null: all are taken. What is pushed meanwhile is taken, too.
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

// A finished frame of a gateway's own, for its network's members.
struct FrameToNetwork {
  rte_mbuf* mbuf;
  NetworkId network;
  RoutedFrame routed = {};
};

// Part of a frame that a tunnel kind has put in pieces, finished but for the next hop's MAC.
struct PieceToRemote {
  rte_mbuf* mbuf;
  BridgePortId out;
};

// A packet, which begins with its IP header, for the VRF's routes.
struct PacketToRoute {
  enum class Kind : uint8_t {
    kOnItsWay,  // part of another's traffic: it takes a hop, and its sender may be told of errors
    kOwn,       // of ours: an answer, an error
    kLocal,     // a fragment that has come to an address of ours
  };
  rte_mbuf* mbuf;
  const uint8_t* via = nullptr;  // Packet::via
  Origin origin = {};
  VrfId vrf = 0;
  Kind kind = Kind::kOnItsWay;
  bool translated = false;
  bool may_fragment = false;
  bool handed_over = false;
};

struct Outbox {
  OutboxList<PacketToRoute> to_route;
  OutboxList<PacketToRoute> fragments;  // to be put together
  OutboxList<FrameToNetwork> to_network;
  OutboxList<PieceToRemote> pieces;  // of one frame, all but the last: see TunnelOps::encap
};

}  // namespace adit
