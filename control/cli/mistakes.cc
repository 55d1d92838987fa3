// SPDX-License-Identifier: Apache-2.0
#include "cli/mistakes.h"

#include "config/yaml/error.h"

namespace adit::cli {

namespace {

// Who answers may be anybody: what is not as it should be is left out.
std::string text_of(const nlohmann::json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : "";
}
unsigned number_of(const nlohmann::json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_number_unsigned() ? found->get<unsigned>() : 0;
}

}  // namespace

void print_mistakes(std::ostream& out, const nlohmann::json& mistakes) {
  for (const auto& entry : mistakes) {
    ConfigMistake mistake;
    mistake.file = text_of(entry, "file");
    mistake.line = number_of(entry, "line");
    mistake.column = number_of(entry, "column");
    mistake.message = text_of(entry, "message");
    out << to_string(mistake) << '\n';
  }
}

}  // namespace adit::cli
