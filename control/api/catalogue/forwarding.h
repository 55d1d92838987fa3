// SPDX-License-Identifier: Apache-2.0
// Methods that show ports, networks, tunnels and routes.
#pragma once

#include "api/catalogue/parameters.h"

namespace adit::methods {

inline constexpr Column kPortColumns[] = {
    {"name", "PORT", kText, kKey},
    {"vlan", "VLAN", kNumber, kKey, "null: the port itself"},
    {"vrf", "VRF", kText, kShown, "that its packets, or the VLAN's, are routed in; null: none"},
    {"device", "DEVICE"},
    {"driver", "DRIVER", kText, kWide},
    {"mac", "MAC"},
    {"mtu_bytes", "MTU", kNumber},
    {"link", "LINK", kText, kShown, "`up`, `down` or `gone`"},
    {"speed_mbps", "MBIT/S", kNumber},
    {"underlay", "UNDERLAY", kText, kWide},
    {"router_advertisements", "ADVERTISES", kText, kWide, "whether they are sent"},
    {"addresses", "ADDRESSES", kText, kShown, "a list"},
    {"rx_queues", "RX-QUEUES", kNumber, kWide},
    {"tx_queues", "TX-QUEUES", kNumber, kWide},
    {"rx_packets", "RX-PACKETS", kCount},
    {"rx_bytes", "RX-BYTES", kBytes},
    {"tx_packets", "TX-PACKETS", kCount},
    {"tx_bytes", "TX-BYTES", kBytes},
    {"rx_missed", "RX-MISSED", kCount, kShown,
     "dropped by the device before a worker could take them"},
};

inline constexpr Column kNetworkColumns[] = {
    {"name", "NETWORK", kText, kKey},
    {"vni", "VNI", kNumber},
    {"members", "MEMBERS", kNumber},
    {"remotes", "REMOTES", kNumber},
    {"macs", "MACS", kNumber, kShown, "learned and static ones"},
    {"learning", "LEARNING"},
    {"vrf", "VRF", kText, kShown, "that its gateway is in"},
    {"gateway", "GATEWAY", kText, kShown, "a list of its addresses"},
    {"gateway_mac", "GATEWAY-MAC", kText, kWide},
    {"router_advertisements", "ADVERTISES", kText, kWide, "whether the gateway sends them"},
    {"rx_packets", "RX-PACKETS", kCount},
    {"rx_bytes", "RX-BYTES", kBytes},
    {"tx_packets", "TX-PACKETS", kCount},
    {"tx_bytes", "TX-BYTES", kBytes},
};

inline constexpr std::string_view kErrorsHelp =
    "drops by reason of packets from it or to it; those that cannot be attributed count for the "
    "address's first remote";
inline constexpr std::string_view kPathMtuHelp =
    "of the outer IP packets, as ICMP told; null: the port's";

inline constexpr Column kRemoteColumns[] = {
    {"network", "NETWORK", kText, kKey},
    {"kind", "KIND"},
    {"id", "ID", kNumber, kShown, "VNI, VSID or key; null: none"},
    {"address", "REMOTE", kText, kKey},
    {"next_hop", "NEXT-HOP"},
    {"next_hop_mac", "NEXT-HOP-MAC"},
    {"reachable", "REACHABLE", kText, kShown, "whether packets go out to it now"},
    {"learned", "LEARNED", kText, kShown, "not from the file"},
    {"last_seen_s", "SEEN-S", kSeconds, kShown, "since it last sent; null: never"},
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
    {"id", "ID", kNumber, kShown, "VNI, VSID or key; null: none"},
    {"address", "REMOTE"},
    {"next_hop", "NEXT-HOP"},
    {"next_hop_mac", "NEXT-HOP-MAC"},
    {"reachable", "REACHABLE", kText, kShown, "whether packets go out to it now"},
    {"last_seen_s", "SEEN-S", kSeconds, kShown, "since it last sent; null: never"},
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
    {"source", "SOURCE", kText, kShown, "`connected` or `static`"},
    {"via", "VIA"},
    {"port", "PORT"},
    {"vlan", "VLAN", kNumber},
    {"network", "NETWORK"},
    {"tunnel", "TUNNEL"},
};

inline constexpr Parameter kRemotesParameters[] = {kOfNetwork, kLimit, kOffset};

inline constexpr MethodInfo kForwarding[] = {
    {
        .name = "show.ports",
        .effect = kReads,
        .help = "ports with link and counters",
        .answer = kLater,
        .command = "show ports",
        .columns = kPortColumns,
        .notes = "The VLANs of a port that VRFs have follow the port, with counters of their own "
                 "(of frames without the tag) and without the device's columns.",
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
        .notes = "They are the subnets of the VRFs' ports, networks and tunnels, and the "
                 "configured routes. What a route does not have is null.",
    },
};

}  // namespace adit::methods
