// SPDX-License-Identifier: Apache-2.0
// The ports' links: notices which went down, came up or are gone, and opens anew what comes back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "adit/dataplane.h"

namespace adit {

struct LinkEvent {
  enum class Kind : uint8_t { kDown, kUp, kLost, kReopened, kReopenFailed };
  Kind kind;
  PortId port = 0;
  bool is_first = false;  // as it was found at the start
  std::string why = {};   // kReopenFailed
  uint64_t retry_s = 0;   // kReopenFailed: when it is tried again
  // kDown, kLost: what was withdrawn. kUp: what came back.
  unsigned macs = 0, neighbours = 0, backends = 0;
};

class LinkMonitor {
 public:
  using Report = std::function<void(LinkEvent&)>;

  explicit LinkMonitor(Dataplane& dataplane) : dataplane_(dataplane) {}

  // Whether it is time for tick().
  bool is_due(uint64_t now_ns) const noexcept { return now_ns >= next_tick_ns_; }
  // To be called when it is due. `makes_interface`: by PortId, whether opening the port
  // makes the interface that it is on, as for a TAP.
  void tick(const std::vector<bool>& makes_interface, uint64_t now_ns, const Report& report);

 private:
  struct Port {
    bool is_known = false;
    LinkStatus status = LinkStatus::kUp;
    uint64_t next_try_ns = 0;
    unsigned tries = 0;  // in vain
  };
  void look(PortId id, Port& port, uint64_t now_ns, const Report& report);
  void try_to_reopen(PortId id, Port& port, bool makes_interface, uint64_t now_ns,
                     const Report& report);

  Dataplane& dataplane_;
  std::vector<Port> ports_;
  uint64_t next_tick_ns_ = 0;
};

}  // namespace adit
