// SPDX-License-Identifier: Apache-2.0
#include "cli/mistakes.h"

#include "config/yaml/error.h"

namespace adit::cli {

void print_mistakes(std::ostream& out, const nlohmann::json& mistakes) {
  for (const auto& entry : mistakes) {
    ConfigMistake mistake;
    mistake.file = entry.value("file", "");
    mistake.line = entry.value("line", 0u);
    mistake.column = entry.value("column", 0u);
    mistake.message = entry.value("message", "");
    out << to_string(mistake) << '\n';
  }
}

}  // namespace adit::cli
