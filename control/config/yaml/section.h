// SPDX-License-Identifier: Apache-2.0
// The template half of walker.h, which includes this; nobody else should.
#pragma once

#include <functional>
#include <type_traits>

#include "base/nearest_name.h"
#include "config/yaml/walker.h"  // IWYU pragma: keep

namespace adit {
namespace walker {

template <class V>
struct Bare {
  using type = V;
};
template <class V>
struct Bare<std::optional<V>> {
  using type = V;
};

template <class V>
inline constexpr bool kIsOptional = false;
template <class V>
inline constexpr bool kIsOptional<std::optional<V>> = true;

// A default as it would stand in the file; empty for what has none.
template <class V>
std::string text_of(const V& value) {
  if constexpr (std::is_same_v<V, std::string>) {
    return value;
  } else if constexpr (std::is_same_v<V, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_integral_v<V>) {
    return std::to_string(value);
  } else if constexpr (kIsOptional<V>) {
    return value ? text_of(*value) : std::string();
  } else {
    return {};
  }
}

}  // namespace walker

template <class T>
void Reader::read(const YamlNode& node, Place place, const Section<T>& section,
                  const std::string& what, T& out) {
  std::vector<const KeyInfo*> known;
  for (const auto& field : section.fields()) known.push_back(&field.key);
  Places places;
  keys(node, place, known, what, places, [&](size_t i, const YamlNode& value, Place at) {
    const auto& field = section.fields()[i];
    field.read(*this, value, at, field.key, out);
  });
  const bool is_map = places.is_map;
  if constexpr (requires { out.places; }) out.places = std::move(places);
  if (is_map) section.run_check(*this, out);
}

template <class T>
KeyInfo& Section<T>::add(KeyInfo key, const std::vector<KeyInfo>& inner, const char* between,
                         ReadField read) {
  Field field{std::move(key), {}, std::move(read)};
  for (KeyInfo below : inner) {
    below.path = field.key.path + between + below.path;
    field.inner.push_back(std::move(below));
  }
  fields_.push_back(std::move(field));
  return fields_.back().key;
}

template <class T>
template <class C, class V>
Section<T>& Section<T>::number(const char* name, V C::*member, uint64_t min, uint64_t max,
                               const char* help, KeyType type) {
  KeyInfo& key =
      add({.path = name, .type = type, .min = min, .max = max, .help = help}, {}, "",
          [member](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info, T& out) {
            if (info.type == KeyType::kNumberOrAuto && reader.is_auto(node)) return;
            if (const auto value = reader.number(info, node, place))
              out.*member = static_cast<typename walker::Bare<V>::type>(*value);
          });
  key.fallback = type == KeyType::kNumberOrAuto ? "auto" : walker::text_of(T{}.*member);
  return *this;
}

template <class T>
template <class C, class V>
Section<T>& Section<T>::flag(const char* name, V C::*member, const char* help) {
  add({.path = name,
       .type = KeyType::kFlag,
       .fallback = walker::text_of(T{}.*member),
       .help = help},
      {}, "",
      [member](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info, T& out) {
        if (const auto value = reader.flag(info, node, place)) out.*member = *value;
      });
  return *this;
}

template <class T>
template <class C, class E>
Section<T>& Section<T>::word(const char* name, E C::*member,
                             std::vector<std::pair<const char*, E>> words, const char* help) {
  KeyInfo key{.path = name, .type = KeyType::kWord, .help = help};
  for (const auto& [text, value] : words) {
    key.words.push_back(text);
    if (value == T{}.*member) key.fallback = text;
  }
  add(std::move(key), {}, "",
      [member, words](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info,
                      T& out) {
        if (const auto index = reader.word(info, node, place)) out.*member = words[*index].second;
      });
  return *this;
}

template <class T>
template <class C, class V, class P>
Section<T>& Section<T>::text(const char* name, V C::*member, P parse, const char* form,
                             const char* help) {
  add({.path = name,
       .type = KeyType::kText,
       .form = form,
       .fallback = walker::text_of(T{}.*member),
       .help = help},
      {}, "",
      [member, parse](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info,
                      T& out) {
        const auto found = reader.text(info, node, place);
        if (!found) return;
        auto parsed = parse(*found);
        if (parsed.value)
          out.*member = std::move(*parsed.value);
        else
          reader.wrong_text(info, *found, place, parsed.complaint);
      });
  return *this;
}

template <class T>
template <class C, class V, class P>
Section<T>& Section<T>::texts(const char* name, std::vector<Placed<V>> C::*member, P parse,
                              const char* form, const char* help, const char* entry_help,
                              uint64_t max) {
  const KeyInfo entry{.path = "", .type = KeyType::kText, .form = form, .help = entry_help};
  KeyInfo entry_key = entry;
  entry_key.path = name;  // in messages: "addresses: found ..."
  add({.path = name, .type = KeyType::kList, .max = max, .help = help}, {entry}, "[]",
      [member, parse, entry_key](Reader& reader, const YamlNode& node, Place place,
                                 const KeyInfo& info, T& out) {
        if (!reader.list_ok(info, node, place)) return;
        for (const auto& item : node) {
          const Place at = Reader::value_place(item, place);
          const auto found = reader.text(entry_key, item, at);
          if (!found) continue;
          auto parsed = parse(*found);
          if (parsed.value)
            (out.*member).push_back({std::move(*parsed.value), at});
          else
            reader.wrong_text(entry_key, *found, at, parsed.complaint);
        }
      });
  return *this;
}

template <class T>
template <class C, class E>
Section<T>& Section<T>::list(const char* name, std::vector<E> C::*member, Section<E> entry,
                             uint64_t max, const char* help) {
  const std::string what = "an entry of '" + std::string(name) + '\'';
  add({.path = name, .type = KeyType::kList, .max = max, .help = help}, entry.keys(), "[].",
      [member, entry, what](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info,
                            T& out) {
        if (!reader.list_ok(info, node, place)) return;
        for (const auto& item : node) {
          E value = {};
          const size_t before = reader.mistake_count();
          reader.read(item, Reader::value_place(item, place), entry, what, value);
          if (reader.mistake_count() == before) (out.*member).push_back(std::move(value));
        }
      });
  return *this;
}

template <class T>
template <class C, class E>
Section<T>& Section<T>::map(const char* name, std::vector<E> C::*member, Section<E> entry,
                            uint64_t min, uint64_t max, const char* help) {
  std::string kind = name;  // "ports" -> "port"
  kind.pop_back();
  add({.path = name, .type = KeyType::kMap, .min = min, .max = max, .help = help}, entry.keys(),
      ".*.",
      [member, entry, kind](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info,
                            T& out) {
        reader.entries(
            info, node, place,
            [&](std::string_view entry_name, Place at, const YamlNode& value, Place value_at) {
              E item = {};
              reader.read(value, value_at, entry, kind + ' ' + in_quotes(entry_name), item);
              item.name = entry_name;
              item.places.self = at;
              (out.*member).push_back(std::move(item));
            });
      });
  return *this;
}

template <class T>
template <class Part, class M>
Section<T>& Section<T>::section(const char* name, Part part, Section<M> inner, const char* help) {
  const std::string what = '\'' + std::string(name) + '\'';
  const std::vector<KeyInfo> keys = inner.keys();
  add({.path = name, .type = KeyType::kSection, .help = help}, keys, ".",
      [part, inner = std::move(inner), what](Reader& reader, const YamlNode& node, Place place,
                                             const KeyInfo&, T& out) {
        reader.read(node, place, inner, what, std::invoke(part, out));
      });
  return *this;
}

template <class T>
Section<T>& Section<T>::group(const char* name, Section inner, const char* help) {
  const std::string what = '\'' + std::string(name) + '\'';
  const std::vector<KeyInfo> keys = inner.keys();
  add({.path = name, .type = KeyType::kSection, .help = help}, keys, ".",
      [inner = std::move(inner), what](Reader& reader, const YamlNode& node, Place place,
                                       const KeyInfo&, T& out) {
        if constexpr (requires { out.places; }) {
          // T's places are those of its own map, which is still being read; and a key's place
          // within the group is told by nobody.
          Places saved = std::move(out.places);
          reader.read(node, place, inner, what, out);
          out.places = std::move(saved);
        } else {
          reader.read(node, place, inner, what, out);
        }
      });
  return *this;
}

template <class T>
Section<T>& Section<T>::required() {
  fields_.back().key.required = true;
  return *this;
}

template <class T>
Section<T>& Section<T>::restart() {
  fields_.back().key.restart = true;
  for (KeyInfo& key : fields_.back().inner) key.restart = true;
  return *this;
}

template <class T>
Section<T>& Section<T>::fallback(const char* text) {
  fields_.back().key.fallback = text;
  return *this;
}

template <class T>
Section<T>& Section<T>::check(Check check) {
  check_ = std::move(check);
  return *this;
}

template <class T>
std::vector<KeyInfo> Section<T>::keys() const {
  std::vector<KeyInfo> all;
  for (const Field& field : fields_) {
    all.push_back(field.key);
    all.insert(all.end(), field.inner.begin(), field.inner.end());
  }
  return all;
}

}  // namespace adit
