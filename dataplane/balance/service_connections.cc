// SPDX-License-Identifier: Apache-2.0
#include "balance/service_connections.h"

#include "adit/connection_dump.h"
#include "balance/balance.h"
#include "balance/persistence.h"
#include "balance/to_backend.h"
#include "worker/backend_load.h"

namespace adit {
namespace {

// An empty one if the snapshot no longer has the backend.
const ServiceBackend& backend_of(const Worker& worker, const Connection& connection) noexcept {
  static const ServiceBackend kGone;
  const ServiceBackend* backend = find_backend(*worker.snapshot, connection.backend);
  return backend != nullptr ? *backend : kGone;
}

void begin(Worker& worker, const Connection& connection) noexcept {
  Balancer& balancer = *worker.balancer;
  count_inserted(balancer.loads[connection.backend], backend_of(worker, connection),
                 connection.state);
  balancer.counters[connection.backend].connections.add(1);
}

void change_state(Worker& worker, const Connection& connection, ConnectionState before) noexcept {
  count_changed(worker.balancer->loads[connection.backend], before, connection.state);
}

void end(Worker& worker, const Connection& connection) noexcept {
  Balancer& balancer = *worker.balancer;
  if (connection.has_reverse())
    balancer.forgotten.add(worker.connections->table().hash(connection.reverse),
                           connection.forward.vrf, worker.now_s);
  count_erased(balancer.loads[connection.backend], backend_of(worker, connection),
               connection.state);
  if (connection.has(Connection::kControlled)) release(worker, connection.controller);
}

void describe(const Connection& connection, ConnectionRow& row) noexcept {
  row.backend_id = connection.backend;
  row.forwarding = connection.forwarding;
}

}  // namespace

constinit const ConnectionOps kServiceConnections = {.name = "service",
                                                     .on_begin = begin,
                                                     .on_state = change_state,
                                                     .on_packet = serve_connection,
                                                     .on_end = end,
                                                     .describe = describe};

}  // namespace adit
