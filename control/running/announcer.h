// SPDX-License-Identifier: Apache-2.0
// Announces our addresses on links by gratuitous ARP and unsolicited neighbour advertisements.
// At once if an address or a link is new, and again at growing intervals, because a switch forwards
// nothing for up to 30 s after its port came up (spanning tree), and no station would repeat lost
// announcements.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "adit/dataplane.h"

namespace adit {

class Announcer {
 public:
  // After the first one. RFC 5227 section 2.3 has two, 2 s apart; keepalived five, and five more
  // after 5 s.
  static constexpr std::array<unsigned, 5> kAgainAfterS = {2, 5, 10, 20, 40};

  struct Link {
    MacAddr mac;
    std::vector<IpAddr> addresses;  // sorted
  };

  explicit Announcer(Dataplane& dataplane) : dataplane_(dataplane) {}

  // All that is ours from now on. What is new, or has a new MAC, is announced once; where links are
  // watched, repeatedly.
  void configure(std::map<LinkId, Link> links, uint64_t now_ns);
  // Everything on the link is announced, or nothing is any more. `is_first`: configure() has
  // announced it just now, and what is left to do are the repetitions.
  void link_up(LinkId link, bool is_first, uint64_t now_ns);
  void link_down(LinkId link);
  void tick(uint64_t now_ns);

 private:
  // Addresses of a link that are announced together.
  struct Round {
    LinkId link = 0;
    std::vector<IpAddr> addresses = {};
    uint64_t begun_ns = 0;
    uint64_t due_ns = 0;
    unsigned done = 0;  // rounds
    size_t next = 0;    // in addresses
  };
  // Says the next of the round; false: it is at its end.
  bool proceed(Round& round, unsigned& budget, uint64_t now_ns);

  Dataplane& dataplane_;
  std::map<LinkId, Link> links_;
  std::vector<Round> rounds_;
  bool are_watched_ = false;  // links
  uint64_t next_tick_ns_ = 0;
};

}  // namespace adit
