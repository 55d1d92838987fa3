// SPDX-License-Identifier: Apache-2.0
// Differences of two values that were read by one table (walker.h), in words.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/yaml/key_info.h"

namespace adit {

struct ConfigDiff {
  std::vector<std::string> changes;        // e.g. "networks.red: remote 192.0.2.9 added"
  std::vector<std::string> needs_restart;  // e.g. "system.workers: 1 -> 2"; in `changes` too
};

// What a table says of a field beside its type. `path` of the KeyInfo is its name alone, that of an
// inner key goes on from there.
struct FieldFacts {
  KeyInfo key;
  std::vector<KeyInfo> inner = {};
  std::optional<std::string> initial = {};  // the value where the key is not in the file
  const char* absent = "none";              // what a difference calls no value
  const char* noun = nullptr;               // of a list of texts: "address"
  const char* plural = nullptr;
};

// What is compared: what a line about it begins with.
struct Where {
  std::string head = {};   // "networks.red", "networks.red: remote 192.0.2.9"; empty: the top
  const char* joint = "";  // between that and a key
  bool restart = false;    // any change in it takes one

  std::string key(const KeyInfo& key) const { return head + joint + key.path; }
  Where within(const KeyInfo& key) const { return {this->key(key), ".", restart || key.restart}; }
};

// Entries of a list or map, before and after: what they are known by, and how to tell of them.
struct ComparedEntries {
  const char* noun;
  const char* plural;
  std::vector<std::string> from = {}, to = {};
  std::function<std::string(size_t)> more_from = {}, more_to = {};
  std::function<void(const Where&, size_t from, size_t to)> both = {};
};

class Changes {
 public:
  ConfigDiff take() { return std::move(diff_); }

  void add(bool restart, std::string line);
  // "KEY: OLD -> NEW"
  void value(const Where& where, const FieldFacts& field, const std::optional<std::string>& from,
             const std::optional<std::string>& to);
  // A section that is there or not: "KEY: added (WORDS)"
  void presence(const Where& where, const KeyInfo& key, bool added, const std::string& words);
  void texts(const Where& where, const FieldFacts& field, const std::vector<std::string>& from,
             const std::vector<std::string>& to);
  // In linear time: those of `from` that are gone, in its order, then the others in the order of
  // `to`; and whether those that stay do so in another order.
  void entries(const Where& where, const KeyInfo& key, const ComparedEntries& entries);

 private:
  ConfigDiff diff_;
};

// "a, b"
std::string joined(const std::vector<std::string>& texts);

}  // namespace adit
