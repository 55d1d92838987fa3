// SPDX-License-Identifier: Apache-2.0
// The routes of all VRFs: for each VRF and IP version, a trie over the bytes of the address whose
// leaves hold the longest matching prefix. A look-up reads one entry for each byte, down to the
// longest prefix of the region, and compares nothing. Part of a snapshot.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "adit/addr.h"
#include "adit/ids.h"

namespace adit {

// The target of a route. Each route is of one IP version.
struct RouteTarget {
  enum class Kind : uint8_t {
    kNone,       // no route
    kLocal,      // one of our own addresses
    kTunnel,     // into `tunnel`
    kNextHop,    // to the router behind `adjacency`
    kVirtual,    // the address of services: `virtual_address`
    kConnected,  // to the host itself, on the subnet of `link`
  };
  Kind kind = Kind::kNone;
  bool has_source = false;  // else there is no own address of the version
  LinkId link = 0;
  AdjacencyId adjacency = 0;
  BridgePortId tunnel = 0;
  uint32_t virtual_address = 0;  // in Snapshot::virtual_addresses
  uint32_t max_bytes = 0;        // largest IP packet on this route; kNone, kLocal: 0
  IpAddr source = {};            // of ICMP errors sent on this route
  bool mss_clamp = false;        // of its VRF

  // Whether a packet of our own can be sent on this route.
  bool leads_out() const noexcept {
    return kind != Kind::kNone && kind != Kind::kLocal && kind != Kind::kVirtual;
  }
};

class RouteTable {
 public:
  struct Route {
    VrfId vrf = 0;
    IpPrefix to;  // without host bits; once in each VRF
    RouteTarget target;
  };

  RouteTable() = default;
  // Throws std::length_error if the prefixes take too much memory.
  RouteTable(std::vector<Route> routes, size_t vrfs) : roots_(vrfs + 1) {
    // Shorter prefixes first: a longer one then writes over its part of them.
    std::stable_sort(routes.begin(), routes.end(),
                     [](const Route& a, const Route& b) { return a.to.length < b.to.length; });
    for (const Route& route : routes) {
      targets_.push_back({route.target});
      insert(roots_[route.vrf][!route.to.address.is_v4()], route.to,
             static_cast<uint32_t>(targets_.size() - 1));
    }
  }

  // `address`: 4 or 16 bytes in network byte order.
  const RouteTarget& find(VrfId vrf, const uint8_t* address, bool ipv6) const noexcept {
    uint32_t entry = roots_[vrf][ipv6];
    while (entry & kNode) entry = nodes_[entry & ~kNode][*address++];
    return targets_[entry].target;
  }

 private:
  // An entry is the index of a target, or with this bit that of a node.
  static constexpr uint32_t kNode = uint32_t{1} << 31;
  using Node = std::array<uint32_t, 256>;
  // Not RouteTarget itself: std::stable_sort's memory is not aligned for such types.
  struct alignas(64) CacheLine {
    RouteTarget target;
  };
  static_assert(sizeof(CacheLine) == 64);
  static constexpr size_t kMostNodes = size_t{1} << 21;  // 2 GiB

  // The index of the node that the entry leads to, made of the entry where it was a leaf.
  size_t open(uint32_t& entry) {
    if (!(entry & kNode)) {
      if (nodes_.size() == kMostNodes) throw std::length_error("too many long prefixes in VRFs");
      const uint32_t leaf = std::exchange(entry, kNode | static_cast<uint32_t>(nodes_.size()));
      nodes_.emplace_back().fill(leaf);
    }
    return entry & ~kNode;
  }

  void insert(uint32_t& root, const IpPrefix& to, uint32_t target) {
    if (to.length == 0) {
      root = target;
      return;
    }
    size_t node = open(root);
    unsigned depth = 0;
    for (; to.length > 8 * (depth + 1); ++depth) {
      // open() may move the nodes.
      uint32_t entry = nodes_[node][to.address.bytes[depth]];
      const size_t next = open(entry);
      nodes_[node][to.address.bytes[depth]] = entry;
      node = next;
    }
    const unsigned first = to.address.bytes[depth];
    const unsigned count = 1u << (8 * (depth + 1) - to.length);
    std::fill_n(nodes_[node].begin() + first, count, target);
  }

  std::vector<Node> nodes_;
  std::vector<CacheLine> targets_ = std::vector<CacheLine>(1);
  std::vector<std::array<uint32_t, 2>> roots_ = std::vector<std::array<uint32_t, 2>>(1);
};

}  // namespace adit
