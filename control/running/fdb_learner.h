// SPDX-License-Identifier: Apache-2.0
// Control's side of the MAC table: learning within limits, moves, static entries, ageing,
// and what a change of configuration takes away.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "adit/dataplane.h"
#include "base/shares.h"
#include "compile/compile.h"

namespace adit {

class FdbLearner {
 public:
  explicit FdbLearner(Dataplane& dataplane) : dataplane_(dataplane) {}

  // Sets static entries, and removes what lies behind bridge ports that are gone.
  void configure(const Config& config, const CompiledIds& ids, uint64_t now_ns);
  // A bridge port more, and some less, than there were in configure().
  void add_place(BridgePortId bridge_port, NetworkId network);
  void remove_places(std::span<const BridgePortId> gone);
  // A worker saw the source `key` come in by `bridge_port`.
  void seen(uint64_t key, BridgePortId bridge_port, uint64_t now_ns);
  // The port's link went down: who was learned behind it is not there any more. Returns how many.
  unsigned port_down(PortId port);
  void port_up(PortId port) { down_ports_.erase(port); }
  // Ages a slice of the table.
  void tick(uint64_t now_ns);

  uint32_t learned(NetworkId network) const noexcept;
  uint64_t moves() const noexcept { return moves_; }
  uint64_t refused_by_limit() const noexcept { return refused_by_limit_; }
  uint64_t refused_table_full() const noexcept { return refused_table_full_; }

 private:
  struct NetworkRules {
    bool learning = false;
    uint32_t aging_s = 0;
    uint32_t limit = 0;
    uint32_t learned = 0;
  };

  Dataplane& dataplane_;
  void forget(const Fdb::Entry& entry);

  std::vector<NetworkRules> rules_;    // by NetworkId
  Shares places_;                      // of learned addresses, by network
  std::vector<NetworkId> network_of_;  // by BridgePortId; 0: no such bridge port
  std::vector<PortId> port_of_;        // the same; kNoPort: none
  std::set<PortId> down_ports_;
  uint32_t next_slot_ = 0;
  uint64_t next_slice_ns_ = 0;
  uint64_t moves_ = 0, refused_by_limit_ = 0, refused_table_full_ = 0;
};

}  // namespace adit
