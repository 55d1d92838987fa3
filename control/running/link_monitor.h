// SPDX-License-Identifier: Apache-2.0
// The ports' links: notices which went down, came up or are gone, and opens anew what comes back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "config/config.h"

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
  // To be called when it is due. `config`: the running one.
  void tick(const Config& config, uint64_t now_ns, const Report& report);

  // Others open another device for the port: no news and no attempts until then.
  void suspend(PortId port) { state(port).is_suspended = true; }
  // It goes on as it was.
  void resume(PortId port) { state(port).is_suspended = false; }
  // It has another device: whether its link is up or down is news.
  void renewed(PortId port) {
    const bool is_up = dataplane_.link_state(port).status == LinkStatus::kUp;
    state(port) = {.is_known = true, .status = is_up ? LinkStatus::kDown : LinkStatus::kUp};
  }
  // It shall have its former one again, at once.
  void recover(PortId port) {
    state(port) = {.is_known = true, .status = LinkStatus::kGone, .is_recovering = true};
  }
  bool is_gone(PortId port) {
    return state(port).is_known && state(port).status == LinkStatus::kGone;
  }
  // It is none any more.
  void forget(PortId port) { state(port) = {}; }

 private:
  struct Port {
    bool is_known = false;
    LinkStatus status = LinkStatus::kUp;
    uint64_t next_try_ns = 0;
    unsigned tries = 0;  // in vain
    bool is_suspended = false, is_recovering = false;
  };
  void look(PortId id, Port& port, uint64_t now_ns, const Report& report);
  void try_to_reopen(PortId id, Port& port, bool makes_interface, uint64_t now_ns,
                     const Report& report);

  Dataplane& dataplane_;
  Port& state(PortId port) {
    if (port >= ports_.size()) ports_.resize(port + 1u);
    return ports_[port];
  }
  std::vector<Port> ports_;  // by PortId
  uint64_t next_tick_ns_ = 0;
};

}  // namespace adit
