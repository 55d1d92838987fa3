// SPDX-License-Identifier: Apache-2.0
#include "running/neighbours.h"

#include <algorithm>
#include <utility>

#include "base/time_units.h"
#include "compile/routing.h"
#include "compile/service_addresses.h"
#include "compile/vrf_links.h"
#include "running/neighbour_moves.h"

namespace adit {
namespace {

constexpr uint64_t kTickNs = 50'000'000;
// A neighbour that is asked again stays usable meanwhile: ten requests have to go unanswered
// before it is given up.
constexpr unsigned kGiveUpAfter = 10;
constexpr uint64_t kSolicitEveryNs = kNsPerSecond;
constexpr uint64_t kSolicitFailedEveryNs = 5 * kNsPerSecond;
// Hosts: whoever never answered is forgotten soon, and takes no place until then, so that a scan of
// a large subnet does not take the room of those that are there.
constexpr unsigned kForgetHostAfter = 3;
constexpr unsigned kHostsPerLink = 8192;  // that have answered
// Hosts that are being asked for: of all links together, about, and of one.
constexpr std::size_t kLookUps = 16384, kLeastLookUps = 16, kMostLookUps = 1024;
constexpr uint64_t kRestNs = 5 * kNsPerSecond;  // longer than any worker holds a packet

std::map<LinkId, NeighbourLink> links_of(const Config& config, const CompiledIds& ids,
                                         const std::vector<MacAddr>& port_macs) {
  std::map<LinkId, NeighbourLink> links;
  const bool underlay_is_routed = balances_underlay(config) || config.host.has_value();
  const ServiceAddresses of_services(config);
  // With the addresses of services, which are announced as well.
  const auto answers_for = [&](const std::string& vrf, std::vector<IpPrefix> own) {
    const auto services = of_services.within(vrf, own);
    own.insert(own.end(), services.begin(), services.end());
    return own;
  };
  const auto members = members_by_link(config, ids);
  for (const VrfLink& link : vrf_links(config, ids)) {
    NeighbourLink& made = links[link.id];
    made = {link.gateway_mac ? *link.gateway_mac : port_macs[*link.port],
            answers_for(link.vrf->name, *link.addresses),
            true,
            {},
            link.vrf->name};
    if (link.port)
      made.ports = {*link.port};
    else if (const auto found = members.find(link.id); found != members.end())
      made.ports = found->second;
  }
  // The other ports: the underlay's, and networks'.
  for (const PortConfig& port : config.ports)
    links.try_emplace(port.id, NeighbourLink{port_macs[port.id],
                                             answers_for(kUnderlayName, port.addresses),
                                             underlay_is_routed && !port.addresses.empty(),
                                             {port.id}});
  return links;
}

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

NeighbourPlan plan_neighbours(const Config& config, const CompiledIds& ids,
                              const std::vector<MacAddr>& port_macs) {
  NeighbourPlan plan;
  plan.links = links_of(config, ids, port_macs);
  plan.fixed = static_neighbours(config, Routing(config), ids);
  for (const auto& [id, link] : plan.links) {
    Announcer::Link& ours = plan.announced[id];
    ours.mac = link.mac;
    for (const IpPrefix& own : link.own) ours.addresses.push_back(own.address);
    std::ranges::sort(ours.addresses);
    ours.addresses.erase(std::unique(ours.addresses.begin(), ours.addresses.end()),
                         ours.addresses.end());
  }
  return plan;
}

void Neighbours::configure(const NeighbourPlan& plan, const CompiledIds& ids, uint64_t now_ns) {
  Links former_links = std::exchange(links_, {});
  subnets_.clear();
  for (const auto& [id, planned] : plan.links) {
    Link& former = former_links[id];
    Link& link = links_[id];
    static_cast<NeighbourLink&>(link) = planned;
    link.checking = former.checking;
    link.defended_ns = std::move(former.defended_ns);
    link.notice_meters = former.notice_meters;
    for (const IpPrefix& own : link.own)
      if (own.length < own.address.width_bits()) subnets_[link.vrf].insert(own, id);
  }
  // RFC 5227 section 3: tells the links about addresses that are new there, so that peers with
  // an older idea of them learn the right MAC at once.
  announcer_.configure(plan.announced, now_ns);
  const std::map<NextHop, MacAddr>& fixed = plan.fixed;

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
      neighbour.is_told = false;
      neighbour.mac = found->second;
      dataplane_.adjacencies().resolve(adjacency, neighbour.mac);
    } else if (neighbour.state == NeighbourState::kStatic && !neighbour.is_told) {
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
      if (gone.adjacency != 0) by_adjacency_[gone.adjacency] = hop;
      continue;
    }
    if (gone.adjacency == 0) continue;
    dataplane_.adjacencies().clear(gone.adjacency);
    if (!is_next_hop_now) dataplane_.hosts().erase(hop.link, hop.address);
    if (gone.is_host) host_adjacencies_.give_back(gone.adjacency, now_ns);
  }
  count_hosts();
  for (auto& [hop, neighbour] : neighbours_) review_told(neighbour, now_ns);
}

void Neighbours::add_next_hop(const NextHop& hop, AdjacencyId adjacency, uint64_t now_ns) {
  Neighbour neighbour;
  neighbour.hop = hop;
  neighbour.next_action_ns = now_ns;
  if (const auto host = neighbours_.find(hop); host != neighbours_.end()) {
    neighbour = host->second;
    neighbour.is_host = false;
    remove_host(hop, now_ns);
  }
  neighbour.adjacency = adjacency;
  if (!neighbour.mac.is_zero()) dataplane_.adjacencies().resolve(adjacency, neighbour.mac);
  if (links_[hop.link].is_routed) dataplane_.hosts().insert(hop.link, hop.address, adjacency);
  by_adjacency_[adjacency] = hop;
  neighbours_[hop] = neighbour;
  review_told(neighbours_[hop], now_ns);
}

void Neighbours::remove_next_hop(const NextHop& hop) {
  const auto found = neighbours_.find(hop);
  if (found == neighbours_.end()) return;
  dataplane_.adjacencies().clear(found->second.adjacency);
  if (links_[hop.link].is_routed) dataplane_.hosts().erase(hop.link, hop.address);
  by_adjacency_.erase(found->second.adjacency);
  neighbours_.erase(found);
}

// Anew, after a change of configuration.
void Neighbours::count_hosts() {
  hosts_of_vrf_.clear();
  looking_links_ = 0;
  for (const auto& [id, link] : links_)
    if (link.is_routed) hosts_of_vrf_[link.vrf] = 0;
  places_.configure(kMaxHosts, hosts_of_vrf_.size());
  for (auto& [hop, neighbour] : neighbours_) {
    if (!neighbour.is_host) continue;
    if (neighbour.adjacency == 0) {
      begin_look_up(neighbour);
      continue;
    }
    Link& link = links_[hop.link];
    ++link.hosts;
    if (neighbour.is_told) link.told_hosts.insert(hop.address);
    places_.take(hosts_of_vrf_[link.vrf]++);
  }
}

void Neighbours::begin_look_up(Neighbour& neighbour) {
  auto& look_ups = links_[neighbour.hop.link].look_ups;
  looking_links_ += look_ups.empty();
  neighbour.look_up = next_look_up_++;
  look_ups[neighbour.look_up] = neighbour.hop.address;
}

void Neighbours::end_look_up(Neighbour& neighbour) {
  auto& look_ups = links_[neighbour.hop.link].look_ups;
  look_ups.erase(neighbour.look_up);
  looking_links_ -= look_ups.empty();
}

// Of one link: what others have already they keep until it ends.
std::size_t Neighbours::look_up_share() const {
  return std::clamp(kLookUps / std::max<std::size_t>(looking_links_, 1), kLeastLookUps,
                    kMostLookUps);
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
  if (!may_be_host(hop) || neighbours_.contains(hop)) return;
  const auto& look_ups = links_[link].look_ups;
  if (look_ups.size() >= look_up_share()) remove_host({link, look_ups.begin()->second}, now_ns);
  Neighbour& neighbour = neighbours_[hop];
  neighbour.hop = hop;
  neighbour.is_host = true;
  begin_look_up(neighbour);
  review_told(neighbour, now_ns);
  if (neighbour.state != NeighbourState::kStatic) ask(neighbour, now_ns);
}

// A host that answers for the first time is made known to workers. False: there is no place for it.
// One that is told gives its place to one that answers, and has one again when it is wanted and
// there is room.
bool Neighbours::take_place(Neighbour& neighbour, const MacAddr& mac, uint64_t now_ns) {
  if (find_place(neighbour, mac, now_ns)) return true;
  const Link& link = links_[neighbour.hop.link];
  if (link.told_hosts.empty()) return false;
  remove_host({neighbour.hop.link, *link.told_hosts.begin()}, now_ns);
  return find_place(neighbour, mac, now_ns);
}

bool Neighbours::find_place(Neighbour& neighbour, const MacAddr& mac, uint64_t now_ns) {
  const NextHop& hop = neighbour.hop;
  Link& link = links_[hop.link];
  unsigned& of_vrf = hosts_of_vrf_[link.vrf];
  if (link.hosts >= kHostsPerLink || !places_.may_take(of_vrf)) return false;
  const AdjacencyId adjacency = host_adjacencies_.take(now_ns);
  if (adjacency == 0) return false;
  if (!dataplane_.hosts().insert(hop.link, hop.address, adjacency)) {
    host_adjacencies_.give_back(adjacency, now_ns);
    return false;
  }
  dataplane_.adjacencies().resolve(adjacency, mac);  // now workers look again
  end_look_up(neighbour);
  neighbour.adjacency = adjacency;
  by_adjacency_[adjacency] = hop;
  ++link.hosts;
  places_.take(of_vrf++);
  return true;
}

void Neighbours::remove_host(const NextHop& hop, uint64_t now_ns) {
  const auto found = neighbours_.find(hop);
  const AdjacencyId adjacency = found->second.adjacency;
  if (adjacency == 0) {
    end_look_up(found->second);
  } else {
    Link& link = links_[hop.link];
    link.told_hosts.erase(hop.address);
    dataplane_.hosts().erase(hop.link, hop.address);
    dataplane_.adjacencies().clear(adjacency);
    host_adjacencies_.give_back(adjacency, now_ns);
    --link.hosts;
    places_.give_back(hosts_of_vrf_[link.vrf]--);
    by_adjacency_.erase(adjacency);
  }
  neighbours_.erase(found);
}

void Neighbours::wanted(AdjacencyId adjacency, uint64_t now_ns) {
  const auto hop = by_adjacency_.find(adjacency);
  if (hop == by_adjacency_.end()) return;
  Neighbour& neighbour = neighbours_.at(hop->second);
  if (neighbour.state != NeighbourState::kFailed) return;  // is being asked already
  neighbour.next_action_ns =
      std::min(neighbour.next_action_ns, neighbour.asked_ns + kSolicitEveryNs);
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
  for (const NextHop& hop : gone) {
    doubt_told(neighbours_.at(hop));
    remove_host(hop, now_ns);
  }
}

// Sends one more request, or gives the neighbour up.
void Neighbours::ask(Neighbour& neighbour, uint64_t now_ns) {
  if (neighbour.state == NeighbourState::kReachable || neighbour.state == NeighbourState::kStale)
    neighbour.state = NeighbourState::kProbing;
  if (neighbour.unanswered >= kGiveUpAfter && neighbour.state != NeighbourState::kFailed) {
    neighbour.state = NeighbourState::kFailed;
    doubt_told(neighbour);
    dataplane_.adjacencies().clear(neighbour.adjacency);
  }
  const bool knows_mac = neighbour.state == NeighbourState::kProbing;
  const bool unicast = knows_mac && neighbour.unanswered < kNeighbourUnicastProbes;
  if (!send_request(neighbour.hop, unicast ? neighbour.mac : kBroadcastMac)) return;  // next tick
  ++neighbour.unanswered;
  neighbour.asked_ns = now_ns;
  neighbour.next_action_ns =
      now_ns +
      (neighbour.state == NeighbourState::kFailed ? kSolicitFailedEveryNs : kSolicitEveryNs);
}

bool Neighbours::send_request(const NextHop& hop, const MacAddr& destination) {
  const Link& link = links_[hop.link];
  for (const IpPrefix& own : link.own)
    if (own.contains(hop.address))
      return dataplane_.send({hop.link, link.mac, destination, own.address, hop.address});
  // A router that is known by its link-local address.
  if (is_link_local(hop.address))
    for (const IpPrefix& own : link.own)
      if (!own.address.is_v4())
        return dataplane_.send({hop.link, link.mac, destination, own.address, hop.address});
  return true;  // the address that could ask is gone, and with it soon the next hop
}

}  // namespace adit
