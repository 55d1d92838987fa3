// SPDX-License-Identifier: Apache-2.0
// What is made of the catalogue and the other tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cli/help.h"
#include "config/yaml/key_info.h"
#include "reference/api_reference.h"
#include "reference/man_pages.h"
#include "source_root.h"

namespace adit::reference_test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Parameter kParameters[] = {
    {"cow", ParameterType::kString, Presence::kRequired, "only this cow", "NAME"},
    {"limit", ParameterType::kUnsigned, Presence::kOptional, "at most so much", "N", 1, 7,
     "3 if not given"},
    {"raw", ParameterType::kBoolean, Presence::kOptional, "as it comes"},
};
constexpr Column kColumns[] = {
    {"cow", "COW", Format::kText, Role::kKey, "her name"},
    {"litres", "LITRES", Format::kCount, Role::kWide},
};
// All that there is of a new method, beside its handler.
constexpr MethodInfo kMethods[] = {{
    .name = "show.milk",
    .effect = Effect::kReads,
    .help = "milk by cow",
    .parameters = kParameters,
    .command = "show milk",
    .columns = kColumns,
    .notes = "Fresh.",
}};

TEST(NewMethod, HasItsHelpFromItsEntry) {
  const std::vector<cli::Command> commands = cli::make_commands(kMethods);
  EXPECT_THAT(cli::overview_text(commands), HasSubstr("  show milk   milk by cow\n"));
  const auto milk = std::ranges::find(commands, "show milk", &cli::Command::name);
  ASSERT_NE(milk, commands.end());
  const std::string text = cli::command_text(*milk);
  EXPECT_THAT(text, HasSubstr("aditctl [OPTIONS] show milk [--cow NAME] [--limit N] [--raw]\n"));
  EXPECT_THAT(text, HasSubstr("at most so much, 1..7; 3 if not given\n"));
}

TEST(NewMethod, IsCompletedFromItsEntry) {
  const std::string script = cli::bash_completion(cli::make_commands(kMethods));
  EXPECT_THAT(script, HasSubstr("\"show\") choices=\"milk\" ;;\n"));
  EXPECT_THAT(script, HasSubstr("\"show milk\"*) choices=\"--cow --limit --raw\" ;;\n"));
  EXPECT_THAT(script, HasSubstr("--cow | --limit"));
}

TEST(NewMethod, IsDescribedFromItsEntry) {
  EXPECT_EQ(api_reference(kMethods),
            "### `show.milk`\n"
            "milk by cow. Command: `aditctl show milk`.\n"
            "\n"
            "- `cow` (string, required): only this cow\n"
            "- `limit` (unsigned integer, optional): at most so much, 1..7; 3 if not given\n"
            "- `raw` (boolean, optional): as it comes\n"
            "\n"
            "Fresh.\n"
            "\n"
            "Rows:\n"
            "\n"
            "| key | column | |\n"
            "|---|---|---|\n"
            "| `cow` | COW | her name |\n"
            "| `litres` | (LITRES) |  |\n");
  EXPECT_THAT(man_aditctl(cli::make_commands(kMethods)),
              HasSubstr(".TP\n\\fBshow milk [\\-\\-cow NAME] [\\-\\-limit N] [\\-\\-raw]\\fR\n"
                        "milk by cow.\n.RS\n.TP\n\\fB\\-\\-cow NAME\\fR\nonly this cow\n"));
}

TEST(Reference, OfTheApiIsUpToDate) {
  std::ifstream file(std::string(kSourceRoot) + "/docs/api.md");
  std::stringstream text;
  text << file.rdbuf();
  const size_t begin = text.str().find("## Methods\n");
  ASSERT_NE(begin, std::string::npos);
  EXPECT_EQ(text.str().substr(begin), "## Methods\n\n" + api_reference(catalogue()))
      << "run scripts/update-reference";
}

TEST(ManPages, HaveEveryOptionAndKey) {
  for (const char* option : {"fB\\-c, \\-\\-config FILE", "fB\\-\\-check", "fB\\-\\-version"})
    EXPECT_THAT(man_aditd(), HasSubstr(option));
  for (const char* option : {"fB\\-i, \\-\\-in PORT=FILE", "fB\\-\\-burst"})
    EXPECT_THAT(man_adit_replay(), HasSubstr(option));
  const std::string yaml = man_adit_yaml();
  for (const KeyInfo& key : config_keys()) {
    std::string path = key.path;
    if (const size_t dash = path.find('-'); dash != std::string::npos) path.insert(dash, "\\");
    EXPECT_NE(yaml.find(".TP\n\\fB" + path + "\\fR\n"), std::string::npos) << path;
  }
  for (const cli::Command& command : cli::commands()) {
    std::string name(command.name);
    if (const size_t dash = name.find('-'); dash != std::string::npos) name.insert(dash, "\\");
    EXPECT_THAT(man_aditctl(), HasSubstr(".TP\n\\fB" + name));
  }
}

// A page shall be the same wherever it is made.
TEST(ManPages, HaveNothingOfThisMachine) {
  setenv("ADIT_CONFIG", "/of/this/machine", 1);
  EXPECT_THAT(man_aditd(), Not(HasSubstr("/of/this/machine")));
  unsetenv("ADIT_CONFIG");
}

}  // namespace
}  // namespace adit::reference_test
