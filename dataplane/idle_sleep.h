// SPDX-License-Identifier: Apache-2.0
// How a worker that has nothing to do sleeps.
#pragma once

#include <poll.h>

#include <cstdint>
#include <vector>

#include "worker/worker.h"

struct rte_rcu_qsbr;

namespace adit {

class IdleSleep {
 public:
  IdleSleep(Worker& worker, rte_rcu_qsbr* qsbr);

  // Whether packets and control end a sleep. Not so if a port of the worker has to be polled, and
  // where other workers may hand packets over: that costs them no system call.
  bool is_woken() const noexcept { return is_woken_; }
  // After Worker::bindings_taken has changed: other descriptors may be readable.
  void look_at_ports();

  // For at most `ns`, woken by nothing; 0: a moment.
  static void sleep(uint64_t ns) noexcept;
  // Until a packet comes or control rings, and at most for `ns`. Control does not wait for the
  // worker meanwhile: the snapshot of the last pass must not be used any more.
  void rest(uint64_t ns) noexcept;

 private:
  Worker& worker_;
  rte_rcu_qsbr* qsbr_;
  std::vector<pollfd> readable_;  // the doorbell, and the ports' queues
  bool is_woken_ = false;
};

}  // namespace adit
