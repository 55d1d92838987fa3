// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/trouble.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "config/yaml/nesting.h"
#include "config/yaml/syntax.h"

namespace adit {
namespace {

Place end_of(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const size_t newline = text.rfind('\n');
  const size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
  return {static_cast<unsigned>(std::count(text.begin(), text.end(), '\n')) + 1,
          static_cast<unsigned>(text.size() - line_start) + 1};
}

std::string spaces(size_t count) {
  return std::to_string(count) + (count == 1 ? " space" : " spaces");
}

// Reads lines as far as their indentation goes: which ones are within brackets, quotes or block
// scalars, where it means nothing, and which depths are open.
class Indentation {
 public:
  // What is wrong with the indentation of this line, if anything.
  std::optional<std::string> look_at(std::string_view line, unsigned number, Place& place) {
    if (nesting_.is_outside() && begins_document(line)) {
      *this = {};
      return std::nullopt;
    }
    const size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const size_t first = line.find_first_not_of(kYamlBlanks);
    if (is_in_block_scalar(indent, first)) return std::nullopt;
    const bool counts = nesting_.is_outside();
    const bool is_empty = first == std::string_view::npos || line[first] == '#';
    std::optional<std::string> trouble;
    if (counts && !is_empty && first != indent) {
      place = {number, static_cast<unsigned>(indent) + 1};
      trouble =
          "this line is indented with a tab, which YAML does not count; indent with spaces alone";
    } else if (counts && !is_empty) {
      place = {number, static_cast<unsigned>(indent) + 1};
      trouble = fit(line, indent, place);
    }
    const bool ends_open = leads_deeper(line.substr(0, nesting_.read(line, number)));
    if (counts && !is_empty) {
      takes_deeper_ = ends_open;
      last_line_ = number;
    }
    return trouble;
  }

 private:
  struct Level {
    size_t indent;
    unsigned line;  // where it began
  };

  bool is_in_block_scalar(size_t indent, size_t first) {
    if (!block_scalar_) return false;
    if (first == std::string_view::npos || indent > *block_scalar_) return true;
    block_scalar_.reset();
    return false;
  }

  static bool begins_document(std::string_view line) {
    return line == "---" || line.starts_with("--- ") || line.starts_with("%YAML");
  }

  // `place` is that of the line, and becomes that of the one to change.
  std::optional<std::string> fit(std::string_view line, size_t indent, Place& place) {
    const unsigned number = place.line;
    std::optional<std::string> trouble;
    if (levels_.empty()) first_ = place;
    while (!levels_.empty() && levels_.back().indent > indent) levels_.pop_back();
    if (levels_.empty() && last_line_ != 0) {
      trouble = "the file's first line with a key is indented by " + spaces(first_.column - 1) +
                ", and line " + std::to_string(number) + " by " + spaces(indent) +
                "; expected all keys of the file in one column, such as the first";
      place = first_;
      return trouble;
    }
    const bool is_known = !levels_.empty() && levels_.back().indent == indent;
    if (!is_known && closed_deeper(indent)) {
      trouble = "this line is indented by " + spaces(indent) + ", as nothing above it is; " +
                expected_levels();
    } else if (!is_known && !takes_deeper_ && looks_like_entry(line.substr(indent))) {
      trouble = "this line is indented by " + spaces(indent) + ", deeper than line " +
                std::to_string(last_line_) + ", which already has a value; " + expected_levels();
    }
    if (!is_known) levels_.push_back({indent, number});
    deepest_ = indent;
    // "- - key:" opens a level for each dash, and one for the key.
    for (size_t at = indent; at + 1 < line.size() && line[at] == '-' && line[at + 1] == ' ';) {
      at = std::min(line.find_first_not_of(' ', at + 1), line.size());
      levels_.push_back({at, number});
      deepest_ = at;
    }
    return trouble;
  }

  // Whether the line before was deeper: this one ends levels, and should be at one of them.
  bool closed_deeper(size_t indent) const { return last_line_ != 0 && deepest_ > indent; }

  std::string expected_levels() const {
    std::string text = "expected ";
    if (levels_.empty()) return text + "none";
    return text + spaces(levels_.back().indent) + " as line " +
           std::to_string(levels_.back().line) + ", or as many as the lines that it belongs to";
  }

  static bool looks_like_entry(std::string_view text) {
    while (!text.empty() && kYamlBlanks.find(text.back()) != std::string_view::npos)
      text.remove_suffix(1);
    return text.starts_with("- ") || text.ends_with(':') || text.find(": ") != text.npos;
  }

  // Whether deeper lines may follow the line.
  bool leads_deeper(std::string_view line) {
    if (line.ends_with('|') || line.ends_with('>') || line.ends_with("|-") ||
        line.ends_with(">-")) {
      block_scalar_ = std::min(line.find_first_not_of(' '), line.size());
      return false;
    }
    // "&name" and "!tag" may stand between the colon and the lines below.
    const size_t word = line.find_last_of(' ');
    if (word != std::string_view::npos && word + 1 < line.size() &&
        (line[word + 1] == '&' || line[word + 1] == '!'))
      line = line.substr(0, line.find_last_not_of(' ', word) + 1);
    return line.ends_with(':') || line.ends_with('-') || line == "---";
  }

  std::vector<Level> levels_;
  std::optional<size_t> block_scalar_;  // the indentation of what it belongs to
  Place first_;                         // of all lines that count
  size_t deepest_ = 0;                  // of the last line that counted
  unsigned last_line_ = 0;              // that counted
  bool takes_deeper_ = true;            // it did
  Nesting nesting_;
};

std::optional<ConfigMistake> wrong_indentation(std::string_view text, const std::string& file,
                                               unsigned last_line) {
  Indentation indentation;
  unsigned number = 0;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // the byte order mark of UTF-8
  while (!text.empty() && ++number <= last_line) {
    const size_t newline = std::min(text.find('\n'), text.size());
    Place place;
    auto trouble = indentation.look_at(text.substr(0, newline), number, place);
    if (trouble)
      return ConfigMistake{file, place.line, place.column, std::move(*trouble),
                           MistakeKind::kSyntax};
    text.remove_prefix(std::min(newline + 1, text.size()));
  }
  return std::nullopt;
}

}  // namespace

ConfigMistake yaml_trouble(std::string_view text, const std::string& file, Place place,
                           const std::string& message) {
  // What is unfinished is found behind the end of the text, where yaml-cpp may have no mark.
  const Place end = end_of(text);
  if (place.line > end.line || (message.starts_with("end of ") && place.line <= 1)) place = end;
  if (auto found = wrong_indentation(text, file, place.line)) return *std::move(found);
  if (auto found = explain_syntax(text, place, message))
    return {file, found->place.line, found->place.column, std::move(found->message),
            MistakeKind::kSyntax};
  return {file, place.line, place.column, "not valid YAML: " + message, MistakeKind::kSyntax};
}

ConfigMistake second_document(std::string_view text, const std::string& file, Place place) {
  if (auto found = wrong_indentation(text, file, place.line)) return *std::move(found);
  return {file, place.line, place.column,
          "a second YAML document begins here, by '---', behind '...', or by a stray character; "
          "expected one document, without them",
          MistakeKind::kSyntax};
}

}  // namespace adit
