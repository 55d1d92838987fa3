// SPDX-License-Identifier: Apache-2.0
// A dataplane with memory ports, configured by control for one case, its MACs in the table,
// and the ways to run it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "adit/dataplane.h"
#include "cases.h"
#include "control_plane.h"
#include "flow_table.h"
#include "frames.h"
#include "memory_port.h"
#include "probe.h"

struct rte_rcu_qsbr;

namespace adit::bench {

class Testbed {
 public:
  // EAL is up. Throws BenchError when memory is short.
  Testbed(const Case& the_case, uint16_t burst);
  ~Testbed();

  // Each runs `bursts` bursts (passes, where the scenario has no packets) and returns the TSC
  // cycles that they took. check_accounts() belongs after each.
  uint64_t run_pipeline(uint64_t bursts);  // the worker's loop as it ships
  uint64_t run_floor(uint64_t bursts);     // the same receive and transmit, nothing between
  uint64_t run_steps(uint64_t bursts, StepProbe& probe);

  // Sends packets through the pipeline and looks at every one that comes out. Throws
  // BenchError when one is wrong.
  void check_output();
  // Whether everything that came in since the last call went the way it should, by all
  // counters. Throws BenchError otherwise. Does control's work of a tick, too.
  void check_accounts();

  // What a burst is counted as: its packets, or 1 where the scenario has none.
  unsigned units_per_burst() const noexcept { return table_.count() == 0 ? 1u : burst_; }
  uint64_t bursts_per_walk() const noexcept { return table_.count() / burst_ + 1; }

 private:
  // Counters that move with packets.
  struct Accounts {
    uint64_t fed = 0, taken = 0;
    Dataplane::Traffic in, out;
    uint64_t dropped = 0, dropped_otherwise = 0, held = 0, events_lost = 0;
  };

  void make_frames();
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
};

// Memory that EAL has to have for the case, MB.
unsigned memory_mb(const Case& the_case);

}  // namespace adit::bench
