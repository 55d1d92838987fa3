// SPDX-License-Identifier: Apache-2.0
// Every key that the configuration knows, as data: the walker reads by this table, and the
// JSON Schema and the reference in docs/ are held against it by tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace adit {

enum class KeyType {
  kNumber,        // plain decimal, min..max
  kNumberOrAuto,  // the same, or the word auto
  kPowerOfTwo,    // a number that is a power of two
  kFlag,          // true or false
  kWord,          // one of `words`
  kText,          // anything else of one line; `form` says what
  kSection,       // a map of known keys
  kList,          // a list of at most `max` entries
  kMap,           // a map of names to entries, min..max of them
};

// What is a view here is of the text of the program itself.
struct KeyInfo {
  // From the top: "system.log.level"; '*' stands for a name, "[]" for the entries of a list:
  // "ports.*.addresses[]", "networks.*.members[].vlan".
  std::string path;
  KeyType type = KeyType::kText;
  uint64_t min = 0;
  uint64_t max = 0;
  std::vector<std::string_view> words = {};
  std::string_view form = {};  // kText: "a MAC address", ...
  std::string fallback = {};   // the default as it would stand in the file; empty: none
  bool required = false;
  bool restart = false;  // a change takes effect only with a restart of aditd
  std::string_view help = {};
  std::string_view range_end = {};  // the key beside it that has the last number of a range
};

// All keys, a section before what is in it, in the order of the reference.
std::vector<KeyInfo> config_keys();

// What would be right, for a message: "a number from 1 to 64", "true or false".
std::string expected_text(const KeyInfo& key);

}  // namespace adit
