// SPDX-License-Identifier: Apache-2.0
// Fields of a Section<T> that have sections within: lists, maps, sections. Of walker.h too.
#pragma once

#include <algorithm>
#include <memory>

#include "config/yaml/section.h"  // IWYU pragma: keep

namespace adit {

template <class T>
template <class F, class E>
typename Section<T>::CompareField Section<T>::comparing(F finished, Inner<E> entry,
                                                        EntryNaming<FinishedEntry<E>> naming) {
  using Entry = FinishedEntry<E>;
  const auto name_of = [entry, naming](const Entry& value) {
    if (naming.name) return naming.name(value);
    if constexpr (requires { value.name; })
      return value.name;
    else
      return entry->words(value);
  };
  return [=](Changes& out, const Where& where, const FieldFacts& facts, const Finished& before,
             const Finished& after) {
    const auto &from = std::invoke(finished, before), &to = std::invoke(finished, after);
    const auto more = [&](const Entry& value) {
      return naming.more ? naming.more(value) : std::string();
    };
    ComparedEntries all{.noun = naming.noun, .plural = naming.plural};
    for (const Entry& value : from) all.from.push_back(name_of(value));
    for (const Entry& value : to) all.to.push_back(name_of(value));
    all.more_from = [&](size_t i) { return more(from[i]); };
    all.more_to = [&](size_t j) { return more(to[j]); };
    all.both = [&](const Where& within, size_t i, size_t j) {
      if (from[i] == to[j]) return;
      if (naming.whole)
        out.add(within.restart, within.head + ": " + more(from[i]) + " -> " + more(to[j]));
      else
        entry->compare(out, within, from[i], to[j]);
    };
    out.entries(where, facts.key, all);
  };
}

template <class T>
template <class Part, class F, class E>
Section<T>& Section<T>::list(const char* name, Part part, F finished, Section<E> section,
                             EntryNaming<FinishedEntry<E>> naming, uint64_t max, const char* help) {
  const std::string what = "an entry of '" + std::string(name) + '\'';
  const auto entry = std::make_shared<const Section<E>>(std::move(section));
  add(
      {.path = name, .type = KeyType::kList, .max = max, .help = help}, entry->keys(), "[].",
      [part, entry, what](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info,
                          T& out) {
        if (!reader.list_ok(info, node, place)) return;
        auto& list = std::invoke(part, out);
        list.reserve(node.size());
        for (const auto& item : node) {
          const size_t before = reader.mistake_count();
          reader.read(item, Reader::value_place(item, place), *entry, what, list.emplace_back());
          if (reader.mistake_count() != before) list.pop_back();
        }
      },
      comparing<F, E>(finished, entry, std::move(naming)),
      [finished, entry](ValueSink& out, const Field& field, const Finished& value) {
        out.begin(field.key.path, ValueSink::Empty::kLeftOut);
        for (const auto& item : std::invoke(finished, value)) {
          out.begin_item();
          entry->write(out, item);
          out.end();
        }
        out.end();
      });
  return *this;
}

template <class T>
template <class Part, class F, class E>
Section<T>& Section<T>::map(const char* name, Part part, F finished, Section<E> section,
                            EntryNaming<FinishedEntry<E>> naming, uint64_t min, uint64_t max,
                            const char* help) {
  std::string kind = name;  // "ports" -> "port"
  kind.pop_back();
  const auto entry = std::make_shared<const Section<E>>(std::move(section));
  add(
      {.path = name, .type = KeyType::kMap, .min = min, .max = max, .help = help}, entry->keys(),
      ".*.",
      [part, entry, kind](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info,
                          T& out) {
        auto& list = std::invoke(part, out);
        list.reserve(std::min<uint64_t>(node.size() / 2, info.max));
        reader.entries(
            info, KnownKeys(entry->fields()), node, place,
            [&](std::string_view entry_name, Place at, const YamlNode& value, Place value_at) {
              E& item = list.emplace_back();
              reader.read(value, value_at, *entry, kind + ' ' + in_quotes(entry_name), item);
              item.name = entry_name;
              item.places.self = at;
            });
      },
      comparing<F, E>(finished, entry, std::move(naming)),
      [finished, entry](ValueSink& out, const Field& field, const Finished& value) {
        out.begin(field.key.path, ValueSink::Empty::kLeftOut);
        for (const auto& item : std::invoke(finished, value)) {
          out.begin(item.name, ValueSink::Empty::kWritten);
          entry->write(out, item);
          out.end();
        }
        out.end();
      });
  return *this;
}

template <class T>
template <class Part, class F, class M>
Section<T>& Section<T>::section(const char* name, Part part, F finished, Section<M> section,
                                const char* help) {
  constexpr bool kMayBeAbsent = walker::kIsOptional<walker::PartOf<F, const Finished>>;
  const std::string what = '\'' + std::string(name) + '\'';
  const auto inner = std::make_shared<const Section<M>>(std::move(section));
  add(
      {.path = name, .type = KeyType::kSection, .help = help}, inner->keys(), ".",
      [part, inner, what](Reader& reader, const YamlNode& node, Place place, const KeyInfo&,
                          T& out) {
        reader.read(node, place, *inner, what, std::invoke(part, out));
      },
      [finished, inner](Changes& out, const Where& where, const FieldFacts& facts,
                        const Finished& before, const Finished& after) {
        const auto &from = std::invoke(finished, before), &to = std::invoke(finished, after);
        if constexpr (!kMayBeAbsent) {
          inner->compare(out, where.within(facts.key), from, to);
        } else if (from && to) {
          inner->compare(out, where.within(facts.key), *from, *to);
        } else if (from || to) {
          out.presence(where, facts.key, to.has_value(), inner->words(to ? *to : *from));
        }
      },
      [finished, inner](ValueSink& out, const Field& field, const Finished& value) {
        const auto& within = std::invoke(finished, value);
        if constexpr (kMayBeAbsent) {
          if (!within) return;
          out.begin(field.key.path, ValueSink::Empty::kWritten);
          inner->write(out, *within);
        } else {
          out.begin(field.key.path, ValueSink::Empty::kLeftOut);
          inner->write(out, within);
        }
        out.end();
      });
  return *this;
}

template <class T>
Section<T>& Section<T>::group(const char* name, Section section, const char* help) {
  const std::string what = '\'' + std::string(name) + '\'';
  const auto inner = std::make_shared<const Section>(std::move(section));
  add(
      {.path = name, .type = KeyType::kSection, .help = help}, inner->keys(), ".",
      [inner, what](Reader& reader, const YamlNode& node, Place place, const KeyInfo&, T& out) {
        if constexpr (requires { out.places; }) {
          // T's places are those of its own map, which is still being read; and a key's place
          // within the group is not reported.
          Places saved = std::move(out.places);
          reader.read(node, place, *inner, what, out);
          out.places = std::move(saved);
        } else {
          reader.read(node, place, *inner, what, out);
        }
      },
      [inner](Changes& out, const Where& where, const FieldFacts& facts, const Finished& from,
              const Finished& to) { inner->compare(out, where.within(facts.key), from, to); },
      [inner](ValueSink& out, const Field& field, const Finished& value) {
        out.begin(field.key.path, ValueSink::Empty::kLeftOut);
        inner->write(out, value);
        out.end();
      });
  return *this;
}

}  // namespace adit
