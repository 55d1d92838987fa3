// SPDX-License-Identifier: Apache-2.0
// Methods that show what was learned, what was dropped, and the daemon itself.
#pragma once

#include "api/catalogue/parameters.h"

namespace adit::methods {

inline constexpr Column kFdbColumns[] = {
    {"network", "NETWORK", kText, kKey},
    {"mac", "MAC", kText, kKey},
    {"kind", "KIND", kText, kShown, "`access` with `port` and `vlan`, or `remote` with `remote`"},
    {"port", "PORT"},
    {"vlan", "VLAN", kNumber},
    {"remote", "REMOTE"},
    {"static", "STATIC"},
    {"origin", "ORIGIN", kText, kShown,
     "`file`: configured; `learned`: from its packets; `netlink`: of the kernel"},
    {"age_s", "AGE-S", kSeconds, kShown, "seconds since the last frame from this MAC"},
};

inline constexpr Column kFdbSourceColumns[] = {
    {"network", "NETWORK", kText, kKey},
    {"origin", "ORIGIN", kText, kShown, "`netlink`: the kernel"},
    {"interface", "INTERFACE", kText, kShown, "the kernel's VXLAN interface"},
    {"namespace", "NAMESPACE", kText, kShown, "network namespace; null: that of aditd"},
    {"state", "STATE", kText, kShown,
     "`reading`: not all is known yet; `following`: changes are applied as they come; `waiting`: "
     "the interface is not there, or not as it should be, see `error`; `failed`: the kernel cannot "
     "be asked; what is known stays, and it is tried again"},
    {"remotes", "REMOTES", kNumber, kShown, "remotes that the interface has"},
    {"macs", "MACS", kNumber, kShown, "MAC addresses that it has behind them"},
    {"unused", "UNUSED", kNumber, kShown,
     "remotes that are none of the network's: above `limit`, without a route, our own address, or "
     "another network's in the file"},
    {"refused", "REFUSED", kNumber, kShown,
     "remotes above `limit` and MAC addresses above `mac_limit`; they are tried again"},
    {"left_out", "LEFT-OUT", kNumber, kShown,
     "entries with a group address, a group of next hops, another VNI or another port"},
    {"announce", "ANNOUNCE", kText, kShown, "the interface behind which members' MACs are put"},
    {"announced", "ANNOUNCED", kNumber, kShown, "MAC addresses that the kernel has there"},
    {"rounds", "ROUNDS", kNumber, kWide, "how often all was read"},
    {"overruns", "OVERRUNS", kNumber, kWide,
     "how often the kernel had no room for changes, and all was read again"},
    {"error", "ERROR", kText, kShown, "what is missing"},
};

inline constexpr Column kNeighbourColumns[] = {
    {"port", "PORT", kText, kKey, "the port of the link; null: the link is a network"},
    {"vlan", "VLAN", kNumber, kKey, "the VLAN of the port; null: untagged"},
    {"network", "NETWORK", kText, kKey, "the network of the link; null: the link is a port"},
    {"address", "ADDRESS", kText, kKey},
    {"mac", "MAC"},
    {"state", "STATE", kText, kShown,
     "`static`, `reachable`, `stale`, `probing`, `incomplete`, `failed`"},
    {"origin", "ORIGIN", kText, kShown,
     "`file`: configured; `learned`: it has told its MAC address; `netlink`: of the kernel, and "
     "lasting; null: its MAC address is not known"},
    {"age_s", "AGE-S", kSeconds, kShown, "seconds since the neighbour last answered"},
};

inline constexpr Column kNeighbourSourceColumns[] = {
    {"vrf", "VRF", kText, kKey, "`underlay`: that of the ports outside VRFs"},
    {"origin", "ORIGIN", kText, kShown, "`netlink`: the kernel"},
    {"interfaces", "INTERFACES", kText, kShown, "the kernel's, separated by commas"},
    {"namespace", "NAMESPACE", kText, kShown, "network namespace; null: that of aditd"},
    {"state", "STATE", kText, kShown,
     "`reading`: not all is known yet; `following`: changes are applied as they come; `waiting`: "
     "an interface is not there, see `error`; `failed`: the kernel cannot be asked; what is known "
     "stays, and it is tried again"},
    {"neighbours", "NEIGHBOURS", kNumber, kShown, "addresses with a MAC address"},
    {"lasting", "LASTING", kNumber, kShown,
     "of them, those that do not age: they are used without being asked; the others are hints"},
    {"unused", "UNUSED", kNumber, kShown, "of them, those on no subnet of the VRF"},
    {"refused", "REFUSED", kNumber, kShown, "above `limit`; they are tried again"},
    {"rounds", "ROUNDS", kNumber, kWide, "how often all was read"},
    {"overruns", "OVERRUNS", kNumber, kWide,
     "how often the kernel had no room for changes, and all was read again"},
    {"error", "ERROR", kText, kShown, "what is missing"},
};

inline constexpr Column kDropColumns[] = {
    {"reason", "REASON", kText, kKey},
    {"packets", "PACKETS", kCount},
    {"help", "MEANING"},
};

inline constexpr Column kHostColumns[] = {
    {"vrf", "VRF", kText, kKey, "or `underlay`"},
    {"interface", "INTERFACE"},
    {"namespace", "NAMESPACE", kText, kShown, "network namespace; null: that of aditd"},
    {"state", "STATE", kText, kShown, "`up`, or `failed`: see `error`"},
    {"to_host", "TO-HOST", kCount, kShown, "packets for programs of the host"},
    {"from_host", "FROM-HOST", kCount, kShown, "packets that they sent"},
    {"dropped", "DROPPED", kCount, kShown, "packets of both directions, for lack of room"},
    {"error", "ERROR", kText, kShown},
};

inline constexpr Column kSteeringColumns[] = {
    {"port", "PORT", kText, kKey},
    {"mode", "MODE", kText, kShown, "`native`: in the driver; `generic`: in the kernel, slower"},
    {"state", "STATE", kText, kShown, "`ok`, or `failed`: see `error`"},
    {"network", "NETWORK", kCount, kShown, "packets of networks' members"},
    {"neighbour", "NEIGHBOUR", kCount, kShown, "ARP and neighbour discovery for adit"},
    {"address", "ADDRESS", kCount, kShown, "packets for adit's addresses, tunnels among them"},
    {"service", "SERVICE", kCount, kShown, "packets for services at addresses of the host"},
    {"reply", "REPLY", kCount, kShown, "packets of backends by NAT"},
    {"route", "ROUTE", kCount, kShown, "packets to what is behind adit"},
    {"kernel", "KERNEL", kCount, kShown, "packets left to the kernel"},
    {"no_socket", "NO-SOCKET", kCount, kWide,
     "packets of adit's on a receive queue without a worker, left to the kernel as well"},
    {"announced", "ANNOUNCED", kCount, kWide,
     "announcements of neighbours (gratuitous ARP, unsolicited NA), which the kernel and adit get"},
    {"error", "ERROR", kText, kShown},
};

inline constexpr Column kWorkerColumns[] = {
    {"id", "WORKER", kNumber, kKey},
    {"core", "CORE", kNumber},
    {"state", "STATE", kText, kShown, "`running`, or `stalled` if its loop made no pass for 2 s"},
    {"without_pass_ms", "NO-PASS-MS", kNumber, kWide,
     "milliseconds since the last pass of its loop"},
    {"received", "RECEIVED", kCount},
    {"sent", "SENT", kCount},
    {"copied", "COPIED", kCount, kShown, "copies that flooding made"},
    {"consumed", "CONSUMED", kCount, kShown,
     "packets for adit itself, such as ARP and echo requests"},
    {"originated", "ORIGINATED", kCount, kShown,
     "packets that adit itself sent, such as ARP requests and ICMP errors"},
    {"express", "EXPRESS", kCount, kWide, "sent by an express lane, past the pipeline's steps"},
    {"flooded", "FLOODED", kCount, kWide},
    {"dropped", "DROPPED", kCount},
    {"handed_over", "HANDED-OVER", kCount, kShown,
     "packets passed to the worker that owns their connection"},
    {"held", "HELD", kCount, kWide, "packets that waited for a next hop to be resolved, in total"},
    {"held_now_total", "HELD-NOW-ALL", kNumber, kShown,
     "packets that wait for a next hop now, over all workers"},
    {"fragmented_now", "FRAGMENTED", kNumber, kShown, "incomplete IP datagrams in reassembly"},
    {"fragment_bytes_now", "FRAGMENT-BYTES", kNumber, kShown,
     "bytes of `fragments.memory_mb` that they use"},
    {"arp_requests_answered", "ARP-ANSWERED", kCount},
    {"echo_requests_answered", "ECHO-ANSWERED", kCount},
    {"events_lost", "EVENTS-LOST", kCount, kShown,
     "reports to control lost because the ring was full"},
    {"loops", "LOOPS", kCount},
    {"busy_loops", "BUSY-LOOPS", kCount, kWide},
    {"cycles", "CYCLES", kCount, kWide},
    {"busy_cycles", "BUSY-CYCLES", kCount, kWide},
    {"busy_percent", "BUSY-%", kPercent},
    {"cycles_per_packet", "CYCLES/PACKET", kNumber, kShown,
     "busy cycles divided by packets received"},
};

inline constexpr Column kStatusColumns[] = {
    {"uptime_s", "UPTIME-S", kSeconds},
    {"generation", "GENERATION", kNumber},
    {"revision", "REVISION", kNumber, kShown, "that runs, see `history`; null: none is kept"},
    {"reverts_in_s", "REVERTS-IN-S", kSeconds, kShown,
     "seconds until it reverts unless it is confirmed; null: it stays"},
    {"history_error", "HISTORY-ERROR", kText, kShown, "why revisions are not kept; null: they are"},
    {"workers", "WORKERS", kNumber},
    {"workers_stalled", "STALLED", kNumber},
    {"log_written", "LOG-WRITTEN", kCount},
    {"log_lost", "LOG-LOST", kCount, kShown,
     "log lines lost because the queue was full or the destination did not accept them"},
    {"log_waiting", "LOG-WAITING", kNumber},
    {"log_stuck", "LOG-STUCK", kText, kShown,
     "whether a log line has waited for the destination for over a second"},
};

inline constexpr Parameter kFdbParameters[] = {
    kOfNetwork, {"mac", kString, kOptional, "only this MAC address", "MAC"}, kLimit, kOffset};
inline constexpr Parameter kDropsParameters[] = {
    {"all", kBoolean, kOptional, "also reasons with a count of 0"}};

inline constexpr MethodInfo kDaemon[] = {
    {
        .name = "show.fdb",
        .effect = kReads,
        .help = "the MAC table",
        .parameters = kFdbParameters,
        .answer = kLater,
        .command = "show fdb",
        .columns = kFdbColumns,
        .notes = "The table is read in slices. Rows are in the order of its slots, not sorted.",
    },
    {
        .name = "show.fdb-sources",
        .effect = kReads,
        .help = "where networks take remotes and MAC addresses from beside the configuration",
        .command = "show fdb-sources",
        .columns = kFdbSourceColumns,
        .notes = "Networks with `kernel_fdb`.",
    },
    {
        .name = "show.neighbours",
        .effect = kReads,
        .help = "neighbours (next hops and hosts) with MAC address and state",
        .parameters = kPage,
        .answer = kLater,
        .command = "show neighbours",
        .columns = kNeighbourColumns,
    },
    {
        .name = "show.neighbour-sources",
        .effect = kReads,
        .help = "where VRFs take neighbours from beside the configuration",
        .command = "show neighbour-sources",
        .columns = kNeighbourSourceColumns,
        .notes = "The underlay and VRFs with `kernel_neighbours`.",
    },
    {
        .name = "show.drops",
        .effect = kReads,
        .help = "dropped packets by reason",
        .parameters = kDropsParameters,
        .command = "show drops",
        .columns = kDropColumns,
    },
    {
        .name = "show.workers",
        .effect = kReads,
        .help = "workers with their counters",
        .command = "show workers",
        .columns = kWorkerColumns,
    },
    {
        .name = "show.hosts",
        .effect = kReads,
        .help = "host interfaces, by which programs of the host serve tenants",
        .command = "show hosts",
        .columns = kHostColumns,
        .notes = "VRFs, and the underlay, with `host`.",
    },
    {
        .name = "show.steering",
        .effect = kReads,
        .help = "what comes to adit at af_xdp ports, and what the kernel keeps",
        .command = "show steering",
        .columns = kSteeringColumns,
        .notes = "Packets since the port was opened. Ports with `steer: auto`.",
    },
    {
        .name = "show.status",
        .effect = kReads,
        .help = "the daemon: uptime, log, and whether all workers run",
        .command = "show status",
        .columns = kStatusColumns,
        .notes = "One row.",
    },
    {
        .name = "version",
        .effect = kReads,
        .help = "versions of adit and DPDK, and the generation of the configuration",
        .notes = "Result: `{\"version\": \"0.1.0\", \"dpdk\": \"DPDK 22.11.11\", \"generation\": "
                 "1, \"config\": \"/etc/adit/adit.yaml\"}`",
    },
    {
        .name = "help",
        .effect = kReads,
        .help = "lists the methods",
        .notes = "Rows with `name`, `changes`, `help`, `parameters` (`name`, `type`, `required`, "
                 "`help`).",
    },
};

}  // namespace adit::methods
