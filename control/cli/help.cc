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

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text + "  ";
}

// What may follow each word of a command's name.
struct Words {
  std::set<std::string> first;
  std::map<std::string, std::set<std::string>> second;
};

Words collect_words(Commands all) {
  Words words;
  for (const Command& command : all) {
    const std::string name(command.name);
    const size_t space = name.find(' ');
    words.first.insert(name.substr(0, space));
    if (space != std::string::npos)
      words.second[name.substr(0, space)].insert(name.substr(space + 1));
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

// The lines of the script that ask the daemon for names; nothing where none runs.
std::string cases_of_names(Commands all) {
  std::string text;
  for (const Command& command : all)
    for (const Parameter* option : command.options)
      if (!option->names_of.empty())
        text += "    \"" + std::string(command.name) + "/--" + std::string(option->name) +
                "\") names_of=" + std::string(option->names_of) + " ;;\n";
  return text;
}

// The commands' options that take a value, whose next word is no command.
std::string options_with_value(Commands all) {
  std::set<std::string> names;
  for (const Command& command : all)
    for (const Parameter* option : command.options)
      if (!option->is_flag()) names.insert("--" + std::string(option->name));
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " | ") + name;
  return text;
}

constexpr char kScriptBegin[] = R"(# bash completion for aditctl; made by `aditctl completion bash`
_aditctl() {
  local current=${COMP_WORDS[COMP_CWORD]} former=${COMP_WORDS[COMP_CWORD-1]}
  local -a words=() daemon=()
  local i choices="" names_of=""
  if [[ $former == --socket || $former == -s || ($former == check && $current != -*) ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    return
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --socket | -s) daemon=(--socket "${COMP_WORDS[i+1]}"); ((++i)) ;;
      )";
constexpr char kNames[] = R"sh(  esac
  if [[ -n $names_of ]]; then
    choices=$(timeout 2 "${COMP_WORDS[0]}" "${daemon[@]}" -j show "$names_of" --limit 1000 2>/dev/null |
      sed -n 's/^    "name": "\([A-Za-z0-9_.-]*\)",\{0,1\}$/\1/p')
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
    return
  fi
)sh";

}  // namespace

std::string usage_of(const Parameter& option) {
  std::string text = "--" + std::string(option.name);
  if (!option.is_flag()) text += ' ' + std::string(option.value_name);
  return text;
}

// A page may be as long as one likes, because aditctl asks for the next.
std::string help_of(const Command& command, const Parameter& option) {
  const bool pages = option.name == "limit" && command.method->is_paged();
  return pages ? std::string(option.help) : described(option);
}

std::string synopsis(const Command& command) {
  std::string text(command.name);
  for (const Parameter* option : command.options) text += " [" + usage_of(*option) + ']';
  if (!command.argument.empty()) text += ' ' + std::string(command.argument);
  return text;
}

std::string overview_text(Commands all) {
  std::string text = "usage: aditctl [OPTIONS] COMMAND\n\n";
  size_t width = 0;
  for (const Command& command : all) width = std::max(width, command.name.size());
  for (const Command& command : all)
    text += "  " + padded(std::string(command.name), width) + std::string(command.help) + '\n';
  text += '\n' + global_options_text();
  return text +
         "\n`aditctl help COMMAND` describes a command.\nExit codes: 0 ok, 1 failed, 2 usage, 3 "
         "configuration refused, 5 daemon unreachable.\n";
}

std::string command_text(const Command& command) {
  std::string text = "usage: aditctl [OPTIONS] " + synopsis(command) + "\n\n";
  text += std::string(command.help) + '\n';
  if (command.name == "check")
    text += "Without FILE: $ADIT_CONFIG, else /etc/adit/adit.yaml. Exit code 3 if it has errors.\n";
  if (command.name == "completion") text += "To use it: source <(aditctl completion bash)\n";
  if (!command.options.empty()) text += '\n';
  size_t width = 16;
  for (const Parameter* option : command.options) width = std::max(width, usage_of(*option).size());
  for (const Parameter* option : command.options)
    text += "  " + padded(usage_of(*option), width) + help_of(command, *option) + '\n';
  return text + '\n' + global_options_text();
}

std::string bash_completion(Commands all) {
  const Words words = collect_words(all);
  std::string globals;
  for (const std::string& name : global_option_names()) globals += ' ' + name;
  std::string text = kScriptBegin + options_with_value(all) +
                     ") ((++i)) ;;\n"
                     "      -*) ;;\n"
                     "      *) words+=(\"${COMP_WORDS[i]}\") ;;\n"
                     "    esac\n"
                     "  done\n"
                     "  case \"${words[*]}/$former\" in\n" +
                     cases_of_names(all) + kNames +
                     "  case \"${words[*]}\" in\n"
                     "    \"\") choices=\"" +
                     joined(words.first) + "\" ;;\n";
  for (const auto& [first, second] : words.second)
    text += "    \"" + first + "\") choices=\"" + joined(second) + "\" ;;\n";
  for (const Command& command : all) {
    std::string options;
    for (const Parameter* option : command.options)
      options += (options.empty() ? "--" : " --") + std::string(option->name);
    if (!options.empty())
      text += "    \"" + std::string(command.name) + "\"*) choices=\"" + options + "\" ;;\n";
  }
  text +=
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
    throw UsageError("completion for which shell? Supported: bash");
  std::cout << bash_completion();
  return kDone;
}

}  // namespace adit::cli
