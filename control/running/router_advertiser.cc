// SPDX-License-Identifier: Apache-2.0
#include "running/router_advertiser.h"

#include <algorithm>

#include "adit/flat_table.h"
#include "base/time_units.h"
#include "compile/vrf_links.h"

namespace adit {
namespace {

// RFC 4861 section 10
constexpr uint64_t kInitialIntervalNs = 16 * kNsPerSecond;
constexpr unsigned kInitialCount = 3;
constexpr uint64_t kLeastDelayNs = 3 * kNsPerSecond;  // between two to all hosts
constexpr uint64_t kAnswerDelayNs = kNsPerSecond / 2;
constexpr uint64_t kLeastIntervalNs = 3 * kNsPerSecond;  // section 6.2.1

}  // namespace

void RouterAdvertiser::configure(const Config& config, const CompiledIds& ids, const Snapshot& next,
                                 uint64_t now_ns) {
  std::map<LinkId, Link> links;
  for (const VrfLink& routed : vrf_links(config, ids)) {
    if (!*routed.advertisements) continue;
    Link& link = links[routed.id];
    const auto former = links_.find(routed.id);
    if (former != links_.end()) link = former->second;
    link.port = routed.port.value_or(kNoPort);
    link.interval_ns = (*routed.advertisements)->interval_s * kNsPerSecond;
    const auto& frame = interface_of(next, routed.id)->router_advertisement;
    if (link.frame == frame) continue;
    link.frame = frame;
    restart(link, now_ns);
  }
  // While workers still have the former snapshot, and with it the frame.
  bool has_ceased = false;
  for (const auto& [id, link] : links_)
    if (link.last_ns != 0 && !links.contains(id))
      has_ceased |= send(id, Command::Kind::kCeaseRouter);
  if (has_ceased) dataplane_.finish_commands();
  links_ = std::move(links);
}

void RouterAdvertiser::solicited(LinkId id, uint64_t now_ns) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  Link& link = found->second;
  // Section 6.2.6.
  const uint64_t earliest_ns = link.last_ns == 0 ? now_ns : link.last_ns + kLeastDelayNs;
  link.next_ns = std::min(link.next_ns, std::max(now_ns + vary(kAnswerDelayNs), earliest_ns));
}

void RouterAdvertiser::tick(uint64_t now_ns) {
  for (auto& [id, link] : links_) {
    if (down_ports_.contains(link.port)) continue;
    if (now_ns < link.next_ns || !send(id, Command::Kind::kAdvertiseRouter)) continue;
    link.last_ns = now_ns;
    // Section 6.2.1 has 0.33 of the interval as the default of the least.
    const uint64_t least_ns = std::max(link.interval_ns / 3, kLeastIntervalNs);
    uint64_t wait_ns = least_ns + vary(link.interval_ns - least_ns);
    if (++link.sent < kInitialCount) wait_ns = std::min(wait_ns, kInitialIntervalNs);
    link.next_ns = now_ns + wait_ns;
  }
}

void RouterAdvertiser::port_up(PortId port, uint64_t now_ns) {
  if (down_ports_.erase(port) == 0) return;
  for (auto& [id, link] : links_)
    if (link.port == port) restart(link, now_ns);
}

void RouterAdvertiser::cease() {
  for (const auto& [id, link] : links_)
    if (link.last_ns != 0) send(id, Command::Kind::kCeaseRouter);
  links_.clear();
  dataplane_.finish_commands();
}

void RouterAdvertiser::restart(Link& link, uint64_t now_ns) const {
  link.sent = 0;
  link.next_ns = link.last_ns == 0 ? now_ns : std::max(now_ns, link.last_ns + kLeastDelayNs);
}

bool RouterAdvertiser::send(LinkId link, Command::Kind kind) {
  Command command{};
  command.link = link;
  command.kind = kind;
  return dataplane_.send(command);
}

uint64_t RouterAdvertiser::vary(uint64_t most_ns) {
  return mix64(++varied_) % (most_ns + 1);
}

}  // namespace adit
