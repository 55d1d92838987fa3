// SPDX-License-Identifier: Apache-2.0
#include "config/network_keys.h"

#include "config/shared_keys.h"
#include "config/words.h"

namespace adit {
namespace {

Section<MemberDraft> member_section() {
  Section<MemberDraft> s;
  s.text("port", &MemberConfig::port, parse_name, kPortName, "Name of the port.").required();
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
         "Underlay address of the remote (VTEP). Packets of other senders are dropped, unless "
         "'learn_remotes' is on.")
      .required();
  s.word("kind", &R::kind, kind_words(Carries::kFrames), "Encapsulation that this remote uses.");
  s.number("id", &R::id, 0, UINT64_MAX,
           "VNI, VSID, GRE key or STT context id of the network at this remote; default: the "
           "network's 'vni', for gre no key.")
      .absent("the default");
  s.flag("checksum", &R::checksum, "GRE: send a checksum. A received checksum is always verified.");
  s.flag("sequence", &R::sequence,
         "GRE: send sequence numbers, and drop received packets that are out of order or have no "
         "number.");
  s.number("split_horizon", &R::split_horizon, 0, 65000,
           "Split-horizon group: nothing is forwarded between remotes of the same group; 0: no "
           "group; auto: one group for each kind.",
           KeyType::kNumberOrAuto);
  s.section("tunnel", &R::tunnel, tunnel_options_section(),
            "Outer header of packets to this remote.");
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
    reader.mistake(at.at("vlan"),
                   "'vlan' is only valid with 'port'; a MAC behind a remote has no VLAN");
}

Section<StaticMacDraft> static_mac_section() {
  using S = StaticMacConfig;
  Section<StaticMacDraft> s;
  s.text("mac", &S::mac, parse_station_mac, kStationMac, "MAC address of the station.").required();
  s.text("port", &S::port, parse_name, kPortName, "Port of the member where the station is.");
  s.number("vlan", &S::vlan, 1, 4094, "VLAN of the member, if it has one.");
  s.text("remote", &S::remote, parse_host_address, kHostAddress,
         "Remote where the station is, instead of 'port' and 'vlan'.");
  s.check(check_static_mac);
  return s;
}

Section<KernelFdbConfig> kernel_fdb_section() {
  Section<KernelFdbConfig> s;
  using K = KernelFdbConfig;
  s.text("interface", &K::interface, parse_interface_name, "the name of an interface of the host",
         "Name of the kernel's VXLAN interface. It need not exist yet.")
      .required();
  add_namespace(s, &K::network_namespace,
                "Network namespace of the interface, as in 'ip netns'; default: that of aditd.");
  s.number("limit", &K::limit, 1, 65536,
           "Maximum number of remotes that are taken; further ones are counted and not used.");
  s.text(
       "announce", &K::announce, parse_interface_name, "the name of an interface of the host",
       "Put the MAC addresses at the network's members into the kernel's bridge, behind this port "
       "of it, so that a routing daemon announces them (EVPN). The interface, a dummy for "
       "example, is for adit alone.")
      .absent("nothing is announced");
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
  limits.number(
      "broadcast_pps", &N::broadcast_pps, 1, 1000000000,
      "Maximum number of broadcast frames a second, over all workers; default: no limit.");
  limits.number(
      "multicast_pps", &N::multicast_pps, 1, 1000000000,
      "Maximum number of multicast frames a second, over all workers; default: no limit.");
  limits.number("unknown_unicast_pps", &N::unknown_unicast_pps, 1, 1000000000,
                "Maximum number of frames to unknown MAC addresses a second, over all workers; "
                "default: no limit.");
  limits.absent_everywhere("no limit");

  Section<NetworkDraft> s;
  s.number("vni", &N::vni, 1, 16777215,
           "Network identifier, unique for each network. Remotes without 'id' use it.")
      .required();
  s.list("members", &NetworkDraft::member_drafts, &N::members, member_section(),
         {.noun = "member", .plural = "members"}, kMaxBridgePorts,
         "Ports and VLANs of ports that belong to the network. A VLAN of a port can be in one "
         "network only.");
  s.list("remotes", &NetworkDraft::remote_drafts, &N::remotes, remote_section(),
         {.noun = "remote",
          .plural = "remotes",
          .name = [](const RemoteConfig& remote) { return to_string(remote.address); },
          .more =
              [](const RemoteConfig& remote) {
                return '(' + std::string(info_of(remote.kind).name) + ')';
              }},
         kMaxBridgePorts,
         "Remote tunnel endpoints (VTEPs). 'split_horizon' says which of them reach each other "
         "through us.");
  s.flag("learning", &N::learning, "Learn MAC addresses from the sources of frames.");
  s.flag("carry_vlans", &N::carry_vlans,
         "Forward frames that have an 802.1Q tag, or one more than the member's; otherwise they "
         "are dropped.");
  s.number("mac_aging_s", &N::mac_aging_s, 10, 1000000,
           "Seconds of silence after which a learned MAC address is removed.");
  s.number("mac_limit", &N::mac_limit, 0, 16777216,
           "Maximum number of learned MAC addresses; above it, no more are learned.");
  s.list("static_macs", &NetworkDraft::static_mac_drafts, &N::static_macs, static_mac_section(),
         {.noun = "static MAC",
          .plural = "static MACs",
          .name = [](const StaticMacConfig& entry) { return to_string(entry.mac); },
          .more = place_of,
          .whole = true},
         16777216, "MAC addresses that never move and never age.");
  s.section("tunnel", &N::tunnel, tunnel_options_section(),
            "Outer header of packets to all remotes; default: that of the kind in 'tunnels'.");
  s.word("too_big", &N::too_big,
         "What happens to a frame that is larger than the MTU of its tunnel or port. icmp: it is "
         "dropped, and the sender gets an ICMP error if the packet is IPv6 or IPv4 with DF; "
         "fragment: IPv4 without DF is fragmented, all else as with icmp; drop: it is dropped.");
  s.flag("mss_clamp", &N::mss_clamp,
         "Lower the MSS of TCP connections so that segments fit the tunnels.");
  s.section("kernel_fdb", &NetworkDraft::kernel_fdb_draft, &N::kernel_fdb, kernel_fdb_section(),
            "Follow the forwarding database of a VXLAN interface of the kernel, into which a "
            "routing daemon such as FRR (EVPN) or 'bridge fdb' puts remotes and where MAC "
            "addresses are. The interface's VNI is the network's.");
  s.flag("learn_remotes", &N::learn_remotes,
         "Accept frames with the network's 'vni' from any sender, and add the sender as a remote. "
         "Anybody with access to the underlay can then send into the network.");
  s.word("learn_kind", &N::learn_kind, kind_words(Carries::kFrames),
         "Encapsulation of learned remotes.");
  s.number("learn_limit", &N::learn_limit, 1, 65536,
           "Maximum number of learned remotes; above it, no more are learned.");
  s.group("flood_limits", std::move(limits), "Rate limits of flooded frames.");
  return s;
}

}  // namespace adit
