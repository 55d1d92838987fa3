// SPDX-License-Identifier: Apache-2.0
#include "scheduler/registry.h"

namespace adit {
namespace {

#define ADIT_ADDRESS(name) &k##name##Ops,
constinit const std::array kRegistry = {ADIT_SCHEDULERS(ADIT_ADDRESS)};
#undef ADIT_ADDRESS

template <class Range, class ToText>
std::string joined(const Range& range, ToText to_text) {
  std::string text;
  for (const auto& item : range) {
    if (!text.empty()) text += ", ";
    text += to_text(item);
  }
  return text;
}

}  // namespace

std::span<const SchedulerOps* const> scheduler_registry() noexcept {
  return kRegistry;
}

const SchedulerOps* find_scheduler(std::string_view name) noexcept {
  const auto found = std::ranges::find(kRegistry, name, &SchedulerOps::name);
  return found == kRegistry.end() ? nullptr : *found;
}

std::string scheduler_names() {
  return joined(kRegistry, [](const SchedulerOps* ops) { return ops->name; });
}

std::string maglev_sizes() {
  return joined(kMaglevSizes, [](uint32_t slots) { return std::to_string(slots); });
}

}  // namespace adit
