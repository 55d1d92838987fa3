// SPDX-License-Identifier: Apache-2.0
// A service with its backends, and one worker that picks among them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "adit/scheduler_ops.h"
#include "packet/flow_key.h"
#include "scheduler/locality_table.h"

namespace adit {

// 10.0.0.<host> and so on, of the client, to the address 192.168.0.0 and so on.
inline FlowKey flow_of(uint32_t client, uint16_t port = 1000, uint32_t destination = 0) {
  FlowKey flow = {};
  flow.source.low = be32(0x0a000000 + client).raw();
  flow.destination.low = be32(0xc0a80000 + destination).raw();
  flow.source_port = be16(port);
  flow.destination_port = be16(80);
  flow.protocol = 6;
  return flow;
}

class TestService {
 public:
  // Backends are up, with the addresses 10.1.0.1 and so on.
  TestService(const char* scheduler, const std::vector<uint16_t>& weights) : ops_(find(scheduler)) {
    for (const uint16_t weight : weights) add(weight);
    build();
  }

  void add(uint16_t weight) {
    const auto number = static_cast<uint32_t>(backends.size()) + 1;
    configured.push_back({IpAddr::v4(be32(0x0a010000 + number)), 80, weight});
    ServiceBackend backend;
    backend.id = kFirstId + number - 1;
    backend.address = configured.back().address;
    backend.port = 80;
    backends.push_back(backend);
    set(number - 1, weight);
  }
  void build() {
    if (ops_.build != nullptr) table = ops_.build(configured, options);
  }

  void set(uint32_t index, uint16_t weight, bool up = true) {
    backend_status.store(backends[index].id, {weight, up});
  }
  BackendLoad& load(uint32_t index) { return loads[backends[index].id]; }
  void set_load(uint32_t index, uint32_t active, uint32_t inactive = 0) {
    load(index).active = active;
    load(index).inactive = inactive;
  }
  bool takes_new(uint32_t index) {
    return backend_status.load(backends[index].id).takes_new() && !load(index).overloaded;
  }

  uint32_t pick(const FlowKey& flow = flow_of(1)) {
    SchedulerContext context = {.backends = backends,
                                .table = table,
                                .options = options,
                                .backend_status = backend_status,
                                .loads = loads.data(),
                                .state = state,
                                .localities = localities,
                                .service = service,
                                .worker = worker,
                                .workers = workers,
                                .now_s = now_s};
    return ops_.pick(context, flow);
  }
  // Who is picked one after the other: 'A' is the first backend, '-' nobody.
  std::string sequence(unsigned picks) {
    std::string text;
    while (picks-- > 0) {
      const uint32_t index = pick();
      text += index == kNoBackend ? '-' : static_cast<char>('A' + index);
    }
    return text;
  }
  // How often each is picked by as many clients; each pick becomes an active connection where
  // `load` says so.
  enum class Connections { kNone, kStay };
  std::vector<unsigned> count(unsigned clients, Connections connections = Connections::kNone) {
    std::vector<unsigned> counts(backends.size());
    for (uint32_t client = 0; client < clients; ++client) {
      const uint32_t index = pick(flow_of(client, static_cast<uint16_t>(client), client));
      if (index == kNoBackend) continue;
      ++counts[index];
      if (connections == Connections::kStay) ++load(index).active;
    }
    return counts;
  }

  static constexpr BackendId kFirstId = 100;  // ids are not indices
  std::vector<ServiceBackend> backends;
  std::vector<SchedulerBackend> configured;
  SchedulerTable table;
  SchedulerOptions options;
  BackendStatusTable backend_status;
  std::vector<BackendLoad> loads = std::vector<BackendLoad>(kFirstId + 1000);
  SchedulerState state;
  LocalityTable localities{1, 64};
  ServiceId service = 1;
  unsigned worker = 0;
  unsigned workers = 1;
  uint32_t now_s = 1000;

 private:
  static const SchedulerOps& find(const char* name) {
    const SchedulerOps* ops = find_scheduler(name);
    EXPECT_NE(ops, nullptr) << name;
    return *ops;
  }
  const SchedulerOps& ops_;
};

}  // namespace adit
