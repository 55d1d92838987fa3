// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/error.h"

#include <utility>

namespace adit {
namespace {

std::string joined(const std::vector<ConfigMistake>& mistakes) {
  std::string text;
  for (const ConfigMistake& mistake : mistakes) {
    if (!text.empty()) text += '\n';
    text += to_string(mistake);
  }
  return text;
}

}  // namespace

std::string to_string(const ConfigMistake& mistake) {
  std::string text = mistake.file;
  if (mistake.line > 0)
    text += ':' + std::to_string(mistake.line) + ':' + std::to_string(mistake.column);
  return text + ": " + mistake.message;
}

ConfigError::ConfigError(std::vector<ConfigMistake> mistakes)
    : std::runtime_error(joined(mistakes)), mistakes_(std::move(mistakes)) {}

}  // namespace adit
