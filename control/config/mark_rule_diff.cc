// SPDX-License-Identifier: Apache-2.0
#include "config/differ.h"

namespace adit::config_differ {
namespace {

std::string prefixes_text(const std::vector<IpPrefix>& prefixes) {
  std::string words;
  for (const IpPrefix& prefix : prefixes) words += (words.empty() ? "" : ", ") + to_string(prefix);
  return words;
}

std::string ports_text(const char* key, std::optional<uint16_t> first,
                       std::optional<uint16_t> last) {
  if (!first) return {};
  return ' ' + std::string(key) + ' ' + std::to_string(*first) +
         (last ? '-' + std::to_string(*last) : std::string());
}

// "mark 7: underlay 192.0.2.80/32 protocol tcp port 80"
std::string rule_text(const MarkRuleConfig& rule) {
  std::string words = "mark " + std::to_string(rule.mark) + ": " + rule.vrf + ' ' +
                      prefixes_text(rule.destinations);
  if (rule.source) words += " source " + to_string(*rule.source);
  if (rule.protocol) words += std::string(" protocol ") + name_of(*rule.protocol);
  words += ports_text("port", rule.port, rule.last_port);
  words += ports_text("source_port", rule.source_port, rule.last_source_port);
  if (rule.in_port) words += " in_port " + *rule.in_port;
  return words;
}

}  // namespace

// An entry has no name: one that changes is another one.
void diff_classifier(Differ& out, const std::vector<MarkRuleConfig>& from,
                     const std::vector<MarkRuleConfig>& to) {
  if (from == to) return;
  const auto words = [](const MarkRuleConfig& rule) { return rule_text(rule); };
  const auto tell = [&](const MarkRuleConfig& rule, const char* what) {
    out.change(Takes::kReload, "classifier: " + rule_text(rule) + what);
  };
  const bool reordered = Differ::lists(
      from, to, words, [&](const MarkRuleConfig& gone) { tell(gone, " removed"); },
      [&](const MarkRuleConfig& fresh) { tell(fresh, " added"); },
      [](const MarkRuleConfig&, const MarkRuleConfig&) {});
  if (reordered) out.change(Takes::kReload, "classifier: order changed");
}

}  // namespace adit::config_differ
