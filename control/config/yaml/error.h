// SPDX-License-Identifier: Apache-2.0
// What is wrong with a configuration: all of it, not just the first mistake.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace adit {

// How far a mistake was seen: text that is no YAML, a value or key that is wrong by itself
// (what a schema can tell), or one that does not fit the rest of the file.
enum class MistakeKind { kSyntax, kValue, kReference };

struct ConfigMistake {
  std::string file;
  unsigned line = 0;    // from 1; 0: no place in the file
  unsigned column = 0;  // from 1
  std::string message;  // what was found and what would be right
  MistakeKind kind = MistakeKind::kValue;
};

// "file:line:column: message"
std::string to_string(const ConfigMistake& mistake);

class ConfigError : public std::runtime_error {
 public:
  // `mistakes` is not empty; what() has one mistake per line.
  explicit ConfigError(std::vector<ConfigMistake> mistakes);
  const std::vector<ConfigMistake>& mistakes() const noexcept { return mistakes_; }

 private:
  std::vector<ConfigMistake> mistakes_;
};

}  // namespace adit
