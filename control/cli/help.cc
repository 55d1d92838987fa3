// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include "base/nearest_name.h"
#include "cli/options.h"

namespace adit::cli {
namespace {

std::string synopsis(const Command& command) {
  std::string text(command.name);
  for (const CommandOption& option : command.options) {
    text += " [--" + std::string(option.name);
    if (!option.value_name.empty()) text += ' ' + std::string(option.value_name);
    text += ']';
  }
  if (!command.argument.empty()) text += ' ' + std::string(command.argument);
  return text;
}

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text + "  ";
}

// What may follow each word of a command's name, and the options at its end.
struct Words {
  std::set<std::string> first;
  std::map<std::string, std::set<std::string>> second;
  std::map<std::string, std::string> options;  // by command
};

Words collect_words() {
  Words words;
  for (const Command& command : commands()) {
    const std::string name(command.name);
    const size_t space = name.find(' ');
    words.first.insert(name.substr(0, space));
    if (space != std::string::npos)
      words.second[name.substr(0, space)].insert(name.substr(space + 1));
    std::string& options = words.options[name];
    for (const CommandOption& option : command.options) options += " --" + std::string(option.name);
  }
  words.second["completion"] = {"bash"};
  words.second["help"] = words.first;
  return words;
}

std::string joined(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

std::string overview_text() {
  std::string text = "usage: aditctl [OPTIONS] COMMAND\n\n";
  size_t width = 0;
  for (const Command& command : commands()) width = std::max(width, command.name.size());
  for (const Command& command : commands())
    text += "  " + padded(std::string(command.name), width) + std::string(command.help) + '\n';
  text += '\n' + global_options_text();
  return text +
         "\n`aditctl help COMMAND` tells more of a command.\n"
         "Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration refused, 5 daemon unreachable.\n";
}

std::string command_text(const Command& command) {
  std::string text = "usage: aditctl [OPTIONS] " + synopsis(command) + "\n\n";
  text += std::string(command.help) + '\n';
  if (command.name == "check")
    text +=
        "Without FILE: $ADIT_CONFIG, else /etc/adit/adit.yaml. Exit code 3 if it is not right.\n";
  if (command.name == "completion") text += "To use it: source <(aditctl completion bash)\n";
  if (!command.options.empty()) text += '\n';
  size_t width = 16;
  for (const CommandOption& option : command.options)
    width = std::max(width, option.name.size() + option.value_name.size() + 3);
  for (const CommandOption& option : command.options) {
    std::string name = "--" + std::string(option.name);
    if (!option.value_name.empty()) name += ' ' + std::string(option.value_name);
    text += "  " + padded(name, width) + std::string(option.help) + '\n';
  }
  return text + '\n' + global_options_text();
}

std::string bash_completion() {
  const Words words = collect_words();
  std::string globals;
  for (const std::string& name : global_option_names()) globals += ' ' + name;
  std::string text =
      "# bash completion for aditctl; made by `aditctl completion bash`\n"
      "_aditctl() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} former=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local -a words=()\n"
      "  local i choices=\"\"\n"
      "  if [[ $former == --socket || $former == -s ]]; then\n"
      "    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
      "    return\n"
      "  fi\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case ${COMP_WORDS[i]} in\n"
      "      --socket | -s) ((++i)) ;;\n"
      "      -*) ;;\n"
      "      *) words+=(\"${COMP_WORDS[i]}\") ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"${words[*]}\" in\n"
      "    \"\") choices=\"" +
      joined(words.first) + "\" ;;\n";
  for (const auto& [first, second] : words.second)
    text += "    \"" + first + "\") choices=\"" + joined(second) + "\" ;;\n";
  for (const auto& [name, options] : words.options) {
    if (options.empty()) continue;
    text += "    \"" + name + "\"*) choices=\"" + options.substr(1) + "\" ;;\n";
  }
  text +=
      "    \"check\")\n"
      "      mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
      "      return ;;\n"
      "  esac\n"
      "  if [[ $current == -* ]]; then choices+=\"" +
      globals +
      "\"; fi\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$choices\" -- \"$current\")\n"
      "}\n"
      "complete -F _aditctl aditctl\n";
  return text;
}

int run_help(const Invocation& invocation) {
  std::vector<std::string> words = invocation.arguments;
  const bool is_group = words.size() == 1 && words[0] == "show";
  std::cout << (words.empty() || is_group ? overview_text() : command_text(take_command(words)));
  return kDone;
}

int run_completion(const Invocation& invocation) {
  if (invocation.arguments.empty() || invocation.arguments[0] != "bash")
    throw UsageError("completion for which shell? There is: bash");
  std::cout << bash_completion();
  return kDone;
}

}  // namespace adit::cli
