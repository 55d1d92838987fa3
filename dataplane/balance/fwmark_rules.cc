// SPDX-License-Identifier: Apache-2.0
#include "balance/fwmark_rules.h"

namespace adit {
namespace {

// The destination is not compared: each virtual address has its own list.
bool matches(const FwmarkRule& rule, const FlowKey& key, PortId in) noexcept {
  const uint16_t source_port = key.source_port.host(), port = key.destination_port.host();
  return (rule.protocol == 0 || rule.protocol == key.protocol) &&
         (key.source.high & rule.source_mask.high) == rule.source.high &&
         (key.source.low & rule.source_mask.low) == rule.source.low && port >= rule.first_port &&
         port <= rule.last_port && source_port >= rule.first_source_port &&
         source_port <= rule.last_source_port && (rule.in == kNoPort || rule.in == in);
}

}  // namespace

ServiceId find_by_fwmark(const Snapshot& snapshot, const RouteTarget& target, const FlowKey& key,
                         PortId in) noexcept {
  const Range list = snapshot.virtual_fwmarks[target.virtual_address];
  for (uint32_t i = list.begin; i < list.end; ++i) {
    const FwmarkRule& rule = snapshot.fwmark_rules[snapshot.fwmark_lists[i]];
    if (matches(rule, key, in)) return rule.service;
  }
  return 0;
}

}  // namespace adit
