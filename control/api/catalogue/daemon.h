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
    {"age_s", "AGE-S", kSeconds, kShown, "since a frame last came from it"},
};

inline constexpr Column kNeighbourColumns[] = {
    {"port", "PORT", kText, kKey, "null: on a network"},
    {"vlan", "VLAN", kNumber, kKey, "of the port; null: untagged"},
    {"network", "NETWORK", kText, kKey, "null: on a port"},
    {"address", "ADDRESS", kText, kKey},
    {"mac", "MAC"},
    {"state", "STATE", kText, kShown,
     "`static`, `reachable`, `stale`, `probing`, `incomplete`, `failed`"},
    {"age_s", "AGE-S", kSeconds, kShown, "since it last answered"},
};

inline constexpr Column kDropColumns[] = {
    {"reason", "REASON", kText, kKey},
    {"packets", "PACKETS", kCount},
    {"help", "MEANING"},
};

inline constexpr Column kWorkerColumns[] = {
    {"id", "WORKER", kNumber, kKey},
    {"core", "CORE", kNumber},
    {"state", "STATE", kText, kShown, "`running`, or `stalled` after 2 s without a pass"},
    {"without_pass_ms", "NO-PASS-MS", kNumber, kWide, "since its last pass"},
    {"received", "RECEIVED", kCount},
    {"sent", "SENT", kCount},
    {"copied", "COPIED", kCount, kShown, "made by flooding"},
    {"consumed", "CONSUMED", kCount, kShown, "for the gateway itself"},
    {"originated", "ORIGINATED", kCount, kShown, "sent on control's behalf"},
    {"flooded", "FLOODED", kCount, kWide},
    {"dropped", "DROPPED", kCount},
    {"handed_over", "HANDED-OVER", kCount, kShown, "to the worker of their connection"},
    {"held", "HELD", kCount, kWide, "total that waited for a next hop"},
    {"held_now_total", "HELD-NOW-ALL", kNumber, kShown, "that wait now, on all workers together"},
    {"fragmented_now", "FRAGMENTED", kNumber, kShown, "incomplete IP datagrams"},
    {"fragment_bytes_now", "FRAGMENT-BYTES", kNumber, kShown,
     "their part of `fragments.memory_mb`"},
    {"arp_requests_answered", "ARP-ANSWERED", kCount},
    {"echo_requests_answered", "ECHO-ANSWERED", kCount},
    {"events_lost", "EVENTS-LOST", kCount, kShown, "reports to control that found no room"},
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
    {"workers", "WORKERS", kNumber},
    {"workers_stalled", "STALLED", kNumber},
    {"log_written", "LOG-WRITTEN", kCount},
    {"log_lost", "LOG-LOST", kCount, kShown,
     "lines that found the queue full, or that the destination did not take"},
    {"log_waiting", "LOG-WAITING", kNumber},
    {"log_stuck", "LOG-STUCK", kText, kShown,
     "a line has waited for the destination for over a second"},
};

inline constexpr Parameter kFdbParameters[] = {
    kOfNetwork, {"mac", kString, kOptional, "only this address", "MAC"}, kLimit, kOffset};
inline constexpr Parameter kDropsParameters[] = {
    {"all", kBoolean, kOptional, "also reasons that dropped nothing"}};

inline constexpr MethodInfo kDaemon[] = {
    {
        .name = "show.fdb",
        .effect = kReads,
        .help = "the MAC table",
        .parameters = kFdbParameters,
        .answer = kLater,
        .command = "show fdb",
        .columns = kFdbColumns,
        .notes = "The table's places are looked through in slices. Rows are in the order of the "
                 "places.",
    },
    {
        .name = "show.neighbours",
        .effect = kReads,
        .help = "next hops with MAC and state",
        .parameters = kPage,
        .answer = kLater,
        .command = "show neighbours",
        .columns = kNeighbourColumns,
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
        .name = "show.status",
        .effect = kReads,
        .help = "the daemon itself: its log, and whether all workers run",
        .command = "show status",
        .columns = kStatusColumns,
        .notes = "One row.",
    },
    {
        .name = "version",
        .effect = kReads,
        .help = "versions, and the generation of the configuration",
        .notes = "Result: `{\"version\": \"0.1.0\", \"dpdk\": \"DPDK 22.11.11\", \"generation\": "
                 "1, \"config\": \"/etc/adit/adit.yaml\"}`",
    },
    {
        .name = "help",
        .effect = kReads,
        .help = "this table",
        .notes = "Rows with `name`, `changes`, `help`, `parameters` (`name`, `type`, `required`, "
                 "`help`).",
    },
};

}  // namespace adit::methods
