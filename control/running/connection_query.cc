// SPDX-License-Identifier: Apache-2.0
#include "running/connection_query.h"

namespace adit {

ConnectionQuery::~ConnectionQuery() {
  for (const auto& dump : dumps_) dump->cancelled.store(true, std::memory_order_relaxed);
}

// All workers or none: else two queries could wait for each other. Room is taken only now, by one
// query at a time.
bool ConnectionQuery::ask() {
  const unsigned workers = dataplane_.worker_count();
  for (unsigned id = 0; id < workers; ++id)
    if (!dataplane_.takes_dump(id)) {
      silent_worker_ = id;
      return false;
    }
  for (unsigned id = 0; id < workers; ++id) {
    auto dump = std::make_shared<ConnectionDump>();
    dump->filter = question_.filter;
    dump->group_of = question_.group_of;
    dump->rows.resize(question_.rows);
    dump->counts.resize(question_.groups);
    dumps_.push_back(std::move(dump));
  }
  for (unsigned id = 0; id < workers; ++id) dataplane_.dump(id, dumps_[id]);
  return true;
}

ConnectionQuery::State ConnectionQuery::poll(uint64_t now_ns) {
  if (dumps_.empty()) {
    if (!ask()) return now_ns - since_ns_ < kBusyNs ? State::kWaiting : State::kBusy;
    since_ns_ = now_ns;
  }
  uint64_t slices = 0;
  bool done = true;
  for (unsigned id = 0; id < dumps_.size(); ++id) {
    slices += dumps_[id]->slices.load(std::memory_order_relaxed);
    if (dumps_[id]->answered.load(std::memory_order_acquire)) continue;
    done = false;
    silent_worker_ = id;
  }
  if (done) return State::kDone;
  if (slices != slices_) {
    slices_ = slices;
    since_ns_ = now_ns;
  }
  return now_ns - since_ns_ < kSilentNs ? State::kWaiting : State::kSilent;
}

}  // namespace adit
