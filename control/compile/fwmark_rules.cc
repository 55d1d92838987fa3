// SPDX-License-Identifier: Apache-2.0
#include "compile/fwmark_rules.h"

#include <algorithm>

#include "config/port_ids.h"

namespace adit {
namespace {

bool covers(const IpPrefix& outer, const IpPrefix& inner) {
  return outer.length <= inner.length && outer.contains(inner.address);
}

bool concerns(const FwmarkRuleConfig& rule, const std::string& vrf, const IpPrefix& address) {
  return rule.vrf == vrf &&
         std::any_of(rule.destinations.begin(), rule.destinations.end(),
                     [&](const IpPrefix& destination) { return covers(destination, address); });
}

}  // namespace

FwmarkRuleCompiler::FwmarkRuleCompiler(const Config& config, const Services& services,
                                       Snapshot& snapshot)
    : config_(config), snapshot_(snapshot) {
  for (const FwmarkRuleConfig& from : config.classifier) {
    FwmarkRule& rule = snapshot.fwmark_rules.emplace_back();
    if (from.source) {
      rule.source = address_key(from.source->address);
      rule.source_mask = prefix_mask(from.source->address.family, from.source->length);
    }
    if (from.protocol) rule.protocol = static_cast<uint8_t>(*from.protocol);
    if (from.port) {
      rule.first_port = *from.port;
      rule.last_port = from.last_port.value_or(*from.port);
    }
    if (from.source_port) {
      rule.first_source_port = *from.source_port;
      rule.last_source_port = from.last_source_port.value_or(*from.source_port);
    }
    if (from.in_port) {
      rule.in = find_port(config, *from.in_port)->id;
      snapshot.fwmarks_by_port = true;
    }
    if (from.fwmark != 0) rule.service = services.at({from.vrf, from.fwmark});
  }
}

std::vector<std::pair<std::string, IpPrefix>> FwmarkRuleCompiler::destinations() const {
  std::vector<std::pair<std::string, IpPrefix>> all;
  for (const FwmarkRuleConfig& rule : config_.classifier)
    for (const IpPrefix& destination : rule.destinations)
      if (std::any_of(config_.classifier.begin(), config_.classifier.end(),
                      [&](const FwmarkRuleConfig& other) {
                        return other.fwmark != 0 && concerns(other, rule.vrf, destination);
                      }))
        all.emplace_back(rule.vrf, destination);
  return all;
}

void FwmarkRuleCompiler::add_list(const std::string& vrf, const IpPrefix& address) {
  std::vector<uint32_t> list;
  for (uint32_t i = 0; i < config_.classifier.size(); ++i)
    if (concerns(config_.classifier[i], vrf, address)) list.push_back(i);
  auto& lists = snapshot_.fwmark_lists;
  const auto begin = static_cast<uint32_t>(lists.size());
  const auto end = static_cast<uint32_t>(begin + list.size());
  const auto [known, fresh] = lists_.emplace(list, Range{begin, end});
  if (fresh) lists.insert(lists.end(), list.begin(), list.end());
  snapshot_.virtual_fwmarks.push_back(known->second);
}

}  // namespace adit
