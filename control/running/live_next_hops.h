// SPDX-License-Identifier: Apache-2.0
// Next hops that come and go beside the compiled ones: of learned remotes and imported routes.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>

#include "base/time_units.h"
#include "compile/id_allocator.h"
#include "running/neighbours.h"
#include "running/prepare.h"

namespace adit {

class LiveNextHops {
 public:
  // Longer than any worker holds a packet, and than a report takes.
  static constexpr uint64_t kIdsRestNs = 5 * kNsPerSecond;

  explicit LiveNextHops(Neighbours& neighbours) : neighbours_(neighbours) {}

  // The state of what runs now, until the next call. `gone`: ids of the former one that it does not
  // have.
  void bind(RunningState& state, std::span<const AdjacencyId> gone, uint64_t now_ns);
  // One more user of the next hop. 0: there is no place for it.
  AdjacencyId take(const NextHop& hop, uint64_t now_ns);
  // One user less.
  void leave(const NextHop& hop, AdjacencyId id, uint64_t now_ns);
  // Before the next state is made of the present one: tells it which ids it must not give. Until
  // resume() or bind(), somebody else reads which next hops there are: none is added, and what has
  // no user any more stays.
  void prepare();
  void resume(uint64_t now_ns);

 private:
  // Workers may still hold packets for it.
  struct Resting {
    AdjacencyId id;
    uint64_t since_ns;
  };
  AdjacencyId new_id(uint64_t now_ns);
  void remove(const NextHop& hop, AdjacencyId id, uint64_t now_ns);

  Neighbours& neighbours_;
  RunningState* state_ = nullptr;
  IdAllocator ids_{kMaxNextHops};
  std::deque<Resting> resting_;
  bool is_shared_ = false;
  std::map<NextHop, AdjacencyId> left_;  // while that was so
};

}  // namespace adit
