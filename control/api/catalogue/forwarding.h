// SPDX-License-Identifier: Apache-2.0
// Methods that show ports, networks, tunnels and routes.
#pragma once

#include "api/catalogue/parameters.h"

namespace adit::methods {

inline constexpr Column kPortColumns[] = {
    {"name", "PORT", kText, kKey},
    {"vlan", "VLAN", kNumber, kKey, "a VLAN subinterface of the port; null: the port itself"},
    {"vrf", "VRF", kText, kShown, "the VRF that routes its packets; null: none"},
    {"device", "DEVICE"},
    {"driver", "DRIVER", kText, kWide},
    {"mac", "MAC"},
    {"mtu_bytes", "MTU", kNumber},
    {"link", "LINK", kText, kShown, "`up`, `down` or `gone`"},
    {"speed_mbps", "MBIT/S", kNumber},
    {"underlay", "UNDERLAY", kText, kWide},
    {"router_advertisements", "ADVERTISES", kText, kWide, "whether router advertisements are sent"},
    {"addresses", "ADDRESSES", kText, kShown, "a list of addresses with prefix lengths"},
    {"rx_queues", "RX-QUEUES", kNumber, kWide},
    {"tx_queues", "TX-QUEUES", kNumber, kWide},
    {"rx_packets", "RX-PACKETS", kCount},
    {"rx_bytes", "RX-BYTES", kBytes},
    {"tx_packets", "TX-PACKETS", kCount},
    {"tx_bytes", "TX-BYTES", kBytes},
    {"rx_missed", "RX-MISSED", kCount, kShown,
     "packets that the device dropped because the receive queue was full"},
};

inline constexpr Column kBondColumns[] = {
    {"port", "PORT", kText, kKey},
    {"member", "MEMBER", kText, kKey},
    {"mode", "MODE"},
    {"link", "LINK", kText, kShown, "`up`, `down` or `gone`"},
    {"active", "ACTIVE", kText, kShown, "whether it sends and receives now"},
    {"speed_mbps", "MBIT/S", kNumber},
    {"selected", "SELECTED", kText, kWide,
     "with 802.3ad: whether it is of the aggregator that is used; else this and what follows is "
     "null"},
    {"partner", "PARTNER", kText, kShown, "the MAC address of the partner's system; null: no LACP"},
    {"partner_key", "PARTNER-KEY", kNumber, kWide},
    {"partner_port", "PARTNER-PORT", kNumber, kWide},
    {"lacp_state", "LACP-STATE", kText, kWide,
     "`active`, `short`, `aggregatable`, `in-sync`, `collecting`, `distributing`, `defaulted`, "
     "`expired`, of IEEE 802.1AX"},
    {"partner_state", "PARTNER-STATE", kText, kWide, "the same of the partner"},
};

inline constexpr Column kNetworkColumns[] = {
    {"name", "NETWORK", kText, kKey},
    {"vni", "VNI", kNumber},
    {"members", "MEMBERS", kNumber},
    {"remotes", "REMOTES", kNumber},
    {"macs", "MACS", kNumber, kShown, "number of learned and static MAC addresses"},
    {"learning", "LEARNING"},
    {"vrf", "VRF", kText, kShown, "the VRF of the network's gateway; null: no gateway"},
    {"gateway", "GATEWAY", kText, kShown, "a list of the gateway's addresses"},
    {"gateway_mac", "GATEWAY-MAC", kText, kWide},
    {"router_advertisements", "ADVERTISES", kText, kWide,
     "whether the gateway sends router advertisements"},
    {"rx_packets", "RX-PACKETS", kCount},
    {"rx_bytes", "RX-BYTES", kBytes},
    {"tx_packets", "TX-PACKETS", kCount},
    {"tx_bytes", "TX-BYTES", kBytes},
};

inline constexpr std::string_view kErrorsHelp =
    "dropped packets from or to the remote, by reason; a packet that matches no tunnel id counts "
    "for the first remote of its address";
inline constexpr std::string_view kPathMtuHelp =
    "path MTU of outer IP packets, learned from ICMP; null: that of the port";

inline constexpr Column kRemoteColumns[] = {
    {"network", "NETWORK", kText, kKey},
    {"kind", "KIND"},
    {"id", "ID", kNumber, kShown, "VNI, VSID, GRE key or STT context id; null: none"},
    {"address", "REMOTE", kText, kKey},
    {"next_hop", "NEXT-HOP"},
    {"next_hop_mac", "NEXT-HOP-MAC"},
    {"reachable", "REACHABLE", kText, kShown, "whether packets can be sent to it now"},
    {"origin", "ORIGIN", kText, kShown,
     "`file`: configured; `learned`: from its packets; `netlink`: of the kernel"},
    {"learned", "LEARNED", kText, kWide, "whether `origin` is `learned`"},
    {"last_seen_s", "SEEN-S", kSeconds, kShown,
     "seconds since the last packet from it; null: none yet"},
    {"path_mtu_bytes", "PATH-MTU", kNumber, kShown, kPathMtuHelp},
    {"rx_packets", "RX-PACKETS", kCount},
    {"rx_bytes", "RX-BYTES", kBytes},
    {"tx_packets", "TX-PACKETS", kCount},
    {"tx_bytes", "TX-BYTES", kBytes},
    {"errors", "ERRORS", kText, kShown, kErrorsHelp},
};

inline constexpr Column kTunnelColumns[] = {
    {"vrf", "VRF", kText, kKey},
    {"name", "TUNNEL", kText, kKey},
    {"kind", "KIND"},
    {"id", "ID", kNumber, kShown, "VNI, VSID, GRE key or STT context id; null: none"},
    {"address", "REMOTE"},
    {"next_hop", "NEXT-HOP"},
    {"next_hop_mac", "NEXT-HOP-MAC"},
    {"reachable", "REACHABLE", kText, kShown, "whether packets can be sent to it now"},
    {"last_seen_s", "SEEN-S", kSeconds, kShown,
     "seconds since the last packet from it; null: none yet"},
    {"path_mtu_bytes", "PATH-MTU", kNumber, kShown, kPathMtuHelp},
    {"rx_packets", "RX-PACKETS", kCount},
    {"rx_bytes", "RX-BYTES", kBytes},
    {"tx_packets", "TX-PACKETS", kCount},
    {"tx_bytes", "TX-BYTES", kBytes},
    {"errors", "ERRORS", kText, kShown, kErrorsHelp},
};

inline constexpr Column kRouteColumns[] = {
    {"vrf", "VRF", kText, kKey},
    {"to", "TO", kText, kKey},
    {"origin", "ORIGIN", kText, kShown, "`file`: configured; `netlink`: of the kernel"},
    {"source", "SOURCE", kText, kShown,
     "`connected` or `static`; of the kernel's routes the protocol that made them, such as `bgp`"},
    {"state", "STATE", kText, kShown,
     "`used`; `shadowed`: another one with the same prefix comes first; `unreachable`: no gateway "
     "is on a subnet of the VRF; `full`: there is no room for it"},
    {"via", "VIA", kText, kShown, "of several gateways, the one that is used"},
    {"port", "PORT"},
    {"vlan", "VLAN", kNumber},
    {"network", "NETWORK"},
    {"tunnel", "TUNNEL"},
    {"metric", "METRIC", kNumber, kWide, "of the kernel's routes; the lowest comes first"},
};

inline constexpr Column kRouteSourceColumns[] = {
    {"vrf", "VRF", kText, kKey},
    {"origin", "ORIGIN", kText, kShown, "`netlink`: the kernel"},
    {"table", "TABLE", kNumber, kShown, "number of the kernel's routing table"},
    {"namespace", "NAMESPACE", kText, kShown, "network namespace; null: that of aditd"},
    {"state", "STATE", kText, kShown,
     "`reading`: not all routes are known yet; `following`: changes are applied as they come; "
     "`failed`: see `error`; routes that are known stay, and it is tried again"},
    {"used", "USED", kNumber, kShown, "number of routes that are used"},
    {"shadowed", "SHADOWED", kNumber, kShown, "routes for whose prefix another one comes first"},
    {"unreachable", "UNREACHABLE", kNumber, kShown,
     "routes without a gateway on a subnet of the VRF"},
    {"full", "FULL", kNumber, kShown, "routes for which there is no room in the tables"},
    {"refused", "REFUSED", kNumber, kShown, "routes above the VRF's `limit`"},
    {"changes", "CHANGES", kCount, kShown, "routes added, changed and removed so far"},
    {"rounds", "ROUNDS", kNumber, kWide, "how often all routes were read"},
    {"overruns", "OVERRUNS", kNumber, kWide,
     "how often the kernel had no room for changes, and all were read again"},
    {"error", "ERROR", kText, kShown, "why the kernel's routes cannot be followed"},
};

inline constexpr Parameter kRemotesParameters[] = {kOfNetwork, kLimit, kOffset};

inline constexpr MethodInfo kForwarding[] = {
    {
        .name = "show.ports",
        .effect = kReads,
        .help = "ports with link state and counters",
        .answer = kLater,
        .command = "show ports",
        .columns = kPortColumns,
        .notes = "A port's VLAN subinterfaces follow the port. They have counters of their own, of "
                 "frames without the tag, and no columns of the device.",
    },
    {
        .name = "show.bonds",
        .effect = kReads,
        .help = "members of bonds: links, and what LACP agreed",
        .command = "show bonds",
        .columns = kBondColumns,
    },
    {
        .name = "show.networks",
        .effect = kReads,
        .help = "networks with counters",
        .parameters = kPage,
        .answer = kLater,
        .command = "show networks",
        .columns = kNetworkColumns,
        .notes = "A network's counters are the sums of those of its members, remotes and gateway.",
    },
    {
        .name = "show.remotes",
        .effect = kReads,
        .help = "remotes with next hop and counters",
        .parameters = kRemotesParameters,
        .answer = kLater,
        .command = "show remotes",
        .columns = kRemoteColumns,
    },
    {
        .name = "show.tunnels",
        .effect = kReads,
        .help = "tunnels of VRFs with next hop and counters",
        .parameters = kPage,
        .answer = kLater,
        .command = "show tunnels",
        .columns = kTunnelColumns,
    },
    {
        .name = "show.routes",
        .effect = kReads,
        .help = "routes of VRFs",
        .parameters = kPage,
        .answer = kLater,
        .command = "show routes",
        .columns = kRouteColumns,
        .notes =
            "Connected routes are the subnets of the VRF's ports, VLANs, networks and tunnels; "
            "static routes are configured. The kernel's routes follow, where the VRF has "
            "`kernel_routes`. Columns that do not apply to a route are null.",
    },
    {
        .name = "show.route-sources",
        .effect = kReads,
        .help = "where VRFs take routes from beside the configuration",
        .parameters = kPage,
        .answer = kLater,
        .command = "show route-sources",
        .columns = kRouteSourceColumns,
        .notes = "VRFs with `kernel_routes`.",
    },
};

}  // namespace adit::methods
