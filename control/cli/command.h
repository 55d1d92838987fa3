// SPDX-License-Identifier: Apache-2.0
// What a command of aditctl is. The table of all of them is what the command line is
// checked against; help and shell completion are made from it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

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
  std::optional<double> watch_s;
};

struct CommandOption {
  std::string_view name;        // without dashes
  std::string_view value_name;  // empty: a flag
  std::string_view help;
};

enum class Watch { kNo, kYes };

struct Command {
  std::string_view name;      // "show fdb"
  std::string_view argument;  // "[FILE]"; empty: takes none
  std::string_view method;    // of the API; empty: works without the daemon
  std::string_view help;
  Watch watch;
  std::span<const CommandOption> options;
  int (*run)(const Invocation& invocation);  // returns the exit code
};

std::span<const Command> commands() noexcept;

// The command whose name begins `words`, which lose it. Throws UsageError.
const Command& take_command(std::vector<std::string>& words);

// What the functions of the table are; they print and return the exit code.
int run_check(const Invocation& invocation);
int run_reload(const Invocation& invocation);
int run_drain(const Invocation& invocation);
int run_show(const Invocation& invocation);
int run_version(const Invocation& invocation);
int run_help(const Invocation& invocation);
int run_completion(const Invocation& invocation);

}  // namespace adit::cli
