// SPDX-License-Identifier: Apache-2.0
// The bonds' members: notices which went down or came up, and which are used.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "config/config.h"

namespace adit {

struct BondEvent {
  enum class Kind : uint8_t { kMemberUp, kMemberDown, kMemberGone, kActive };
  Kind kind;
  PortId port = 0;
  std::string member = {};               // of kMember*
  std::vector<std::string> active = {};  // kActive: those that are used now, perhaps none
  bool is_first = false;                 // as it was found when the bond was opened
};

// What happened to the bond from `former` to `now`. Null: it was not there.
std::vector<BondEvent> compare_bonds(PortId port, const BondState* former, const BondState& now);

class BondMonitor {
 public:
  using Report = std::function<void(const BondEvent&)>;

  explicit BondMonitor(const Dataplane& dataplane) : dataplane_(dataplane) {}
  // After Dataplane::look_at_links(). `config`: the running one.
  void tick(const Config& config, const Report& report);

 private:
  const Dataplane& dataplane_;
  std::map<PortId, BondState> known_;
};

}  // namespace adit
