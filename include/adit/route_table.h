// SPDX-License-Identifier: Apache-2.0
// The routes of all VRFs, longest prefix first: one look-up for each prefix length that the
// VRF has in use, most have a handful. Part of a snapshot.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "adit/addr.h"
#include "adit/flat_table.h"
#include "adit/ids.h"

namespace adit {

// An address, or a prefix without host bits, in host order; IPv4 has its 32 bits in `low`.
struct RouteAddress {
  uint64_t high = 0, low = 0;
  friend bool operator==(const RouteAddress&, const RouteAddress&) = default;
};

inline RouteAddress route_address(be32 address) noexcept {
  return {0, address.host()};
}
// `address`: 16 bytes as they stand on the wire.
inline RouteAddress route_address(const std::array<uint8_t, 16>& address) noexcept {
  be64 words[2];
  std::memcpy(words, address.data(), sizeof words);
  return {words[0].host(), words[1].host()};
}
inline RouteAddress route_address(const IpAddr& address) noexcept {
  return address.is_v4() ? route_address(address.as_v4()) : route_address(address.bytes);
}

constexpr RouteAddress masked(RouteAddress address, unsigned length, bool ipv6) noexcept {
  const unsigned bits = ipv6 ? length : 96 + length;  // as if both were 128 bits long
  constexpr uint64_t kAll = ~uint64_t{0};
  if (bits < 64) {
    address.high &= bits == 0 ? 0 : kAll << (64 - bits);
    address.low = 0;
  } else if (bits < 128) {
    address.low &= bits == 64 ? 0 : kAll << (128 - bits);
  }
  return address;
}

struct RouteKey {
  RouteAddress prefix;
  uint32_t scope = 0;  // VRF(16) IPv6(1) length(8)
  friend bool operator==(const RouteKey&, const RouteKey&) = default;
};
constexpr uint64_t hash_of(const RouteKey& key) noexcept {
  const uint64_t address = key.prefix.high * 0xff51'afd7'ed55'8ccd + key.prefix.low;
  return mix64(mix64(address) + key.scope);
}

constexpr RouteKey route_key(VrfId vrf, RouteAddress address, unsigned length, bool ipv6) noexcept {
  return {masked(address, length, ipv6), uint32_t{vrf} << 16 | uint32_t{ipv6} << 8 | length};
}

// What becomes of a packet that a route covers. Each route is of one IP version.
struct RouteTarget {
  enum class Kind : uint8_t {
    kNone,       // no route
    kLocal,      // one of our own addresses
    kTunnel,     // into `tunnel`
    kNextHop,    // to the router behind `adjacency`
    kConnected,  // to the host itself, on the subnet of `port`
  };
  Kind kind = Kind::kNone;
  PortId port = 0;
  AdjacencyId adjacency = 0;
  BridgePortId tunnel = 0;
  uint32_t max_bytes = 0;   // of an IP packet that goes this way
  bool has_source = false;  // else there is no own address of the version
  IpAddr source = {};       // of ICMP errors that go this way
};

class RouteTable {
 public:
  using Entries = FlatTable<RouteKey>::Entries;
  // Lengths in use, longest first, by VRF and IP version (IPv4 first).
  using Lengths = std::vector<std::array<std::vector<uint8_t>, 2>>;

  RouteTable() = default;
  // An entry's value is the index of its target, which is not 0.
  RouteTable(const Entries& entries, std::vector<RouteTarget> targets, Lengths lengths)
      : table_(entries), targets_(std::move(targets)), lengths_(std::move(lengths)) {}

  const RouteTarget& find(VrfId vrf, RouteAddress address, bool ipv6) const noexcept {
    for (const uint8_t length : lengths_[vrf][ipv6])
      if (const uint32_t found = table_.find(route_key(vrf, address, length, ipv6)); found != 0)
        return targets_[found];
    return targets_[0];
  }

 private:
  FlatTable<RouteKey> table_;
  std::vector<RouteTarget> targets_ = std::vector<RouteTarget>(1);
  Lengths lengths_ = Lengths(1);
};

}  // namespace adit
