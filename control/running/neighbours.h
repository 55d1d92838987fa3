// SPDX-License-Identifier: Apache-2.0
// The next hops' lives: asked for from the first second, refreshed before they age, never
// taken away while they answer.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "adit/rate_limit.h"
#include "base/shares.h"
#include "compile/compile.h"
#include "config/prefix_table.h"
#include "running/announcer.h"
#include "running/neighbour_notice.h"

namespace adit {

// kStatic: of the file, or of the kernel and lasting. kStale: used, and probed soon, because its
// MAC came from an unsolicited message.
enum class NeighbourState { kStatic, kReachable, kStale, kProbing, kIncomplete, kFailed };
const char* to_string(NeighbourState state) noexcept;

struct Neighbour {
  NextHop hop;
  AdjacencyId adjacency = 0;  // 0: a host that has not answered yet, which takes no place
  NeighbourState state = NeighbourState::kIncomplete;
  MacAddr mac;                  // last known, zero: never answered
  uint64_t confirmed_ns = 0;    // when it last answered
  uint64_t next_action_ns = 0;  // of the next request
  uint64_t asked_ns = 0;        // of the last request
  unsigned unanswered = 0;      // requests since it last answered
  bool is_host = false;         // not configured: resolved because of packets for it
  bool is_told = false;         // kStatic, by the kernel
  uint64_t look_up = 0;         // of a host that has not answered yet: place in Link::look_ups
  // The MAC that another station claims for the address; zero: none. Before it is accepted, the
  // former MAC is probed.
  MacAddr candidate;
  unsigned checks_sent = 0;
  uint64_t next_check_ns = 0;
  uint64_t may_move_ns = 0;  // no move before this time: it has just moved
};

// What the kernel says of a neighbour.
struct ToldNeighbour {
  MacAddr mac;
  bool is_lasting = false;  // it does not age; otherwise the kernel has learned it
  friend bool operator==(const ToldNeighbour&, const ToldNeighbour&) = default;
};

// Adjacencies of hosts; one that was given back rests for a while, as workers may still hold
// packets for it.
class HostAdjacencies {
 public:
  AdjacencyId take(uint64_t now_ns);  // 0: none is left
  void give_back(AdjacencyId id, uint64_t now_ns) { resting_.push_back({id, now_ns}); }

 private:
  struct Resting {
    AdjacencyId id;
    uint64_t since_ns;
  };
  std::deque<Resting> resting_;
  AdjacencyId next_ = kMaxNextHops;  // never given so far
};

// What of ours is on a link.
struct NeighbourLink {
  MacAddr mac;
  std::vector<IpPrefix> own;       // addresses with their subnets
  bool is_routed = false;          // it is a VRF's
  std::vector<PortId> ports = {};  // it is behind: one, or a network's members
  std::string vrf = {};
};

// What a configuration says of links and neighbours.
struct NeighbourPlan {
  std::map<LinkId, NeighbourLink> links;
  std::map<NextHop, MacAddr> fixed;  // neither asked for nor aged
  std::map<LinkId, Announcer::Link> announced;
};
NeighbourPlan plan_neighbours(const Config& config, const CompiledIds& ids,
                              const std::vector<MacAddr>& port_macs);

class Neighbours {
 public:
  explicit Neighbours(Dataplane& dataplane) : dataplane_(dataplane), announcer_(dataplane) {}

  // Takes over the next hops of a new configuration; those that stay keep their state.
  void configure(const NeighbourPlan& plan, const CompiledIds& ids, uint64_t now_ns);
  void configure(const Config& config, const CompiledIds& ids,
                 const std::vector<MacAddr>& port_macs, uint64_t now_ns) {
    configure(plan_neighbours(config, ids, port_macs), ids, now_ns);
  }
  // A next hop more or less beside the plan's.
  void add_next_hop(const NextHop& hop, AdjacencyId adjacency, uint64_t now_ns);
  void remove_next_hop(const NextHop& hop);
  // A message said that `address` on `link` is at `mac`; `what`: claim::k...
  void seen(LinkId link, const IpAddr& address, const MacAddr& mac, uint64_t now_ns,
            uint8_t what = claim::kSolicited | claim::kOverride);
  // What the kernel says of a neighbour in a VRF, by name; empty: the underlay.
  void tell(const std::string& vrf, const IpAddr& address, const ToldNeighbour& told,
            uint64_t now_ns);
  void untell(const std::string& vrf, const IpAddr& address, uint64_t now_ns);
  // The link of the VRF on whose subnet the address is; none: on no subnet.
  std::optional<LinkId> link_to(const std::string& vrf, const IpAddr& address) const;
  // Somebody else with that MAC uses our own address.
  void conflict(LinkId link, const IpAddr& own, const MacAddr& mac, uint64_t now_ns);
  void on_notice(NeighbourNoticeSink sink) { sink_ = std::move(sink); }
  // Packets wait for this host on a subnet of a routed link.
  void host_wanted(LinkId link, const IpAddr& address, uint64_t now_ns);
  // Packets wait for this next hop.
  void wanted(AdjacencyId adjacency, uint64_t now_ns);
  // port_down: the link went down; neighbours behind it are forgotten. port_up: the link came up;
  // they are resolved at once, and our addresses announced. `is_first`: it was up from the start,
  // and configure() has announced them. Return the number of next hops and hosts.
  unsigned port_down(PortId port, uint64_t now_ns);
  unsigned port_up(PortId port, bool is_first, uint64_t now_ns);
  // Resolves and refreshes neighbours that are due.
  void tick(uint64_t now_ns);

  const std::map<NextHop, Neighbour>& all() const noexcept { return neighbours_; }

 private:
  struct NoticeMeter {
    RateMeter meter;
    uint64_t suppressed = 0;
  };
  struct Link : NeighbourLink {
    unsigned hosts = 0;  // that have answered
    // Hosts that have not answered, in the order of their first packets. A scan makes many: above
    // the link's share of look-ups, the oldest is removed. Hosts that answer are never removed.
    std::map<uint64_t, IpAddr> look_ups = {};
    unsigned checking = 0;             // entries of checking_
    std::set<IpAddr> told_hosts = {};  // of the hosts that have a place, those that are told
    std::map<IpAddr, uint64_t> defended_ns = {};    // own addresses: when that was
    std::array<NoticeMeter, 3> notice_meters = {};  // by NeighbourNotice::Kind
  };
  using Links = std::map<LinkId, Link>;
  void ask(Neighbour& neighbour, uint64_t now_ns);
  void remove_host(const NextHop& hop, uint64_t now_ns);
  void begin_look_up(Neighbour& neighbour);
  void end_look_up(Neighbour& neighbour);
  std::size_t look_up_share() const;
  bool take_place(Neighbour& neighbour, const MacAddr& mac, uint64_t now_ns);
  void count_hosts();
  bool may_be_host(const NextHop& hop) const;
  bool send_request(const NextHop& hop, const MacAddr& destination);
  bool is_down(LinkId link) const;
  bool is_behind(LinkId link, PortId port) const;
  void set_mac(Neighbour& neighbour, MacAddr mac, uint64_t now_ns);
  void begin_check(Neighbour& neighbour, const MacAddr& candidate, uint64_t now_ns);
  bool continue_check(Neighbour& neighbour, uint64_t now_ns);
  void end_check(Neighbour& neighbour, uint64_t now_ns);
  void continue_checks(uint64_t now_ns);
  void notify(NeighbourNotice notice, uint64_t now_ns);
  struct Told : ToldNeighbour {
    bool is_doubted = false;  // a hint by which nobody answered
  };
  bool find_place(Neighbour& neighbour, const MacAddr& mac, uint64_t now_ns);
  Told* told_of(const NextHop& hop);
  void doubt_told(const Neighbour& neighbour);
  void take_told(Neighbour& neighbour, const ToldNeighbour& told, uint64_t now_ns);
  void end_told(Neighbour& neighbour, uint64_t now_ns);
  void review_told(Neighbour& neighbour, uint64_t now_ns);

  Dataplane& dataplane_;
  std::map<NextHop, Neighbour> neighbours_;
  std::map<AdjacencyId, NextHop> by_adjacency_;
  Links links_;
  std::map<std::string, PrefixTable> subnets_;               // of links, by VRF
  std::map<std::string, std::map<IpAddr, Told>> told_ = {};  // by VRF
  Announcer announcer_;
  std::set<PortId> down_ports_;
  HostAdjacencies host_adjacencies_;
  std::vector<NextHop> checking_;  // those with a candidate, and some that had one
  NeighbourNoticeSink sink_;
  Shares places_;  // hosts that have answered, by VRF
  std::map<std::string, unsigned> hosts_of_vrf_;
  uint64_t next_look_up_ = 1;
  std::size_t looking_links_ = 0;  // links that have look-ups
  uint64_t next_tick_ns_ = 0;
};

}  // namespace adit
