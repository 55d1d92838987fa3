// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <algorithm>

#include "base/nearest_name.h"

namespace adit::cli {
namespace {

constexpr CommandOption kNetworkOption = {"network", "NAME", "only what belongs to this network"};
constexpr CommandOption kLimitOption = {"limit", "N", "at most so many rows"};

constexpr CommandOption kRemotesOptions[] = {kNetworkOption, kLimitOption};
constexpr CommandOption kFdbOptions[] = {
    kNetworkOption, {"mac", "MAC", "only this address"}, kLimitOption};
constexpr CommandOption kLimitOptions[] = {kLimitOption};
constexpr CommandOption kBackendsOptions[] = {{"service", "NAME", "only those of this service"},
                                              kLimitOption};
constexpr CommandOption kDrainOptions[] = {{"service", "NAME", "only those of this service"},
                                           {"backend", "ADDRESS", "only those of this address"}};
constexpr CommandOption kConnectionsOptions[] = {
    {"service", "NAME|ADDRESS", "only those of this service"},
    {"backend", "ADDRESS", "only those with this backend"},
    {"client", "ADDRESS[/LENGTH]", "only those of this client, or of clients in this prefix"},
    {"state", "STATE", "only those in this state: established, time_wait, ..."},
    {"vrf", "NAME", "only those of clients in this VRF"},
    {"count", "", "no connections, but how many there are, by backend and state"},
    {"limit", "N", "at most so many rows, 1..10000; 100 if not given, 10000 with --count"},
};
constexpr CommandOption kDropsOptions[] = {{"all", "", "also reasons that dropped nothing"}};

constexpr Command kCommands[] = {
    {"check",
     "[FILE]",
     "",
     "says whether a configuration is right; needs no daemon",
     Watch::kNo,
     {},
     run_check},
    {"reload",
     "",
     "reload",
     "makes the daemon's file the running configuration",
     Watch::kNo,
     {},
     run_reload},
    {"drain", "", "drain", "lets UDP flows leave backends of weight 0 now, at their next packet",
     Watch::kNo, kDrainOptions, run_drain},
    {"show ports", "", "show.ports", "ports with link and counters", Watch::kYes, {}, run_show},
    {"show networks", "", "show.networks", "networks with counters", Watch::kYes, kLimitOptions,
     run_show},
    {"show remotes", "", "show.remotes", "remotes with next hop and counters", Watch::kYes,
     kRemotesOptions, run_show},
    {"show tunnels", "", "show.tunnels", "tunnels of VRFs with next hop and counters", Watch::kYes,
     kLimitOptions, run_show},
    {"show routes", "", "show.routes", "routes of VRFs", Watch::kYes, kLimitOptions, run_show},
    {"show services", "", "show.services", "virtual services with connections and counters",
     Watch::kYes, kLimitOptions, run_show},
    {"show backends", "", "show.backends", "backends with state, connections and counters",
     Watch::kYes, kBackendsOptions, run_show},
    {"show connections", "", "show.connections", "balanced connections, as the workers have them",
     Watch::kYes, kConnectionsOptions, run_show},
    {"show fdb", "", "show.fdb", "the MAC table", Watch::kYes, kFdbOptions, run_show},
    {"show neighbours", "", "show.neighbours", "next hops with MAC and state", Watch::kYes,
     kLimitOptions, run_show},
    {"show drops", "", "show.drops", "dropped packets by reason", Watch::kYes, kDropsOptions,
     run_show},
    {"show workers", "", "show.workers", "workers with their counters", Watch::kYes, {}, run_show},
    {"show status",
     "",
     "show.status",
     "the daemon itself: its log, and whether all workers run",
     Watch::kYes,
     {},
     run_show},
    {"version", "", "version", "versions of client and daemon", Watch::kNo, {}, run_version},
    {"help", "[COMMAND]", "", "describes a command, or lists them", Watch::kNo, {}, run_help},
    {"completion",
     "bash",
     "",
     "prints a completion script for the shell",
     Watch::kNo,
     {},
     run_completion},
};

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
  for (const Command& command : kCommands) {
    if (!command.name.starts_with(first + ' ')) continue;
    if (!list.empty()) list += ", ";
    list += command.name.substr(first.size() + 1);
  }
  return list;
}

}  // namespace

std::span<const Command> commands() noexcept {
  return kCommands;
}

const Command& take_command(std::vector<std::string>& words) {
  if (words.empty()) throw UsageError("a command is missing; `aditctl help` lists them");
  for (const Command& command : kCommands) {
    if (!begins_with(words, command.name)) continue;
    const auto count = 1 + std::count(command.name.begin(), command.name.end(), ' ');
    words.erase(words.begin(), words.begin() + count);
    return command;
  }
  const std::string rest = second_words(words[0]);
  if (!rest.empty() && words.size() == 1) throw UsageError(words[0] + " what? One of: " + rest);
  const std::string wanted = rest.empty() ? words[0] : words[0] + ' ' + words[1];
  std::vector<std::string_view> names = {"show"};
  for (const Command& command : kCommands) names.push_back(command.name);
  throw UsageError("there is no command " + adit::in_quotes(wanted) + did_you_mean(wanted, names) +
                   "; `aditctl help` lists them");
}

}  // namespace adit::cli
