// SPDX-License-Identifier: Apache-2.0
#include "neighbours.h"

#include <algorithm>

namespace adit {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kTickNs = 50'000'000;
// A neighbour is asked again well before its entry would age, and stays usable meanwhile:
// ten requests have to go unanswered before it is given up.
constexpr uint64_t kRefreshAfterNs = 20 * kSecondNs;
constexpr unsigned kUnicastProbes = 3;
constexpr unsigned kGiveUpAfter = 10;
constexpr uint64_t kAskEveryNs = kSecondNs;
constexpr uint64_t kAskFailedEveryNs = 5 * kSecondNs;

}  // namespace

const char* to_string(NeighbourState state) noexcept {
  switch (state) {
    case NeighbourState::kStatic:
      return "static";
    case NeighbourState::kReachable:
      return "reachable";
    case NeighbourState::kProbing:
      return "probing";
    case NeighbourState::kIncomplete:
      return "incomplete";
    case NeighbourState::kFailed:
      return "failed";
  }
  return "unknown";
}

void Neighbours::configure(const Config& config, const CompiledIds& ids,
                           const std::vector<MacAddr>& port_macs, uint64_t now_ns) {
  auto former_sources = std::move(sources_);
  sources_.assign(config.ports.size(), {});
  former_sources.resize(config.ports.size());
  for (size_t port = 0; port < config.ports.size(); ++port) {
    for (const IpPrefix& own : config.ports[port].addresses)
      sources_[port].push_back({own, port_macs[port]});
    announce_new(static_cast<PortId>(port), former_sources[port]);
  }

  std::map<IpAddr, MacAddr> fixed;
  for (const NeighbourConfig& neighbour : config.neighbours)
    fixed[neighbour.address] = neighbour.mac;

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
      former.erase(found);
    }
    if (const auto found = fixed.find(hop.address); found != fixed.end()) {
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
  for (const auto& [hop, gone] : former) dataplane_.adjacencies().clear(gone.adjacency);
}

void Neighbours::seen(PortId port, const IpAddr& address, const MacAddr& mac, uint64_t now_ns) {
  const auto found = neighbours_.find({port, address});
  if (found == neighbours_.end() || found->second.state == NeighbourState::kStatic) return;
  Neighbour& neighbour = found->second;
  neighbour.mac = mac;
  neighbour.state = NeighbourState::kReachable;
  neighbour.confirmed_ns = now_ns;
  neighbour.next_action_ns = now_ns + kRefreshAfterNs;
  neighbour.unanswered = 0;
  dataplane_.adjacencies().resolve(neighbour.adjacency, mac);
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
  if (now_ns < next_tick_ns_) return;
  next_tick_ns_ = now_ns + kTickNs;
  for (auto& [hop, neighbour] : neighbours_)
    if (neighbour.state != NeighbourState::kStatic && now_ns >= neighbour.next_action_ns)
      ask(neighbour, now_ns);
}

// Sends one more request, or gives the neighbour up.
void Neighbours::ask(Neighbour& neighbour, uint64_t now_ns) {
  if (neighbour.state == NeighbourState::kReachable) neighbour.state = NeighbourState::kProbing;
  if (neighbour.unanswered >= kGiveUpAfter && neighbour.state != NeighbourState::kFailed) {
    neighbour.state = NeighbourState::kFailed;
    dataplane_.adjacencies().clear(neighbour.adjacency);
  }
  const bool knows_mac = neighbour.state == NeighbourState::kProbing;
  const bool unicast = knows_mac && neighbour.unanswered < kUnicastProbes;
  if (!send_request(neighbour.hop, unicast ? neighbour.mac : kBroadcastMac)) return;  // next tick
  ++neighbour.unanswered;
  neighbour.asked_ns = now_ns;
  neighbour.next_action_ns =
      now_ns + (neighbour.state == NeighbourState::kFailed ? kAskFailedEveryNs : kAskEveryNs);
}

bool Neighbours::send_request(const NextHop& hop, const MacAddr& destination) {
  for (const Source& source : sources_[hop.port])
    if (source.subnet.contains(hop.address))
      return dataplane_.send(
          {hop.port, source.mac, destination, source.subnet.address, hop.address});
  return true;  // the address that could ask is gone, and with it soon the next hop
}

// RFC 5227 section 3: tells the link about addresses that are new here, so that peers with
// an older idea of them learn the right MAC at once.
void Neighbours::announce_new(PortId port, const std::vector<Source>& former) {
  for (const Source& source : sources_[port]) {
    const bool known = std::any_of(former.begin(), former.end(), [&](const Source& other) {
      return other.subnet.address == source.subnet.address;
    });
    // A full ring loses an announcement; peers ask when they need us.
    if (!known)
      dataplane_.send(
          {port, source.mac, kBroadcastMac, source.subnet.address, source.subnet.address});
  }
}

}  // namespace adit
