// SPDX-License-Identifier: Apache-2.0
// Puts learned remotes into the snapshot that runs, and takes them out, so that one costs the same
// however much else is configured. What has no room, or changes more than its network's list of
// bridge ports, is left to a compilation, which takes over the same remotes.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_set>
#include <vector>

#include "adit/dataplane.h"
#include "running/fdb_learner.h"
#include "running/live_next_hops.h"
#include "running/prepare.h"

namespace adit {

class LiveRemotes {
 public:
  // kCompile: it takes a compilation. kFull: there is no place for it.
  enum class Added { kYes, kCompile, kFull };

  LiveRemotes(Dataplane& dataplane, LiveNextHops& next_hops, FdbLearner& fdb)
      : dataplane_(dataplane), next_hops_(next_hops), fdb_(fdb) {}

  // What was published, and the state that goes with it. Both stay until the next call; from now on
  // they are changed here, except while somebody makes the next ones from them. `gone`: ids of the
  // former state that this one does not have.
  void bind(RunningState& state, Snapshot& snapshot, std::vector<PortTraits> traits,
            std::span<const BridgePortId> gone, uint64_t now_ns);
  Added add(const NetworkConfig& network, const IpAddr& address, uint64_t now_ns);
  // False: it takes a compilation to make all right that depends on them.
  bool remove(const NetworkConfig& network, std::span<const IpAddr> addresses, uint64_t now_ns);
  // After remove(): what was learned behind them goes too, once a second.
  void finish_removal(uint64_t now_ns);
  // Before the next state is made of the present one: tells it which ids it must not give.
  void prepare(uint64_t now_ns);
  // Makes ids of what is gone free, when it is time.
  void tick(uint64_t now_ns);

 private:
  // Ids that workers, or reports on their way, may still name.
  struct Resting {
    BridgePortId id;
    uint64_t since_ns;
    uint64_t token;  // of RCU
  };

  void settle(uint64_t now_ns);
  BridgePortId take_id(uint64_t now_ns);
  void give_back_id(BridgePortId id);
  void remove_one(const NetworkConfig& network, const IpAddr& address, uint64_t now_ns);
  void forget_address(const IpAddr& address, BridgePortId id);

  Dataplane& dataplane_;
  LiveNextHops& next_hops_;
  FdbLearner& fdb_;
  RunningState* state_ = nullptr;
  Snapshot* snapshot_ = nullptr;
  std::vector<PortTraits> traits_;
  BridgePortId next_id_ = 1;     // of those that nobody had, none is before it
  std::deque<Resting> leaving_;  // workers may still have them
  std::deque<Resting> resting_;
  std::unordered_set<BridgePortId> not_free_;  // leaving and resting ones
  std::vector<BridgePortId> removed_;          // since MACs behind such were forgotten
  uint64_t next_settling_ns_ = 0;
};

}  // namespace adit
