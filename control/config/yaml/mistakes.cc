// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/mistakes.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/nearest_name.h"

namespace adit {

void MistakeList::add(Place place, MistakeKind kind, std::string message) {
  ++count_;
  if (!full()) mistakes_.push_back({file_, place.line, place.column, std::move(message), kind});
}

std::string MistakeList::hint(std::string_view wanted,
                              std::span<const std::string_view> names) const {
  constexpr size_t kMostHints = 50;
  return count_ < kMostHints ? did_you_mean(wanted, names) : "";
}

std::string MistakeList::at(Place place) const {
  return file_ + ':' + std::to_string(place.line) + ':' + std::to_string(place.column);
}

void MistakeList::throw_if_any() {
  if (mistakes_.empty()) return;
  const auto key = [](const ConfigMistake& m) { return std::tie(m.line, m.column, m.message); };
  std::stable_sort(mistakes_.begin(), mistakes_.end(),
                   [&](const auto& a, const auto& b) { return key(a) < key(b); });
  // What stands behind an alias is read once for every use: one mistake, not many.
  mistakes_.erase(std::unique(mistakes_.begin(), mistakes_.end(),
                              [&](const auto& a, const auto& b) { return key(a) == key(b); }),
                  mistakes_.end());
  if (count_ > kMaxKept)
    mistakes_.push_back({file_, 0, 0,
                         "too many mistakes: only the first " + std::to_string(kMaxKept) + " of " +
                             std::to_string(count_) + " are shown",
                         MistakeKind::kValue});
  throw ConfigError(std::move(mistakes_));
}

}  // namespace adit
