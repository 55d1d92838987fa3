// SPDX-License-Identifier: Apache-2.0
// `aditctl check`: the parser, here, with no daemon.
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "command.h"
#include "config_error.h"
#include "config_parser.h"
#include "mistakes.h"

namespace adit::cli {
namespace {

using nlohmann::json;

std::string file_to_check(const Invocation& invocation) {
  if (!invocation.arguments.empty()) return invocation.arguments[0];
  const char* from_environment = std::getenv("ADIT_CONFIG");
  if (from_environment != nullptr && *from_environment != '\0') return from_environment;
  return "/etc/adit/adit.yaml";
}

std::string counted(size_t n, const char* noun) {
  return std::to_string(n) + ' ' + noun + (n == 1 ? "" : "s");
}

json to_json(const ConfigError& error) {
  json mistakes = json::array();
  for (const ConfigMistake& mistake : error.mistakes())
    mistakes.push_back({{"file", mistake.file},
                        {"line", mistake.line},
                        {"column", mistake.column},
                        {"message", mistake.message}});
  return mistakes;
}

}  // namespace

int run_check(const Invocation& invocation) {
  try {
    const Config config = load_config(file_to_check(invocation));
    size_t remotes = 0;
    for (const NetworkConfig& network : config.networks) remotes += network.remotes.size();
    if (invocation.json)
      std::cout << json{{"ok", true},
                        {"ports", config.ports.size()},
                        {"networks", config.networks.size()},
                        {"remotes", remotes}}
                       .dump(2)
                << '\n';
    else
      std::cout << "ok: " << counted(config.ports.size(), "port") << ", "
                << counted(config.networks.size(), "network") << ", " << counted(remotes, "remote")
                << '\n';
    return kDone;
  } catch (const ConfigError& error) {
    const json mistakes = to_json(error);
    if (invocation.json)
      std::cout << json{{"ok", false}, {"mistakes", mistakes}}.dump(2, ' ', false,
                                                                    json::error_handler_t::replace)
                << '\n';
    print_mistakes(std::cerr, mistakes);
    return kConfigurationRefused;
  }
}

}  // namespace adit::cli
