// SPDX-License-Identifier: Apache-2.0
// The routes of all VRFs: for each VRF and IP version, a trie over the bytes of the address whose
// leaves hold the longest matching prefix. A look-up reads one entry for each byte, down to the
// longest prefix of the region, and compares nothing. Part of a snapshot. Control may change one
// that was made changeable while workers read it: each entry changes with one store, so a look-up
// finds the route that was, or the one that is.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adit/addr.h"
#include "adit/flat_table.h"
#include "adit/ids.h"
#include "adit/zero_pages.h"

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
    kBroadcast,  // of a link's subnet: to nobody (RFC 2644)
  };
  Kind kind = Kind::kNone;
  bool has_source = false;  // else there is no own address of the version
  LinkId link = 0;
  AdjacencyId adjacency = 0;
  BridgePortId tunnel = 0;
  uint32_t virtual_address = 0;  // in Snapshot::virtual_addresses
  uint32_t max_bytes = 0;        // largest IP packet on this route; 0 of what leads nowhere
  IpAddr source = {};            // of ICMP errors sent on this route
  bool mss_clamp = false;        // of its VRF

  // Whether a packet of our own can be sent on this route.
  bool leads_out() const noexcept {
    return kind == Kind::kTunnel || kind == Kind::kNextHop || kind == Kind::kConnected;
  }
  friend bool operator==(const RouteTarget&, const RouteTarget&) = default;
};

class RouteTable {
 public:
  struct Route {
    VrfId vrf = 0;
    IpPrefix to;  // without host bits; once in each VRF
    RouteTarget target;
  };

  RouteTable() : RouteTable({}, 0) {}
  // Throws std::length_error if the prefixes take too much memory.
  RouteTable(std::vector<Route> routes, size_t vrfs, bool changeable = false) : roots_(vrfs + 1) {
    // Shorter prefixes first: a longer one then writes over its part of them.
    std::stable_sort(routes.begin(), routes.end(),
                     [](const Route& a, const Route& b) { return a.to.length < b.to.length; });
    if (changeable) {
      make_changeable(routes);
      return;
    }
    target_list_.resize(1);
    for (const Route& route : routes) {
      target_list_.push_back({route.target});
      insert(roots_[route.vrf][!route.to.address.is_v4()], route.to,
             static_cast<uint32_t>(target_list_.size() - 1));
    }
    nodes_ = node_list_.data();
    targets_ = target_list_.data();
  }

  // --- workers ---
  // `address`: 4 or 16 bytes in network byte order.
  const RouteTarget& find(VrfId vrf, const uint8_t* address, bool ipv6) const noexcept {
    uint32_t entry = load(roots_[vrf][ipv6]);
    while (entry & kNode) entry = load(nodes_[entry & ~kNode][*address++]);
    return targets_[entry].target;
  }
  // While it is the same, find() gives the same.
  uint64_t changes() const noexcept {
    return std::atomic_ref(const_cast<uint64_t&>(changes_)).load(std::memory_order_acquire);
  }

  // --- control; the table is changeable ---
  bool is_changeable() const noexcept { return book_ != nullptr; }
  // Whether the constructor was given a route to the prefix; such a route stays.
  bool is_fixed(VrfId vrf, const IpPrefix& to) const {
    const auto found = book_->held.find({vrf, to});
    return found != book_->held.end() && found->second.fixed;
  }
  // The route to exactly this prefix; null: there is none.
  const RouteTarget* exact(VrfId vrf, const IpPrefix& to) const {
    const auto found = book_->held.find({vrf, to});
    return found == book_->held.end() ? nullptr : &targets_[found->second.target].target;
  }
  // Sets the route to a prefix that is not fixed. False: there is no room, nothing was changed.
  bool set(VrfId vrf, const IpPrefix& to, const RouteTarget& target) {
    return set(vrf, to, target, false);
  }
  // Takes away what set() has set.
  void remove(VrfId vrf, const IpPrefix& to) {
    const auto found = book_->held.find({vrf, to});
    if (found == book_->held.end() || found->second.fixed) return;
    const uint32_t former = found->second.target;
    book_->held.erase(found);
    write(vrf, to, to.length, shorter(vrf, to));
    leave_target(former);
    note_change();
  }
  // Bytes of the nodes in use.
  size_t node_bytes() const noexcept {
    return (book_->nodes_used - book_->free_nodes.size()) * sizeof(Node);
  }
  // Nodes in use, of one VRF and of all; at most kMostNodes.
  size_t count_of_nodes(VrfId vrf) const noexcept { return book_->nodes_of[vrf]; }
  size_t count_of_nodes() const noexcept { return book_->nodes_used - book_->free_nodes.size(); }
  static constexpr size_t kMostNodes = size_t{1} << 21;  // 2 GiB

  // What is out of use may be used again when no worker reads it any more: control calls
  // begin_rest(), waits for all workers' next pass, and calls end_rest().
  bool has_unused() const noexcept {
    return book_ != nullptr && !(book_->unused_nodes.empty() && book_->unused_targets.empty());
  }
  void begin_rest() {
    book_->resting_nodes.swap(book_->unused_nodes);
    book_->resting_targets.swap(book_->unused_targets);
  }
  void end_rest() {
    const auto append = [](std::vector<uint32_t>& to, std::vector<uint32_t>& from) {
      to.insert(to.end(), from.begin(), from.end());
      from.clear();
    };
    append(book_->free_nodes, book_->resting_nodes);
    append(book_->free_targets, book_->resting_targets);
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
  static constexpr size_t kMostTargets = size_t{1} << 17;  // 8 MiB
  static constexpr size_t kMostDepth = 16;

  static uint32_t load(const uint32_t& entry) noexcept {
    return std::atomic_ref(const_cast<uint32_t&>(entry)).load(std::memory_order_acquire);
  }
  static void store(uint32_t& entry, uint32_t value) noexcept {
    std::atomic_ref(entry).store(value, std::memory_order_release);
  }

  // --- a table that stays as it is made
  // The index of the node that the entry leads to, made of the entry where it was a leaf.
  size_t open(uint32_t& entry) {
    if (!(entry & kNode)) {
      if (node_list_.size() == kMostNodes) throw std::length_error(kTooMany);
      const uint32_t leaf = std::exchange(entry, kNode | static_cast<uint32_t>(node_list_.size()));
      node_list_.emplace_back().fill(leaf);
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
      uint32_t entry = node_list_[node][to.address.bytes[depth]];
      const size_t next = open(entry);
      node_list_[node][to.address.bytes[depth]] = entry;
      node = next;
    }
    const std::span<uint32_t> covered = covered_by(to, depth, node_list_[node]);
    std::fill(covered.begin(), covered.end(), target);
  }

  // The entries of a node at `depth` that are the prefix's.
  static std::span<uint32_t> covered_by(const IpPrefix& to, unsigned depth, Node& node) {
    return std::span(node).subspan(to.address.bytes[depth], 1u << (8 * (depth + 1) - to.length));
  }

  // --- one that changes
  struct Key {
    VrfId vrf = 0;
    IpPrefix to;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const noexcept {
      uint64_t words[2];
      std::memcpy(words, key.to.address.bytes.data(), sizeof words);
      const uint64_t rest = uint64_t{key.vrf} << 16 | uint64_t{key.to.length} << 1 |
                            static_cast<uint64_t>(key.to.address.is_v4());
      return mix64(words[0] + mix64(words[1] + mix64(rest)));
    }
  };
  struct Held {
    uint32_t target = 0;
    bool fixed = false;
  };
  // Routes of one length with equal targets share one, so the length of a leaf's prefix is known.
  struct TargetKey {
    RouteTarget target;
    uint8_t length = 0;
    friend bool operator==(const TargetKey&, const TargetKey&) = default;
  };
  struct TargetHash {
    size_t operator()(const TargetKey& key) const noexcept {
      const RouteTarget& target = key.target;
      return mix64(uint64_t{target.link} << 32 | target.adjacency) ^
             mix64(uint64_t{target.tunnel} << 32 | uint64_t{target.virtual_address} << 9 |
                   uint64_t{key.length} << 1 | (target.kind == RouteTarget::Kind::kConnected));
    }
  };
  // What control knows of it, beside what workers read.
  struct Book {
    ZeroPages<Node> nodes{kMostNodes};
    ZeroPages<CacheLine> targets{kMostTargets};
    std::unordered_map<Key, Held, KeyHash> held;
    std::unordered_map<TargetKey, uint32_t, TargetHash> target_ids;
    std::vector<uint8_t> lengths;                                // by target
    std::vector<uint32_t> users;                                 // by target: how many routes
    std::vector<std::array<std::bitset<129>, 2>> known_lengths;  // by VRF: of all routes it had
    std::vector<uint32_t> nodes_of;                              // by VRF
    size_t nodes_used = 0;
    std::vector<uint32_t> free_nodes, unused_nodes, resting_nodes;
    std::vector<uint32_t> free_targets, unused_targets, resting_targets;
  };

  void make_changeable(const std::vector<Route>& routes) {
    book_ = std::make_unique<Book>();
    book_->known_lengths.resize(roots_.size());
    book_->nodes_of.resize(roots_.size());
    nodes_ = &book_->nodes[0];
    targets_ = &book_->targets[0];
    book_->targets[0] = {};
    book_->lengths.push_back(0);
    book_->users.push_back(1);
    for (const Route& route : routes)
      if (!set(route.vrf, route.to, route.target, true)) throw std::length_error(kTooMany);
  }

  bool set(VrfId vrf, const IpPrefix& to, const RouteTarget& target, bool fixed) {
    if (book_->free_nodes.size() + kMostNodes - book_->nodes_used < kMostDepth) return false;
    const uint32_t id = take_target({target, to.length});
    if (id == 0) return false;
    Held& held = book_->held[{vrf, to}];
    const Held former = std::exchange(held, {id, fixed});
    if (former.target != id) {
      book_->known_lengths[vrf][!to.address.is_v4()].set(to.length);
      write(vrf, to, 0, id);
    }
    if (former.target != 0) leave_target(former.target);
    if (former.target != id) note_change();
    return true;
  }

  void note_change() noexcept {
    std::atomic_ref(changes_).store(changes_ + 1, std::memory_order_release);
  }

  // 0: no room.
  uint32_t take_target(const TargetKey& key) {
    if (const auto known = book_->target_ids.find(key); known != book_->target_ids.end()) {
      ++book_->users[known->second];
      return known->second;
    }
    auto id = static_cast<uint32_t>(book_->lengths.size());
    if (!book_->free_targets.empty()) {
      id = book_->free_targets.back();
      book_->free_targets.pop_back();
    } else if (id == kMostTargets) {
      return 0;
    } else {
      book_->lengths.push_back(0);
      book_->users.push_back(0);
    }
    book_->targets[id] = {key.target};
    book_->lengths[id] = key.length;
    book_->users[id] = 1;
    book_->target_ids.emplace(key, id);
    return id;
  }
  void leave_target(uint32_t id) {
    if (--book_->users[id] != 0) return;
    book_->target_ids.erase({targets_[id].target, book_->lengths[id]});
    book_->unused_targets.push_back(id);
  }

  // The target of the longest prefix around this one.
  uint32_t shorter(VrfId vrf, const IpPrefix& to) const {
    const auto& known = book_->known_lengths[vrf][!to.address.is_v4()];
    for (unsigned length = to.length; length-- > 0;) {
      if (!known[length]) continue;
      const IpPrefix around = subnet_of({to.address, static_cast<uint8_t>(length)});
      if (const auto found = book_->held.find({vrf, around}); found != book_->held.end())
        return found->second.target;
    }
    return 0;
  }

  // Gives the target to the prefix's addresses, but for those that have a longer prefix. Changes
  // leaves of prefixes of `least` bits at least: of 0 all shorter ones, of its length its own.
  void write(VrfId vrf, const IpPrefix& to, unsigned least, uint32_t target) {
    std::array<uint32_t*, kMostDepth + 1> path;  // entries that lead to nodes
    unsigned depth = 0;
    std::span<uint32_t> covered(&roots_[vrf][!to.address.is_v4()], 1);
    if (to.length != 0) {
      uint32_t* entry = covered.data();
      while (true) {
        // It may stand for several prefixes of the length, with equal targets.
        if (!(*entry & kNode) && least != 0 && book_->lengths[*entry] != least) return;
        Node& node = open_shared(vrf, *entry);
        path[depth] = entry;
        if (to.length <= 8 * (depth + 1)) {
          covered = covered_by(to, depth, node);
          ++depth;
          break;
        }
        entry = &node[to.address.bytes[depth++]];
      }
    }
    for (uint32_t& entry : covered) paint(entry, least, to.length, target);
    while (depth-- > 0 && close(vrf, *path[depth])) continue;
  }

  void paint(uint32_t& entry, unsigned least, unsigned most, uint32_t target) {
    if (entry & kNode) {
      for (uint32_t& below : book_->nodes[entry & ~kNode]) paint(below, least, most, target);
      return;
    }
    const unsigned length = book_->lengths[entry];
    if (least <= length && length <= most) store(entry, target);
  }

  // The node that the entry leads to, made of the entry where it was a leaf.
  Node& open_shared(VrfId vrf, uint32_t& entry) {
    if (entry & kNode) return book_->nodes[entry & ~kNode];
    auto id = static_cast<uint32_t>(book_->nodes_used);
    if (book_->free_nodes.empty()) {
      ++book_->nodes_used;
    } else {
      id = book_->free_nodes.back();
      book_->free_nodes.pop_back();
    }
    Node& made = book_->nodes[id];
    for (uint32_t& below : made) store(below, entry);
    ++book_->nodes_of[vrf];
    store(entry, kNode | id);
    return made;
  }

  // Makes a leaf of a node all of whose entries are the same leaf. False: they are not.
  bool close(VrfId vrf, uint32_t& entry) {
    const Node& node = book_->nodes[entry & ~kNode];
    if ((node[0] & kNode) ||
        std::ranges::any_of(node, [&](uint32_t each) { return each != node[0]; }))
      return false;
    book_->unused_nodes.push_back(entry & ~kNode);
    --book_->nodes_of[vrf];
    store(entry, node[0]);
    return true;
  }

  static constexpr const char* kTooMany = "too many long prefixes in VRFs";

  std::vector<std::array<uint32_t, 2>> roots_ = std::vector<std::array<uint32_t, 2>>(1);
  // Those of the lists, or of the book.
  const Node* nodes_ = nullptr;
  const CacheLine* targets_ = nullptr;
  std::vector<Node> node_list_;
  std::vector<CacheLine> target_list_;
  std::unique_ptr<Book> book_;
  uint64_t changes_ = 0;
};

}  // namespace adit
