// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/yaml11.h"

#include <algorithm>
#include <array>

namespace adit {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes off the front whatever `fits`; how much it was.
template <class Fits>
size_t take(std::string_view& text, Fits fits) {
  const auto end = std::find_if_not(text.begin(), text.end(), fits);
  const auto count = static_cast<size_t>(end - text.begin());
  text.remove_prefix(count);
  return count;
}

bool is_digit_or_gap(char c) {
  return is_digit(c) || c == '_';
}

// Not y and n, which the type's definition has too: hardly a reader goes by that.
bool is_boolean(std::string_view text) {
  constexpr std::array kWords = {std::string_view("yes"),  std::string_view("no"),
                                 std::string_view("on"),   std::string_view("off"),
                                 std::string_view("true"), std::string_view("false")};
  std::array<char, 5> lower;
  if (text.empty() || text.size() > lower.size()) return false;
  const auto to_lower = [](char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  };
  std::transform(text.begin(), text.end(), lower.begin(), to_lower);
  const bool all_upper = std::none_of(text.begin(), text.end(), [](char c) { return c >= 'a'; });
  const bool tail_lower =
      std::none_of(text.begin() + 1, text.end(), [](char c) { return c < 'a'; });
  return (all_upper || tail_lower) &&
         std::find(kWords.begin(), kWords.end(), std::string_view(lower.data(), text.size())) !=
             kWords.end();
}

// http://yaml.org/type/int.html: [1-9][0-9_]*(:[0-5]?[0-9])+, and with a part behind a dot
// http://yaml.org/type/float.html: [0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*
bool is_base_60(std::string_view text) {
  const bool leading_zero = text.starts_with('0');
  if (text.empty() || !is_digit(text[0])) return false;
  take(text, is_digit_or_gap);
  size_t parts = 0;
  for (; text.starts_with(':'); ++parts) {
    text.remove_prefix(1);
    const char first = text.empty() ? 0 : text[0];
    const size_t digits = take(text, is_digit);
    if (digits == 0 || digits > 2 || (digits == 2 && first > '5')) return false;
  }
  if (parts == 0) return false;
  if (text.empty()) return !leading_zero;
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  take(text, is_digit_or_gap);
  return text.empty();
}

bool is_float(std::string_view text) {
  if (text == ".inf" || text == ".Inf" || text == ".INF" || text == ".nan" || text == ".NaN" ||
      text == ".NAN")
    return true;
  const size_t whole = text.starts_with('_') ? 0 : take(text, is_digit_or_gap);
  size_t part = 0;
  const bool dot = text.starts_with('.');
  if (dot) {
    text.remove_prefix(1);
    part = take(text, is_digit_or_gap);
  }
  if (whole + part == 0) return false;
  if (text.empty()) return dot;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text.remove_prefix(1);
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return take(text, is_digit) != 0 && text.empty();
}

// Any but plain decimal: octal, hexadecimal, binary, with gaps.
bool is_integer(std::string_view text) {
  const auto all_of = [&](auto fits) {
    std::string_view digits = text.substr(2);
    return take(digits, fits) != 0 && digits.empty();
  };
  if (text.starts_with("0x"))
    return all_of([](char c) {
      return is_digit_or_gap(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
  if (text.starts_with("0b"))
    return all_of([](char c) { return c == '0' || c == '1' || c == '_'; });
  if (text.starts_with("0o"))
    return all_of([](char c) { return (c >= '0' && c <= '7') || c == '_'; });
  if (text.empty() || !is_digit(text[0])) return false;
  const bool plain = text[0] != '0' || text.size() == 1;
  const bool has_gap = text.find('_') != std::string_view::npos;
  take(text, is_digit_or_gap);
  return text.empty() && (!plain || has_gap);
}

// 2001-12-14, and what may follow it.
bool is_date(std::string_view text) {
  if (take(text, is_digit) != 4) return false;
  for (int part = 0; part < 2; ++part) {
    if (!text.starts_with('-')) return false;
    text.remove_prefix(1);
    const size_t digits = take(text, is_digit);
    if (digits == 0 || digits > 2) return false;
  }
  return text.empty() || text[0] == 'T' || text[0] == 't' || text[0] == ' ';
}

}  // namespace

std::string_view taken_for(std::string_view plain) noexcept {
  if (plain.empty() || plain == "~" || plain == "null" || plain == "Null" || plain == "NULL")
    return "nothing (null)";
  if (is_boolean(plain)) return "a boolean";
  if (plain == "=" || plain == "<<") return "a key of YAML's own";
  if (is_date(plain)) return "a date";
  const bool has_sign = plain[0] == '+' || plain[0] == '-';
  const std::string_view number = plain.substr(has_sign ? 1 : 0);
  if (is_base_60(number)) return "a number of base 60";
  if (is_integer(number) || is_float(number)) return "a number";
  // This sign is lost where a reader writes it again.
  if (plain[0] == '+' && !number.empty() && std::all_of(number.begin(), number.end(), is_digit))
    return "a number";
  return {};
}

}  // namespace adit
