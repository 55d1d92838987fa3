// SPDX-License-Identifier: Apache-2.0
// `aditctl diff`: what a reload would change, and what that means.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/ask_check.h"
#include "cli/call.h"
#include "cli/client.h"
#include "cli/command.h"
#include "config/parser.h"

namespace adit::cli {
namespace {

using nlohmann::json;

// "+" and "-" for what comes and goes, "~" for what becomes another.
char sign_of(const std::string& change) {
  const auto has = [&](const char* word) {
    const size_t at = change.rfind(word);
    return at != std::string::npos && change.find(" -> ") == std::string::npos;
  };
  if (has(" added")) return '+';
  return has(" removed") ? '-' : '~';
}

std::string meaning_of(const std::string& change, const json& answer) {
  const json& restart = answer.at("needs_restart");
  if (std::ranges::find(restart, json(change)) != restart.end()) return "needs a restart";
  for (const json& consequence : answer.at("consequences"))
    if (change.starts_with(consequence.at("of").get<std::string>())) return consequence.at("text");
  return {};
}

void print(const json& answer) {
  const json& changes = answer.at("changes");
  for (const json& each : changes) {
    const std::string change = each;
    std::cout << sign_of(change) << ' ' << change << '\n';
    if (const std::string meaning = meaning_of(change, answer); !meaning.empty())
      std::cout << "    " << meaning << '\n';
  }
  for (const json& reason : refused_by(answer))
    std::cout << "cannot be done: " << reason.get<std::string>() << '\n';
  if (changes.empty()) std::cout << "no differences\n";
  if (!answer.at("needs_restart").empty() || !refused_by(answer).empty())
    std::cout << "a reload would be refused\n";
}

}  // namespace

int run_diff(const Invocation& invocation) {
  const auto revision = invocation.options.find("revision");
  if (revision != invocation.options.end() && !invocation.arguments.empty())
    throw UsageError("`diff` compares with a file or a revision, not both");
  json answer;
  if (revision != invocation.options.end()) {
    Client client(invocation.socket);
    answer = client.call(
        "check",
        {{"revision", number_of(*invocation.command->find_option("revision"), revision->second)}});
  } else {
    const std::string path = file_to_check(invocation);
    try {
      answer = ask_check(invocation.socket, path, read_config_file(path));
    } catch (const ConfigError& error) {
      std::cerr << error.what() << '\n';
      return kConfigurationRefused;
    }
    if (answer.contains("too_large")) {
      std::cerr << "aditctl: " << path
                << " is larger than a request may be, and not the daemon's own file\n";
      return kFailed;
    }
  }
  if (invocation.json)
    std::cout << answer.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  else
    print(answer);
  return kDone;
}

}  // namespace adit::cli
