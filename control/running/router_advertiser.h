// SPDX-License-Identifier: Apache-2.0
// When links' router advertisements are sent (RFC 4861 section 6.2): at intervals that vary, soon
// after a host asked, and a last time where we cease to be a router.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "adit/dataplane.h"
#include "compile/compile.h"

namespace adit {

class RouterAdvertiser {
 public:
  explicit RouterAdvertiser(Dataplane& dataplane) : dataplane_(dataplane) {}

  // Takes over the links of a configuration whose snapshot is to be published next. What is the
  // same as before keeps its times.
  void configure(const Config& config, const CompiledIds& ids, const Snapshot& next,
                 uint64_t now_ns);
  void solicited(LinkId link, uint64_t now_ns);
  // Nothing is sent by a port whose link is down. When it is up, it begins as on a new link.
  void port_down(PortId port) { down_ports_.insert(port); }
  void port_up(PortId port, uint64_t now_ns);
  void tick(uint64_t now_ns);
  // Says on all links that we are no router any more; workers have sent it on return.
  void cease();

 private:
  struct Link {
    std::vector<uint8_t> frame;
    uint64_t interval_ns = 0;  // the longest
    uint64_t next_ns = 0;
    uint64_t last_ns = 0;   // 0: none was sent yet
    uint64_t sent = 0;      // since it became what it is
    PortId port = kNoPort;  // kNoPort: a network's
  };
  void restart(Link& link, uint64_t now_ns) const;
  bool send(LinkId link, Command::Kind kind);
  // 0 to most_ns, the same in every run.
  uint64_t vary(uint64_t most_ns);

  Dataplane& dataplane_;
  std::map<LinkId, Link> links_;
  std::set<PortId> down_ports_;
  uint64_t varied_ = 0;
};

}  // namespace adit
