// SPDX-License-Identifier: Apache-2.0
// A worker's loop on its lcore.
#pragma once

#include <span>

#include "port_bindings.h"
#include "worker/worker.h"

struct rte_rcu_qsbr;

namespace adit {

struct LoopArguments {
  Worker& worker;
  rte_rcu_qsbr* qsbr;
  bool busy_poll;
};

// Sets the worker's time and takes the current bindings and snapshot. In this order: a snapshot has
// the ports of all bindings before it.
inline void begin_pass(Worker& worker, uint64_t now_ns) noexcept {
  worker.now_ns = now_ns;
  worker.now_s = static_cast<uint32_t>(now_ns / 1'000'000'000);
  worker.fits_all_paths = worker.path_mtus->fits_all(worker.now_s);
  if (worker.bindings_number->load(std::memory_order_acquire) != worker.bindings_taken) [[unlikely]]
    take_bindings(worker);
  worker.snapshot = worker.current->load(std::memory_order_acquire);
}

// After all workers have ended: sends packets that wait or are between workers, or drops them under
// the name of their timeout. ICMP errors are sent as in a pass.
void drain(std::span<Worker* const> workers) noexcept;

// For rte_eal_remote_launch; `arguments` is a LoopArguments. Ends when Worker::stopping.
int run_loop(void* arguments);

}  // namespace adit
