// SPDX-License-Identifier: Apache-2.0
// The rules of `classifier:` as workers read them.
#pragma once

#include <map>
#include <utility>

#include "adit/snapshot.h"
#include "config/config.h"

namespace adit {

class FwmarkRuleCompiler {
 public:
  using Services = std::map<std::pair<std::string, uint32_t>, ServiceId>;  // by VRF and fwmark

  // Fills Snapshot::fwmark_rules.
  FwmarkRuleCompiler(const Config& config, const Services& services, Snapshot& snapshot);

  // The destinations of all rules, which are virtual addresses, with their VRF.
  std::vector<std::pair<std::string, IpPrefix>> destinations() const;
  // Appends to Snapshot::virtual_fwmarks the rules for a virtual address, or for a subnet that is a
  // destination.
  void add_list(const std::string& vrf, const IpPrefix& address);

 private:
  const Config& config_;
  Snapshot& snapshot_;
  std::map<std::vector<uint32_t>, Range> lists_;  // equal lists are stored once
};

}  // namespace adit
