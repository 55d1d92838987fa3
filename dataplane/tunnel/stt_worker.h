// SPDX-License-Identifier: Apache-2.0
// What STT keeps for each worker: frames that are not complete, and the packet ids that it sends.
#pragma once

#include "table/id_counters.h"
#include "tunnel/stt_reassembly.h"
#include "worker/worker.h"

namespace adit {

class SttWorker {
 public:
  SttWorker(Worker& worker, uint64_t seed)
      : worker_(worker), ids_(seed), reassembly_({}, {this, on_drop}) {}

  // As SttReassembly's; what is held counts as kept (TunnelStates::kept).
  SttResult add(const SttSegment& segment, uint64_t now_ns) noexcept {
    ++worker_.tunnels.kept;
    const SttResult result = reassembly_.add(segment, now_ns);
    if (result.kind == SttResult::Kind::kComplete) worker_.tunnels.kept -= result.segments;
    return result;
  }
  void expire(uint64_t now_ns) noexcept { reassembly_.expire(now_ns); }
  void set_limits(const SttLimits& limits) noexcept { reassembly_.set_limits(limits); }

  // Workers have the same addresses: each has a part of the numbers.
  uint32_t next_id(const Ipv6Key& peer) noexcept {
    return (worker_.id << 26) + ids_.next(kUnderlayTenant, peer);
  }

 private:
  static void on_drop(void* context, rte_mbuf* mbuf, const SttDrop& facts) noexcept;

  Worker& worker_;
  IdCounters ids_;
  SttReassembly reassembly_;
};

}  // namespace adit
