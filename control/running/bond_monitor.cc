// SPDX-License-Identifier: Apache-2.0
#include "running/bond_monitor.h"

#include <algorithm>
#include <utility>

namespace adit {
namespace {

using Link = BondMemberState::Link;

std::vector<std::string> active_members(const BondState& bond) {
  std::vector<std::string> names;
  for (const BondMemberState& member : bond.members)
    if (member.is_active) names.push_back(member.name);
  return names;
}

BondEvent::Kind kind_of(Link link) {
  switch (link) {
    case Link::kUp:
      return BondEvent::Kind::kMemberUp;
    case Link::kDown:
      return BondEvent::Kind::kMemberDown;
    case Link::kGone:
      break;
  }
  return BondEvent::Kind::kMemberGone;
}

}  // namespace

std::vector<BondEvent> compare_bonds(PortId port, const BondState* former, const BondState& now) {
  std::vector<BondEvent> events;
  for (const BondMemberState& member : now.members) {
    const BondMemberState* was = nullptr;
    if (former != nullptr)
      if (const auto found =
              std::ranges::find(former->members, member.name, &BondMemberState::name);
          found != former->members.end())
        was = &*found;
    if (was != nullptr && was->link == member.link) continue;
    events.push_back({.kind = kind_of(member.link),
                      .port = port,
                      .member = member.name,
                      .is_first = was == nullptr});
  }
  std::vector<std::string> active = active_members(now);
  if (former == nullptr || active_members(*former) != active)
    events.push_back({.kind = BondEvent::Kind::kActive,
                      .port = port,
                      .active = std::move(active),
                      .is_first = former == nullptr});
  return events;
}

void BondMonitor::tick(const Config& config, const Report& report) {
  std::map<PortId, BondState> now;
  for (const PortConfig& port : config.ports) {
    if (!port.bond) continue;
    std::optional<BondState> state = dataplane_.bond_state(port.id);
    if (!state) continue;
    const auto former = known_.find(port.id);
    const BondState* was = former == known_.end() ? nullptr : &former->second;
    for (const BondEvent& event : compare_bonds(port.id, was, *state)) report(event);
    now.emplace(port.id, std::move(*state));
  }
  known_ = std::move(now);
}

}  // namespace adit
