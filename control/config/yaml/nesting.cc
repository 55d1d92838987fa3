// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/nesting.h"

#include <algorithm>

namespace adit {
namespace {

bool is_blank(char c) {
  return kYamlBlanks.find(c) != kYamlBlanks.npos;
}

}  // namespace

size_t Nesting::read(std::string_view line, unsigned number) {
  size_t end = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote_ != 0) {
      // An escaped character, or a single quote written as two.
      const bool is_pair = quote_ == '"' ? c == '\\' : c == '\'' && line.substr(i + 1, 1) == "'";
      if (is_pair)
        ++i;
      else if (c == quote_)
        quote_ = 0;
      end = i + 1;
      continue;
    }
    if (c == '#' && (i == 0 || is_blank(line[i - 1]))) break;
    // Within a plain text, quotes and brackets are text like the rest.
    const bool starts = i == 0 || std::string_view(" \t[{,:").find(line[i - 1]) != line.npos;
    if ((c == '"' || c == '\'') && starts) quote_ = c;
    if ((c == '[' || c == '{') && (starts || !brackets_.empty()))
      brackets_.push_back({c, {number, static_cast<unsigned>(i) + 1}});
    if ((c == ']' || c == '}') && !brackets_.empty() &&
        brackets_.back().opens == (c == ']' ? '[' : '{'))
      brackets_.pop_back();
    if (!is_blank(c)) end = i + 1;
  }
  return std::min(end, line.size());
}

}  // namespace adit
