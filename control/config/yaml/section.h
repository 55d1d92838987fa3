// SPDX-License-Identifier: Apache-2.0
// The template half of walker.h, which includes this; nobody else should. Single values and what
// changes a field; lists, maps and sections are in nested_section.h.
#pragma once

#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>
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

// A value as it stands in the file; nothing for an optional one that is not there.
template <class V>
std::optional<std::string> text_of(const V& value) {
  if constexpr (std::is_same_v<V, std::string>) {
    return value;
  } else if constexpr (std::is_same_v<V, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_integral_v<V>) {
    return std::to_string(value);
  } else if constexpr (kIsOptional<V>) {
    return value ? text_of(*value) : std::nullopt;
  } else {
    return to_string(value);
  }
}

template <class Part, class T>
using PartOf = std::remove_cvref_t<std::invoke_result_t<const Part&, T&>>;
// The enum, where the part may be an optional one.
template <class Part, class T>
using EnumOf = typename Bare<PartOf<Part, T>>::type;

template <class V>
std::vector<std::string> texts_of(const std::vector<V>& values) {
  std::vector<std::string> texts;
  for (const V& value : values) texts.push_back(*text_of(value));
  return texts;
}

}  // namespace walker

template <class T>
void Reader::read(const YamlNode& node, Place place, const Section<T>& section,
                  const std::string& what, T& out) {
  Places places;
  const auto read_key = [&](size_t i, const YamlNode& value, Place at) {
    const auto& field = section.fields()[i];
    field.read(*this, value, at, field.key, out);
  };
  // By reference, as std::function would allocate memory for each map that is read.
  keys(node, place, KnownKeys(section.fields()), what, places, std::cref(read_key));
  const bool is_map = places.is_map;
  if constexpr (requires { out.places; }) out.places = std::move(places);
  if (is_map) section.run_check(*this, out);
}

template <class T>
typename Section<T>::Field& Section<T>::add(KeyInfo key, const std::vector<KeyInfo>& inner,
                                            const char* between, ReadField read,
                                            CompareField compare, WriteField write) {
  if (fields_.size() == KnownKeys::kMost) throw std::length_error("too many keys of one map");
  Field field{{std::move(key)}, std::move(read), std::move(compare), std::move(write)};
  for (KeyInfo below : inner) {
    below.path = field.key.path + between + below.path;
    field.inner.push_back(std::move(below));
  }
  fields_.push_back(std::move(field));
  return fields_.back();
}

template <class T>
typename Section<T>::Field& Section<T>::add_value(KeyInfo key, ReadField read, Show show) {
  auto initial = show(Finished{});
  key.fallback = key.type == KeyType::kNumberOrAuto ? "auto" : initial.value_or(std::string());
  Field& field = add(
      std::move(key), {}, "", std::move(read),
      [show](Changes& out, const Where& where, const FieldFacts& facts, const Finished& from,
             const Finished& to) { out.value(where, facts, show(from), show(to)); },
      [show](ValueSink& out, const Field& field, const Finished& value) {
        const auto text = show(value);
        const bool has_to_be = field.key.required || (field.written_if && field.written_if(value));
        if (text && (has_to_be || text != field.initial)) out.value(field.key, *text);
      });
  field.initial = std::move(initial);
  return field;
}

template <class T>
template <class Part>
Section<T>& Section<T>::number(const char* name, Part part, uint64_t min, uint64_t max,
                               const char* help, KeyType type) {
  add_value(
      {.path = name, .type = type, .min = min, .max = max, .help = help},
      [part](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info, T& out) {
        if (info.type == KeyType::kNumberOrAuto && reader.is_auto(node)) return;
        if (const auto value = reader.number(info, node, place))
          std::invoke(part, out) = static_cast<walker::EnumOf<Part, T>>(*value);
      },
      [part](const Finished& value) { return walker::text_of(std::invoke(part, value)); });
  return *this;
}

template <class T>
template <class Part>
Section<T>& Section<T>::flag(const char* name, Part part, const char* help) {
  add_value(
      {.path = name, .type = KeyType::kFlag, .help = help},
      [part](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info, T& out) {
        if (const auto value = reader.flag(info, node, place)) std::invoke(part, out) = *value;
      },
      [part](const Finished& value) { return walker::text_of(std::invoke(part, value)); });
  return *this;
}

template <class T>
template <class Part>
Section<T>& Section<T>::word(const char* name, Part part, const char* help) {
  const auto& all = WordsOf<walker::EnumOf<Part, T>>::kAll;
  return word(name, part, std::vector(std::begin(all), std::end(all)), help);
}

template <class T>
template <class Part, class E>
Section<T>& Section<T>::word(const char* name, Part part, std::vector<Word<E>> words,
                             const char* help) {
  KeyInfo key{.path = name, .type = KeyType::kWord, .help = help};
  for (const auto& [text, value] : words) key.words.push_back(text);
  add_value(
      std::move(key),
      [part, words](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info,
                    T& out) {
        if (const auto index = reader.word(info, node, place))
          std::invoke(part, out) = words[*index].second;
      },
      [part, words](const Finished& value) -> std::optional<std::string> {
        for (const auto& [text, meaning] : words)
          if (std::invoke(part, value) == meaning) return text;
        return std::nullopt;
      });
  return *this;
}

template <class T>
template <class Part, class P>
Section<T>& Section<T>::text(const char* name, Part part, P parse, const char* form,
                             const char* help) {
  add_value(
      {.path = name, .type = KeyType::kText, .form = form, .help = help},
      [part, parse](Reader& reader, const YamlNode& node, Place place, const KeyInfo& info,
                    T& out) {
        const auto found = reader.text(info, node, place);
        if (!found) return;
        auto parsed = parse(*found);
        if (parsed.value)
          std::invoke(part, out) = std::move(*parsed.value);
        else
          reader.wrong_text(info, *found, place, parsed.complaint);
      },
      [part](const Finished& value) { return walker::text_of(std::invoke(part, value)); });
  return *this;
}

template <class T>
template <class Part, class F, class P>
Section<T>& Section<T>::texts(const char* name, Part part, F finished, P parse, const char* form,
                              const char* help, const char* entry_help, uint64_t max) {
  const KeyInfo entry{.path = "", .type = KeyType::kText, .form = form, .help = entry_help};
  KeyInfo entry_key = entry;
  entry_key.path = name;  // in messages: "addresses: found ..."
  const auto show = [finished](const Finished& value) {
    return walker::texts_of(std::invoke(finished, value));
  };
  add(
      {.path = name, .type = KeyType::kList, .max = max, .help = help}, {entry}, "[]",
      [part, parse, entry_key](Reader& reader, const YamlNode& node, Place place,
                               const KeyInfo& info, T& out) {
        if (!reader.list_ok(info, node, place)) return;
        for (const auto& item : node) {
          const Place at = Reader::value_place(item, place);
          const auto found = reader.text(entry_key, item, at);
          if (!found) continue;
          auto parsed = parse(*found);
          if (parsed.value)
            std::invoke(part, out).push_back({std::move(*parsed.value), at});
          else
            reader.wrong_text(entry_key, *found, at, parsed.complaint);
        }
      },
      [show](Changes& out, const Where& where, const FieldFacts& facts, const Finished& from,
             const Finished& to) { out.texts(where, facts, show(from), show(to)); },
      [show, initial = show(Finished{})](ValueSink& out, const Field& field,
                                         const Finished& value) {
        const auto texts = show(value);
        if (field.key.required || texts != initial) out.texts(field.key, texts);
      });
  return *this;
}

// A key that has to be there has no default.
template <class T>
Section<T>& Section<T>::required() {
  fields_.back().key.required = true;
  return fallback("");
}

template <class T>
Section<T>& Section<T>::restart() {
  fields_.back().key.restart = true;
  for (KeyInfo& key : fields_.back().inner) key.restart = true;
  return *this;
}

template <class T>
Section<T>& Section<T>::range_end(const char* key) {
  fields_.back().key.range_end = key;
  return *this;
}

template <class T>
Section<T>& Section<T>::fallback(const std::string& text) {
  fields_.back().key.fallback = text;
  if (!text.empty()) fields_.back().initial = text;
  return *this;
}

template <class T>
Section<T>& Section<T>::absent(const char* text) {
  fields_.back().absent = text;
  return *this;
}

template <class T>
Section<T>& Section<T>::absent_everywhere(const char* text) {
  for (Field& field : fields_) field.absent = text;
  return *this;
}

template <class T>
Section<T>& Section<T>::each(const char* noun, const char* plural) {
  fields_.back().noun = noun;
  fields_.back().plural = plural;
  return *this;
}

template <class T>
Section<T>& Section<T>::written_if(std::function<bool(const Finished&)> fits) {
  fields_.back().written_if = std::move(fits);
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

template <class T>
void Section<T>::compare(Changes& out, const Where& where, const Finished& from,
                         const Finished& to) const {
  for (const Field& field : fields_) field.compare(out, where, field, from, to);
}

template <class T>
void Section<T>::write(ValueSink& out, const Finished& value) const {
  for (const Field& field : fields_) field.write(out, field, value);
}

template <class T>
std::string Section<T>::words(const Finished& value) const {
  WordsWriter words;
  write(words, value);
  return words.take();
}

}  // namespace adit
