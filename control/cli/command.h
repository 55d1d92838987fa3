// SPDX-License-Identifier: Apache-2.0
// What a command of aditctl is. Most are made of the API's catalogue; the command line is checked
// against their table, and help and shell completion are made from it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "api/catalogue.h"

namespace adit::cli {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kConfigurationRefused = 3,
  kUnreachable = 5,
};

// What was asked for makes no sense: exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Command;

// A command line, understood.
struct Invocation {
  const Command* command = nullptr;
  std::vector<std::string> arguments;          // behind the command's name
  std::map<std::string, std::string> options;  // the command's own, by name; flags: ""
  std::string socket;
  bool json = false;
  bool human = false;
  bool wide = false;
  std::optional<double> watch_s;
};

struct Command {
  std::string_view name;  // "show fdb"
  std::string argument;   // "[FILE]"; empty: takes none
  std::string_view help;
  const MethodInfo* method;                    // null: the command is more than a call
  std::vector<const Parameter*> options = {};  // that it has: the method's
  int (*run)(const Invocation& invocation);    // returns the exit code

  bool is_shown() const { return method != nullptr && !method->columns.empty(); }
  // Null where it has none of this name.
  const Parameter* find_option(std::string_view option) const;
};
using Commands = std::span<const Command>;

Commands commands();
// aditctl's commands over any catalogue, which has to stay.
std::vector<Command> make_commands(Catalogue catalogue);

// The command whose name begins `words`, which lose it. Throws UsageError.
const Command& take_command(std::vector<std::string>& words);

// What the functions of the table are; they print and return the exit code.
int run_check(const Invocation& invocation);
int run_diff(const Invocation& invocation);
int run_change(const Invocation& invocation);
int run_revision(const Invocation& invocation);
int run_drain(const Invocation& invocation);
int run_call(const Invocation& invocation);
int run_show(const Invocation& invocation);
int run_api(const Invocation& invocation);
int run_version(const Invocation& invocation);
int run_help(const Invocation& invocation);
int run_completion(const Invocation& invocation);

}  // namespace adit::cli
