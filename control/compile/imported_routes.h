// SPDX-License-Identifier: Apache-2.0
// Routes of VRFs that do not come from the configuration: which of them are used, and where they
// lead. The same whether they are compiled or come later.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adit/route_table.h"

namespace adit {

// A next hop: the link it is on and its address.
struct NextHop {
  LinkId link = 0;
  IpAddr address;
  friend auto operator<=>(const NextHop&, const NextHop&) = default;
};

// One of a VRF's own addresses with its subnet, and how packets get to its hosts.
struct VrfSubnet {
  IpPrefix own;
  RouteTarget target;
};

// Where a route comes from.
enum class RouteOrigin : uint8_t { kFile, kNetlink };
constexpr const char* to_string(RouteOrigin origin) noexcept {
  return origin == RouteOrigin::kFile ? "file" : "netlink";
}

// RFC 4291 section 2.5.6: on each link it means another one.
inline bool is_link_local(const IpAddr& address) noexcept {
  return !address.is_v4() && address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

struct Gateway {
  IpAddr address;
  IpAddr near = {};  // of a link-local one: an address on its link
  friend bool operator==(const Gateway&, const Gateway&) = default;
};

// Of routes to one prefix the one with the lowest metric comes first.
struct RouteKey {
  IpPrefix to;  // without host bits
  uint32_t metric = 0;
  friend auto operator<=>(const RouteKey&, const RouteKey&) = default;
};
struct ImportedRoute {
  std::vector<Gateway> gateways;  // the first that is on a subnet of the VRF is used
  bool rejects = false;           // there is no way to it: unreachable, prohibit, blackhole
  uint8_t protocol = 0;           // who made it: RTPROT_... of rtnetlink
  uint32_t round = 0;             // of its source, in which it was told last
};
inline bool lead_alike(const ImportedRoute& a, const ImportedRoute& b) {
  return a.gateways == b.gateways && a.rejects == b.rejects && a.protocol == b.protocol;
}
using ImportedTable = std::map<RouteKey, ImportedRoute>;
using ImportedRoutes = std::map<std::string, std::shared_ptr<const ImportedTable>>;  // by VRF

// kShadowed: one of the configuration has the same prefix, or one of a lower metric.
// kUnreachable: no gateway is on a subnet of the VRF. kFull: tables or next hops are used up.
enum class ImportState : uint8_t { kUsed, kShadowed, kUnreachable, kFull };
inline constexpr size_t kImportStates = 4;
constexpr const char* to_string(ImportState state) noexcept {
  constexpr const char* kNames[kImportStates] = {"used", "shadowed", "unreachable", "full"};
  return kNames[static_cast<size_t>(state)];
}

// A VRF that imports routes.
struct ImportingVrf {
  struct Hop {
    AdjacencyId id = 0;
    uint32_t routes = 0;
  };
  VrfId id = 0;
  uint32_t limit = 0;  // of its imported routes
  std::vector<VrfSubnet> subnets;
  std::map<NextHop, Hop> hops;  // of imported routes that are used
  std::unordered_map<AdjacencyId, NextHop> hop_of;
  std::array<uint64_t, kImportStates> counts = {};  // of routes, by ImportState
};
struct ImportingVrfs {
  std::map<std::string, ImportingVrf> vrfs;
  uint32_t next_hops = 0;  // of all of them
};

// Next hops of all VRFs' imported routes; a VRF may have as many as are left free.
inline constexpr uint32_t kMostImportedNextHops = 1 << 15;

// Puts a VRF's imported routes into a changeable table, and takes them out.
class RouteImport {
 public:
  using Take = std::function<AdjacencyId(const NextHop&)>;  // 0: there is none
  using Leave = std::function<void(const NextHop&, AdjacencyId)>;

  RouteImport(RouteTable& table, ImportingVrfs& all, ImportingVrf& vrf, Take take, Leave leave = {})
      : table_(table), all_(all), vrf_(vrf), take_(std::move(take)), leave_(std::move(leave)) {}

  // Adds all of them, up to the VRF's limit, to a table that has none of the VRF.
  void add_all(const ImportedTable& routes);
  // Before the routes to a prefix change: they no longer count.
  void begin_change(const ImportedTable& routes, const IpPrefix& to);
  // Makes the table right for the prefix, after they have changed.
  void end_change(const ImportedTable& routes, const IpPrefix& to);

 private:
  struct Way {
    RouteTarget target;
    std::optional<NextHop> hop;
  };
  std::optional<Way> way_of(const ImportedRoute& route) const;
  void count(const ImportedTable& routes, const IpPrefix& to, int by);
  bool use(const IpPrefix& to, Way way);
  void leave_hop(const RouteTarget& former);

  RouteTable& table_;
  ImportingVrfs& all_;
  ImportingVrf& vrf_;
  Take take_;
  Leave leave_;
};

// How packets get to the gateway; null: it is on no subnet of the VRF, or it is ourselves.
const VrfSubnet* subnet_of_gateway(const ImportingVrf& vrf, const Gateway& gateway);
// The one of the gateways that is used; null: none can be.
const Gateway* usable_gateway(const ImportingVrf& vrf, const ImportedRoute& route);
// The states of all routes to the prefix, in their order.
std::vector<ImportState> states_of(const RouteTable& table, const ImportingVrf& vrf,
                                   const ImportedTable& routes, const IpPrefix& to);

}  // namespace adit
