// SPDX-License-Identifier: Apache-2.0
// What one worker has of load balancing beside the connections: what it knows of services and
// backends.
#pragma once

#include "adit/counters.h"
#include "adit/rate_limit.h"
#include "connection/forgotten_flows.h"
#include "connection/table.h"
#include "scheduler/locality_table.h"
#include "worker/backend_ways.h"
#include "worker/source_meters.h"

namespace adit {

// Packets from clients to a backend (rx), and back where they come back through us (tx).
struct alignas(64) BackendCounters {
  Counter connections;  // that it ever got
  Counter rx_packets, rx_bytes, tx_packets, tx_bytes;
  Counter client_info_sent;     // TOA options inserted, or PROXY protocol headers sent
  Counter client_info_omitted;  // packets without room for the TOA option
};

struct Balancer {
  // The seed makes hashes unpredictable for senders.
  explicit Balancer(uint64_t seed) : localities(seed) {}

  // The worker's alone.
  ForgottenFlows forgotten;
  LocalityTable localities;
  ZeroPages<SchedulerState> schedulers{kMaxServices + 1};  // by ServiceId
  uint64_t expired_ns = 0;  // when expired connections were last looked for
  // Full NAT: where the search for a free address and port begins, by VrfId.
  ZeroPages<uint32_t> next_local{kFirstNetworkTenant};
  ZeroPages<RateMeter> new_connections{kMaxServices + 1};  // by ServiceId
  SourceMeters source_connections;
  BackendWays ways;
  // The search for connections of removed backends: how far it has come, and up to which of
  // Snapshot::removals it goes, and all went before.
  ConnectionTable::Progress swept = 0;
  uint32_t sweeps_for = 0, swept_for = 0;

  // This worker writes, control reads.
  ZeroPages<BackendLoad> loads{kMaxBackends + 1};         // by BackendId
  ZeroPages<BackendCounters> counters{kMaxBackends + 1};  // by BackendId
};

// A packet between a client and a backend, its IP packet `bytes` bytes long.
inline void count_packet(Balancer& balancer, BackendId backend, Direction from,
                         uint32_t bytes) noexcept {
  BackendCounters& counters = balancer.counters[backend];
  const bool from_backend = from == Direction::kFromBackend;
  (from_backend ? counters.tx_packets : counters.rx_packets).add(1);
  (from_backend ? counters.tx_bytes : counters.rx_bytes).add(bytes);
}

}  // namespace adit
