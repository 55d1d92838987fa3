// SPDX-License-Identifier: Apache-2.0
// What control is told of a bond.
#include <rte_byteorder.h>
#include <rte_eth_bond.h>
#include <rte_eth_bond_8023ad.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cstring>

#include "io/bond_port.h"

namespace adit {
namespace {

MacAddr mac_of(const rte_ether_addr& address) noexcept {
  MacAddr mac;
  std::memcpy(mac.bytes.data(), address.addr_bytes, sizeof address.addr_bytes);
  return mac;
}

std::optional<BondMemberState::Lacp> lacp_of(uint16_t bond, uint16_t member) {
  struct rte_eth_bond_8023ad_slave_info info {};
  if (rte_eth_bond_8023ad_slave_info(bond, member, &info) != 0) return std::nullopt;
  BondMemberState::Lacp lacp;
  lacp.is_selected = info.selected == SELECTED;
  lacp.own_state = info.actor_state;
  lacp.partner_state = info.partner_state;
  lacp.partner_system = mac_of(info.partner.system);
  lacp.partner_key = rte_be_to_cpu_16(info.partner.key);
  lacp.partner_port = rte_be_to_cpu_16(info.partner.port_number);
  return lacp;
}

}  // namespace

std::vector<uint16_t> BondPort::active_members() const noexcept {
  uint16_t ids[RTE_MAX_ETHPORTS];
  const int count = rte_eth_bond_active_slaves_get(port_id_, ids, RTE_MAX_ETHPORTS);
  return {ids, ids + std::max(count, 0)};
}

std::optional<BondState> BondPort::bond_state() const {
  BondState state{.mode = spec_->mode};
  const std::vector<uint16_t> active = active_members();
  const bool has_one = spec_->mode == BondMode::kActiveBackup;
  const int current = rte_eth_bond_primary_get(port_id_);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    BondMemberState& row = state.members.emplace_back();
    row.name = spec_->members[i].name;
    row.link = BondMemberState::Link::kGone;
    const BondMember* const member = members_[i].device.get();
    if (member == nullptr) continue;
    switch (member->status(interfaces_)) {
      case LinkStatus::kUp:
        row.link = BondMemberState::Link::kUp;
        break;
      case LinkStatus::kDown:
        row.link = BondMemberState::Link::kDown;
        break;
      case LinkStatus::kGone:
        continue;
    }
    row.speed_mbps = member->speed_mbps();
    row.is_active = std::ranges::find(active, member->port_id()) != active.end() &&
                    (!has_one || member->port_id() == current);
    if (spec_->mode != BondMode::kLacp) continue;
    constexpr uint8_t kInUse = kLacpCollecting | kLacpDistributing;
    row.lacp = lacp_of(port_id_, member->port_id());
    row.is_active = row.is_active && row.lacp && (row.lacp->own_state & kInUse) == kInUse;
  }
  return state;
}

}  // namespace adit
