// SPDX-License-Identifier: Apache-2.0
// `show.bonds`: the members of each bond, a row each.
#include <algorithm>
#include <array>
#include <utility>

#include "api/rows_answer.h"
#include "config/values.h"
#include "config/words.h"
#include "running/control_plane.h"

namespace adit {
namespace {

using nlohmann::json;
using Link = BondMemberState::Link;

constexpr std::array<std::pair<uint8_t, const char*>, 8> kLacpFlags = {{
    {kLacpActive, "active"},
    {kLacpShortTimeout, "short"},
    {kLacpAggregation, "aggregatable"},
    {kLacpInSync, "in-sync"},
    {kLacpCollecting, "collecting"},
    {kLacpDistributing, "distributing"},
    {kLacpDefaulted, "defaulted"},
    {kLacpExpired, "expired"},
}};

std::string flags_text(uint8_t state) {
  std::string text;
  for (const auto& [bit, name] : kLacpFlags)
    if ((state & bit) != 0) text += (text.empty() ? "" : ",") + std::string(name);
  return text;
}

const char* link_text(Link link) {
  return link == Link::kUp ? "up" : link == Link::kDown ? "down" : "gone";
}

std::string mode_text(BondMode mode) {
  for (const auto& [text, value] : WordsOf<BondMode>::kAll)
    if (value == mode) return text;
  return {};
}

json member_row(const PortConfig& port, const BondMemberState& member) {
  json row = {{"port", port.name},
              {"member", member.name},
              {"mode", mode_text(port.bond->mode)},
              {"link", link_text(member.link)},
              {"active", member.is_active},
              {"speed_mbps", member.speed_mbps},
              {"selected", nullptr},
              {"partner", nullptr},
              {"partner_key", nullptr},
              {"partner_port", nullptr},
              {"lacp_state", nullptr},
              {"partner_state", nullptr}};
  if (!member.lacp) return row;
  const BondMemberState::Lacp& lacp = *member.lacp;
  row["selected"] = lacp.is_selected;
  row["lacp_state"] = flags_text(lacp.own_state);
  row["partner_state"] = flags_text(lacp.partner_state);
  if (lacp.partner_system.is_zero()) return row;
  row["partner"] = to_string(lacp.partner_system);
  row["partner_key"] = lacp.partner_key;
  row["partner_port"] = lacp.partner_port;
  return row;
}

}  // namespace

json answer_bonds(ApiContext& context, const json&, const Caller&) {
  const ControlPlane& control = *context.control_plane;
  Rows out;
  for (const PortConfig& port : control.config().ports) {
    if (!port.bond) continue;
    // It has no state while it is opened anew.
    const BondState state = control.dataplane().bond_state(port.id).value_or(BondState{});
    for (const Device& device : port.bond->members) {
      const auto member =
          std::ranges::find(state.members, to_string(device), &BondMemberState::name);
      out.rows.push_back(member_row(port, member != state.members.end()
                                              ? *member
                                              : BondMemberState{to_string(device), Link::kGone}));
    }
  }
  return to_json(std::move(out));
}

}  // namespace adit
