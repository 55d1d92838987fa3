// SPDX-License-Identifier: Apache-2.0
#include "config_references.h"

namespace adit {

void check_references(const ConfigDraft& draft, MistakeList& mistakes) {
  Underlay underlay = check_ports(draft, mistakes);
  check_routes(draft, underlay, mistakes);
  check_neighbours(draft, underlay, mistakes);
  check_networks(draft, underlay, mistakes);
}

bool is_network_address(const IpPrefix& subnet, const IpAddr& ip) {
  return subnet.length < 31 && ip.as_v4().host() == ipv4_network(subnet);
}

bool is_broadcast_address(const IpPrefix& subnet, const IpAddr& ip) {
  return subnet.length < 31 &&
         ip.as_v4().host() == (ipv4_network(subnet) | ~ipv4_mask(subnet.length));
}

std::string why_no_neighbour(const IpAddr& ip, const Underlay& underlay,
                             const MistakeList& mistakes) {
  const auto own = underlay.own.find(ip);
  if (own != underlay.own.end()) return "is our own address, see " + mistakes.at(own->second);
  const PrefixTable::Entry* subnet = underlay.connected.longest(ip);
  if (subnet == nullptr) return {};
  if (is_network_address(subnet->prefix, ip))
    return "is the network address of " + to_string(subnet->prefix);
  if (is_broadcast_address(subnet->prefix, ip))
    return "is the broadcast address of " + to_string(subnet->prefix);
  return {};
}

}  // namespace adit
