// SPDX-License-Identifier: Apache-2.0
// The next hops' lives: asked for from the first second, refreshed before they age, never
// taken away while they answer.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "adit/dataplane.h"
#include "compile.h"

namespace adit {

enum class NeighbourState { kStatic, kReachable, kProbing, kIncomplete, kFailed };
const char* to_string(NeighbourState state) noexcept;

struct Neighbour {
  NextHop hop;
  AdjacencyId adjacency = 0;
  NeighbourState state = NeighbourState::kIncomplete;
  MacAddr mac;                  // last known, zero: never answered
  uint64_t confirmed_ns = 0;    // when it last answered
  uint64_t next_action_ns = 0;  // when to ask (again)
  uint64_t asked_ns = 0;        // when it was last asked
  unsigned unanswered = 0;      // requests since it last answered
};

class Neighbours {
 public:
  explicit Neighbours(Dataplane& dataplane) : dataplane_(dataplane) {}

  // Takes over the next hops of a new configuration; those that stay keep their state.
  void configure(const Config& config, const CompiledIds& ids,
                 const std::vector<MacAddr>& port_macs, uint64_t now_ns);
  // An ARP packet said that `address` on `port` is at `mac`.
  void seen(PortId port, const IpAddr& address, const MacAddr& mac, uint64_t now_ns);
  // Packets wait for this next hop.
  void wanted(AdjacencyId adjacency, uint64_t now_ns);
  // Asks and refreshes where it is time.
  void tick(uint64_t now_ns);

  const std::map<NextHop, Neighbour>& all() const noexcept { return neighbours_; }

 private:
  struct Source {
    IpPrefix subnet;
    MacAddr mac;
  };
  void ask(Neighbour& neighbour, uint64_t now_ns);
  bool send_request(const NextHop& hop, const MacAddr& destination);
  void announce_new(PortId port, const std::vector<Source>& former);

  Dataplane& dataplane_;
  std::map<NextHop, Neighbour> neighbours_;
  std::map<AdjacencyId, NextHop> by_adjacency_;
  std::vector<std::vector<Source>> sources_;  // own addresses, by port
  uint64_t next_tick_ns_ = 0;
};

}  // namespace adit
