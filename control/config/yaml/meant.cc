// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/meant.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "config/values.h"

namespace adit {
namespace {

using namespace std::string_view_literals;

constexpr bool is_one_digit(char c) {
  return c >= '0' && c <= '9';
}

// The digits that the text begins with are taken off it.
std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

std::string_view without_blanks_before(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

struct Unit {
  std::string_view name;
  uint64_t factor;
};
// In milliseconds, bytes, and one.
constexpr std::array kTimes = {Unit{"ms", 1},
                               Unit{"msec", 1},
                               Unit{"s", 1000},
                               Unit{"sec", 1000},
                               Unit{"second", 1000},
                               Unit{"seconds", 1000},
                               Unit{"m", 60'000},
                               Unit{"min", 60'000},
                               Unit{"minute", 60'000},
                               Unit{"minutes", 60'000},
                               Unit{"h", 3'600'000},
                               Unit{"hour", 3'600'000},
                               Unit{"hours", 3'600'000},
                               Unit{"d", 86'400'000},
                               Unit{"day", 86'400'000},
                               Unit{"days", 86'400'000}};
constexpr std::array kSizes = {
    Unit{"B", 1},         Unit{"b", 1},       Unit{"byte", 1},     Unit{"bytes", 1},
    Unit{"octets", 1},    Unit{"k", 1000},    Unit{"K", 1024},     Unit{"kB", 1000},
    Unit{"KB", 1024},     Unit{"KiB", 1024},  Unit{"M", 1 << 20},  Unit{"MB", 1 << 20},
    Unit{"MiB", 1 << 20}, Unit{"G", 1 << 30}, Unit{"GB", 1 << 30}, Unit{"GiB", 1 << 30}};
constexpr std::array kCounts = {
    Unit{"k", 1000}, Unit{"K", 1000}, Unit{"M", 1'000'000}, Unit{"G", 1'000'000'000},
    Unit{"pps", 1},  Unit{"/s", 1},   Unit{"cps", 1}};

template <size_t N>
uint64_t factor_of(const std::array<Unit, N>& units, std::string_view name) {
  const auto found =
      std::find_if(units.begin(), units.end(), [&](const Unit& unit) { return unit.name == name; });
  return found == units.end() ? 0 : found->factor;
}

// How much the unit is of what the key counts, as a fraction; {0, 1}: none that it knows.
std::pair<uint64_t, uint64_t> scale_of(std::string_view key, std::string_view unit) {
  if (key.ends_with("_per_s")) return {factor_of(kCounts, unit), 1};
  if (key.ends_with("_ms")) return {factor_of(kTimes, unit), 1};
  if (key.ends_with("_s")) return {factor_of(kTimes, unit), 1000};
  if (key.ends_with("_bytes")) return {factor_of(kSizes, unit), 1};
  if (key.ends_with("_mb")) return {factor_of(kSizes, unit), 1 << 20};
  return {factor_of(kCounts, unit), 1};
}

std::optional<uint64_t> hex_value(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Without what groups digits, of which every group but the first has three.
std::string ungrouped(std::string_view text) {
  for (const char gap : {'_', ',', '\''}) {
    std::string digits;
    size_t group = 0, groups = 0;
    bool fits = !text.empty();
    for (const char c : text) {
      fits &= is_one_digit(c) || (c == gap && (groups == 0 ? group > 0 && group < 4 : group == 3));
      if (c == gap)
        group = 0, ++groups;
      else
        ++group, digits += c;
    }
    if (fits && groups > 0 && group == 3) return digits;
  }
  return std::string(text);
}

std::optional<uint64_t> value_of(std::string_view key, std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with("0x") || text.starts_with("0X")) return hex_value(text.substr(2));
  const std::string plain = ungrouped(text);
  std::string_view rest = plain;
  const auto whole = take_number(rest);
  if (!whole) return std::nullopt;
  uint64_t part = 0, part_of = 1;
  if (rest.size() > 1 && rest[0] == '.' && is_one_digit(rest[1])) {
    rest.remove_prefix(1);
    for (; !rest.empty() && is_one_digit(rest[0]) && part_of < 1'000'000; rest.remove_prefix(1)) {
      part = part * 10 + static_cast<uint64_t>(rest[0] - '0');
      part_of *= 10;
    }
  }
  const std::string_view unit = without_blanks_before(rest);
  const auto [times, over] =
      unit.empty() ? std::pair<uint64_t, uint64_t>{1, 1} : scale_of(key, unit);
  uint64_t scaled = 0, scaled_part = 0;
  if (times == 0 || __builtin_mul_overflow(*whole, times, &scaled) ||
      __builtin_mul_overflow(part, times, &scaled_part) || scaled_part % part_of != 0 ||
      __builtin_add_overflow(scaled, scaled_part / part_of, &scaled) || scaled % over != 0)
    return std::nullopt;
  return scaled / over;
}

}  // namespace

std::optional<uint64_t> number_meant(const KeyInfo& key, std::string_view text) {
  const auto value = value_of(key.path, text);
  const bool fits = value && *value >= key.min && *value <= key.max;
  return fits ? value : std::nullopt;
}

std::optional<NumberRange> range_meant(std::string_view text) {
  const auto first = take_number(text);
  text = without_blanks_before(text);
  const size_t between = text.starts_with("..") ? 2 : text.starts_with("\xe2\x80\x93") ? 3 : 1;
  if (!first || text.empty() || (between == 1 && text[0] != '-' && text[0] != ':'))
    return std::nullopt;
  text = without_blanks_before(text.substr(between));
  const auto last = take_number(text);
  if (!last || !text.empty()) return std::nullopt;
  return NumberRange{*first, *last};
}

std::string no_number(const KeyInfo& key, std::string_view text) {
  if (const auto range = range_meant(text)) {
    const std::string first = std::to_string(std::min(range->first, range->last));
    const std::string last = std::to_string(std::max(range->first, range->last));
    if (key.range_end.empty()) return "which is a range, not one number";
    return std::string("which is a range") + (range->first > range->last ? ", and reversed" : "") +
           " (write " + key.path + ": " + first + ", " + std::string(key.range_end) + ": " + last +
           ")";
  }
  const std::string complaint(kNoDecimal);
  if (const auto value = number_meant(key, text))
    return complaint + " (write " + std::to_string(*value) + ")";
  return complaint;
}

bool has_printed_quote(std::string_view text) {
  for (const std::string_view quote :
       {"\xe2\x80\x98"sv, "\xe2\x80\x99"sv, "\xe2\x80\x9a"sv, "\xe2\x80\x9c"sv, "\xe2\x80\x9d"sv,
        "\xe2\x80\x9e"sv, "\xc2\xab"sv, "\xc2\xbb"sv})
    if (text.starts_with(quote)) return true;
  return false;
}

}  // namespace adit
