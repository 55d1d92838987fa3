// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <algorithm>

#include "base/nearest_name.h"

namespace adit::cli {
namespace {

// What a method's answer is printed by: a table, in words of its own, or as it is.
int (*printer_of(const MethodInfo& method))(const Invocation&) {
  if (!method.columns.empty()) return run_show;
  if (method.name == "reload" || method.name == "rollback") return run_change;
  if (method.name == "revision") return run_revision;
  if (method.name == "drain") return run_drain;
  return run_call;
}

Command command_of(const MethodInfo& method) {
  Command command = {method.command, "", method.help, &method, {}, printer_of(method)};
  for (const Parameter& parameter : method.parameters) {
    if (parameter.is_option()) command.options.push_back(&parameter);
    if (!parameter.is_argument) continue;
    const std::string name(parameter.value_name);
    command.argument = parameter.presence == Presence::kRequired ? name : '[' + name + ']';
  }
  return command;
}

constexpr Parameter kOfRevision = {.name = "revision",
                                   .type = ParameterType::kUnsigned,
                                   .presence = Presence::kOptional,
                                   .help = "compares with this revision instead",
                                   .value_name = "REVISION",
                                   .min = 1,
                                   .max = 1'000'000'000};
constexpr Parameter kPrint = {"print", ParameterType::kBoolean, Presence::kOptional,
                              "prints the configuration that adit read, without defaults"};

bool begins_with(const std::vector<std::string>& words, std::string_view name) {
  for (const std::string& word : words) {
    if (!name.starts_with(word)) return false;
    name.remove_prefix(word.size());
    if (name.empty()) return true;
    if (name.front() != ' ') return false;
    name.remove_prefix(1);
  }
  return false;
}

// Commands that begin with the word: "ports, networks, ..."; empty: there are none.
std::string second_words(const std::string& first) {
  std::string list;
  for (const Command& command : commands()) {
    if (!command.name.starts_with(first + ' ')) continue;
    if (!list.empty()) list += ", ";
    list += command.name.substr(first.size() + 1);
  }
  return list;
}

}  // namespace

const Parameter* Command::find_option(std::string_view option) const {
  const auto found = std::ranges::find(options, option, &Parameter::name);
  return found == options.end() ? nullptr : *found;
}

std::vector<Command> make_commands(Catalogue catalogue) {
  std::vector<Command> all = {{"check",
                               "[FILE]",
                               "says whether a configuration is right; needs no daemon",
                               nullptr,
                               {&kPrint},
                               run_check},
                              {"diff",
                               "[FILE]",
                               "what a reload of this file would change, and what that means",
                               nullptr,
                               {&kOfRevision},
                               run_diff}};
  for (const MethodInfo& method : catalogue)
    if (!method.command.empty()) all.push_back(command_of(method));
  all.push_back({"api",
                 "METHOD [JSON]",
                 "calls a method of the API, and prints its result as JSON",
                 nullptr,
                 {},
                 run_api});
  all.push_back({"version", "", "versions of client and daemon", nullptr, {}, run_version});
  all.push_back({"help", "[COMMAND]", "describes a command, or lists them", nullptr, {}, run_help});
  all.push_back({"completion",
                 "bash",
                 "prints a completion script for the shell",
                 nullptr,
                 {},
                 run_completion});
  return all;
}

Commands commands() {
  static const std::vector<Command> kCommands = make_commands(catalogue());
  return kCommands;
}

const Command& take_command(std::vector<std::string>& words) {
  if (words.empty()) throw UsageError("a command is missing; `aditctl help` lists them");
  for (const Command& command : commands()) {
    if (!begins_with(words, command.name)) continue;
    const auto count = 1 + std::count(command.name.begin(), command.name.end(), ' ');
    words.erase(words.begin(), words.begin() + count);
    return command;
  }
  const std::string rest = second_words(words[0]);
  if (!rest.empty() && words.size() == 1) throw UsageError(words[0] + " what? One of: " + rest);
  const std::string wanted = rest.empty() ? words[0] : words[0] + ' ' + words[1];
  std::vector<std::string_view> names = {"show"};
  for (const Command& command : commands()) names.push_back(command.name);
  throw UsageError("there is no command " + adit::in_quotes(wanted) + did_you_mean(wanted, names) +
                   "; `aditctl help` lists them");
}

}  // namespace adit::cli
