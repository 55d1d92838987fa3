// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/walker.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/nearest_name.h"
#include "config/yaml/meant.h"
#include "config/yaml/syntax.h"
#include "config/yaml/yaml11.h"

namespace adit {
namespace {

// Of a key whose words are yes and no among others, the one that YAML 1.1's word for a switch
// means; empty: none.
std::string_view meant_by_switch(std::string_view text, std::span<const std::string_view> words) {
  const auto has = [&](std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  for (const auto& [on, off] :
       {std::pair("on", "off"), std::pair("yes", "no"), std::pair("true", "false")})
    for (const auto& [yes, no] : {std::pair("yes", "no"), std::pair("on", "off")}) {
      if (text == on && has(yes)) return yes;
      if (text == off && has(no)) return no;
    }
  return {};
}

bool is_plain(const YamlNode& node) {
  return !node.is_quoted();
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// The words that YAML 1.2's core schema takes for something else than text.
bool is_true(std::string_view text) {
  return is_one_of(text, {"true", "True", "TRUE"});
}
bool is_false(std::string_view text) {
  return is_one_of(text, {"false", "False", "FALSE"});
}
bool is_null(std::string_view text) {
  return is_one_of(text, {"null", "Null", "NULL", "~", ""});
}

// "found 'x'", "found a list", ...
std::string found_text(const YamlNode& node) {
  if (node.is_map()) return "found a map";
  if (node.is_list()) return "found a list";
  if (node.is_scalar() && (!is_plain(node) || !is_null(node.scalar())))
    return "found " + in_quotes(node.scalar());
  return "found no value";
}

// Whether a reader of YAML 1.1 that reads the word, and writes it again, makes this of it.
bool means(std::string_view word, std::string_view boolean) {
  return (is_one_of(word, {"on", "yes"}) && is_true(boolean)) ||
         (is_one_of(word, {"off", "no"}) && is_false(boolean));
}

// The end of a sentence about a text that means something else without quotes.
std::string quotes_needed(std::string_view text, std::string_view other) {
  return "which YAML readers may take for " + std::string(other) + "; write it in quotes: \"" +
         std::string(text) + '"';
}

std::vector<std::string_view> names_of(const KnownKeys& keys) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < keys.size(); ++i) names.push_back(keys[i].path);
  return names;
}

// The first key that fits; the number of keys: none does.
template <class Fits>
size_t find_key(const KnownKeys& keys, Fits fits) {
  size_t i = 0;
  while (i < keys.size() && !fits(keys[i])) ++i;
  return i;
}

bool has_key(const KnownKeys& keys, std::string_view name) {
  return find_key(keys, [&](const KeyInfo& key) { return key.path == name; }) != keys.size();
}

// --- what is not indented far enough

bool holds_names(KeyType type) {
  return type == KeyType::kMap || type == KeyType::kSection;
}
bool has_no_value(const YamlNode& node) {
  return node.is_null() || (node.is_scalar() && is_plain(node) && is_null(node.scalar()));
}
// The key behind the entry that the iterator is at the value of; empty: none, or no plain word.
std::string_view next_key(YamlNode::Iterator value, YamlNode::Iterator end, Place& place) {
  if (++value == end) return {};
  const YamlNode key = *value;
  if (!key.is_scalar() || !is_plain(key)) return {};
  place = key.place();
  return key.scalar();
}
std::string too_shallow_text(std::string_view name, std::string_view owner) {
  return in_quotes(name) + " is indented as far as " + in_quotes(owner) +
         ", which has no value; what belongs to that is indented further";
}

// The key that a name such as 'vni:7' begins with; none: the number of keys.
size_t ends_at_colon(std::string_view name, const KnownKeys& known) {
  if (colon_without_space(name).empty()) return known.size();
  return find_key(known, [&](const KeyInfo& key) {
    return name.starts_with(key.path) && name.substr(key.path.size()).starts_with(':');
  });
}

// What to change of a value of another kind, at the end of a sentence.
std::string kind_hint(const KeyInfo& key, const YamlNode& node) {
  const bool is_map = key.type == KeyType::kMap || key.type == KeyType::kSection;
  if (key.type == KeyType::kList) {
    if (node.is_null()) return " ([] for an empty one)";
    return ", in brackets or each behind '- '";
  }
  if (is_map && node.is_list()) return ", each with a colon behind it and without '- '";
  if (key.type == KeyType::kMap && node.is_null())
    return key.min == 0 ? " ({} for an empty one)" : "";
  if (key.type == KeyType::kMap && node.is_scalar())
    return ", such as " + in_quotes(std::string(node.scalar().substr(0, kMaxNameLen)) + ": {...}");
  if (!is_map && node.is_list() && node.size() == 1) return " without brackets or '- '";
  return {};
}

std::string listed(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

}  // namespace

Place Places::at(std::string_view name) const {
  for (const Key& key : keys)
    if (key.name == name) return key.place;
  return self;
}

bool Places::has(std::string_view name) const {
  return std::any_of(keys.begin(), keys.end(), [&](const Key& key) { return key.name == name; });
}

bool Places::good(std::string_view name) const {
  return is_map && std::all_of(keys.begin(), keys.end(),
                               [&](const Key& key) { return key.name != name || key.good; });
}

bool Reader::admit(const YamlNode& node, Place place) {
  if (!node.has_tag()) return true;
  mistake(place, "found the tag " + in_quotes(node.tag()) + "; tags are not supported, remove it");
  return false;
}

std::optional<std::string_view> Reader::key_text(const YamlNode& key, Place map) {
  const Place place = value_place(key, map);
  if (!admit(key, place)) return std::nullopt;
  if (!key.is_scalar()) {
    mistake(place, found_text(key) + " as a key, expected a plain word");
    return std::nullopt;
  }
  if (key.scalar() == "<<" && is_plain(key)) {
    mistake(place,
            "merge keys ('<<') are not supported; write the keys out, or use an alias "
            "for a whole value");
    return std::nullopt;
  }
  return key.scalar();
}

void Reader::no_map(const YamlNode& node, Place place, const KnownKeys& known,
                    const std::string& what) {
  if (node.is_scalar())
    if (const std::string colon = colon_without_space(node.scalar()); !colon.empty())
      return mistake(place, what + ": " + colon);
  std::string message =
      what + ": " + found_text(node) + ", expected a map with the keys " + listed(names_of(known));
  if (node.is_list()) message += ", without brackets or '- ' around it";
  const size_t first = find_key(known, [](const KeyInfo& key) { return key.required; });
  if (node.is_scalar() && first != known.size() && !is_null(node.scalar()))
    message += ", such as {" + known[first].path + ": " + std::string(node.scalar()) + '}';
  mistake(place, std::move(message));
}

void Reader::keys(const YamlNode& node, Place place, const KnownKeys& known,
                  const std::string& what, Places& places, const ReadKey& read) {
  places.self = place;
  places.is_map = node.is_map();
  if (!admit(node, place)) {
    places.is_map = false;
    return;
  }
  if (!node.is_map()) return no_map(node, place, known, what);
  std::array<Place, KnownKeys::kMost> seen;  // by key
  bool too_shallow = false;                  // those that follow belong to the key before
  places.keys.reserve(std::min(node.size() / 2, known.size()));
  for (auto each = node.begin(); each != node.end(); ++each) {
    const YamlNode key_node = *each;
    const YamlNode value = *++each;
    const auto name = key_text(key_node, place);
    if (!name) continue;
    const Place at = key_node.place();
    const size_t index = find_key(known, [&](const KeyInfo& key) { return key.path == *name; });
    if (index == known.size()) {
      if (too_shallow) continue;
      if (mistakes_.full()) {
        mistake(at, {});
        continue;
      }
      // One mistake, and not another for the key that is missing.
      if (const size_t meant = ends_at_colon(*name, known); meant != known.size()) {
        seen[meant] = at;
        places.keys.push_back({known[meant].path, at, false});
        mistake(at, what + ": " + colon_without_space(*name));
        continue;
      }
      const auto names = names_of(known);
      const std::string hint = did_you_mean(*name, names);
      mistake(at, "unknown key " + in_quotes(*name) + " in " + what +
                      (hint.empty() ? "; known here: " + listed(names) : hint));
      continue;
    }
    too_shallow = false;
    if (seen[index].line != 0) {
      mistake(at, "duplicate key " + in_quotes(*name) + " in " + what + "; it is already at " +
                      mistakes_.at(seen[index]) + ", keep one of them");
      continue;
    }
    seen[index] = at;
    if (Place next_at; has_no_value(value) && holds_names(known[index].type)) {
      const std::string_view next = next_key(each, node.end(), next_at);
      too_shallow = parse_name(next).value && !has_key(known, next) &&
                    did_you_mean(next, names_of(known)).empty();
      if (too_shallow) {
        places.keys.push_back({known[index].path, at, false});
        mistake(next_at, too_shallow_text(next, *name));
        continue;
      }
    }
    const Place value_at = value_place(value, at);
    const size_t before = mistakes_.count();
    read(index, value, value_at);
    places.keys.push_back({known[index].path, value_at, mistakes_.count() == before});
  }
  for (size_t i = 0; i < known.size(); ++i)
    if (known[i].required && seen[i].line == 0)
      mistake(place, "missing key " + in_quotes(known[i].path) + " in " + what + ": expected " +
                         expected_text(known[i]));
}

void Reader::entries(
    const KeyInfo& key, const KnownKeys& keys, const YamlNode& node, Place place,
    const std::function<void(std::string_view, Place, const YamlNode&, Place)>& read) {
  if (!admit(node, place)) return;
  if (!node.is_map()) return wrong_kind(key, node, place);
  std::unordered_map<std::string_view, Place> seen;
  bool too_shallow = false;  // keys that follow belong to the entry before
  for (auto each = node.begin(); each != node.end(); ++each) {
    const YamlNode key_node = *each;
    const YamlNode value = *++each;
    const auto name = key_text(key_node, place);
    if (!name || (too_shallow && has_key(keys, *name))) continue;
    too_shallow = false;
    const Place at = key_node.place();
    const auto parsed = parse_name(*name);
    const std::string_view other = is_plain(key_node) ? taken_for(*name) : std::string_view();
    if (!parsed.value || !other.empty()) {
      mistake(at, key.path + ": found " + in_quotes(*name) + " as a name, " +
                      (parsed.value ? quotes_needed(*name, other) : parsed.complaint));
    }
    const auto [known, fresh] = seen.emplace(*name, at);
    if (!fresh) {
      mistake(at, "duplicate name " + in_quotes(*name) + " in '" + key.path +
                      "'; it is already at " + mistakes_.at(known->second) + ", keep one of them");
      continue;
    }
    if (seen.size() > key.max) {
      mistake(at, key.path + ": more than " + std::to_string(key.max) + " entries; expected " +
                      expected_text(key));
      return;
    }
    if (Place next_at; has_no_value(value)) {
      const std::string_view next = next_key(each, node.end(), next_at);
      too_shallow = has_key(keys, next);
      if (too_shallow) {
        mistake(next_at, too_shallow_text(next, *name));
        continue;
      }
    }
    read(*name, at, value, value_place(value, at));
  }
  if (seen.size() < key.min)
    mistake(place, key.path + ": found none, expected " + expected_text(key));
}

bool Reader::list_ok(const KeyInfo& key, const YamlNode& node, Place place) {
  if (!admit(node, place)) return false;
  if (!node.is_list()) {
    wrong_kind(key, node, place);
    return false;
  }
  if (node.size() <= key.max) return true;
  mistake(place, key.path + ": found " + std::to_string(node.size()) + " entries, expected " +
                     expected_text(key));
  return false;
}

void Reader::wrong_kind(const KeyInfo& key, const YamlNode& node, Place place) {
  mistake(place, key.path + ": " + found_text(node) + ", expected " + expected_text(key) +
                     kind_hint(key, node));
}

void Reader::wrong_text(const KeyInfo& key, std::string_view found, Place place,
                        const std::string& complaint) {
  const char* quotes = has_printed_quote(found)
                           ? "; its quotes are typographic ones, write plain ones: \" or '"
                           : "";
  mistake(place, key.path + ": found " + in_quotes(found) + ", " + complaint + quotes);
}

bool Reader::is_auto(const YamlNode& node) const {
  return node.is_scalar() && node.scalar() == "auto";
}

std::optional<uint64_t> Reader::number(const KeyInfo& key, const YamlNode& node, Place place) {
  if (!admit(node, place)) return std::nullopt;
  if (!node.is_scalar() || is_null(node.scalar())) {
    wrong_kind(key, node, place);
    return std::nullopt;
  }
  const auto parsed = parse_decimal(node.scalar(), key.min, key.max);
  if (parsed.value && !is_plain(node)) {
    wrong_text(key, node.scalar(), place,
               "which is text for its quotes; expected " + expected_text(key) + " without quotes");
    return std::nullopt;
  }
  const bool fits = parsed.value && (key.type != KeyType::kPowerOfTwo ||
                                     (*parsed.value & (*parsed.value - 1)) == 0);
  if (fits) return parsed.value;
  std::string why = parsed.value ? "which is not a power of two" : parsed.complaint;
  if (why == kNoDecimal) why = no_number(key, node.scalar());
  wrong_text(key, node.scalar(), place, why + "; expected " + expected_text(key));
  return std::nullopt;
}

std::optional<bool> Reader::flag(const KeyInfo& key, const YamlNode& node, Place place) {
  if (!admit(node, place)) return std::nullopt;
  if (node.is_scalar() && is_plain(node)) {
    if (node.scalar() == "true") return true;
    if (node.scalar() == "false") return false;
  }
  wrong_kind(key, node, place);
  return std::nullopt;
}

std::optional<size_t> Reader::word(const KeyInfo& key, const YamlNode& node, Place place) {
  if (!admit(node, place)) return std::nullopt;
  if (!node.is_scalar()) {
    wrong_kind(key, node, place);
    return std::nullopt;
  }
  const auto found = std::find_if(key.words.begin(), key.words.end(), [&](std::string_view word) {
    return word == node.scalar() || (is_plain(node) && means(word, node.scalar()));
  });
  if (found != key.words.end()) return static_cast<size_t>(found - key.words.begin());
  const std::string_view meant = meant_by_switch(node.scalar(), key.words);
  wrong_text(key, node.scalar(), place,
             "expected " + expected_text(key) +
                 (meant.empty() ? did_you_mean(node.scalar(), key.words)
                                : "; did you mean " + in_quotes(meant) + '?'));
  return std::nullopt;
}

std::optional<std::string_view> Reader::text(const KeyInfo& key, const YamlNode& node,
                                             Place place) {
  if (!admit(node, place)) return std::nullopt;
  if (!node.is_scalar() || (is_plain(node) && is_null(node.scalar()))) {
    wrong_kind(key, node, place);
    return std::nullopt;
  }
  if (!is_plain(node)) return node.scalar();
  if (is_true(node.scalar()) || is_false(node.scalar())) {
    wrong_text(key, node.scalar(), place, "which is a boolean; expected " + expected_text(key));
    return std::nullopt;
  }
  if (const std::string_view other = taken_for(node.scalar()); !other.empty()) {
    wrong_text(key, node.scalar(), place, quotes_needed(node.scalar(), other));
    return std::nullopt;
  }
  return node.scalar();
}

std::string expected_text(const KeyInfo& key) {
  const std::string range = std::to_string(key.min) + " to " + std::to_string(key.max);
  std::string words;
  for (const std::string_view word : key.words) {
    if (!words.empty()) words += ", ";
    words += word;
  }
  switch (key.type) {
    case KeyType::kNumber:
      return "a number from " + range;
    case KeyType::kNumberOrAuto:
      return "auto or a number from " + range;
    case KeyType::kPowerOfTwo:
      return "a power of two from " + range;
    case KeyType::kFlag:
      return "true or false";
    case KeyType::kWord:
      return "one of " + words;
    case KeyType::kText:
      return std::string(key.form);
    case KeyType::kSection:
      return "a map";
    case KeyType::kList:
      return "a list of at most " + std::to_string(key.max) + " entries";
    case KeyType::kMap:
      return "a map of " + range + " names";
  }
  return {};
}

}  // namespace adit
