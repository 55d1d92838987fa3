// SPDX-License-Identifier: Apache-2.0
#include "worker/connection_dump.h"

#include "adit/connection_dump.h"

namespace adit {
namespace {

// Connections read in one pass: packets wait a few microseconds at most, as long as an idle worker
// sleeps.
constexpr uint32_t kBusySlice = 64, kIdleSlice = 512;

uint32_t group_of(const ConnectionDump& dump, BackendId backend) noexcept {
  const std::vector<uint32_t>& groups = *dump.group_of;
  return backend < groups.size() ? groups[backend] : 0;
}

bool fits(const ConnectionFilter& filter, const Connection& connection) noexcept {
  const FlowKey& forward = connection.forward;
  const FlowKey& reverse = connection.reverse;
  if ((filter.states >> static_cast<unsigned>(connection.state) & 1) == 0) return false;
  if (filter.vrf && *filter.vrf != forward.vrf) return false;
  if (filter.client && !filter.client->matches(forward.source, forward.ipv6)) return false;
  if (filter.virtual_address && !filter.virtual_address->matches(forward.destination, forward.ipv6))
    return false;
  return !filter.backend || filter.backend->matches(reverse.source, reverse.ipv6);
}

ConnectionRow row_of(const Worker& worker, const Connection& connection) noexcept {
  const FlowKey& forward = connection.forward;
  const FlowKey& reverse = connection.reverse;
  ConnectionRow row;
  row.client = forward.source;
  row.client_port = forward.source_port;
  row.virtual_address = forward.destination;
  row.virtual_port = forward.destination_port;
  row.backend = reverse.source;
  row.backend_port = reverse.source_port;
  row.local = reverse.destination;
  row.local_port = reverse.destination_port;
  row.left_s = connection.expires_s > worker.now_s ? connection.expires_s - worker.now_s : 0;
  row.vrf = forward.vrf;
  row.backend_vrf = reverse.vrf;
  row.protocol = forward.protocol;
  row.state = connection.state;
  row.ipv6 = forward.ipv6 != 0;
  row.backend_ipv6 = reverse.ipv6 != 0;
  const ConnectionOps& ops = worker.connections->ops_of(connection);
  row.owner = ops.name;
  if (ops.describe != nullptr) ops.describe(connection, row);
  return row;
}

}  // namespace

void continue_dump(Worker& worker, bool found_packets) noexcept {
  ConnectionDump& dump = *worker.dump.load(std::memory_order_acquire);
  if (!dump.cancelled.load(std::memory_order_relaxed)) {
    const bool done =
        worker.connections->sweep(dump.progress, found_packets ? kBusySlice : kIdleSlice,
                                  [&](ConnectionId, const Connection& connection) noexcept {
                                    if (!fits(dump.filter, connection)) return;
                                    const ConnectionRow row = row_of(worker, connection);
                                    const uint32_t group = group_of(dump, row.backend_id);
                                    if (dump.filter.grouped_only && group == 0) return;
                                    ++dump.matched;
                                    if (!dump.counts.empty())
                                      ++dump.counts[group][static_cast<unsigned>(row.state)];
                                    if (dump.row_count < dump.rows.size())
                                      dump.rows[dump.row_count++] = row;
                                  });
    dump.slices.fetch_add(1, std::memory_order_relaxed);
    if (!done) return;
    dump.answered.store(true, std::memory_order_release);
  }
  worker.dump.store(nullptr, std::memory_order_release);
}

}  // namespace adit
