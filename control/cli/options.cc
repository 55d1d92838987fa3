// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cmath>
#include <cstdlib>
#include <set>
#include <sstream>

#include "base/nearest_name.h"

namespace adit::cli {
namespace {

namespace po = boost::program_options;

constexpr char kDefaultSocket[] = "/run/adit/adit.sock";
constexpr double kMaxWatch_s = 86'400;

// All commands' own options: po has one namespace, so one name means one thing.
po::options_description describe_all() {
  po::options_description all;
  all.add(global_options());
  std::set<std::string_view> known;
  for (const Command& command : commands()) {
    for (const Parameter* option : command.options) {
      if (!known.insert(option->name).second) continue;
      const std::string name(option->name);
      if (option->is_flag())
        all.add_options()(name.c_str(), "");
      else
        all.add_options()(name.c_str(), po::value<std::string>(), "");
    }
  }
  all.add_options()("words", po::value<std::vector<std::string>>(), "");
  return all;
}

double seconds_of(const std::string& text) {
  char* end = nullptr;
  const double seconds = std::strtod(text.c_str(), &end);
  const bool is_number = !text.empty() && *end == '\0' && std::isfinite(seconds);
  if (!is_number || seconds < 0.1 || seconds > kMaxWatch_s)
    throw UsageError("--watch " + adit::in_quotes(text) + ": expected seconds, 0.1 to 86400");
  return seconds;
}

// po would take any word that follows --watch for its value: only a number is one.
std::vector<std::string> glue_watch(const std::vector<std::string>& arguments) {
  const auto is_number = [](const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
  };
  std::vector<std::string> out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] != "--watch" && arguments[i] != "-w")
      out.push_back(arguments[i]);
    else if (i + 1 < arguments.size() && is_number(arguments[i + 1]))
      out.push_back("--watch=" + arguments[++i]);
    else
      out.push_back("--watch=1");
  }
  return out;
}

po::variables_map parse(const std::vector<std::string>& arguments) {
  const po::options_description all = describe_all();
  po::positional_options_description words;
  words.add("words", -1);
  using style = po::command_line_style::style_t;
  po::variables_map given;
  try {
    // No guessing: --net would change its meaning with the next option that begins so.
    po::store(po::command_line_parser(glue_watch(arguments))
                  .options(all)
                  .positional(words)
                  .style(style::unix_style & ~style::allow_guessing)
                  .run(),
              given);
  } catch (const po::unknown_option& error) {
    std::string name = error.get_option_name();
    name.erase(0, name.find_first_not_of('-'));
    std::vector<std::string_view> names;
    for (const auto& option : all.options())
      if (option->long_name() != "words") names.push_back(option->long_name());
    throw UsageError("there is no option " + adit::in_quotes(error.get_option_name()) +
                     did_you_mean(name, names));
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  return given;
}

const Command& command_named(std::string_view name) {
  const auto all = commands();
  return *std::find_if(all.begin(), all.end(),
                       [&](const Command& command) { return command.name == name; });
}

// The options of this command, and no other's.
std::map<std::string, std::string> own_options(const Command& command,
                                               const po::variables_map& given) {
  const std::vector<std::string> globals = global_option_names();
  std::map<std::string, std::string> own;
  for (const auto& [name, value] : given) {
    if (name == "words" || std::find(globals.begin(), globals.end(), "--" + name) != globals.end())
      continue;
    const Parameter* declared = command.find_option(name);
    if (declared == nullptr)
      throw UsageError("`" + std::string(command.name) + "` has no option --" + name);
    own[name] = declared->is_flag() ? std::string() : value.as<std::string>();
  }
  return own;
}

void check_arguments(const Invocation& invocation) {
  const Command& command = *invocation.command;
  // A command's name may have two words; a method has parameters.
  const bool many = command.name == "help" || command.name == "api";
  const size_t allowed = command.argument.empty() ? 0 : many ? 2 : 1;
  if (invocation.arguments.size() > allowed)
    throw UsageError("`" + std::string(command.name) + "` does not take " +
                     adit::in_quotes(invocation.arguments[allowed]));
  if (invocation.watch_s && !command.is_shown())
    throw UsageError("`" + std::string(command.name) + "` can not be watched");
}

std::string socket_path(const po::variables_map& given) {
  if (given.count("socket") != 0) return given["socket"].as<std::string>();
  const char* from_environment = std::getenv("ADIT_SOCKET");
  if (from_environment != nullptr && *from_environment != '\0') return from_environment;
  return kDefaultSocket;
}

}  // namespace

Invocation parse_command_line(const std::vector<std::string>& arguments) {
  const po::variables_map given = parse(arguments);
  Invocation out;
  out.socket = socket_path(given);
  out.json = given.count("json") != 0;
  out.human = given.count("human") != 0;
  out.wide = given.count("wide") != 0;
  if (given.count("words") != 0) out.arguments = given["words"].as<std::vector<std::string>>();
  if (given.count("help") != 0) {
    out.command = &command_named("help");
    return out;
  }
  if (given.count("version") != 0) {
    out.command = &command_named("version");
    out.options["local"] = "";
    return out;
  }
  if (given.count("watch") != 0) out.watch_s = seconds_of(given["watch"].as<std::string>());
  out.command = &take_command(out.arguments);
  out.options = own_options(*out.command, given);
  check_arguments(out);
  return out;
}

po::options_description global_options() {
  po::options_description options("options of all commands", 100);
  options.add_options()  //
      ("socket,s", po::value<std::string>()->value_name("PATH"),
       "the daemon's socket (default: $ADIT_SOCKET, else /run/adit/adit.sock)")  //
      ("json,j", "print JSON, for programs")                                     //
      ("watch,w", po::value<std::string>()->implicit_value("1")->value_name("SECONDS"),
       "show again and again, every second if not given, with rates; ends on Ctrl-C")  //
      ("human", "print numbers short: 1.2M")                                           //
      ("wide", "show all columns of a table")                                          //
      ("version", "print the version")                                                 //
      ("help,h", "describe the command");
  return options;
}

std::string global_options_text() {
  std::ostringstream out;
  out << global_options();
  return out.str();
}

std::vector<std::string> global_option_names() {
  std::vector<std::string> names;
  const auto globals = global_options();
  for (const auto& option : globals.options()) names.push_back("--" + option->long_name());
  return names;
}

}  // namespace adit::cli
