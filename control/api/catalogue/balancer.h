// SPDX-License-Identifier: Apache-2.0
// Methods that show services, their backends and connections.
#pragma once

#include "api/catalogue/parameters.h"

namespace adit::methods {

inline constexpr std::string_view kClientInfoSentHelp =
    "with `client_address`: TOA options inserted, or PROXY protocol headers sent";
inline constexpr std::string_view kClientInfoOmittedHelp =
    "packets without room for the TOA option";

inline constexpr Column kServiceColumns[] = {
    {"name", "SERVICE", kText, kKey},
    {"vrf", "VRF", kText, kShown, "the VRF of the virtual address, or `underlay`"},
    {"address", "ADDRESS"},
    {"protocol", "PROTOCOL"},
    {"port", "PORT", kText, kShown, "a string: `\"80\"`, `\"8000-8010\"` or `\"all\"`"},
    {"mark", "MARK", kNumber, kShown,
     "the firewall mark of a service by mark, whose address, protocol and port are null; null "
     "otherwise"},
    {"scheduler", "SCHEDULER"},
    {"persistence_s", "PERSISTS-S", kNumber, kShown,
     "timeout of the persistence; null: not persistent"},
    {"templates", "TEMPLATES", kNumber, kShown,
     "persistence entries, one for each client whose backend is remembered"},
    {"backends", "BACKENDS", kNumber},
    {"backends_up", "UP", kNumber, kShown, "number of backends that take new connections"},
    {"active", "ACTIVE", kNumber, kShown, "established TCP and SCTP connections"},
    {"inactive", "INACTIVE", kNumber, kShown, "all other connections"},
    {"share", "SHARE", kNumber, kShown, "the most connections that the service may have now"},
    {"vrf_share", "VRF-SHARE", kNumber, kWide, "the most connections that the VRF may have now"},
    {"vrf_connections", "VRF-CONNECTIONS", kNumber, kWide, "number of connections of the VRF"},
    {"connections", "CONNECTIONS", kCount, kShown, "total since the daemon started"},
    {"connections_per_s", "CONN/S", kNumber},
    {"rx_packets", "RX-PACKETS", kCount, kShown, "from clients"},
    {"rx_packets_per_s", "", kNumber},
    {"rx_bytes", "RX-BYTES", kBytes, kShown, "bytes of IP packets, without Ethernet"},
    {"rx_bytes_per_s", "", kNumber},
    {"tx_packets", "TX-PACKETS", kCount, kShown,
     "from backends to clients, if replies pass through adit"},
    {"tx_packets_per_s", "", kNumber},
    {"tx_bytes", "TX-BYTES", kBytes},
    {"tx_bytes_per_s", "", kNumber},
    {"announced", "CLIENT-INFO", kCount, kWide, kClientInfoSentHelp},
    {"unannounced", "NO-CLIENT-INFO", kCount, kWide, kClientInfoOmittedHelp},
};

inline constexpr Column kBackendColumns[] = {
    {"service", "SERVICE", kText, kKey},
    {"address", "BACKEND", kText, kKey},
    {"port", "PORT", kNumber, kKey, "null: the destination port of the client's packet"},
    {"vrf", "VRF", kText, kKey},
    {"forwarding", "FORWARDING", kText, kShown, "`nat`, `direct`, `tunnel`, `fullnat`"},
    {"weight", "WEIGHT", kNumber},
    {"state", "STATE", kText, kShown,
     "`up`, `starting` (slow start), `drained` (weight 0), `unreachable`, `down`, or `sorry` for "
     "the sorry server"},
    {"since_s", "SINCE-S", kSeconds, kShown, "seconds since the state last changed"},
    {"check", "CHECK", kText, kShown, "result of the last health check; null: none yet"},
    {"check_way", "CHECK-WAY", kText, kWide,
     "`packets`: as packets of clients do; `host`: by the routes or a device of this host; null: "
     "no "
     "check"},
    {"latency_ms", "MS", kNumber, kShown, "duration of the last health check"},
    {"path_mtu_bytes", "PATH-MTU", kNumber, kShown,
     "with `forwarding: tunnel`: path MTU of the encapsulated packets, learned from ICMP; null: "
     "none learned"},
    {"active", "ACTIVE", kNumber, kShown, "established TCP and SCTP connections"},
    {"inactive", "INACTIVE", kNumber, kShown, "all other connections"},
    {"connections", "CONNECTIONS", kCount, kShown, "total since the daemon started"},
    {"connections_per_s", "CONN/S", kNumber},
    {"rx_packets", "RX-PACKETS", kCount, kShown, "from clients"},
    {"rx_packets_per_s", "", kNumber},
    {"rx_bytes", "RX-BYTES", kBytes, kShown, "bytes of IP packets, without Ethernet"},
    {"rx_bytes_per_s", "", kNumber},
    {"tx_packets", "TX-PACKETS", kCount, kShown,
     "from backends to clients, if replies pass through adit"},
    {"tx_packets_per_s", "", kNumber},
    {"tx_bytes", "TX-BYTES", kBytes},
    {"tx_bytes_per_s", "", kNumber},
    {"announced", "CLIENT-INFO", kCount, kShown, kClientInfoSentHelp},
    {"unannounced", "NO-CLIENT-INFO", kCount, kShown, kClientInfoOmittedHelp},
};

inline constexpr Column kConnectionColumns[] = {
    {"vrf", "VRF", kText, kKey, "the VRF of the client"},
    {"protocol", "PROTOCOL", kText, kKey},
    {"expires_s", "EXPIRES-S", kSeconds, kShown,
     "seconds until the connection expires if it stays idle"},
    {"state", "STATE"},
    {"client", "CLIENT", kEndpoint, kKey},
    {"client_port", "", kNumber, kKey},
    {"virtual", "VIRTUAL", kEndpoint, kKey, "the virtual address and port of the service"},
    {"virtual_port", "", kNumber, kKey},
    {"local", "LOCAL", kEndpoint, kShown,
     "source address and port that full NAT uses towards the backend; null: not full NAT"},
    {"local_port", "", kNumber},
    {"backend", "BACKEND", kEndpoint},
    {"backend_port", "", kNumber},
    {"backend_vrf", "BACKEND-VRF"},
    {"service", "SERVICE", kText, kShown, "null: the backend was removed from the configuration"},
    {"forwarding", "FORWARDING", kText, kShown, "`nat`, `direct`, `tunnel`, `fullnat`"},
    {"worker", "WORKER", kNumber, kShown, "number of the worker that owns the connection"},
};
inline constexpr Column kConnectionCountColumns[] = {
    {"service", "SERVICE", kText, kKey},
    {"backend", "BACKEND", kEndpoint, kKey},
    {"backend_port", "", kNumber, kKey, "null: the destination port of the client's packet"},
    {"backend_vrf", "BACKEND-VRF", kText, kKey},
    {"state", "STATE", kText, kKey},
    {"connections", "CONNECTIONS", kNumber},
};

inline constexpr Parameter kBackendsParameters[] = {kOfService, kLimit, kOffset};
inline constexpr Parameter kConnectionsParameters[] = {
    {.name = "service",
     .type = kString,
     .presence = kOptional,
     .help = "only rows of this service",
     .value_name = "NAME|ADDRESS",
     .names_of = "services"},
    {"backend", kString, kOptional, "only connections to this backend", "ADDRESS"},
    {"client", kString, kOptional, "only connections of this client, or of clients in this prefix",
     "ADDRESS[/LENGTH]"},
    {"state", kString, kOptional, "only connections in this state: established, time_wait, ...",
     "STATE"},
    {"vrf", kString, kOptional, "only connections of clients in this VRF", "NAME"},
    {"count", kBoolean, kOptional,
     "number of connections by backend and state, instead of each connection"},
    {"limit", kUnsigned, kOptional, "maximum number of rows", "N", 1, kMaxConnectionRows,
     "100 if not given, 10000 with --count"},
};

inline constexpr MethodInfo kBalancer[] = {
    {
        .name = "show.services",
        .effect = kReads,
        .help = "services with connections and counters",
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
        .help = "connections of services, read from the workers",
        .parameters = kConnectionsParameters,
        .answer = kLater,
        .command = "show connections",
        .columns = kConnectionColumns,
        .counted = kConnectionCountColumns,
        .notes =
            "A connection is shown if it matches all filters. States have the names that ipvsadm "
            "shows, in upper or lower case. `underlay` is a valid VRF. Beside `rows`, the answer "
            "has `total`: the number of connections that match. There is no `offset`, because the "
            "set of connections changes between calls.\n\n"
            "Rows are ordered by worker. With "
            "`count`, connections whose backend was removed from the configuration are one row for "
            "each state, at the end, with null for service and backend.\n\n"
            "Workers read their "
            "connections in slices, between packets. A million connections of one worker take some "
            "tenths of a second. One call runs at a time, others wait. If a worker makes no "
            "progress for 2 s, or the calls before take 15 s, the answer is error -32003.",
    },
};

}  // namespace adit::methods
