// SPDX-License-Identifier: Apache-2.0
// A YAML document as an array of small nodes, made in one pass over yaml-cpp's events.
//
// yaml-cpp's own tree takes an allocation or two for each value and lets much pass that must not:
// of duplicate keys the first wins, 010 is 8, yes and on are booleans, `<<` is a key like any
// other. So only kinds, scalars' text, tags and places are taken from it, never a converted value.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml/mistakes.h"

namespace adit {

class YamlNode;

class YamlTree {
 public:
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap, kAlias };
  enum class Tag : uint8_t { kPlain, kQuoted, kOther };

  // What the document itself may have; see parse_yaml().
  struct Limits {
    size_t values;                                 // aliases followed
    const std::atomic<bool>* cancelled = nullptr;  // set: nobody wants it any more
  };

  YamlNode root() const noexcept;

 private:
  friend class YamlNode;
  friend class YamlTreeBuilder;

  struct Entry {
    Place place;
    Kind kind = Kind::kNull;
    Tag tag = Tag::kPlain;
    // kScalar: where in texts_ its text is. kList, kMap: the first child; of a map keys and values
    // take turns. kAlias: what it stands for.
    uint32_t begin = 0;
    uint32_t size = 0;  // bytes, or children
    uint32_t next = 0;  // the next child of the same list or map; 0: none
  };

  std::vector<Entry> entries_;     // 0 is no entry
  std::string texts_;              // of all scalars
  std::vector<std::string> tags_;  // those that are kOther, with the entry
  std::vector<uint32_t> tagged_;   // their entries, ascending
  uint32_t root_ = 0;              // 0: the document is empty
};

// A place in a tree, which has to outlive it. An alias is what it stands for.
class YamlNode {
 public:
  class Iterator;

  YamlNode() = default;
  bool is_defined() const noexcept { return index_ != 0; }
  bool is_null() const noexcept { return kind() == YamlTree::Kind::kNull; }
  bool is_scalar() const noexcept { return kind() == YamlTree::Kind::kScalar; }
  bool is_list() const noexcept { return kind() == YamlTree::Kind::kList; }
  bool is_map() const noexcept { return kind() == YamlTree::Kind::kMap; }
  bool is_quoted() const noexcept { return entry().tag == YamlTree::Tag::kQuoted; }
  bool has_tag() const noexcept { return entry().tag == YamlTree::Tag::kOther; }
  std::string_view tag() const noexcept;

  // Empty where it is no scalar.
  std::string_view scalar() const noexcept {
    if (!is_scalar()) return {};
    return std::string_view(tree_->texts_).substr(entry().begin, entry().size);
  }
  // Of a list its entries, of a map its keys and values.
  size_t size() const noexcept { return is_list() || is_map() ? entry().size : 0; }
  Place place() const noexcept { return entry().place; }

  // The children of a list or map.
  Iterator begin() const noexcept;
  Iterator end() const noexcept;

 private:
  friend class YamlTree;
  YamlNode(const YamlTree* tree, uint32_t index) : tree_(tree), index_(index) {
    if (tree->entries_[index].kind == YamlTree::Kind::kAlias) index_ = tree->entries_[index].begin;
  }
  const YamlTree::Entry& entry() const noexcept { return tree_->entries_[index_]; }
  YamlTree::Kind kind() const noexcept { return entry().kind; }

  const YamlTree* tree_ = nullptr;
  uint32_t index_ = 0;
};

class YamlNode::Iterator {
 public:
  YamlNode operator*() const noexcept { return {tree_, index_}; }
  Iterator& operator++() noexcept {
    index_ = tree_->entries_[index_].next;
    return *this;
  }
  bool operator==(const Iterator& other) const noexcept { return index_ == other.index_; }

 private:
  friend class YamlNode;
  Iterator(const YamlTree* tree, uint32_t index) : tree_(tree), index_(index) {}
  const YamlTree* tree_;
  uint32_t index_;
};

inline YamlNode::Iterator YamlNode::begin() const noexcept {
  return {tree_, is_list() || is_map() ? entry().begin : 0};
}
inline YamlNode::Iterator YamlNode::end() const noexcept {
  return {tree_, 0};
}
inline YamlNode YamlTree::root() const noexcept {
  return {this, root_};
}

// Throws ConfigError, with the one place where the text stops to be YAML, or to be what a
// configuration can be: one document, within the limits, no deeper than kMaxYamlDepth. Every alias
// must stand for something that is complete, and all together may make the document nine times as
// long, or 100,000 values longer, whichever is more: a few lines of aliases of aliases make
// billions.
inline constexpr unsigned kMaxYamlDepth = 32;
YamlTree parse_yaml(std::string_view text, const std::string& file, const YamlTree::Limits& limits);

}  // namespace adit
