// SPDX-License-Identifier: Apache-2.0
// A worker's reassembly of STT frames, with the count of packets that it holds.
#pragma once

#include "tunnel/stt_reassembly.h"

namespace adit {

struct Worker;

class SttWorker {
 public:
  explicit SttWorker(Worker& worker) : worker_(worker), reassembly_({}, {this, on_drop}) {}

  SttResult add(const SttSegment& segment, uint64_t now_ns) noexcept {
    ++held_;
    const SttResult result = reassembly_.add(segment, now_ns);
    if (result.kind == SttResult::Kind::kComplete) held_ -= result.segments;
    return result;
  }
  void expire(uint64_t now_ns) noexcept { reassembly_.expire(now_ns); }
  void set_limits(const SttLimits& limits) noexcept { reassembly_.set_limits(limits); }
  uint32_t held() const noexcept { return held_; }  // packets

 private:
  static void on_drop(void* context, rte_mbuf* mbuf, const SttDrop& facts) noexcept;

  Worker& worker_;
  SttReassembly reassembly_;
  uint32_t held_ = 0;
};

}  // namespace adit
