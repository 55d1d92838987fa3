// SPDX-License-Identifier: Apache-2.0
// What messages of neighbours change: RFC 4861 section 7.2.5, which ARP follows as well. But a
// neighbour does not move to another MAC before its former place was asked, and was silent:
// spoofed messages must not take the traffic of a host that answers.
#include "running/neighbour_moves.h"

#include <algorithm>
#include <utility>

#include "running/neighbours.h"

namespace adit {
namespace {

using Notice = NeighbourNotice::Kind;

// RFC 4861 section 10, DELAY_FIRST_PROBE_TIME: a neighbour that told its MAC unasked is asked
// after it.
constexpr uint64_t kStaleNs = 5 * kNsPerSecond;
// The former place has that long to answer in all, so that a pair of which the other one takes
// over is not held up: VRRP and the like announce themselves when their peer is silent.
constexpr unsigned kChecks = 3;
constexpr uint64_t kCheckEveryNs = 3 * kNsPerSecond / 10;
// Between a move, or one that was refused, and the next check of the neighbour.
constexpr uint64_t kMoveEveryNs = kNsPerSecond;
// Of each link at one time: forged messages for a whole subnet must not fill the command rings.
constexpr unsigned kChecksPerLink = 512;
// RFC 5227 section 1.1, DEFEND_INTERVAL
constexpr uint64_t kDefendEveryNs = 10 * kNsPerSecond;

constexpr RateLimit kConflictNotices{kNsPerSecond, kNsPerSecond};  // one a second
constexpr RateLimit kMoveNotices = RateLimit::per_second(10);

bool is_usable(NeighbourState state) {
  return state == NeighbourState::kReachable || state == NeighbourState::kStale ||
         state == NeighbourState::kProbing;
}

void set_reachable(Neighbour& neighbour, uint64_t now_ns) {
  neighbour.state = NeighbourState::kReachable;
  neighbour.confirmed_ns = now_ns;
  neighbour.next_action_ns = now_ns + kNeighbourRefreshNs;
  neighbour.unanswered = 0;
}

void set_stale(Neighbour& neighbour, uint64_t now_ns) {
  neighbour.state = NeighbourState::kStale;
  neighbour.next_action_ns = now_ns + kStaleNs;
  neighbour.unanswered = 0;
}

}  // namespace

void Neighbours::seen(LinkId link, const IpAddr& address, const MacAddr& mac, uint64_t now_ns,
                      uint8_t what) {
  const auto found = neighbours_.find({link, address});
  if (found == neighbours_.end() || found->second.state == NeighbourState::kStatic) return;
  if (is_down(link)) return;  // said just before
  Neighbour& neighbour = found->second;
  const bool has_mac = (what & claim::kNoMac) == 0;
  const bool solicited = (what & claim::kSolicited) != 0;
  if (!is_usable(neighbour.state)) {
    if (!has_mac) return;
    if (neighbour.adjacency == 0 && !take_place(neighbour, mac, now_ns)) return;
    set_mac(neighbour, mac, now_ns);
    return solicited ? set_reachable(neighbour, now_ns) : set_stale(neighbour, now_ns);
  }
  if (!has_mac || mac == neighbour.mac) {
    if (neighbour.checks_sent != 0) end_check(neighbour, now_ns);
    if (solicited) set_reachable(neighbour, now_ns);
    return;
  }
  if (!(what & claim::kOverride)) {
    if (neighbour.state == NeighbourState::kReachable) set_stale(neighbour, now_ns);
    return;
  }
  // Its former place was asked long enough: everyone is by now.
  if (neighbour.unanswered > kNeighbourUnicastProbes) {
    set_mac(neighbour, mac, now_ns);
    return solicited ? set_reachable(neighbour, now_ns) : set_stale(neighbour, now_ns);
  }
  begin_check(neighbour, mac, now_ns);
}

void Neighbours::set_mac(Neighbour& neighbour, MacAddr mac, uint64_t now_ns) {
  const MacAddr former = std::exchange(neighbour.mac, mac);
  neighbour.candidate = {};
  neighbour.checks_sent = 0;
  dataplane_.adjacencies().resolve(neighbour.adjacency, mac);
  if (former.is_zero() || former == mac) return;
  neighbour.may_move_ns = now_ns + kMoveEveryNs;
  notify({Notice::kMoved, neighbour.hop.link, neighbour.hop.address, mac, former}, now_ns);
}

void Neighbours::begin_check(Neighbour& neighbour, const MacAddr& candidate, uint64_t now_ns) {
  // Of several that claim it while the former one is asked, the last to say so is believed: one
  // forged message before must not keep out the host that takes over, which may say it only once.
  if (!neighbour.candidate.is_zero()) {
    neighbour.candidate = candidate;
    return;
  }
  Link& link = links_[neighbour.hop.link];
  if (link.checking >= kChecksPerLink) return;
  ++link.checking;
  checking_.push_back(neighbour.hop);
  neighbour.candidate = candidate;
  neighbour.checks_sent = 0;
  neighbour.next_check_ns = std::max(now_ns, neighbour.may_move_ns);
  continue_check(neighbour, now_ns);
}

// The former MAC answered: the neighbour is there, and another host claims its address.
void Neighbours::end_check(Neighbour& neighbour, uint64_t now_ns) {
  const MacAddr refused = std::exchange(neighbour.candidate, {});
  neighbour.checks_sent = 0;
  neighbour.may_move_ns = now_ns + kMoveEveryNs;
  notify({Notice::kMoveRefused, neighbour.hop.link, neighbour.hop.address, refused, neighbour.mac},
         now_ns);
}

// False: it has come to its end.
bool Neighbours::continue_check(Neighbour& neighbour, uint64_t now_ns) {
  if (neighbour.candidate.is_zero() || !is_usable(neighbour.state)) {
    neighbour.candidate = {};
    neighbour.checks_sent = 0;
    return false;
  }
  if (now_ns < neighbour.next_check_ns) return true;
  if (neighbour.checks_sent < kChecks) {
    if (!send_request(neighbour.hop, neighbour.mac)) return true;  // next tick
    ++neighbour.checks_sent;
    neighbour.next_check_ns = now_ns + kCheckEveryNs;
    return true;
  }
  set_mac(neighbour, neighbour.candidate, now_ns);
  // The new place is asked at once: if it was forged, the right one is found again.
  neighbour.state = NeighbourState::kProbing;
  neighbour.unanswered = 0;
  neighbour.next_action_ns = now_ns;
  return false;
}

void Neighbours::continue_checks(uint64_t now_ns) {
  std::erase_if(checking_, [&](const NextHop& hop) {
    const auto found = neighbours_.find(hop);
    if (found != neighbours_.end() && continue_check(found->second, now_ns)) return false;
    if (const auto link = links_.find(hop.link); link != links_.end() && link->second.checking > 0)
      --link->second.checking;
    return true;
  });
}

// RFC 5227 section 2.4 (c) and RFC 4862 section 5.4.5: we keep the address, and say so.
void Neighbours::conflict(LinkId id, const IpAddr& own, const MacAddr& mac, uint64_t now_ns) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  Link& link = found->second;
  const bool link_local = !own.is_v4() && own.bytes[0] == 0xfe && (own.bytes[1] & 0xc0) == 0x80;
  const bool is_ours =
      link_local || std::any_of(link.own.begin(), link.own.end(),
                                [&](const IpPrefix& ours) { return ours.address == own; });
  if (!is_ours) return;  // any more
  const auto defended = link.defended_ns.find(own);
  if ((defended == link.defended_ns.end() || now_ns >= defended->second + kDefendEveryNs) &&
      dataplane_.send({id, link.mac, kBroadcastMac, own, own}))
    link.defended_ns[own] = now_ns;
  notify({Notice::kConflict, id, own, mac, link.mac}, now_ns);
}

void Neighbours::notify(NeighbourNotice notice, uint64_t now_ns) {
  NoticeMeter& meter = links_[notice.link].notice_meters[static_cast<size_t>(notice.kind)];
  if (!meter.meter.allow(notice.kind == Notice::kMoved ? kMoveNotices : kConflictNotices, now_ns)) {
    ++meter.suppressed;
    return;
  }
  notice.suppressed = std::exchange(meter.suppressed, 0);
  if (sink_) sink_(notice);
}

}  // namespace adit
