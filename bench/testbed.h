// SPDX-License-Identifier: Apache-2.0
// A dataplane with memory ports, configured by control for one case, its MACs in the table,
// and the ways to run it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "adit/dataplane.h"
#include "cases.h"
#include "flow_table.h"
#include "frames.h"
#include "memory_port.h"
#include "output_check.h"
#include "running/control_plane.h"
#include "service_world.h"
#include "step_profile.h"

struct rte_rcu_qsbr;

namespace adit::bench {

// Of a balanced service's connections.
struct ConnectionMemory {
  double table_bytes = 0;     // of the whole table, for each that it has room for
  double resident_bytes = 0;  // by which the process grew, for each that it got
};

class Testbed {
 public:
  // EAL is up. Throws BenchError when memory is short.
  Testbed(const Case& the_case, uint16_t burst, bool express = true);
  ~Testbed();

  // Each runs `bursts` bursts (passes, where the scenario has no packets) and returns the TSC
  // cycles that they took. check_accounts() belongs after each.
  uint64_t run_pipeline(uint64_t bursts);  // the worker's loop as it ships
  uint64_t run_floor(uint64_t bursts);     // the same receive and transmit, nothing between
  uint64_t run_steps(uint64_t bursts, StepProfile& probe);

  // Sends packets through the pipeline and looks at every one that comes out. Throws
  // BenchError when one is wrong.
  void check_output();
  // Whether everything that came in since the last call went the way it should, by all
  // counters. Throws BenchError otherwise. Does control's work of a tick, too.
  void check_accounts();

  // What a burst is counted as: its packets, or 1 where the scenario has none.
  unsigned units_per_burst() const noexcept { return table_.count() == 0 ? 1u : burst_; }
  uint64_t bursts_per_walk() const noexcept { return table_.count() / burst_ + 1; }
  // A run of more bursts would begin connections that are there already.
  uint64_t most_bursts() const noexcept {
    return connects() ? table_.count() / burst_ : UINT64_MAX;
  }

  // None: nothing is balanced.
  const std::optional<ConnectionMemory>& connection_memory() const noexcept {
    return connection_memory_;
  }

 private:
  // Counters that move with packets.
  struct Accounts {
    uint64_t fed = 0, taken = 0;
    Dataplane::Traffic in, out;
    uint64_t dropped = 0, dropped_otherwise = 0, held = 0, events_lost = 0;
  };

  void make_frames();
  void make_service_frames(FlowTable& table, Side from, uint8_t tcp_flags, FrameSize size) const;
  void establish();
  void exchange(Side from, uint8_t tcp_flags);
  void note_connection_memory(uint64_t resident_before);
  void check_placed() const;
  void check_service_output();
  uint64_t expected_connections() const noexcept;
  uint8_t measured_tcp_flags() const noexcept;
  void forget_connections();
  void play_checked(MemorySource& source, OutputCheck& check, uint64_t bursts);
  bool connects() const noexcept {
    return case_.scenario->service && case_.scenario->service->connects;
  }
  void fill_fdb();
  void settle();
  Accounts accounts() const;
  uint64_t expected_bytes_out(uint64_t first, uint64_t last) const;
  Worker& worker() { return dataplane_->worker(0); }

  Case case_;
  World world_{case_};
  uint16_t burst_;
  FlowTable table_;
  std::unique_ptr<MemorySource> source_;
  MemorySink sink_;
  std::unique_ptr<rte_rcu_qsbr, void (*)(void*)> qsbr_;
  std::unique_ptr<Dataplane> dataplane_;
  std::unique_ptr<ControlPlane> control_;
  std::atomic<bool> stop_ = false;
  PortId in_ = 0, out_ = 0;
  Accounts checked_;  // as of the last check
  std::unique_ptr<ServiceWorld> service_;
  std::optional<ConnectionMemory> connection_memory_;
  uint64_t last_run_packets_ = 0;
};

// The flows in an order without pattern, the same in every run.
std::vector<uint32_t> shuffled(uint32_t flows);

// Memory that EAL has to have for the case, MB.
unsigned memory_mb(const Case& the_case);

}  // namespace adit::bench
