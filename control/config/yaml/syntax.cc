// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/syntax.h"

#include <algorithm>
#include <vector>

#include "base/nearest_name.h"
#include "config/yaml/nesting.h"
#include "config/yaml/text.h"

namespace adit {
namespace {

constexpr bool begins_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool goes_on_word(char c) {
  return begins_word(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kYamlBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kYamlBlanks) - first + 1);
}

// The text in quotes of YAML.
std::string quoted(std::string_view text) {
  if (text.find_first_of("\"\\") == text.npos) return '"' + std::string(text) + '"';
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "''" : std::string(1, c);
  return result + '\'';
}

// Lines without their ends, from 1.
class Lines {
 public:
  explicit Lines(std::string_view text) {
    while (!text.empty()) {
      const size_t newline = std::min(text.find('\n'), text.size());
      lines_.push_back(text.substr(0, newline));
      text.remove_prefix(std::min(newline + 1, text.size()));
    }
  }
  std::string_view at(unsigned number) const {
    return number >= 1 && number <= lines_.size() ? lines_[number - 1] : std::string_view();
  }
  // The line before that says something; 0: none.
  unsigned before(unsigned number) const {
    while (number > 1) {
      const std::string_view line = trimmed(at(--number));
      if (!line.empty() && line[0] != '#') return number;
    }
    return 0;
  }

 private:
  std::vector<std::string_view> lines_;
};

// What stands at the place, as far as a plain text goes there.
std::string_view plain_at(std::string_view line, unsigned column) {
  if (column == 0 || column > line.size()) return {};
  const std::string_view before = line.substr(0, column - 1);
  line.remove_prefix(column - 1);
  const bool in_flow = before.find_first_of("[{") != before.npos;
  if (in_flow) line = line.substr(0, line.find_first_of(",]}"));
  return trimmed(line.substr(0, line.find(" #")));
}

std::optional<SyntaxTrouble> wrong_beginning(const Lines& lines, Place place, char mark) {
  std::string_view line = lines.at(place.line);
  // Some errors are behind the mark, and some at it.
  if (place.column > 1 && (place.column > line.size() || line[place.column - 1] != mark))
    --place.column;
  const std::string_view text = plain_at(line, place.column);
  if (!text.starts_with(mark)) return std::nullopt;
  return SyntaxTrouble{place, std::string("a text cannot begin with '") + mark +
                                  "', which YAML uses itself; write it in quotes: " + quoted(text)};
}

std::optional<SyntaxTrouble> unknown_anchor(const Lines& lines, Place place) {
  const std::string_view alias = plain_at(lines.at(place.line), place.column);
  if (alias.size() < 2 || alias[0] != '*') return std::nullopt;
  const std::string name(alias.substr(1));
  return SyntaxTrouble{place, "the alias " + in_quotes(alias) + " is undefined, as no " +
                                  in_quotes('&' + name) + " is above; write '&" + name +
                                  "' before the intended value, or the value here (write a text "
                                  "that begins with '*' in quotes: " +
                                  quoted(alias) + ")"};
}

// --- "illegal map value": a colon where none can be

std::optional<std::string> dash_without_space(std::string_view line) {
  line = trimmed(line);
  if (line.size() < 2 || line[0] != '-' || line[1] == ' ' || line[1] == '-') return std::nullopt;
  return "there is no space behind the dash; write " +
         in_quotes("- " + std::string(line.substr(1)));
}

// Of a line that was to have a key.
std::optional<std::string> wrong_line(std::string_view line) {
  line = trimmed(line.substr(0, line.find(" #")));
  if (line.starts_with("- ")) line = trimmed(line.substr(2));
  if (line.find(": ") != line.npos || line.ends_with(':')) return std::nullopt;
  if (auto dash = dash_without_space(line)) return dash;
  if (std::string colon = colon_without_space(line); !colon.empty()) return colon;
  const size_t end =
      static_cast<size_t>(std::find_if_not(line.begin(), line.end(), goes_on_word) - line.begin());
  if (end == 0 || !begins_word(line[0])) return std::nullopt;
  const std::string key(line.substr(0, end));
  const std::string_view rest = trimmed(line.substr(end));
  if (rest.starts_with('='))
    return "found '=' behind " + in_quotes(key) + ", expected a colon; write " +
           in_quotes(key + ": " + std::string(trimmed(rest.substr(1))));
  return "found " + in_quotes(line) + ", expected a key with a colon and a space behind it, and " +
         "then its value, such as " + in_quotes(key + ": VALUE");
}

// "key: text: more", in one line.
std::optional<SyntaxTrouble> second_colon(std::string_view line, Place place) {
  size_t begin = line.find_first_not_of(" -");
  if (begin == line.npos) return std::nullopt;
  const size_t in_flow = line.find_last_of("[{,", place.column > 1 ? place.column - 2 : 0);
  if (in_flow != line.npos && in_flow > begin) begin = in_flow + 1;
  const size_t colon = line.find(": ", begin);
  if (colon == line.npos || colon + 2 > place.column) return std::nullopt;
  const size_t value = line.find_first_not_of(kYamlBlanks, colon + 1);
  if (value == line.npos) return std::nullopt;
  const std::string_view key = trimmed(line.substr(begin, colon - begin));
  const std::string_view text = plain_at(line, static_cast<unsigned>(value) + 1);
  if (text.starts_with('"') || text.starts_with('\'')) return std::nullopt;
  return SyntaxTrouble{{place.line, static_cast<unsigned>(value) + 1},
                       "here is a second colon with a space behind it; a text that has one is in "
                       "quotes: " +
                           std::string(key) + ": " + quoted(text)};
}

std::optional<SyntaxTrouble> unexpected_colon(const Lines& lines, Place place) {
  const auto at = [&](unsigned number, std::string message) {
    const size_t first = lines.at(number).find_first_not_of(kYamlBlanks);
    return SyntaxTrouble{{number, static_cast<unsigned>(first) + 1}, std::move(message)};
  };
  const std::string_view line = lines.at(place.line);
  if (auto dash = dash_without_space(line)) return at(place.line, *std::move(dash));
  if (auto second = second_colon(line, place)) return second;
  // A key without a value runs on into the next line.
  const unsigned before = lines.before(place.line);
  if (before == 0) return std::nullopt;
  const std::string_view wrong = lines.at(before);
  if (const size_t odd = find_odd_space(wrong); odd != wrong.npos)
    return SyntaxTrouble{{before, static_cast<unsigned>(odd) + 1},
                         "here is a character that only looks like a space, such as a no-break "
                         "space, which YAML takes for text; write a plain space"};
  if (auto message = wrong_line(wrong)) return at(before, *std::move(message));
  return std::nullopt;
}

// --- brackets

std::optional<SyntaxTrouble> open_bracket(const Lines& lines, Place place) {
  Nesting nesting;
  for (unsigned number = 1; number < place.line; ++number) nesting.read(lines.at(number), number);
  nesting.read(lines.at(place.line).substr(0, std::max(place.column, 1u) - 1), place.line);
  if (nesting.brackets().empty()) return std::nullopt;
  const auto& [opens, where] = nesting.brackets().back();
  const char closes = opens == '[' ? ']' : '}';
  return SyntaxTrouble{
      where, std::string("the '") + opens + "' that opens here is not closed; a '" + closes +
                 "' is missing behind the last " + (opens == '[' ? "entry" : "value")};
}

std::optional<SyntaxTrouble> stray_character(const Lines& lines, Place place) {
  const std::string_view line = lines.at(place.line);
  if (place.column == 0 || place.column > line.size()) return std::nullopt;
  const char c = line[place.column - 1];
  if (c != ',' && c != ']' && c != '}') return std::nullopt;
  if (auto open = open_bracket(lines, place)) return open;
  return SyntaxTrouble{place, std::string("here is a '") + c + "' outside of brackets; delete it" +
                                  (c == ',' ? "" : ", or open the bracket that it closes")};
}

// What fits nothing above: yaml-cpp misses the end of a map or list there.
std::optional<SyntaxTrouble> misplaced(const Lines& lines, Place place) {
  const std::string_view line = lines.at(place.line);
  if (place.column == 0 || place.column > line.size()) return std::nullopt;
  const std::string_view text = trimmed(line.substr(place.column - 1));
  if (text.empty()) return std::nullopt;
  if (!trimmed(line.substr(0, place.column - 1)).empty())
    return SyntaxTrouble{place, "found " + in_quotes(text) +
                                    " behind a value that is complete; delete it, or put all of "
                                    "the value in quotes"};
  if (text == "-" || text.starts_with("- "))
    return SyntaxTrouble{place,
                         "here is an entry of a list, where keys are expected; indent it like the "
                         "other entries of its list, or delete the dash"};
  return SyntaxTrouble{place,
                       "here is a key, where entries of a list are expected; indent it like the "
                       "keys that it belongs to, or begin it with '- '"};
}

}  // namespace

std::string colon_without_space(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon == text.npos || colon + 1 == text.size() || !begins_word(text[0]) ||
      text[colon + 1] == ' ' || !std::all_of(text.begin(), text.begin() + colon, goes_on_word))
    return {};
  const std::string key(text.substr(0, colon));
  std::string_view value = text.substr(colon + 1);
  constexpr std::string_view kNoBreakSpace = "\xc2\xa0";  // looks like a space
  while (value.starts_with(kNoBreakSpace)) value.remove_prefix(kNoBreakSpace.size());
  return "there is no space behind the colon of " + in_quotes(key) + "; write " +
         in_quotes(key + ": " + std::string(value));
}

std::optional<SyntaxTrouble> explain_syntax(std::string_view text, Place place,
                                            std::string_view message) {
  const Lines lines(text);
  if (message == "unknown token")
    for (const char mark : {'@', '`', '%'})
      if (auto found = wrong_beginning(lines, place, mark)) return found;
  if (message.starts_with("alias not found")) return wrong_beginning(lines, place, '*');
  if (message.starts_with("anchor not found")) return wrong_beginning(lines, place, '&');
  if (message.find("anchor is not defined") != message.npos ||
      message.starts_with("unknown anchor"))
    return unknown_anchor(lines, place);
  if (message == "illegal map value") return unexpected_colon(lines, place);
  if (message.starts_with("end of sequence flow") || message.starts_with("end of map flow"))
    return open_bracket(lines, place);
  if (auto stray = stray_character(lines, place)) return stray;
  if (message == "end of map not found" || message == "end of sequence not found")
    return misplaced(lines, place);
  return std::nullopt;
}

}  // namespace adit
