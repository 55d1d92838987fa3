// SPDX-License-Identifier: Apache-2.0
// Which workers make passes, by their counters. One that does not is stopped by a debugger or the
// machine, or hangs: control must not wait for it, and says so.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace adit {

class WorkerWatch {
 public:
  // Long against what a busy machine takes a core away for.
  static constexpr uint64_t kStalledAfterNs = 2'000'000'000;

  struct Change {
    unsigned worker = 0;
    bool stalled = false;  // else it goes on
    uint64_t for_ns = 0;   // without a pass, so far or in all
  };

  // `passes`: how many each worker has made. Returns what is new since the last look.
  std::vector<Change> look(std::span<const uint64_t> passes, uint64_t now_ns);

  bool stalled(unsigned worker) const noexcept {
    return worker < workers_.size() && workers_[worker].stalled;
  }
  bool any_stalled() const noexcept;
  // Since its last pass, as of the last look.
  uint64_t without_pass_ns(unsigned worker) const noexcept {
    return worker < workers_.size() ? workers_[worker].idle_ns : 0;
  }

 private:
  struct Worker {
    uint64_t passes = 0;
    uint64_t idle_ns = 0;
    bool stalled = false;
  };

  std::vector<Worker> workers_;
  uint64_t looked_ns_ = 0;
};

}  // namespace adit
