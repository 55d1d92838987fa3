// SPDX-License-Identifier: Apache-2.0
// For schema_test.py and every_key_test.py: what the walker says about files, and its table of
// keys, as JSON.
//   config_check FILE...   one line per file: {"file": ..., "mistakes": [{kind, text}...]}
//   config_check --changes RUNNING FILE...   the same, with what a reload would say to each:
//                          {..., "changes": [...], "needs_restart": [...], "equal": bool,
//                          "written": bool}, whether its text is read as the same again
//   config_check --keys    the table of keys
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "config/diff.h"
#include "config/parser.h"
#include "config/yaml/error.h"
#include "config/yaml/key_info.h"

namespace {

using adit::KeyType;
using adit::MistakeKind;

const char* name_of(KeyType type) {
  switch (type) {
    case KeyType::kNumber:
      return "number";
    case KeyType::kNumberOrAuto:
      return "number-or-auto";
    case KeyType::kPowerOfTwo:
      return "power-of-two";
    case KeyType::kFlag:
      return "flag";
    case KeyType::kWord:
      return "word";
    case KeyType::kText:
      return "text";
    case KeyType::kSection:
      return "section";
    case KeyType::kList:
      return "list";
    case KeyType::kMap:
      return "map";
  }
  return "";
}

const char* name_of(MistakeKind kind) {
  switch (kind) {
    case MistakeKind::kSyntax:
      return "syntax";
    case MistakeKind::kValue:
      return "value";
    case MistakeKind::kReference:
      return "reference";
  }
  return "";
}

void print_keys() {
  auto keys = nlohmann::json::array();
  for (const adit::KeyInfo& key : adit::config_keys())
    keys.push_back({{"path", key.path},
                    {"type", name_of(key.type)},
                    {"min", key.min},
                    {"max", key.max},
                    {"words", key.words},
                    {"form", key.form},
                    {"default", key.fallback},
                    {"required", key.required},
                    {"restart", key.restart},
                    {"help", key.help}});
  std::puts(keys.dump(1).c_str());
}

nlohmann::json look_at(const char* file, const adit::Config* running) {
  nlohmann::json line = {{"file", file}, {"mistakes", nlohmann::json::array()}};
  try {
    const adit::Config config = adit::load_config(file);
    if (running == nullptr) return line;
    const adit::ConfigDiff diff = adit::diff_configs(*running, config);
    line["changes"] = diff.changes;
    line["needs_restart"] = diff.needs_restart;
    line["equal"] = *running == config;
    line["written"] = adit::parse_config(adit::config_text(config), "what was written") == config;
  } catch (const adit::ConfigError& error) {
    for (const adit::ConfigMistake& mistake : error.mistakes())
      line["mistakes"].push_back({{"kind", name_of(mistake.kind)}, {"text", to_string(mistake)}});
  }
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--keys") {
    print_keys();
    return 0;
  }
  const bool compares = argc > 2 && std::string_view(argv[1]) == "--changes";
  std::optional<adit::Config> running;
  if (compares) running = adit::load_config(argv[2]);
  for (int i = compares ? 3 : 1; i < argc; ++i) {
    const nlohmann::json line = look_at(argv[i], running ? &*running : nullptr);
    std::puts(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  }
  return 0;
}
