// SPDX-License-Identifier: Apache-2.0
// Methods that show services, their backends and connections.
#pragma once

#include "api/catalogue/parameters.h"

namespace adit::methods {

inline constexpr std::string_view kClientInfoSentHelp =
    "with `client_address`: TCP options inserted, or headers of the PROXY protocol sent";
inline constexpr std::string_view kClientInfoOmittedHelp =
    "packets without room for the TOA option";

inline constexpr Column kServiceColumns[] = {
    {"name", "SERVICE", kText, kKey},
    {"vrf", "VRF", kText, kShown, "`underlay`, or a VRF"},
    {"address", "ADDRESS"},
    {"protocol", "PROTOCOL"},
    {"port", "PORT", kText, kShown, "text: `\"80\"`, `\"8000-8010\"` or `\"all\"`"},
    {"mark", "MARK", kNumber, kShown,
     "the firewall mark; null for services by address: with a mark, the three before are null"},
    {"scheduler", "SCHEDULER"},
    {"persistence_s", "PERSISTS-S", kNumber, kShown, "its timeout; null: not persistent"},
    {"templates", "TEMPLATES", kNumber, kShown,
     "persistence entries: clients whose backend is remembered now"},
    {"backends", "BACKENDS", kNumber},
    {"backends_up", "UP", kNumber, kShown, "that take new clients"},
    {"active", "ACTIVE", kNumber, kShown, "established connections"},
    {"inactive", "INACTIVE", kNumber, kShown, "the others"},
    {"share", "SHARE", kNumber, kShown, "connections that the service may have now"},
    {"vrf_share", "VRF-SHARE", kNumber, kWide, "the same for its VRF"},
    {"vrf_connections", "VRF-CONNECTIONS", kNumber, kWide, "the connections that the VRF has"},
    {"connections", "CONNECTIONS", kCount, kShown, "total since the start"},
    {"connections_per_s", "CONN/S", kNumber},
    {"rx_packets", "RX-PACKETS", kCount, kShown, "from clients"},
    {"rx_packets_per_s", "", kNumber},
    {"rx_bytes", "RX-BYTES", kBytes, kShown, "of the IP packets"},
    {"rx_bytes_per_s", "", kNumber},
    {"tx_packets", "TX-PACKETS", kCount, kShown, "back, if replies pass through adit"},
    {"tx_packets_per_s", "", kNumber},
    {"tx_bytes", "TX-BYTES", kBytes},
    {"tx_bytes_per_s", "", kNumber},
    {"announced", "CLIENT-INFO", kCount, kWide, kClientInfoSentHelp},
    {"unannounced", "NO-CLIENT-INFO", kCount, kWide, kClientInfoOmittedHelp},
};

inline constexpr Column kBackendColumns[] = {
    {"service", "SERVICE", kText, kKey},
    {"address", "BACKEND", kText, kKey},
    {"port", "PORT", kNumber, kKey, "null: that of the packet"},
    {"vrf", "VRF", kText, kKey},
    {"forwarding", "FORWARDING", kText, kShown, "`nat`, `direct`, `tunnel`, `fullnat`"},
    {"weight", "WEIGHT", kNumber},
    {"state", "STATE", kText, kShown,
     "`up`, `starting`, `drained` with weight 0, `unreachable`, `down`; `sorry`: the sorry server"},
    {"since_s", "SINCE-S", kSeconds, kShown, "since it is so"},
    {"check", "CHECK", kText, kShown, "the last result of its check; null: none yet"},
    {"latency_ms", "MS", kNumber, kShown, "of the last check"},
    {"path_mtu_bytes", "PATH-MTU", kNumber, kShown,
     "with `forwarding: tunnel`, of the wrapped packets, as ICMP told; null: nothing"},
    {"active", "ACTIVE", kNumber, kShown, "established connections"},
    {"inactive", "INACTIVE", kNumber, kShown, "the others"},
    {"connections", "CONNECTIONS", kCount, kShown, "total since the start"},
    {"connections_per_s", "CONN/S", kNumber},
    {"rx_packets", "RX-PACKETS", kCount, kShown, "from clients"},
    {"rx_packets_per_s", "", kNumber},
    {"rx_bytes", "RX-BYTES", kBytes, kShown, "of the IP packets"},
    {"rx_bytes_per_s", "", kNumber},
    {"tx_packets", "TX-PACKETS", kCount, kShown, "back, if replies pass through adit"},
    {"tx_packets_per_s", "", kNumber},
    {"tx_bytes", "TX-BYTES", kBytes},
    {"tx_bytes_per_s", "", kNumber},
    {"announced", "CLIENT-INFO", kCount, kShown, kClientInfoSentHelp},
    {"unannounced", "NO-CLIENT-INFO", kCount, kShown, kClientInfoOmittedHelp},
};

inline constexpr Column kConnectionColumns[] = {
    {"vrf", "VRF", kText, kKey, "that the client is in"},
    {"protocol", "PROTOCOL", kText, kKey},
    {"expires_s", "EXPIRES-S", kSeconds, kShown, "until it ends if no packet comes"},
    {"state", "STATE"},
    {"client", "CLIENT", kEndpoint, kKey},
    {"client_port", "", kNumber, kKey},
    {"virtual", "VIRTUAL", kEndpoint, kKey, "the address that the client speaks to"},
    {"virtual_port", "", kNumber, kKey},
    {"local", "LOCAL", kEndpoint, kShown,
     "that full NAT speaks to the backend from; null: not full NAT"},
    {"local_port", "", kNumber},
    {"backend", "BACKEND", kEndpoint},
    {"backend_port", "", kNumber},
    {"backend_vrf", "BACKEND-VRF"},
    {"service", "SERVICE", kText, kShown, "null: its backend is no longer in the configuration"},
    {"forwarding", "FORWARDING", kText, kShown, "`nat`, `direct`, `tunnel`, `fullnat`"},
    {"worker", "WORKER", kNumber, kShown, "that has it"},
};
inline constexpr Column kConnectionCountColumns[] = {
    {"service", "SERVICE", kText, kKey},
    {"backend", "BACKEND", kEndpoint, kKey},
    {"backend_port", "", kNumber, kKey, "null: that of the packet"},
    {"backend_vrf", "BACKEND-VRF", kText, kKey},
    {"state", "STATE", kText, kKey},
    {"connections", "CONNECTIONS", kNumber},
};

inline constexpr Parameter kBackendsParameters[] = {kOfService, kLimit, kOffset};
inline constexpr Parameter kConnectionsParameters[] = {
    {.name = "service",
     .type = kString,
     .presence = kOptional,
     .help = "only those of this service",
     .value_name = "NAME|ADDRESS",
     .names_of = "services"},
    {"backend", kString, kOptional, "only those with this backend", "ADDRESS"},
    {"client", kString, kOptional, "only those of this client, or of clients in this prefix",
     "ADDRESS[/LENGTH]"},
    {"state", kString, kOptional, "only those in this state: established, time_wait, ...", "STATE"},
    {"vrf", kString, kOptional, "only those of clients in this VRF", "NAME"},
    {"count", kBoolean, kOptional, "no connections, but how many there are, by backend and state"},
    {"limit", kUnsigned, kOptional, "at most so many rows", "N", 1, kMaxConnectionRows,
     "100 if not given, 10000 with --count"},
};

inline constexpr MethodInfo kBalancer[] = {
    {
        .name = "show.services",
        .effect = kReads,
        .help = "virtual services with connections and counters",
        .parameters = kPage,
        .answer = kLater,
        .command = "show services",
        .columns = kServiceColumns,
        .notes = "A service's counters are the sums of those of its backends.",
    },
    {
        .name = "show.backends",
        .effect = kReads,
        .help = "backends with state, connections and counters",
        .parameters = kBackendsParameters,
        .answer = kLater,
        .command = "show backends",
        .columns = kBackendColumns,
    },
    {
        .name = "show.connections",
        .effect = kReads,
        .help = "balanced connections, as the workers have them",
        .parameters = kConnectionsParameters,
        .answer = kLater,
        .command = "show connections",
        .columns = kConnectionColumns,
        .counted = kConnectionCountColumns,
        .notes =
            "Filters are combined: a connection has to match all of them. States are those that "
            "ipvsadm shows, in upper or lower case; `underlay` is a VRF, too. The answer has "
            "`total` beside `rows`: how many connections match. There is no `offset`, because "
            "connections come and go and each call looks through all of them.\n\n"
            "Rows are ordered by worker; those with `count` of all backends that are no longer in "
            "the configuration come last, with null for service and backend.\n\n"
            "The workers look through their connections in slices, between packets; a million "
            "connections of one worker take some tenths of a second. One call runs at a time, "
            "others wait. If a worker makes no progress for 2 s, or other calls take 15 s, the "
            "answer is error -32003.",
    },
};

}  // namespace adit::methods
