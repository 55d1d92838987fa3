// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/writer.h"

#include <algorithm>
#include <utility>

#include "config/yaml/changes.h"
#include "config/yaml/yaml11.h"

namespace adit {
namespace {

// Whether every reader takes it for this text, in a block and in a [list].
bool is_plain_text(const std::string& text) {
  const auto is_alnum = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  if (!taken_for(text).empty() || !(is_alnum(text[0]) || text[0] == '/')) return false;
  if (text.back() == ':' || std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return false;
  return std::ranges::all_of(text, [&](char c) {
    return is_alnum(c) || std::string_view("_-./:=").find(c) != std::string_view::npos;
  });
}

// YAML 1.2 section 7.3.1. What is no ASCII stays as it is, but for what some reader takes for the
// end of a line, or does not take: C1 controls, U+2028, U+2029, U+FEFF.
std::string in_double_quotes(const std::string& text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto escaped = [](unsigned code) {
    std::string all = "\\u";
    for (unsigned shift = 16; shift != 0; shift -= 4) all += kHex[code >> (shift - 4) & 15];
    return all;
  };
  std::string quoted = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](size_t ahead) {
      return i + ahead < text.size() ? static_cast<unsigned char>(text[i + ahead]) : 0u;
    };
    const unsigned three = (byte(0) & 0xf) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    if (text[i] == '"' || text[i] == '\\') {
      quoted += std::string("\\") + text[i];
    } else if (byte(0) < ' ' || byte(0) == 0x7f) {
      quoted += escaped(byte(0));
    } else if (byte(0) == 0xc2 && byte(1) < 0xa0) {
      quoted += escaped(byte(1));
      i += 1;
    } else if (byte(0) >> 4 == 0xe && (three == 0x2028 || three == 0x2029 || three == 0xfeff)) {
      quoted += escaped(three);
      i += 2;
    } else {
      quoted += text[i];
    }
  }
  return quoted + '"';
}

std::string yaml_text(const std::string& text) {
  return is_plain_text(text) ? text : in_double_quotes(text);
}

}  // namespace

void YamlWriter::line(const std::string& text) {
  text_.append(2 * levels_.size() - (dash_ ? 2 : 0), ' ')
      .append(dash_ ? "- " : "")
      .append(text)
      .append("\n");
  dash_ = false;
}

void YamlWriter::value(const KeyInfo& key, const std::string& text) {
  const bool is_text = key.type == KeyType::kText || key.type == KeyType::kWord;
  line(key.path + ": " + (is_text ? yaml_text(text) : text));
}

void YamlWriter::texts(const KeyInfo& key, const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  // Old readers do not take a colon in a [list].
  for (const std::string& text : texts)
    quoted.push_back(text.find(':') == text.npos ? yaml_text(text) : in_double_quotes(text));
  line(key.path + ": [" + joined(quoted) + ']');
}

void YamlWriter::begin(const std::string& key, Empty empty) {
  const size_t start = text_.size();
  const bool dash = dash_;
  line(yaml_text(key) + ':');
  levels_.push_back({start, text_.size(), key, empty, dash});
}

void YamlWriter::begin_item() {
  levels_.push_back({text_.size(), text_.size(), {}, Empty::kWritten, dash_});
  dash_ = true;
}

void YamlWriter::end() {
  const Level level = std::move(levels_.back());
  const bool is_empty = text_.size() == level.inside;
  if (is_empty) {
    text_.resize(level.start);
    dash_ = level.dash;
  }
  if (is_empty && level.key.empty()) {
    dash_ = true;
    line("{}");
  }
  levels_.pop_back();
  if (is_empty && !level.key.empty() && level.empty == Empty::kWritten)
    line(yaml_text(level.key) + ": {}");
}

void WordsWriter::value(const KeyInfo& key, const std::string& text) {
  words_ += (words_.empty() ? "" : " ") + before_ + key.path + ' ' + text;
}

void WordsWriter::texts(const KeyInfo& key, const std::vector<std::string>& texts) {
  value(key, joined(texts));
}

void WordsWriter::begin(const std::string& key, Empty) {
  lengths_.push_back(before_.size());
  before_ += key + '.';
}

void WordsWriter::begin_item() {
  lengths_.push_back(before_.size());
}

void WordsWriter::end() {
  before_.resize(lengths_.back());
  lengths_.pop_back();
}

}  // namespace adit
