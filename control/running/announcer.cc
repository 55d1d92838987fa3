// SPDX-License-Identifier: Apache-2.0
#include "running/announcer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/time_units.h"

namespace adit {
namespace {

constexpr uint64_t kAnnounceTickNs = 50'000'000;
// In a tick: thousands of services' addresses go out in the course of a second or two, and leave
// the ring to the workers, and the peers' queues, room for others.
constexpr unsigned kPerTick = 256;

}  // namespace

void Announcer::configure(std::map<LinkId, Link> links, uint64_t now_ns) {
  for (auto& [id, link] : links) {
    const auto found = links_.find(id);
    Round round{.link = id, .begun_ns = now_ns, .due_ns = now_ns};
    if (found == links_.end() || found->second.mac != link.mac)
      round.addresses = link.addresses;
    else
      std::ranges::set_difference(link.addresses, found->second.addresses,
                                  std::back_inserter(round.addresses));
    if (!round.addresses.empty()) rounds_.push_back(std::move(round));
  }
  links_ = std::move(links);
  // What is not ours any more is not announced any more.
  for (Round& round : rounds_) {
    const auto link = links_.find(round.link);
    if (link == links_.end())
      round.addresses.clear();
    else
      std::erase_if(round.addresses, [&](const IpAddr& address) {
        return !std::ranges::binary_search(link->second.addresses, address);
      });
    round.next = std::min(round.next, round.addresses.size());
  }
  std::erase_if(rounds_, [](const Round& round) { return round.addresses.empty(); });
  next_tick_ns_ = 0;
  tick(now_ns);
}

void Announcer::link_up(LinkId id, bool is_first, uint64_t now_ns) {
  are_watched_ = true;
  link_down(id);
  const auto link = links_.find(id);
  if (link == links_.end() || link->second.addresses.empty()) return;
  Round round{.link = id, .addresses = link->second.addresses, .begun_ns = now_ns};
  round.due_ns = now_ns + (is_first ? kAgainAfterS[round.done++] * kNsPerSecond : 0);
  rounds_.push_back(std::move(round));
}

void Announcer::link_down(LinkId id) {
  std::erase_if(rounds_, [id](const Round& round) { return round.link == id; });
}

void Announcer::tick(uint64_t now_ns) {
  if (rounds_.empty() || now_ns < next_tick_ns_) return;
  next_tick_ns_ = now_ns + kAnnounceTickNs;
  unsigned budget = kPerTick;
  std::erase_if(rounds_, [&](Round& round) { return !proceed(round, budget, now_ns); });
}

bool Announcer::proceed(Round& round, unsigned& budget, uint64_t now_ns) {
  if (now_ns < round.due_ns) return true;
  const MacAddr& mac = links_.at(round.link).mac;
  for (; round.next < round.addresses.size(); ++round.next, --budget) {
    const IpAddr& own = round.addresses[round.next];
    // A full ring: it goes on where it stopped.
    if (budget == 0 || !dataplane_.send({round.link, mac, kBroadcastMac, own, own})) return true;
  }
  round.next = 0;
  if (!are_watched_ || round.done == kAgainAfterS.size()) return false;
  round.due_ns = round.begun_ns + kAgainAfterS[round.done++] * kNsPerSecond;
  return true;
}

}  // namespace adit
