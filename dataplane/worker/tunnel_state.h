// SPDX-License-Identifier: Apache-2.0
// What tunnel kinds keep beside the packets in hand: of this worker, and of all.
#pragma once

#include <array>
#include <span>

#include "adit/tunnel_ops.h"

namespace adit {

// Of all workers, by tunnel_index(). `kinds`: tunnel_registry().
using SharedTunnelStates = std::array<TunnelState, kTunnelKindCount>;
inline SharedTunnelStates make_shared_states(std::span<const TunnelOps* const> kinds) {
  SharedTunnelStates states;
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (kinds[i]->make_shared != nullptr) states[i] = kinds[i]->make_shared();
  return states;
}

// A worker's. A kind that keeps nothing costs nothing.
class TunnelStates {
 public:
  TunnelStates() = default;
  // `kinds` and `shared` must outlive this. `seed`: another one for each worker.
  TunnelStates(std::span<const TunnelOps* const> kinds, const SharedTunnelStates& shared,
               Worker& worker, uint64_t seed)
      : kinds_(kinds) {
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      shared_[i] = shared[i].get();
      if (kinds[i]->make_state != nullptr) own_[i] = kinds[i]->make_state(worker, seed);
    }
  }

  // For the kind alone, which knows the type.
  template <class State>
  State& own(TunnelKind kind) const noexcept {
    return own_[tunnel_index(kind)].as<State>();
  }
  template <class State>
  State& shared(uint8_t kind) const noexcept {
    return *static_cast<State*>(shared_[kind]);
  }

  // Once a pass, while packets are kept.
  void tick(Worker& worker) noexcept {
    for (const TunnelOps* kind : kinds_)
      if (kind->tick != nullptr) kind->tick(worker);
  }

  // How many packets kinds keep for later: each adds its own, and takes away what goes.
  uint32_t kept = 0;

 private:
  std::span<const TunnelOps* const> kinds_;
  std::array<void*, kTunnelKindCount> shared_ = {};
  std::array<TunnelState, kTunnelKindCount> own_;
};

}  // namespace adit
