// SPDX-License-Identifier: Apache-2.0
// What becomes of neighbours, and of what they know of us, when links go down and come up.
#include <algorithm>
#include <utility>

#include "running/neighbours.h"

namespace adit {

bool Neighbours::is_down(LinkId id) const {
  if (down_ports_.empty() || is_network_link(id)) return false;
  const auto link = links_.find(id);
  return link != links_.end() && std::ranges::any_of(link->second.ports, [this](PortId port) {
           return down_ports_.contains(port);
         });
}

bool Neighbours::is_behind(LinkId id, PortId port) const {
  const auto link = links_.find(id);
  return link != links_.end() &&
         std::ranges::find(link->second.ports, port) != link->second.ports.end();
}

unsigned Neighbours::port_down(PortId port, uint64_t now_ns) {
  down_ports_.insert(port);
  for (const auto& [id, link] : links_)
    if (!is_network_link(id) && is_behind(id, port)) announcer_.link_down(id);
  unsigned withdrawn = 0;
  std::vector<NextHop> hosts;
  for (auto& [hop, neighbour] : neighbours_) {
    // A network's hosts may be behind another of its members.
    if (is_network_link(hop.link) || !is_behind(hop.link, port)) continue;
    if (neighbour.state == NeighbourState::kStatic) continue;  // known without asking
    withdrawn += !neighbour.mac.is_zero();
    if (neighbour.is_host) {
      hosts.push_back(hop);
      continue;
    }
    dataplane_.adjacencies().clear(neighbour.adjacency);
    neighbour.state = NeighbourState::kIncomplete;
    neighbour.mac = {};
    neighbour.unanswered = 0;
  }
  for (const NextHop& hop : hosts) remove_host(hop, now_ns);
  return withdrawn;
}

unsigned Neighbours::port_up(PortId port, bool is_first, uint64_t now_ns) {
  down_ports_.erase(port);
  for (const auto& [id, link] : links_)
    if (is_behind(id, port)) announcer_.link_up(id, is_first, now_ns);
  unsigned asked = 0;
  for (auto& [hop, neighbour] : neighbours_) {
    if (is_network_link(hop.link) || !is_behind(hop.link, port)) continue;
    if (neighbour.state == NeighbourState::kStatic || !neighbour.mac.is_zero()) continue;
    neighbour.next_action_ns = now_ns;
    neighbour.unanswered = 0;
    review_told(neighbour, now_ns);
    ++asked;
  }
  return asked;
}

}  // namespace adit
