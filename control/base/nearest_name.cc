// SPDX-License-Identifier: Apache-2.0
#include "base/nearest_name.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace adit {
namespace {

constexpr size_t kMaxCompared = 64;  // longer names are compared by their beginning
constexpr size_t kMostNames = 2000;  // that are looked at: there may be as many as services

// Case and the choice between '-' and '_' are the commonest slips: they cost nothing.
char folded(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '-' ? '_' : c;
}

bool begins_with(std::string_view text, std::string_view start) {
  return start.size() <= text.size() &&
         std::equal(start.begin(), start.end(), text.begin(),
                    [](char a, char b) { return folded(a) == folded(b); });
}

// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours.
size_t edit_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kMaxCompared);
  b = b.substr(0, kMaxCompared);
  std::array<std::array<size_t, kMaxCompared + 1>, 3> rows = {};
  auto *before = &rows[0], *above = &rows[1], *row = &rows[2];
  for (size_t j = 0; j <= b.size(); ++j) (*above)[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    (*row)[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      size_t cost =
          std::min({(*above)[j] + 1, (*row)[j - 1] + 1, (*above)[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
          folded(a[i - 2]) == folded(b[j - 1]))
        cost = std::min(cost, (*before)[j - 2] + 1);
      (*row)[j] = cost;
    }
    auto* oldest = before;
    before = above;
    above = row;
    row = oldest;
  }
  return (*above)[b.size()];
}

// Length in bytes of the well-formed UTF-8 sequence at the start of `text`; 0 for none.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const size_t length = byte(0) < 0x80   ? 1
                        : byte(0) < 0xc2 ? 0
                        : byte(0) < 0xe0 ? 2
                        : byte(0) < 0xf0 ? 3
                        : byte(0) < 0xf5 ? 4
                                         : 0;
  if (length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return length;
}

}  // namespace

std::string_view nearest_name(std::string_view wanted, std::span<const std::string_view> names) {
  names = names.first(std::min(names.size(), kMostNames));
  const size_t limit = std::max<size_t>(1, std::min(wanted.size(), kMaxCompared) / 3);
  size_t best = limit + 1;
  std::string_view nearest;
  for (std::string_view name : names) {
    const size_t apart =
        name.size() > wanted.size() ? name.size() - wanted.size() : wanted.size() - name.size();
    if (apart >= best) continue;  // the distance is at least that
    const size_t distance = edit_distance(wanted, name);
    if (distance < best) {
      best = distance;
      nearest = name;
    }
  }
  if (!nearest.empty() || wanted.size() < 3) return nearest;
  for (std::string_view name : names)  // 'mtu' for 'mtu_bytes'
    if (begins_with(name, wanted)) return name;
  return {};
}

std::string did_you_mean(std::string_view wanted, std::span<const std::string_view> names) {
  const std::string_view name = nearest_name(wanted, names);
  if (name.empty()) return {};
  return "; did you mean " + in_quotes(name) + '?';
}

std::string in_quotes(std::string_view text) {
  constexpr size_t kMaxShown = 80;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string shown = "'";
  while (!text.empty()) {
    if (shown.size() > kMaxShown) return shown + "...'";
    const size_t length = utf8_length(text);
    const uint8_t first = static_cast<uint8_t>(text[0]);
    if (length == 0 || first < 0x20 || first == 0x7f) {
      shown += "\\x";
      shown += kDigits[first >> 4];
      shown += kDigits[first & 15];
      text.remove_prefix(1);
      continue;
    }
    shown += text.substr(0, length);
    text.remove_prefix(length);
  }
  return shown + '\'';
}

}  // namespace adit
