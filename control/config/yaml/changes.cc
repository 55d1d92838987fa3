// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/changes.h"

#include <unordered_map>
#include <utility>

namespace adit {
namespace {

// Calls gone(i), then fresh(j) or both(i, j). Whether those that stay do so in another order.
template <class Gone, class Fresh, class Both>
bool match(const std::vector<std::string>& from, const std::vector<std::string>& to, Gone gone,
           Fresh fresh, Both both) {
  std::unordered_map<std::string_view, size_t> kept, old;
  for (size_t j = 0; j < to.size(); ++j) kept.emplace(to[j], j);
  for (size_t i = 0; i < from.size(); ++i) {
    if (!kept.contains(from[i])) gone(i);
    old.emplace(from[i], i);
  }
  bool reordered = false;
  size_t last = 0;
  for (size_t j = 0; j < to.size(); ++j) {
    const auto found = old.find(to[j]);
    if (found == old.end()) {
      fresh(j);
      continue;
    }
    both(found->second, j);
    reordered = reordered || found->second < last;
    last = found->second;
  }
  return reordered;
}

}  // namespace

void Changes::add(bool restart, std::string line) {
  if (restart) diff_.needs_restart.push_back(line);
  diff_.changes.push_back(std::move(line));
}

void Changes::value(const Where& where, const FieldFacts& field,
                    const std::optional<std::string>& from, const std::optional<std::string>& to) {
  if (from == to) return;
  const char* absent = field.key.type == KeyType::kNumberOrAuto ? "auto" : field.absent;
  add(where.restart || field.key.restart,
      where.key(field.key) + ": " + from.value_or(absent) + " -> " + to.value_or(absent));
}

void Changes::presence(const Where& where, const KeyInfo& key, bool added,
                       const std::string& words) {
  add(where.restart || key.restart, where.key(key) + (added ? ": added" : ": removed") +
                                        (words.empty() ? "" : " (" + words + ')'));
}

void Changes::texts(const Where& where, const FieldFacts& field,
                    const std::vector<std::string>& from, const std::vector<std::string>& to) {
  if (field.noun == nullptr) return value(where, field, joined(from), joined(to));
  const bool restart = where.restart || field.key.restart;
  const auto tell = [&](const std::string& text, const char* what) {
    add(restart, where.head + ": " + field.noun + ' ' + text + what);
  };
  const bool reordered = match(
      from, to, [&](size_t i) { tell(from[i], " removed"); },
      [&](size_t j) { tell(to[j], " added"); }, [](size_t, size_t) {});
  if (reordered) add(restart, where.head + ": order of " + field.plural + " changed");
}

void Changes::entries(const Where& where, const KeyInfo& key, const ComparedEntries& entries) {
  const bool is_map = key.type == KeyType::kMap;
  const bool restart = where.restart || key.restart;
  const std::string place = entries.plural != nullptr ? where.head : where.key(key);
  const std::string noun = *entries.noun == '\0' ? "" : std::string(entries.noun) + ' ';
  const auto tell = [&](const std::string& name, std::string more, const char* what) {
    std::string line =
        place + (is_map && entries.plural == nullptr ? '.' + name + ':' : ": " + noun + name);
    if (!more.empty()) more = is_map ? " (" + more + ')' : ' ' + more;
    line += is_map ? std::string(" ") + what + more : more + ' ' + what;
    add(restart, std::move(line));
  };
  const bool reordered = match(
      entries.from, entries.to,
      [&](size_t i) { tell(entries.from[i], entries.more_from(i), "removed"); },
      [&](size_t j) { tell(entries.to[j], entries.more_to(j), "added"); },
      [&](size_t i, size_t j) {
        const std::string& name = entries.to[j];
        entries.both(is_map ? Where{where.key(key) + '.' + name, ".", restart}
                            : Where{place + ": " + noun + name, " ", restart},
                     i, j);
      });
  if (!reordered) return;
  add(restart,
      place + ": order " +
          (entries.plural != nullptr ? "of " + std::string(entries.plural) + ' ' : std::string()) +
          "changed");
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

}  // namespace adit
