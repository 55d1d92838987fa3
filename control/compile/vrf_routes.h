// SPDX-License-Identifier: Apache-2.0
// The VRFs' routing tables as workers read them: own addresses, subnets, static routes.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "adit/route_table.h"
#include "adit/snapshot.h"
#include "compile/compile.h"
#include "compile/imported_routes.h"

namespace adit {

class VrfRoutes {
 public:
  // A port, or a network by its gateway.
  struct Link {
    LinkId id;
    const std::vector<IpPrefix>* addresses;
    uint32_t mtu_bytes;
  };
  struct Tunnel {
    const VrfTunnelConfig* config = nullptr;
    BridgePortId ipv4 = 0, ipv6 = 0;  // by the version of what it carries
    uint32_t max_bytes = 0;           // of an IP packet in it
  };

  explicit VrfRoutes(size_t vrfs) : vrfs_(vrfs) {}

  // `adjacency` gives the id of a next hop. Returns the subnets, where routers may be.
  std::vector<VrfSubnet> add(VrfId id, const VrfConfig& vrf, const std::vector<Link>& links,
                             const std::map<std::string, Tunnel>& tunnels,
                             const std::function<AdjacencyId(const NextHop&)>& adjacency);
  // An address that is not of a port or tunnel.
  void add(VrfId id, const IpAddr& address, const RouteTarget& target);
  // What was added first stays.
  void add(VrfId id, const IpPrefix& to, RouteTarget target);
  // Own addresses and those of services, which no packet from outside may come from. Those of
  // full NAT only where they are on a subnet of ours: elsewhere a client may have them.
  OwnSources::Entries own_sources() const;
  // `changeable`: routes may come and go while it is in use.
  RouteTable finish(bool changeable) &&;

  // The virtual address is also that of backends (direct, tunnel): it may be a source.
  void share_with_backends(VrfId id, const IpPrefix& address) { of_backends_.emplace(id, address); }

 private:
  // Of the subnets of links, where nothing else has that address.
  void add_broadcasts();

  size_t vrfs_;
  std::vector<RouteTable::Route> routes_;
  std::set<std::pair<VrfId, IpPrefix>> known_;
  std::set<std::pair<VrfId, IpAddr>> of_no_link_;
  std::set<std::pair<VrfId, IpPrefix>> of_backends_;
};

}  // namespace adit
