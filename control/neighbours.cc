// SPDX-License-Identifier: Apache-2.0
#include "neighbours.h"

#include <algorithm>
#include <utility>

#include "compile_services.h"
#include "neighbour_moves.h"
#include "routing.h"
#include "time_units.h"
#include "vrf_links.h"

namespace adit {
namespace {

constexpr uint64_t kTickNs = 50'000'000;
// A neighbour that is asked again stays usable meanwhile: ten requests have to go unanswered
// before it is given up.
constexpr unsigned kGiveUpAfter = 10;
constexpr uint64_t kAskEveryNs = kNsPerSecond;
constexpr uint64_t kAskFailedEveryNs = 5 * kNsPerSecond;
// Hosts: whoever never answered is forgotten soon, so that a scan of a large subnet does not
// take the room of those that are there.
constexpr unsigned kForgetHostAfter = 3;
constexpr unsigned kHostsPerLink = 8192;
constexpr uint64_t kRestNs = 5 * kNsPerSecond;  // longer than any worker holds a packet

}  // namespace

const char* to_string(NeighbourState state) noexcept {
  switch (state) {
    case NeighbourState::kStatic:
      return "static";
    case NeighbourState::kReachable:
      return "reachable";
    case NeighbourState::kStale:
      return "stale";
    case NeighbourState::kProbing:
      return "probing";
    case NeighbourState::kIncomplete:
      return "incomplete";
    case NeighbourState::kFailed:
      return "failed";
  }
  return "unknown";
}

AdjacencyId HostAdjacencies::take(uint64_t now_ns) {
  if (!resting_.empty() && now_ns >= resting_.front().since_ns + kRestNs) {
    const AdjacencyId id = resting_.front().id;
    resting_.pop_front();
    return id;
  }
  return next_ < kMaxAdjacencies ? next_++ : 0;
}

Neighbours::Links Neighbours::links_of(const Config& config, const CompiledIds& ids,
                                       const std::vector<MacAddr>& port_macs) {
  Links links;
  const bool underlay_is_routed = balances_underlay(config);
  // With the addresses of services, which are announced as well.
  const auto answers_for = [&](const std::string& vrf, std::vector<IpPrefix> own) {
    const auto services = service_addresses(config, vrf, own);
    own.insert(own.end(), services.begin(), services.end());
    return own;
  };
  const auto members = members_by_link(config, ids);
  for (const VrfLink& link : vrf_links(config, ids)) {
    links[link.id] = {link.gateway_mac ? *link.gateway_mac : port_macs[*link.port],
                      answers_for(link.vrf->name, *link.addresses), true};
    if (link.port)
      links[link.id].ports = {*link.port};
    else if (const auto found = members.find(link.id); found != members.end())
      links[link.id].ports = found->second;
  }
  // The other ports: the underlay's, and networks'.
  for (size_t port = 0; port < config.ports.size(); ++port) {
    const auto& own = config.ports[port].addresses;
    links.try_emplace(static_cast<LinkId>(port), Link{port_macs[port],
                                                      answers_for(kUnderlayName, own),
                                                      underlay_is_routed && !own.empty(),
                                                      0,
                                                      {static_cast<PortId>(port)}});
  }
  return links;
}

void Neighbours::configure(const Config& config, const CompiledIds& ids,
                           const std::vector<MacAddr>& port_macs, uint64_t now_ns) {
  Links former_links = std::exchange(links_, links_of(config, ids, port_macs));
  for (auto& [id, link] : links_) {
    Link& former = former_links[id];
    link.hosts = former.hosts;
    link.checking = former.checking;
    link.defended_ns = std::move(former.defended_ns);
    link.notice_meters = former.notice_meters;
  }
  announce(now_ns);

  const std::map<NextHop, MacAddr> fixed = static_neighbours(config, Routing(config), ids);

  auto former = std::move(neighbours_);
  neighbours_.clear();
  by_adjacency_.clear();
  for (const auto& [hop, adjacency] : ids.adjacencies) {
    by_adjacency_[adjacency] = hop;
    Neighbour neighbour;
    neighbour.hop = hop;
    neighbour.adjacency = adjacency;
    neighbour.next_action_ns = now_ns;
    if (const auto found = former.find(hop); found != former.end()) {
      neighbour = found->second;
      neighbour.adjacency = adjacency;
      if (neighbour.is_host && !neighbour.mac.is_zero())
        dataplane_.adjacencies().resolve(adjacency, neighbour.mac);
      // What it had as a host is given back below.
      if (!std::exchange(neighbour.is_host, false)) former.erase(found);
    }
    if (links_[hop.link].is_routed) dataplane_.hosts().insert(hop.link, hop.address, adjacency);
    if (const auto found = fixed.find(hop); found != fixed.end()) {
      neighbour.state = NeighbourState::kStatic;
      neighbour.mac = found->second;
      dataplane_.adjacencies().resolve(adjacency, neighbour.mac);
    } else if (neighbour.state == NeighbourState::kStatic) {
      // No longer fixed: it stays usable while it is asked.
      neighbour.state = NeighbourState::kProbing;
      neighbour.unanswered = 0;
      neighbour.next_action_ns = now_ns;
    }
    neighbours_[hop] = neighbour;
  }
  for (const auto& [hop, gone] : former) {
    const bool is_next_hop_now = neighbours_.contains(hop);
    if (gone.is_host && !is_next_hop_now && may_be_host(hop)) {
      neighbours_[hop] = gone;
      by_adjacency_[gone.adjacency] = hop;
      continue;
    }
    dataplane_.adjacencies().clear(gone.adjacency);
    if (!is_next_hop_now) dataplane_.hosts().erase(hop.link, hop.address);
    if (!gone.is_host) continue;
    if (const auto link = links_.find(hop.link); link != links_.end()) --link->second.hosts;
    host_adjacencies_.give_back(gone.adjacency, now_ns);
  }
}

bool Neighbours::may_be_host(const NextHop& hop) const {
  const auto link = links_.find(hop.link);
  if (link == links_.end() || !link->second.is_routed) return false;
  const auto& own = link->second.own;
  return std::any_of(own.begin(), own.end(), [&](const IpPrefix& subnet) {
    return subnet.contains(hop.address) && subnet.address != hop.address;
  });
}

void Neighbours::host_wanted(LinkId link, const IpAddr& address, uint64_t now_ns) {
  const NextHop hop{link, address};
  if (is_down(link)) return;
  if (!may_be_host(hop) || neighbours_.contains(hop) || links_[link].hosts >= kHostsPerLink) return;
  const AdjacencyId adjacency = host_adjacencies_.take(now_ns);
  if (adjacency == 0) return;
  if (!dataplane_.hosts().insert(link, address, adjacency))
    return host_adjacencies_.give_back(adjacency, now_ns);
  ++links_[link].hosts;
  Neighbour& neighbour = neighbours_[hop];
  neighbour.hop = hop;
  neighbour.adjacency = adjacency;
  neighbour.is_host = true;
  by_adjacency_[adjacency] = hop;
  ask(neighbour, now_ns);
}

void Neighbours::remove_host(const NextHop& hop, uint64_t now_ns) {
  const auto found = neighbours_.find(hop);
  const AdjacencyId adjacency = found->second.adjacency;
  dataplane_.hosts().erase(hop.link, hop.address);
  dataplane_.adjacencies().clear(adjacency);
  host_adjacencies_.give_back(adjacency, now_ns);
  --links_[hop.link].hosts;
  by_adjacency_.erase(adjacency);
  neighbours_.erase(found);
}

void Neighbours::wanted(AdjacencyId adjacency, uint64_t now_ns) {
  const auto hop = by_adjacency_.find(adjacency);
  if (hop == by_adjacency_.end()) return;
  Neighbour& neighbour = neighbours_.at(hop->second);
  if (neighbour.state != NeighbourState::kFailed) return;  // is being asked already
  neighbour.next_action_ns = std::min(neighbour.next_action_ns, neighbour.asked_ns + kAskEveryNs);
  if (now_ns >= neighbour.next_action_ns) ask(neighbour, now_ns);
}

void Neighbours::tick(uint64_t now_ns) {
  announcer_.tick(now_ns);
  if (now_ns < next_tick_ns_) return;
  next_tick_ns_ = now_ns + kTickNs;
  continue_checks(now_ns);
  std::vector<NextHop> gone;
  for (auto& [hop, neighbour] : neighbours_) {
    if (neighbour.state == NeighbourState::kStatic || now_ns < neighbour.next_action_ns) continue;
    if (is_down(hop.link)) continue;
    const unsigned patience = neighbour.mac.is_zero() ? kForgetHostAfter : kGiveUpAfter;
    if (neighbour.is_host && neighbour.unanswered >= patience)
      gone.push_back(hop);
    else
      ask(neighbour, now_ns);
  }
  for (const NextHop& hop : gone) remove_host(hop, now_ns);
}

// Sends one more request, or gives the neighbour up.
void Neighbours::ask(Neighbour& neighbour, uint64_t now_ns) {
  if (neighbour.state == NeighbourState::kReachable || neighbour.state == NeighbourState::kStale)
    neighbour.state = NeighbourState::kProbing;
  if (neighbour.unanswered >= kGiveUpAfter && neighbour.state != NeighbourState::kFailed) {
    neighbour.state = NeighbourState::kFailed;
    dataplane_.adjacencies().clear(neighbour.adjacency);
  }
  const bool knows_mac = neighbour.state == NeighbourState::kProbing;
  const bool unicast = knows_mac && neighbour.unanswered < kNeighbourUnicastProbes;
  if (!send_request(neighbour.hop, unicast ? neighbour.mac : kBroadcastMac)) return;  // next tick
  ++neighbour.unanswered;
  neighbour.asked_ns = now_ns;
  neighbour.next_action_ns =
      now_ns + (neighbour.state == NeighbourState::kFailed ? kAskFailedEveryNs : kAskEveryNs);
}

bool Neighbours::send_request(const NextHop& hop, const MacAddr& destination) {
  const Link& link = links_[hop.link];
  for (const IpPrefix& own : link.own)
    if (own.contains(hop.address))
      return dataplane_.send({hop.link, link.mac, destination, own.address, hop.address});
  return true;  // the address that could ask is gone, and with it soon the next hop
}

}  // namespace adit
