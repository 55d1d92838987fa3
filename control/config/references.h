// SPDX-License-Identifier: Apache-2.0
// Whether values that are right by themselves fit together: names that exist, addresses and
// VNIs that are unique, remotes that can be reached. Linear in the size of the file.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "config/draft.h"
#include "config/limits.h"
#include "config/prefix_table.h"
#include "config/yaml/mistakes.h"

namespace adit {

// The underlay as the ports and routes make it, for those who check against it.
struct Underlay {
  std::unordered_map<IpAddr, Place, IpHash> own;  // our addresses, and where they stand
  PrefixTable connected;                          // value: index of the port
  PrefixTable routes;                             // value: index of the route
  // False if some address or route could not be read: then nothing is said about what is
  // covered, because the mistake there may be the reason.
  bool complete = true;
};

// Something with addresses of its own: a port or a tunnel.
struct Addressed {
  std::string text;  // in messages: "port 'uplink'"
  const std::vector<Placed<IpPrefix>>* addresses;
  bool complete = true;  // all its addresses could be read
};
Addressed addressed(const PortDraft& port);

// An own address, and the table that it is in: a VRF, or the underlay.
struct OwnAddress {
  const std::string* vrf;
  const Placed<IpPrefix>* address;
  bool on_link;  // of a port, VLAN or gateway, where hosts ask for it; else of a tunnel
};
std::vector<OwnAddress> own_addresses(const ConfigDraft& draft);

// The addresses of one routing table. PrefixTable values are indices in `owners`.
Underlay check_addresses(const std::vector<Addressed>& owners, MistakeList& mistakes);

// The router or host must be someone else on a subnet of ours. `what`: the key.
// The devices that the port takes, with their places: its own, or its bond's members. None: they
// are wrong by themselves.
std::vector<Placed<Device>> devices_of(const PortDraft& port);

void check_on_link(const IpAddr& ip, Place place, const std::string& what, const Underlay& underlay,
                   MistakeList& mistakes);

// The address must be reachable by the underlay, and not be ours.
void check_reachable(const IpAddr& ip, Place place, const Underlay& underlay,
                     MistakeList& mistakes);

// Reports every mistake between the parts of the draft.
void check_references(const ConfigDraft& draft, const ConfigLimits& limits, MistakeList& mistakes);

// The parts of check_references, in the order in which they need each other.
Underlay check_ports(const ConfigDraft& draft, MistakeList& mistakes);
void check_routes(const ConfigDraft& draft, Underlay& underlay, MistakeList& mistakes);
void check_neighbours(const std::vector<NeighbourDraft>& neighbours, const Underlay& underlay,
                      MistakeList& mistakes);
void check_networks(const ConfigDraft& draft, const Underlay& underlay, size_t max_bridge_ports,
                    MistakeList& mistakes);
void check_vrfs(const ConfigDraft& draft, const Underlay& underlay, MistakeList& mistakes);
void check_hosts(const ConfigDraft& draft, MistakeList& mistakes);
void check_services(const ConfigDraft& draft, const ConfigLimits& limits, MistakeList& mistakes);
void check_classifier(const ConfigDraft& draft, MistakeList& mistakes);

// What is wrong with `ip` as a host on the connected subnets other than ours: it is one of
// our own addresses, or the subnet's network or broadcast address. Empty: nothing.
std::string why_no_neighbour(const IpAddr& ip, const Underlay& underlay,
                             const MistakeList& mistakes);

// Whether `ip` is an address of this subnet that no host can have. Empty: it is not; else the end
// of a sentence, with those that hosts can have.
std::string why_no_host_of(const IpPrefix& subnet, const IpAddr& ip);
// The first and last host of an IPv4 subnet that has a network and a broadcast address.
std::string hosts_text(const IpPrefix& subnet);

// Network or broadcast address of a subnet that has such: no IPv6, and no /31 (RFC 3021).
bool is_network_address(const IpPrefix& subnet, const IpAddr& ip);
bool is_broadcast_address(const IpPrefix& subnet, const IpAddr& ip);

}  // namespace adit
