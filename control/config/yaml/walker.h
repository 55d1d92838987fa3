// SPDX-License-Identifier: Apache-2.0
// The strict walk over a YAML tree. A Section<T> is a table of the keys that a map may have
// and where in T each value goes; Reader walks a map by it and reports everything that is not
// as the table says. By the same table two values are compared, and one is written as YAML.
// A new key is one line in such a table (config/keys.cc).
//
// What YAML 1.1 and 1.2 do not read alike is refused, with the quotes that would make it the same.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/values.h"
#include "config/yaml/changes.h"
#include "config/yaml/key_info.h"
#include "config/yaml/mistakes.h"
#include "config/yaml/tree.h"
#include "config/yaml/words.h"
#include "config/yaml/writer.h"

namespace adit {

// Where a map and its values stand, and which values had no mistake.
struct Places {
  struct Key {
    std::string_view name;  // of a Section, which outlives this
    Place place;            // of the value
    bool good = true;
  };
  Place self;
  bool is_map = true;
  std::vector<Key> keys;

  // Of the key's value, or of the map if the key is not there.
  Place at(std::string_view name) const;
  bool has(std::string_view name) const;
  // False if something was wrong with the value or in it: then it does not say what the
  // writer meant, and should not cause further mistakes.
  bool good(std::string_view name) const;
};

// Something read from a list, with its place.
template <class T>
struct Placed {
  T value = {};
  Place place = {};
};

template <class T>
class Section;

// The keys of a section, whatever else its fields have.
class KnownKeys {
 public:
  static constexpr size_t kMost = 64;  // of one section

  template <class Field>
  explicit KnownKeys(const std::vector<Field>& fields)
      : size_(fields.size()),
        fields_(fields.data()),
        key_([](const void* all, size_t i) -> const KeyInfo& {
          return static_cast<const Field*>(all)[i].key;
        }) {}
  size_t size() const noexcept { return size_; }
  const KeyInfo& operator[](size_t i) const { return key_(fields_, i); }

 private:
  size_t size_;
  const void* fields_;
  const KeyInfo& (*key_)(const void*, size_t);
};

class Reader {
 public:
  explicit Reader(MistakeList& mistakes) : mistakes_(mistakes) {}

  // Reads the keys of `node` into `out`; `what` names the map in messages.
  template <class T>
  void read(const YamlNode& node, Place place, const Section<T>& section, const std::string& what,
            T& out);

  void mistake(Place place, std::string message) {
    mistakes_.add(place, MistakeKind::kValue, std::move(message));
  }
  // Values that are right by themselves, and do not fit together.
  void misfit(Place place, std::string message) {
    mistakes_.add(place, MistakeKind::kReference, std::move(message));
  }
  size_t mistake_count() const noexcept { return mistakes_.count(); }

  // Each of these reports what is wrong and returns nothing then.
  std::optional<uint64_t> number(const KeyInfo& key, const YamlNode& node, Place place);
  std::optional<bool> flag(const KeyInfo& key, const YamlNode& node, Place place);
  std::optional<size_t> word(const KeyInfo& key, const YamlNode& node, Place place);
  // Text that is neither a boolean nor nothing.
  std::optional<std::string_view> text(const KeyInfo& key, const YamlNode& node, Place place);
  bool is_auto(const YamlNode& node) const;
  // "KEY: found 'TEXT', COMPLAINT"
  void wrong_text(const KeyInfo& key, std::string_view found, Place place,
                  const std::string& complaint);

  // Whether the list or map is one, and not too long.
  bool list_ok(const KeyInfo& key, const YamlNode& node, Place place);
  // Calls read(name, place of name, value, its place) for each entry with a fresh name. `known`:
  // the keys of an entry.
  void entries(const KeyInfo& key, const KnownKeys& known, const YamlNode& node, Place place,
               const std::function<void(std::string_view, Place, const YamlNode&, Place)>& read);

  // The value's place; yaml-cpp gives a missing value the place of what comes next.
  static Place value_place(const YamlNode& value, Place key) {
    return value.is_null() ? key : value.place();
  }

 private:
  using ReadKey = std::function<void(size_t index, const YamlNode& value, Place place)>;
  void keys(const YamlNode& node, Place place, const KnownKeys& known, const std::string& what,
            Places& places, const ReadKey& read);
  void no_map(const YamlNode& node, Place place, const KnownKeys& known, const std::string& what);
  // The text of a map's key, or nothing.
  std::optional<std::string_view> key_text(const YamlNode& key, Place map);
  // Looks at the value's tag.
  bool admit(const YamlNode& node, Place place);
  void wrong_kind(const KeyInfo& key, const YamlNode& node, Place place);

  MistakeList& mistakes_;
};

// What becomes of a T that was read: T, or what a draft names.
template <class T>
struct FinishedOf {
  using type = T;
};
template <class T>
requires requires {
  typename T::Finished;
}
struct FinishedOf<T> {
  using type = typename T::Finished;
};

// How a difference of a list or map says which of its entries E it is about.
template <class E>
struct EntryNaming {
  // "remote" and "remotes": "networks.red: remote 192.0.2.9 added". Without `plural`, lines name
  // the key: "routes: 10.0.0.0/8 added", "networks.red: added".
  const char* noun = "";
  const char* plural = nullptr;
  // What an entry is known by. By default a map's is its name, and a list's all that is in it: one
  // that changes is another one then.
  std::function<std::string(const E&)> name = {};
  // What is said too of one that comes or goes.
  std::function<std::string(const E&)> more = {};
  // A change is described by `more`, and not by keys.
  bool whole = false;
};

template <class E>
using FinishedEntry = typename FinishedOf<E>::type;

template <class T>
class Section {
 public:
  using Finished = typename FinishedOf<T>::type;
  using ReadField = std::function<void(Reader&, const YamlNode&, Place, const KeyInfo&, T&)>;
  using CompareField = std::function<void(Changes&, const Where&, const FieldFacts&,
                                          const Finished&, const Finished&)>;
  struct Field;
  using WriteField = std::function<void(ValueSink&, const Field&, const Finished&)>;
  using Check = std::function<void(Reader&, T&)>;

  struct Field : FieldFacts {
    ReadField read;
    CompareField compare;
    WriteField write;
    std::function<bool(const Finished&)> written_if = {};
  };

  // A `part` is a member of T and of Finished, or a function from both to it. Where T is a draft
  // that has it elsewhere, `part` is T's, and `finished` that of Finished.

  // Parts are numbers or std::optional of such; `auto` leaves an optional empty.
  template <class Part>
  Section& number(const char* name, Part part, uint64_t min, uint64_t max, const char* help,
                  KeyType type = KeyType::kNumber);
  template <class Part>
  Section& flag(const char* name, Part part, const char* help);
  // One of the words of an enum, or of those `words`.
  template <class Part>
  Section& word(const char* name, Part part, const char* help);
  template <class Part, class E>
  Section& word(const char* name, Part part, std::vector<Word<E>> words, const char* help);
  // `parse` gives Parsed of the part; `form` names what it takes.
  template <class Part, class P>
  Section& text(const char* name, Part part, P parse, const char* form, const char* help);

  // A list of texts, with places; std::vector<Placed<V>> becomes std::vector<V>.
  template <class Part, class F, class P>
  Section& texts(const char* name, Part part, F finished, P parse, const char* form,
                 const char* help, const char* entry_help, uint64_t max = 65536);
  // A list of maps. An entry with a mistake is left out.
  template <class Part, class F, class E>
  Section& list(const char* name, Part part, F finished, Section<E> entry,
                EntryNaming<FinishedEntry<E>> naming, uint64_t max, const char* help);
  // A map of names to maps; the name goes to E::name. An entry stays even with mistakes, so
  // that what refers to it is not reported as well.
  template <class Part, class F, class E>
  Section& map(const char* name, Part part, F finished, Section<E> entry,
               EntryNaming<FinishedEntry<E>> naming, uint64_t min, uint64_t max, const char* help);
  // A map within, whose keys go to a part of T, or to the same T. Where `finished` is optional,
  // the section is one that may be there or not.
  template <class Part, class M>
  Section& section(const char* name, Part part, Section<M> inner, const char* help) {
    return section(name, part, part, std::move(inner), help);
  }
  template <class Part, class F, class M>
  Section& section(const char* name, Part part, F finished, Section<M> inner, const char* help);
  Section& group(const char* name, Section inner, const char* help);

  // These change the field added last.
  Section& required();
  Section& restart();
  // A number that may begin a range, which ends at that of the other key.
  Section& range_end(const char* key);
  Section& fallback(const std::string& text);
  // What a difference says where the key is not there.
  Section& absent(const char* text);
  // A list of texts: "address 192.0.2.1/24 added", "order of addresses changed".
  Section& each(const char* noun, const char* plural);
  // Written even where it is the default.
  Section& written_if(std::function<bool(const Finished&)> fits);
  // Of all fields so far.
  Section& absent_everywhere(const char* text);
  // Looks at the whole map after its keys.
  Section& check(Check check);

  const std::vector<Field>& fields() const noexcept { return fields_; }
  void run_check(Reader& reader, T& out) const {
    if (check_) check_(reader, out);
  }
  // All keys, those of inner sections after their section.
  std::vector<KeyInfo> keys() const;

  void compare(Changes& out, const Where& where, const Finished& from, const Finished& to) const;
  void write(ValueSink& out, const Finished& value) const;
  // All that is not as by default: "port red0 vlan 10".
  std::string words(const Finished& value) const;

 private:
  using Show = std::function<std::optional<std::string>(const Finished&)>;
  Field& add(KeyInfo key, const std::vector<KeyInfo>& inner, const char* between, ReadField read,
             CompareField compare, WriteField write);
  template <class E>
  using Inner = std::shared_ptr<const Section<E>>;
  template <class F, class E>
  static CompareField comparing(F finished, Inner<E> entry, EntryNaming<FinishedEntry<E>> naming);
  // A key with one value, which `show` gives as it stands in the file.
  Field& add_value(KeyInfo key, ReadField read, Show show);

  std::vector<Field> fields_;
  Check check_;
};

}  // namespace adit

#include "config/yaml/nested_section.h"
