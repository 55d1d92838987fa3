// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/plain.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <string>

namespace adit {
namespace {

// What a character may be.
enum : uint8_t {
  kFirst = 1,   // the first of a plain value or key
  kKey = 2,     // in a key
  kFlow = 4,    // in a plain value of a flow map or list
  kBlock = 8,   // in one that goes to the end of the line
  kQuoted = 16  // between quotes
};

constexpr std::array<uint8_t, 256> kCharacters = [] {
  std::array<uint8_t, 256> all = {};
  const auto set = [&all](std::string_view characters, unsigned what) {
    for (const char c : characters) all[static_cast<uint8_t>(c)] |= static_cast<uint8_t>(what);
  };
  set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
      kFirst | kKey | kFlow | kBlock);
  set("/", kFirst | kKey | kFlow | kBlock);
  set(".-", kKey | kFlow | kBlock);
  set("+=@", kFlow | kBlock);
  set(",()", kBlock);
  for (uint8_t c = ' '; c < 0x7f; ++c) all[c] |= kQuoted;
  return all;
}();

bool is_null_word(std::string_view text) {
  return text == "null" || text == "Null" || text == "NULL";
}

// Each function returns false where the text is for yaml-cpp.
class PlainYaml {
 public:
  PlainYaml(std::string_view text, YAML::EventHandler& out) : text_(text), out_(out) {}

  bool read() {
    if (!skip() || at_end() || column() != 0) return false;
    out_.OnDocumentStart(mark());
    if (!block_map(0) || !at_end()) return false;
    out_.OnDocumentEnd();
    return true;
  }

 private:
  static constexpr size_t kLongestKey = 1000;  // yaml-cpp knows none that is longer than 1024
  const std::string kPlainTag = "?", kQuotedTag = "!";

  bool at_end() const noexcept { return at_ >= text_.size(); }
  // Behind the end is an end of line.
  char peek(size_t ahead = 0) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\n';
  }
  static bool is(char c, unsigned what) noexcept {
    return (kCharacters[static_cast<uint8_t>(c)] & what) != 0;
  }
  size_t column() const noexcept { return at_ - line_begin_; }
  YAML::Mark mark() const {
    YAML::Mark mark;
    mark.pos = static_cast<int>(at_);
    mark.line = line_;
    mark.column = static_cast<int>(column());
    return mark;
  }

  void skip_spaces() noexcept {
    while (!at_end() && text_[at_] == ' ') ++at_;
  }
  // To the end of the line where nothing but a comment is left of it.
  bool skip_rest() noexcept {
    const size_t from = at_;
    skip_spaces();
    if (at_end()) return true;
    if (text_[at_] == '#') {
      if (at_ == from && column() != 0) return false;
      while (!at_end() && text_[at_] != '\n')
        if (!is(text_[at_++], kQuoted)) return false;
      return true;
    }
    return text_[at_] == '\n';
  }
  // Over spaces, comments and ends of lines, to what comes next.
  bool skip() noexcept {
    for (;;) {
      const size_t from = at_;
      skip_spaces();
      if (at_end()) return true;
      if (text_[at_] == '#') {
        if (at_ == from && column() != 0) return false;
        at_ = from;
        if (!skip_rest()) return false;
        continue;
      }
      if (text_[at_] != '\n') return true;
      ++at_;
      ++line_;
      line_begin_ = at_;
    }
  }

  bool at_dash() const noexcept { return peek() == '-' && (peek(1) == ' ' || peek(1) == '\n'); }
  // The length of a key here, 0: there is none. It ends at a colon and a space or end of line.
  size_t key_size() const noexcept {
    if (at_end() || !is(text_[at_], kFirst)) return 0;
    size_t size = 1;
    while (at_ + size < text_.size() && is(text_[at_ + size], kKey)) ++size;
    if (peek(size) != ':' || (peek(size + 1) != ' ' && peek(size + 1) != '\n')) return 0;
    return size > kLongestKey || is_null_word(text_.substr(at_, size)) ? 0 : size;
  }
  bool key() {
    const size_t size = key_size();
    if (size == 0) return false;
    send(size, kPlainTag);
    ++at_;  // the colon
    return true;
  }
  void send(size_t size, const std::string& tag) {
    value_ = text_.substr(at_, size);
    out_.OnScalar(mark(), tag, YAML::NullAnchor, value_);
    at_ += size;
  }

  bool quoted() {
    const char quote = text_[at_];
    size_t end = at_ + 1;
    for (; end < text_.size() && text_[end] != quote; ++end)
      if (!is(text_[end], kQuoted) || (quote == '"' && text_[end] == '\\')) return false;
    if (end >= text_.size() || (quote == '\'' && end + 1 < text_.size() && text_[end + 1] == '\''))
      return false;
    value_ = text_.substr(at_ + 1, end - at_ - 1);
    out_.OnScalar(mark(), kQuotedTag, YAML::NullAnchor, value_);
    at_ = end + 1;
    return true;
  }
  // A plain value: up to a comment or the end of the line, or of its entry of a flow map or list.
  bool plain(unsigned where) {
    if (!is(peek(), kFirst)) return false;
    size_t size = 1;
    for (size_t next = 1;; ++next) {
      const char c = peek(next);
      if (is(c, where) || (c == ':' && (is(peek(next + 1), kFirst) || peek(next + 1) == ':'))) {
        size = next + 1;
      } else if (c == ' ' && where == kBlock) {
        continue;  // it is part of the value if more of it comes
      } else {
        if (c == '#' && size == next) return false;
        if (c == '#' || c == '\n' || where == kFlow) break;
        return false;
      }
    }
    if (is_null_word(text_.substr(at_, size))) return false;
    send(size, kPlainTag);
    return true;
  }
  bool scalar(unsigned where) { return peek() == '"' || peek() == '\'' ? quoted() : plain(where); }

  bool flow_value() {
    if (peek() == '{') return flow_map();
    if (peek() == '[') return flow_list();
    return scalar(kFlow);
  }
  // What is between two entries, or ends them. `more`: another entry comes.
  bool flow_next(char end, bool& more) {
    if (!skip() || at_end()) return false;
    more = text_[at_] == ',';
    if (!more && text_[at_] != end) return false;
    ++at_;
    return !more || (skip() && !at_end() && text_[at_] != end);
  }
  bool flow_map() {
    out_.OnMapStart(mark(), kPlainTag, YAML::NullAnchor, YAML::EmitterStyle::Flow);
    ++at_;
    if (!skip() || at_end()) return false;
    bool more = text_[at_] != '}';
    if (!more) ++at_;
    while (more)
      if (!key() || !skip() || at_end() || !flow_value() || !flow_next('}', more)) return false;
    out_.OnMapEnd();
    return true;
  }
  bool flow_list() {
    out_.OnSequenceStart(mark(), kPlainTag, YAML::NullAnchor, YAML::EmitterStyle::Flow);
    ++at_;
    if (!skip() || at_end()) return false;
    bool more = text_[at_] != ']';
    if (!more) ++at_;
    while (more)
      if (!flow_value() || !flow_next(']', more)) return false;
    out_.OnSequenceEnd();
    return true;
  }

  // A value that begins on this line, of a key or an entry at `outer`, and all of that line. A
  // plain one might go on in the next.
  bool value_of_line(size_t outer) {
    if (peek() == '{' || peek() == '[') {
      if (!flow_value()) return false;
    } else if (!scalar(kBlock)) {
      return false;
    }
    return skip_rest() && skip() && (at_end() || column() <= outer);
  }
  // What belongs to the key at `outer`, on the lines below it.
  bool block_below(size_t outer) {
    if (!skip() || at_end()) return false;
    if (at_dash() && column() >= outer) return block_list(column());
    return column() > outer && block_map(column());
  }
  bool block_map(size_t indent) {
    out_.OnMapStart(mark(), kPlainTag, YAML::NullAnchor, YAML::EmitterStyle::Block);
    do {
      if (!key()) return false;
      skip_spaces();
      const bool is_here = peek() != '\n' && peek() != '#';
      if (is_here ? !value_of_line(indent) : !block_below(indent)) return false;
    } while (!at_end() && column() == indent);
    if (!at_end() && column() > indent) return false;
    out_.OnMapEnd();
    return true;
  }
  bool block_list(size_t indent) {
    out_.OnSequenceStart(mark(), kPlainTag, YAML::NullAnchor, YAML::EmitterStyle::Block);
    do {
      ++at_;  // the dash
      skip_spaces();
      if (key_size() != 0 ? !block_map(column()) : !value_of_line(indent)) return false;
    } while (!at_end() && column() == indent && at_dash());
    if (!at_end() && column() > indent) return false;
    out_.OnSequenceEnd();
    return true;
  }

  const std::string_view text_;
  YAML::EventHandler& out_;
  std::string value_;
  size_t at_ = 0, line_begin_ = 0;
  int line_ = 0;
};

}  // namespace

bool read_plain_yaml(std::string_view text, YAML::EventHandler& out) {
  return PlainYaml(text, out).read();
}

}  // namespace adit
