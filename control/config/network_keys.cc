// SPDX-License-Identifier: Apache-2.0
#include "config/network_keys.h"

#include "config/shared_keys.h"
#include "config/words.h"

namespace adit {
namespace {

Section<MemberDraft> member_section() {
  Section<MemberDraft> s;
  s.text("port", &MemberConfig::port, parse_name, kPortName, "The port.").required();
  s.number("vlan", &MemberConfig::vlan, 1, 4094,
           "Frames with this 802.1Q tag; without the key, untagged frames.");
  return s;
}

void check_remote(Reader& reader, RemoteDraft& remote) {
  check_kind(reader, remote, TunnelKind::kGre);
}

Section<RemoteDraft> remote_section() {
  Section<RemoteDraft> s;
  using R = RemoteConfig;
  s.text("address", &R::address, parse_host_address, kHostAddress,
         "The other end's address (VTEP). Only configured remotes are listened to.")
      .required();
  s.word("kind", &R::kind, kind_words(Carries::kFrames),
         "The encapsulation that this remote speaks.");
  s.number("id", &R::id, 0, UINT64_MAX,
           "The network's VNI, VSID, key or context id at this remote; without it, the network's "
           "'vni', and for gre no key.")
      .absent("the default");
  s.flag("checksum", &R::checksum, "GRE: send a checksum. One that comes in is always verified.");
  s.flag("sequence", &R::sequence,
         "GRE: number the packets, and drop those that come in out of order or without a number.");
  s.number("split_horizon", &R::split_horizon, 0, 65000,
           "Between remotes of one group nothing is forwarded; 0: in no group; auto: one group for "
           "each kind.",
           KeyType::kNumberOrAuto);
  s.section("tunnel", &R::tunnel, tunnel_options_section(), "The outer header, for this remote.");
  s.check(check_remote);
  return s;
}

// What no single key can tell: exactly one of port and remote, vlan only with port.
void check_static_mac(Reader& reader, StaticMacDraft& mac) {
  const Places& at = mac.places;
  if (at.has("port") && at.has("remote"))
    reader.mistake(at.at("remote"), "a static MAC is behind a port or a remote, not both");
  else if (!at.has("port") && !at.has("remote"))
    reader.mistake(at.self,
                   "missing key 'port' or 'remote' in an entry of 'static_macs': the MAC "
                   "is behind one of them");
  else if (at.has("vlan") && !at.has("port"))
    reader.mistake(at.at("vlan"), "'vlan' goes with 'port'; a MAC behind a remote has none");
}

Section<StaticMacDraft> static_mac_section() {
  using S = StaticMacConfig;
  Section<StaticMacDraft> s;
  s.text("mac", &S::mac, parse_station_mac, kStationMac, "The station's MAC address.").required();
  s.text("port", &S::port, parse_name, kPortName, "The member's port that it is behind.");
  s.number("vlan", &S::vlan, 1, 4094, "The member's VLAN, where it has one.");
  s.text("remote", &S::remote, parse_host_address, kHostAddress,
         "The remote that it is behind, instead of port and vlan.");
  s.check(check_static_mac);
  return s;
}

std::string place_of(const StaticMacConfig& entry) {
  if (entry.remote) return "at remote " + to_string(*entry.remote);
  return "at port " + *entry.port + (entry.vlan ? " vlan " + std::to_string(*entry.vlan) : "");
}

}  // namespace

Section<NetworkDraft> network_section() {
  using N = NetworkConfig;
  Section<NetworkDraft> limits;
  limits.number("broadcast_pps", &N::broadcast_pps, 1, 1000000000,
                "Broadcast frames a second, over all workers; without the key, no limit.");
  limits.number("multicast_pps", &N::multicast_pps, 1, 1000000000, "The same for multicast.");
  limits.number("unknown_unicast_pps", &N::unknown_unicast_pps, 1, 1000000000,
                "The same for frames to a MAC address that is not known.");
  limits.absent_everywhere("no limit");

  Section<NetworkDraft> s;
  s.number("vni", &N::vni, 1, 16777215,
           "Network identifier, each network has its own: that of its remotes without an 'id'.")
      .required();
  s.list("members", &NetworkDraft::member_drafts, &N::members, member_section(),
         {.noun = "member", .plural = "members"}, kMaxBridgePorts,
         "Ports, or VLANs of ports, of the network. A port and VLAN is in one network only.");
  s.list("remotes", &NetworkDraft::remote_drafts, &N::remotes, remote_section(),
         {.noun = "remote",
          .plural = "remotes",
          .name = [](const RemoteConfig& remote) { return to_string(remote.address); },
          .more =
              [](const RemoteConfig& remote) {
                return '(' + std::string(info_of(remote.kind).name) + ')';
              }},
         kMaxBridgePorts,
         "Other ends of the tunnels; see 'split_horizon' for which of them speak to each other.");
  s.flag("learning", &N::learning, "Learn MAC addresses from the frames' sources.");
  s.flag("carry_vlans", &N::carry_vlans,
         "Let frames with a (further) 802.1Q tag through; otherwise they are dropped.");
  s.number("mac_aging_s", &N::mac_aging_s, 10, 1000000,
           "Seconds after which a learned MAC address that is silent is forgotten.");
  s.number("mac_limit", &N::mac_limit, 0, 16777216,
           "Learned MAC addresses at one time; beyond, none is learned.");
  s.list("static_macs", &NetworkDraft::static_mac_drafts, &N::static_macs, static_mac_section(),
         {.noun = "static MAC",
          .plural = "static MACs",
          .name = [](const StaticMacConfig& entry) { return to_string(entry.mac); },
          .more = place_of,
          .whole = true},
         16777216, "MAC addresses that never move and never age.");
  s.section("tunnel", &N::tunnel, tunnel_options_section(),
            "The outer header, for all remotes; default: that of the kind in 'tunnels'.");
  s.word("too_big", &N::too_big,
         "A frame beyond the MTU of its way out. icmp: the sender is told, where it is IPv6 or may "
         "not be fragmented; fragment: also, IPv4 that may be fragmented is; drop: neither.");
  s.flag("mss_clamp", &N::mss_clamp, "Lower the MSS of TCP connections to what fits the tunnels.");
  s.flag("learn_remotes", &N::learn_remotes,
         "Accept frames with the network's 'vni' from anywhere, and make a remote of their sender. "
         "Whoever reaches the underlay can then send into the network.");
  s.word("learn_kind", &N::learn_kind, kind_words(Carries::kFrames),
         "The encapsulation of learned remotes.");
  s.number("learn_limit", &N::learn_limit, 1, 65536,
           "Learned remotes at one time; beyond, none is learned.");
  s.group("flood_limits", std::move(limits), "Limits to what is flooded to all.");
  return s;
}

}  // namespace adit
