// SPDX-License-Identifier: Apache-2.0
// Which brackets and quotes of YAML are open, as its lines are read.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "config/yaml/mistakes.h"

namespace adit {

// What YAML has between words, within a line without its end.
inline constexpr std::string_view kYamlBlanks = " \t\r";

struct Bracket {
  char opens;
  Place place;
};

class Nesting {
 public:
  // Reads the next line, or the beginning of one, without its end. Returns its length without the
  // comment and the blanks before it.
  size_t read(std::string_view line, unsigned number);

  // Neither a bracket nor a quote is open.
  bool is_outside() const { return brackets_.empty() && quote_ == 0; }
  // Those that are open, the innermost last.
  const std::vector<Bracket>& brackets() const { return brackets_; }

 private:
  std::vector<Bracket> brackets_;
  char quote_ = 0;  // the one that is open
};

}  // namespace adit
