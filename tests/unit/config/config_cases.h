// SPDX-License-Identifier: Apache-2.0
// Cases of configurations that are refused, for the tests of the walker.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "config/parser.h"
#include "config/yaml/error.h"

namespace adit {

struct RefusedCase {
  const char* name;
  std::string yaml;
  // Each "LINE:COLUMN: part of the message", in the file's order; there are no others.
  std::vector<std::string> mistakes;
};

inline void PrintTo(const RefusedCase& refused, std::ostream* out) {
  *out << refused.name;
}
inline std::string case_name(const testing::TestParamInfo<RefusedCase>& info) {
  return info.param.name;
}

// "LINE:COLUMN: message" of each mistake; empty if the text is accepted.
inline std::vector<std::string> mistakes_of(const std::string& yaml,
                                            const ConfigLimits& limits = {}) {
  std::vector<std::string> found;
  try {
    parse_config(yaml, "f", limits);
  } catch (const ConfigError& error) {
    for (const ConfigMistake& mistake : error.mistakes()) {
      EXPECT_EQ(mistake.file, "f");
      const std::string text = to_string(mistake);
      found.push_back(mistake.line == 0 ? "-" + text.substr(1) : text.substr(2));
    }
  }
  return found;
}

inline void expect_refused(const RefusedCase& refused) {
  const std::vector<std::string> found = mistakes_of(refused.yaml);
  std::string all;
  for (const std::string& mistake : found) all += "  " + mistake + '\n';
  ASSERT_EQ(found.size(), refused.mistakes.size()) << refused.yaml << "\nfound:\n" << all;
  for (size_t i = 0; i < found.size(); ++i) {
    const std::string& expected = refused.mistakes[i];
    const size_t place_end = expected.find(": ");
    const std::string part = expected.substr(place_end + 2);
    EXPECT_EQ(found[i].substr(0, found[i].find(": ")), expected.substr(0, place_end))
        << refused.yaml << "\nfound:\n"
        << all;
    EXPECT_NE(found[i].find(part), std::string::npos) << "expected: " << part << "\nfound:\n"
                                                      << all;
  }
}

}  // namespace adit
