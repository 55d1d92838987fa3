// SPDX-License-Identifier: Apache-2.0
// The catalogue of the API: each method once, as data. The daemon checks requests by it, aditctl's
// commands, tables, help and completion are made of it, and so are docs/api.md and the man pages.
// No DPDK, no JSON.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace adit {

enum class ParameterType { kString, kUnsigned, kBoolean };
std::string_view to_string(ParameterType type);
enum class Presence { kOptional, kRequired };

struct Parameter {
  std::string_view name;
  ParameterType type;
  Presence presence;
  std::string_view help;
  // What aditctl's option of this name takes: "NAME". Empty: a boolean is a flag, any other
  // parameter is no option.
  std::string_view value_name = {};
  uint64_t min = 0, max = UINT64_MAX;  // of a number
  std::string_view fallback = {};      // "10000 if not given"
  std::string_view names_of = {};      // `aditctl show` what has the names that bash offers
  bool is_argument = false;            // of aditctl's command, not an option; one at most

  constexpr bool is_flag() const { return type == ParameterType::kBoolean; }
  constexpr bool is_option() const { return !is_argument && (is_flag() || !value_name.empty()); }
  constexpr bool is_bounded() const { return min != 0 || max != UINT64_MAX; }
};
// "maximum number of rows, 1..20000; 10000 if not given"
std::string described(const Parameter& parameter);

// kCount and kBytes grow: watched, they are shown as rates. kEndpoint: an address, and the port
// that the row has under that key with "_port" behind it. Behind kEndpoint: shown to the right.
enum class Format { kText, kEndpoint, kNumber, kCount, kBytes, kSeconds, kPercent };
constexpr bool grows(Format format) {
  return format == Format::kCount || format == Format::kBytes;
}

// What a column is to aditctl's table. kKey: shown, and tells which row is which. kWide: shown
// with --wide alone.
enum class Role { kShown, kKey, kWide };

struct Column {
  std::string_view key;    // in the row
  std::string_view title;  // of the table's column; empty: in JSON alone
  Format format = Format::kText;
  Role role = Role::kShown;
  std::string_view help = {};  // for docs/api.md, where the key does not say it all
};
using Columns = std::span<const Column>;

enum class Effect { kReads, kChanges };
// kLater: the daemon works at the answer a slice at a time, and serves others meanwhile.
enum class Answer { kAtOnce, kLater };

struct MethodInfo {
  std::string_view name;
  Effect effect;  // calls of what changes things are logged with the caller
  std::string_view help;
  std::span<const Parameter> parameters = {};
  Answer answer = Answer::kAtOnce;
  std::string_view command = {};  // aditctl's: "show fdb"; empty: none is made of this entry
  Columns columns = {};           // of the rows that it answers with; empty: it gives no rows
  Columns counted = {};           // of the rows with `count`
  std::string_view notes = {};    // for docs/api.md: Markdown, what the rest does not say
  unsigned patience_s = 30;       // how long aditctl waits for the answer

  // Whether long lists come page by page.
  constexpr bool is_paged() const {
    for (const Parameter& parameter : parameters)
      if (parameter.name == "offset") return true;
    return false;
  }
};
using Catalogue = std::span<const MethodInfo>;

// All methods of aditd.
Catalogue catalogue() noexcept;

// How many rows an answer has, if not told otherwise, and at most: some 5 MB.
inline constexpr uint64_t kUsualRows = 10'000;
inline constexpr uint64_t kMaxRows = 20'000;
inline constexpr uint64_t kUsualConnectionRows = 100;
inline constexpr uint64_t kMaxConnectionRows = 10'000;

}  // namespace adit
