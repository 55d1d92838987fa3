// SPDX-License-Identifier: Apache-2.0
// Where the values of a table go when they are written: YAML, or words for a line of text.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/yaml/key_info.h"

namespace adit {

// Takes what a Section<T> (walker.h) has to write, in the order of its keys.
class ValueSink {
 public:
  virtual ~ValueSink() = default;
  virtual void value(const KeyInfo& key, const std::string& text) = 0;
  virtual void texts(const KeyInfo& key, const std::vector<std::string>& texts) = 0;
  // What comes until end() is in it. Nothing: it is left out, unless it has to be there.
  enum class Empty { kLeftOut, kWritten };
  virtual void begin(const std::string& key, Empty empty) = 0;
  virtual void begin_item() = 0;  // of a list
  virtual void end() = 0;
};

// Block style, two spaces for each level. Texts that any reader could take for something else are
// in quotes.
class YamlWriter final : public ValueSink {
 public:
  void value(const KeyInfo& key, const std::string& text) override;
  void texts(const KeyInfo& key, const std::vector<std::string>& texts) override;
  void begin(const std::string& key, Empty empty) override;
  void begin_item() override;
  void end() override;
  std::string take() { return std::move(text_); }

 private:
  struct Level {
    size_t start;     // of the text of it, with its key
    size_t inside;    // of what is in it
    std::string key;  // empty: an item
    Empty empty;
    bool dash;  // as dash_ before it
  };
  void line(const std::string& text);

  std::string text_;
  std::vector<Level> levels_;
  bool dash_ = false;  // the next line begins an item
};

// "port red0 vlan 10"; keys of a section within as "tunnel.ttl 9".
class WordsWriter final : public ValueSink {
 public:
  void value(const KeyInfo& key, const std::string& text) override;
  void texts(const KeyInfo& key, const std::vector<std::string>& texts) override;
  void begin(const std::string& key, Empty empty) override;
  void begin_item() override;
  void end() override;
  std::string take() { return std::move(words_); }

 private:
  std::string words_, before_;
  std::vector<size_t> lengths_;  // of before_, outside of each section
};

}  // namespace adit
