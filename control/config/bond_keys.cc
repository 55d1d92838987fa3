// SPDX-License-Identifier: Apache-2.0
#include "config/bond_keys.h"

#include <algorithm>

#include "config/shared_keys.h"
#include "config/words.h"

namespace adit {
namespace {

constexpr char kMember[] =
    "a PCI address, tap:NAME, af_packet:INTERFACE, af_xdp:INTERFACE or vdev:DPDK-DEVICE";
constexpr unsigned kMostTapMtuBytes = 1500;  // DPDK's driver of TAP interfaces

bool has_primary(BondMode mode) {
  return mode == BondMode::kActiveBackup || mode == BondMode::kTlb || mode == BondMode::kAlb;
}
bool has_hash(BondMode mode) {
  return mode == BondMode::kBalance || mode == BondMode::kLacp;
}

std::string mode_text(BondMode mode) {
  for (const auto& [text, value] : WordsOf<BondMode>::kAll)
    if (value == mode) return text;
  return {};
}

void check_bond(Reader& reader, BondDraft& bond) {
  const Places& at = bond.places;
  if (at.has("members") && at.good("members") && bond.member_drafts.empty())
    reader.misfit(at.at("members"), "members: expected at least one device");
  for (const auto& member : bond.member_drafts)
    if (member.value.kind == DeviceKind::kVdev && member.value.argument.starts_with("net_bonding"))
      reader.misfit(member.place, "members: " + to_string(member.value) +
                                      " is a bond itself, which cannot be a member of one");
  if (bond.primary && at.good("members") &&
      std::ranges::none_of(bond.member_drafts,
                           [&](const auto& member) { return member.value == *bond.primary; }))
    reader.misfit(at.at("primary"),
                  "primary: " + to_string(*bond.primary) + " is none of the 'members'");
  if (!at.good("mode")) return;
  if (bond.mode != BondMode::kLacp)
    for (const auto& member : bond.member_drafts)
      if (member.value.kind == DeviceKind::kAfXdp)
        reader.misfit(
            member.place,
            "members: " + to_string(member.value) +
                " may be in a bond of mode 802.3ad "
                "only: all others give members another MAC address, which DPDK's driver of "
                "AF_XDP cannot; expected af_packet:" +
                member.value.argument + " for example");
  const auto refuse = [&](const char* key, const char* modes) {
    reader.misfit(at.at(key), std::string(key) + ": mode " + mode_text(bond.mode) +
                                  " has none; expected mode " + modes + ", or no '" + key + '\'');
  };
  if (at.has("primary") && !has_primary(bond.mode)) refuse("primary", "active-backup, tlb or alb");
  if (at.has("hash_policy") && !has_hash(bond.mode)) refuse("hash_policy", "balance or 802.3ad");
  if (at.has("lacp_select") && bond.mode != BondMode::kLacp) refuse("lacp_select", "802.3ad");
}

}  // namespace

Section<BondDraft> bond_section() {
  using B = BondConfig;
  Section<BondDraft> s;
  s.word("mode", &B::mode,
         "active-backup: one member at a time, another when its link is down; 802.3ad: LACP with "
         "the switch, flows over all members that it agreed to; balance: flows over all members, "
         "without LACP; round-robin: frames over all members in turn, which changes their order; "
         "broadcast: each frame by all members; tlb, alb: sends by the members' load, with alb "
         "receives by answers to ARP as well.");
  s.texts("members", &BondDraft::member_drafts, &B::members, parse_device, kMember,
          "The devices of the bond, as in 'device', at most 8.", "A device.", kMaxBondMembers)
      .required()
      .each("member", "members");
  s.text("primary", &B::primary, parse_device, kMember,
         "Of active-backup, tlb and alb: the member that is used whenever its link is up. Without "
         "it, the one that is used stays until its link is down.")
      .absent("none");
  s.word("hash_policy", &B::hash_policy,
         "Of balance and 802.3ad: what chooses a frame's member. layer2: MAC addresses; layer2+3: "
         "and IP addresses; layer3+4: IP addresses and ports. On an underlay, layer2 sends all to "
         "one router by one member.");
  s.word("lacp_select", &B::lacp_select,
         "Of 802.3ad with several partners: which of them is used. stable: the first until it is "
         "gone; bandwidth: the one with most Mbit/s; count: the one with most members.");
  s.number("link_check_ms", &B::link_check_ms, 10, 1000,
           "Milliseconds between two looks at the links of members whose drivers do not report "
           "changes themselves.");
  s.number("up_delay_ms", &B::up_delay_ms, 0, 60000,
           "Milliseconds for which a link of a member has to be up before the port, which was "
           "down, is up.");
  s.number("down_delay_ms", &B::down_delay_ms, 0, 60000,
           "Milliseconds for which the links of all members have to be down before the port is.");
  s.check(check_bond);
  return s;
}

void check_bond_port(Reader& reader, const PortDraft& port) {
  const Places& at = port.places;
  if (!at.has("bond")) return;
  if (at.has("device"))
    reader.misfit(at.at("device"),
                  "device: the port has a 'bond', whose 'members' are its devices; expected one of "
                  "the two keys");
  for (const char* key : {"offload", "steer"})
    if (at.has(key))
      reader.misfit(at.at(key), std::string(key) + ": a bond has none; expected no '" + key + '\'');
  if (port.mtu_bytes > kMostTapMtuBytes && at.good("mtu_bytes"))
    for (const auto& member : port.bond_draft.member_drafts)
      if (member.value.kind == DeviceKind::kTap)
        reader.misfit(member.place, "members: " + to_string(member.value) +
                                        " carries an mtu_bytes of at most " +
                                        std::to_string(kMostTapMtuBytes) + " in a bond; found " +
                                        std::to_string(port.mtu_bytes));
}

}  // namespace adit
