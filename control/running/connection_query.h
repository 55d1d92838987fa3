// SPDX-License-Identifier: Apache-2.0
// Collects the connections of all workers in parallel. It never blocks: the caller polls for the
// result.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "adit/connection_dump.h"
#include "adit/dataplane.h"

namespace adit {

// What is asked, and how much room there is for the answer.
struct ConnectionQuestion {
  ConnectionFilter filter;
  std::shared_ptr<const std::vector<uint32_t>> group_of;  // by BackendId; not null
  uint32_t rows = 0;                                      // of each worker, at most
  uint32_t groups = 0;  // to count by, among them 0, the rest; 0: nothing is counted
};

class ConnectionQuery {
 public:
  enum class State {
    kWaiting,  // come again
    kDone,
    kSilent,  // a worker does not go on
    kBusy,    // other queries have been in work all the time
  };
  static constexpr uint64_t kSilentNs = 2'000'000'000;
  static constexpr uint64_t kBusyNs = 15'000'000'000;

  // `dataplane` must outlive it.
  ConnectionQuery(Dataplane& dataplane, ConnectionQuestion question, uint64_t now_ns)
      : dataplane_(dataplane), question_(std::move(question)), since_ns_(now_ns) {}
  ~ConnectionQuery();  // workers that have not answered need not any more
  ConnectionQuery(const ConnectionQuery&) = delete;
  ConnectionQuery& operator=(const ConnectionQuery&) = delete;

  State poll(uint64_t now_ns);
  // By worker; to be read once it is done.
  std::span<const std::shared_ptr<ConnectionDump>> dumps() const noexcept { return dumps_; }
  // Once it is silent.
  unsigned silent_worker() const noexcept { return silent_worker_; }

 private:
  bool ask();

  Dataplane& dataplane_;
  const ConnectionQuestion question_;
  std::vector<std::shared_ptr<ConnectionDump>> dumps_;  // by worker; none before they are asked
  uint64_t since_ns_;                                   // when the workers were last seen to go on
  uint64_t slices_ = 0;                                 // that they had looked at then
  unsigned silent_worker_ = 0;
};

}  // namespace adit
