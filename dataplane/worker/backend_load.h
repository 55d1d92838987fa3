// SPDX-License-Identifier: Apache-2.0
// Keeps BackendLoad right as connections come, change and go. Only the worker whose load it is
// writes it, so no increment is atomic as a whole.
#pragma once

#include "connection/protocol_state.h"
#include "scheduler/threshold.h"

namespace adit {

// `change`: added modulo 2^32, so UINT32_MAX takes one off.
inline void add_to(std::atomic<uint32_t>& count, uint32_t change) noexcept {
  count.store(count.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
}
// The counter that connections of the state count in.
inline std::atomic<uint32_t>& count_of(BackendLoad& load, ConnectionState state) noexcept {
  return is_active(state) ? load.active : load.inactive;
}

// Judges the thresholds of the backend anew (threshold.h).
inline void update_overloaded(BackendLoad& load, const ServiceBackend& backend) noexcept {
  const uint64_t total = uint64_t{load.active.load(std::memory_order_relaxed)} +
                         load.inactive.load(std::memory_order_relaxed);
  load.overloaded = is_overloaded(backend, total, load.overloaded);
}

// `state`: that it is inserted with.
inline void count_inserted(BackendLoad& load, const ServiceBackend& backend,
                           ConnectionState state) noexcept {
  add_to(count_of(load, state), 1);
  update_overloaded(load, backend);
}
// A connection went from one state to another.
inline void count_changed(BackendLoad& load, ConnectionState from, ConnectionState to) noexcept {
  if (is_active(from) == is_active(to)) [[likely]]
    return;
  add_to(count_of(load, from), UINT32_MAX);
  add_to(count_of(load, to), 1);
}
// `state`: that it was last counted with. `backend` is an empty one where the snapshot has it no
// more.
inline void count_erased(BackendLoad& load, const ServiceBackend& backend,
                         ConnectionState state) noexcept {
  add_to(count_of(load, state), UINT32_MAX);
  update_overloaded(load, backend);
}

}  // namespace adit
