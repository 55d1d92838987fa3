// SPDX-License-Identifier: Apache-2.0
#include "run_loop.h"

#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include "idle_policy.h"
#include "idle_sleep.h"
#include "pipeline.h"

namespace adit {

void drain(std::span<Worker* const> workers) noexcept {
  // Nothing waits for longer, whatever is configured.
  constexpr uint64_t kLongNs = 3600 * uint64_t{1'000'000'000};
  // A full ring takes 256 rounds, a full fragment table 128. What they cause is counted and
  // reported once.
  constexpr unsigned kMostRounds = 1000;
  bool more = true;
  for (unsigned round = 0; more && round < kMostRounds; ++round) {
    more = false;
    for (Worker* worker : workers) {
      worker->snapshot = worker->current->load(std::memory_order_acquire);
      if (worker->snapshot == nullptr) continue;
      worker->now_ns += kLongNs;
      more |= drain_pass(*worker);
    }
    for (const Worker* worker : workers) more |= !rte_ring_empty(worker->peers[worker->id].ring);
  }
}

int run_loop(void* arguments) {
  const auto& [worker, qsbr, busy_poll] = *static_cast<LoopArguments*>(arguments);
  rte_rcu_qsbr_thread_register(qsbr, worker.id);
  rte_rcu_qsbr_thread_online(qsbr, worker.id);
  IdlePolicy idle;
  IdleSleep idle_sleep(worker, qsbr);
  uint32_t bindings = worker.bindings_taken;
  NoProfile profile;
  uint64_t last_tsc = rte_rdtsc();
  while (!worker.stopping->load(std::memory_order_relaxed)) {
    begin_pass(worker, monotonic_ns());
    const unsigned received = run_pass(worker, profile);
    rte_rcu_qsbr_quiescent(qsbr, worker.id);

    const uint64_t worked_until = rte_rdtsc();
    worker.counters.loops.add(1);
    if (received != 0) {
      worker.counters.busy_loops.add(1);
      worker.counters.busy_cycles.add(worked_until - last_tsc);
    }
    if (!busy_poll) {
      if (bindings != worker.bindings_taken) [[unlikely]] {
        bindings = worker.bindings_taken;
        idle_sleep.look_at_ports();
      }
      const bool is_woken = idle_sleep.is_woken() && !has_work(worker);
      const uint64_t sleep_ns = idle.after_pass(received != 0, worker.now_ns, is_woken);
      if (received == 0 && is_woken)
        idle_sleep.rest(sleep_ns);
      else if (received == 0)
        IdleSleep::sleep(sleep_ns);
    }
    const uint64_t now_tsc = received != 0 ? worked_until : rte_rdtsc();
    worker.counters.cycles.add(now_tsc - last_tsc);
    last_tsc = now_tsc;
  }
  rte_rcu_qsbr_thread_offline(qsbr, worker.id);
  rte_rcu_qsbr_thread_unregister(qsbr, worker.id);
  return 0;
}

}  // namespace adit
