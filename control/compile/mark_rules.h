// SPDX-License-Identifier: Apache-2.0
// Marks as workers read them.
#pragma once

#include <map>
#include <utility>

#include "adit/snapshot.h"
#include "config/config.h"

namespace adit {

class ClassifierCompiler {
 public:
  using Services = std::map<std::pair<std::string, uint32_t>, ServiceId>;  // by VRF and mark

  // Fills Snapshot::mark_rules.
  ClassifierCompiler(const Config& config, const Services& services, Snapshot& snapshot);

  // The destinations of rules, where marked connections can be: virtual addresses, by their VRF.
  std::vector<std::pair<std::string, IpPrefix>> destinations() const;
  // Appends to Snapshot::virtual_marks: the rules that concern a virtual address, or a subnet of
  // such that is among the destinations.
  void add_list(const std::string& vrf, const IpPrefix& address);

 private:
  const Config& config_;
  Snapshot& snapshot_;
  std::map<std::vector<uint32_t>, Range> lists_;  // equal ones are there once
};

}  // namespace adit
