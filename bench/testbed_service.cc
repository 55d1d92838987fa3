// SPDX-License-Identifier: Apache-2.0
// The part of the testbed that is about a balanced service and its connections.
#include <algorithm>

#include "adit/wire.h"
#include "balance/schedule.h"
#include "errors.h"
#include "resident_memory.h"
#include "testbed.h"
#include "worker/worker.h"
#include "world_config.h"

namespace adit::bench {
namespace {

constexpr FrameSize kHandshakeFrame = 64;
// With fewer backends than this many times the flows it is no wonder if one has none.
constexpr uint32_t kFlowsForAllBackends = 100 * kBackends;

}  // namespace

// All flows in the order that they have in every run.
void Testbed::make_service_frames(FlowTable& table, Side from, uint8_t tcp_flags,
                                  FrameSize size) const {
  const std::vector<uint32_t> order = shuffled(case_.flows);
  const uint64_t least = size == kImix ? 12 * FlowTable::kPadding : FlowTable::kPadding;
  const uint64_t rounds = (least + case_.flows - 1) / case_.flows;
  const unsigned shortest = service_->least_bytes();
  table = FlowTable(case_.flows * rounds, shortest + sizeof(uint16_t) <= FlowTable::kSmallSlot
                                              ? FlowTable::kSmallSlot
                                              : FlowTable::kLargeSlot);
  for (std::size_t i = 0; i < table.count(); ++i) {
    const uint32_t flow = order[i % case_.flows];
    const uint16_t wanted = size == kImix ? kImixSizes[i % std::size(kImixSizes)] : size;
    const auto bytes = std::max<uint16_t>(wanted, service_->least_bytes());
    table.set(i,
              from == Side::kClients ? service_->from_client(flow, tcp_flags, bytes)
                                     : service_->from_backend(flow, tcp_flags, bytes),
              bytes);
  }
  table.finish();
}

// One packet of each flow, and each looked at as it comes out.
void Testbed::exchange(Side from, uint8_t tcp_flags) {
  FlowTable table;
  make_service_frames(table, from, tcp_flags, kHandshakeFrame);
  MemorySource source(table, burst_);
  source.use_pool(dataplane_->pool());
  const PortId in = port_of(from);
  const auto at_port = [in](const RxQueue& queue) { return queue.port == in; };
  const auto queue = std::find_if(worker().rx.begin(), worker().rx.end(), at_port);
  const PortIo former = std::exchange(queue->io, source.io());
  const Side to = from == Side::kClients ? Side::kServers : Side::kClients;
  OutputCheck check(case_, world_, *service_, to, tcp_flags);
  const uint64_t before = resident_bytes();
  play_checked(source, check, table.count() / burst_ + 1);
  if (!connection_memory_) note_connection_memory(before);
  queue->io = former;
}

void Testbed::note_connection_memory(uint64_t resident_before) {
  // What was given back meanwhile may be more.
  const uint64_t resident = std::max(resident_bytes(), resident_before);
  const uint32_t capacity = worker().connections->capacity();
  connection_memory_ = {static_cast<double>(ConnectionTable::bytes_for(capacity)) / capacity,
                        static_cast<double>(resident - resident_before) / case_.flows};
}

void Testbed::check_placed() const {
  const auto demand = [](const char* what, uint64_t found, uint64_t right) {
    if (found != right)
      throw BenchError(std::to_string(found) + what + ", instead of " + std::to_string(right));
  };
  demand(" flows have a backend", service_->flows_placed(), case_.flows);
  demand(" connections are there", dataplane_->connections(), case_.flows);
  if (case_.flows >= kFlowsForAllBackends)
    demand(" backends have a flow", service_->backends_used(), kBackends);
}

// All connections as after the handshake, or with `connect`: none, and what begins them.
void Testbed::establish() {
  if (!connects()) {
    exchange(Side::kClients, kTcpSyn);
    check_placed();
    const Forwarding forwarding = case_.scenario->service->forwarding;
    if (forwarding == Forwarding::kNat || forwarding == Forwarding::kFullNat)
      exchange(Side::kServers, kTcpSyn | kTcpAck);
    exchange(Side::kClients, kTcpAck);
  }
  make_service_frames(table_, case_.scenario->from, measured_tcp_flags(), case_.size);
  for (RxQueue& queue : worker().rx)
    if (queue.port == in_) queue.io = source_->io();
  checked_ = accounts();
}

uint8_t Testbed::measured_tcp_flags() const noexcept {
  return connects() ? kTcpSyn : kTcpAck | kTcpPsh;
}

// Every flow's packet.
void Testbed::check_service_output() {
  if (connects()) forget_connections();
  OutputCheck check(case_, world_, *service_, case_.scenario->to, measured_tcp_flags());
  const uint64_t before = resident_bytes();
  const uint64_t bursts = std::min(bursts_per_walk(), most_bursts());
  play_checked(*source_, check, bursts);
  last_run_packets_ = bursts * burst_;
  if (!connection_memory_) note_connection_memory(before);
}

uint64_t Testbed::expected_connections() const noexcept {
  if (!service_) return 0;
  return connects() ? last_run_packets_ : case_.flows;
}

void Testbed::forget_connections() {
  Connections& connections = *worker().connections;
  ConnectionTable::Progress progress = 0;
  connections.sweep(progress, UINT32_MAX,
                    [&](ConnectionId id, const Connection&) { connections.erase(worker(), id); });
}

}  // namespace adit::bench
