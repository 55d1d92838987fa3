// SPDX-License-Identifier: Apache-2.0
#include "config_walker.h"

#include <algorithm>
#include <unordered_map>

#include "nearest_name.h"

namespace adit {
namespace {

bool is_plain(const YAML::Node& node) {
  return node.Tag() != "!";
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// The words that YAML 1.2's core schema takes for something else than text.
bool is_boolean(std::string_view text) {
  return is_one_of(text, {"true", "True", "TRUE", "false", "False", "FALSE"});
}
bool is_null(std::string_view text) {
  return is_one_of(text, {"null", "Null", "NULL", "~", ""});
}

// "found 'x'", "found a list", ...
std::string found_text(const YAML::Node& node) {
  if (node.IsMap()) return "found a map";
  if (node.IsSequence()) return "found a list";
  if (node.IsScalar() && (!is_plain(node) || !is_null(node.Scalar())))
    return "found " + in_quotes(node.Scalar());
  return "found no value";
}

std::vector<std::string_view> names_of(const std::vector<const KeyInfo*>& keys) {
  std::vector<std::string_view> names;
  for (const KeyInfo* key : keys) names.push_back(key->path);
  return names;
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

Place Reader::place_of(const YAML::Node& node) {
  const YAML::Mark mark = node.Mark();
  if (mark.is_null()) return {};
  return {static_cast<unsigned>(mark.line) + 1, static_cast<unsigned>(mark.column) + 1};
}

Place Reader::value_place(const YAML::Node& value, Place key) {
  return value.IsNull() ? key : place_of(value);
}

bool Reader::admit(const YAML::Node& node, Place place) {
  if (++values_ > max_values_) {
    mistake(place, "the file has more than " + std::to_string(max_values_) +
                       " values, aliases followed; the rest is not read");
    mistakes_.throw_if_any();
  }
  const std::string& tag = node.Tag();
  if (tag == "!" && node.IsScalar() && node.Scalar().find(kEndMark) != std::string::npos) {
    mistake(place_of(node), "the quote that opens here is not closed");
    return false;
  }
  if (tag.empty() || tag == "?" || tag == "!") return true;
  mistake(place, "found the tag " + in_quotes(tag) + "; tags are not used here, leave it out");
  return false;
}

std::optional<std::string> Reader::key_text(const YAML::Node& key, Place map) {
  const Place place = value_place(key, map);
  if (!admit(key, place)) return std::nullopt;
  if (!key.IsScalar()) {
    mistake(place, found_text(key) + " as a key, expected a plain word");
    return std::nullopt;
  }
  if (key.Scalar() == "<<" && is_plain(key)) {
    mistake(place,
            "merge keys ('<<') are not supported; write the keys out, or use an alias "
            "for a whole value");
    return std::nullopt;
  }
  return key.Scalar();
}

void Reader::keys(const YAML::Node& node, Place place, const std::vector<const KeyInfo*>& known,
                  const std::string& what, Places& places, const ReadKey& read) {
  places.self = place;
  places.is_map = node.IsMap();
  if (!admit(node, place)) {
    places.is_map = false;
    return;
  }
  if (!node.IsMap()) {
    mistake(place, what + ": " + found_text(node) + ", expected a map with the keys " +
                       listed(names_of(known)));
    return;
  }
  std::vector<Place> seen(known.size());
  for (const auto& pair : node) {
    const auto name = key_text(pair.first, place);
    if (!name) continue;
    const Place at = place_of(pair.first);
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const KeyInfo* key) { return key->path == *name; });
    if (found == known.end()) {
      if (mistakes_.full()) {
        mistake(at, {});
        continue;
      }
      const auto names = names_of(known);
      const std::string hint = did_you_mean(*name, names);
      mistake(at, "unknown key " + in_quotes(*name) + " in " + what +
                      (hint.empty() ? "; known here: " + listed(names) : hint));
      continue;
    }
    const size_t index = static_cast<size_t>(found - known.begin());
    if (seen[index].line != 0) {
      mistake(at, "duplicate key " + in_quotes(*name) + " in " + what + "; it is already at " +
                      mistakes_.at(seen[index]));
      continue;
    }
    seen[index] = at;
    const Place value_at = value_place(pair.second, at);
    const size_t before = mistakes_.count();
    read(index, pair.second, value_at);
    places.keys.push_back({(*found)->path, value_at, mistakes_.count() == before});
  }
  for (size_t i = 0; i < known.size(); ++i)
    if (known[i]->required && seen[i].line == 0)
      mistake(place, "missing key " + in_quotes(known[i]->path) + " in " + what + ": expected " +
                         expected_text(*known[i]));
}

void Reader::entries(
    const KeyInfo& key, const YAML::Node& node, Place place,
    const std::function<void(const std::string&, Place, const YAML::Node&, Place)>& read) {
  if (!admit(node, place)) return;
  if (!node.IsMap()) return wrong_kind(key, node, place);
  std::unordered_map<std::string, Place> seen;
  for (const auto& pair : node) {
    const auto name = key_text(pair.first, place);
    if (!name) continue;
    const Place at = place_of(pair.first);
    const bool is_text = !is_plain(pair.first) || (!is_boolean(*name) && !is_null(*name));
    const auto parsed = parse_name(*name);
    if (!parsed.value || !is_text) {
      mistake(at, key.path + ": found " + in_quotes(*name) + " as a name, " +
                      (parsed.value ? "expected a name that is no boolean and not null"
                                    : parsed.complaint));
    }
    const auto [known, fresh] = seen.emplace(*name, at);
    if (!fresh) {
      mistake(at, "duplicate name " + in_quotes(*name) + " in '" + key.path +
                      "'; it is already at " + mistakes_.at(known->second));
      continue;
    }
    if (seen.size() > key.max) {
      mistake(at, key.path + ": more than " + std::to_string(key.max) + " entries; expected " +
                      expected_text(key));
      return;
    }
    read(*name, at, pair.second, value_place(pair.second, at));
  }
  if (seen.size() < key.min)
    mistake(place, key.path + ": found none, expected " + expected_text(key));
}

bool Reader::list_ok(const KeyInfo& key, const YAML::Node& node, Place place) {
  if (!admit(node, place)) return false;
  if (!node.IsSequence()) {
    wrong_kind(key, node, place);
    return false;
  }
  if (node.size() <= key.max) return true;
  mistake(place, key.path + ": found " + std::to_string(node.size()) + " entries, expected " +
                     expected_text(key));
  return false;
}

void Reader::wrong_kind(const KeyInfo& key, const YAML::Node& node, Place place) {
  std::string message = key.path + ": " + found_text(node) + ", expected " + expected_text(key);
  if (node.IsNull() && key.type == KeyType::kList) message += " ([] for an empty one)";
  if (node.IsNull() && key.type == KeyType::kMap && key.min == 0)
    message += " ({} for an empty one)";
  mistake(place, std::move(message));
}

void Reader::wrong_text(const KeyInfo& key, std::string_view found, Place place,
                        const std::string& complaint) {
  mistake(place, key.path + ": found " + in_quotes(found) + ", " + complaint);
}

bool Reader::is_auto(const YAML::Node& node) const {
  return node.IsScalar() && node.Scalar() == "auto";
}

std::optional<uint64_t> Reader::number(const KeyInfo& key, const YAML::Node& node, Place place) {
  if (!admit(node, place)) return std::nullopt;
  if (!node.IsScalar() || is_null(node.Scalar())) {
    wrong_kind(key, node, place);
    return std::nullopt;
  }
  const auto parsed = parse_decimal(node.Scalar(), key.min, key.max);
  if (parsed.value && !is_plain(node)) {
    wrong_text(key, node.Scalar(), place,
               "which is text for its quotes; expected " + expected_text(key) + " without quotes");
    return std::nullopt;
  }
  const bool fits = parsed.value && (key.type != KeyType::kPowerOfTwo ||
                                     (*parsed.value & (*parsed.value - 1)) == 0);
  if (fits) return parsed.value;
  const std::string why = parsed.value ? "which is no power of two" : parsed.complaint;
  wrong_text(key, node.Scalar(), place, why + "; expected " + expected_text(key));
  return std::nullopt;
}

std::optional<bool> Reader::flag(const KeyInfo& key, const YAML::Node& node, Place place) {
  if (!admit(node, place)) return std::nullopt;
  if (node.IsScalar() && is_plain(node)) {
    if (node.Scalar() == "true") return true;
    if (node.Scalar() == "false") return false;
  }
  wrong_kind(key, node, place);
  return std::nullopt;
}

std::optional<size_t> Reader::word(const KeyInfo& key, const YAML::Node& node, Place place) {
  if (!admit(node, place)) return std::nullopt;
  if (!node.IsScalar()) {
    wrong_kind(key, node, place);
    return std::nullopt;
  }
  const auto found = std::find(key.words.begin(), key.words.end(), node.Scalar());
  if (found != key.words.end()) return static_cast<size_t>(found - key.words.begin());
  wrong_text(key, node.Scalar(), place,
             "expected " + expected_text(key) + did_you_mean(node.Scalar(), key.words));
  return std::nullopt;
}

std::optional<std::string> Reader::text(const KeyInfo& key, const YAML::Node& node, Place place) {
  if (!admit(node, place)) return std::nullopt;
  if (!node.IsScalar() || (is_plain(node) && is_null(node.Scalar()))) {
    wrong_kind(key, node, place);
    return std::nullopt;
  }
  if (is_plain(node) && is_boolean(node.Scalar())) {
    wrong_text(key, node.Scalar(), place, "which is a boolean; expected " + expected_text(key));
    return std::nullopt;
  }
  return node.Scalar();
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
