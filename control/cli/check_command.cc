// SPDX-License-Identifier: Apache-2.0
// `aditctl check`: the parser, here; and where a daemon runs, what it would do with the file.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/ask_check.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/mistakes.h"
#include "config/diff.h"
#include "config/parser.h"
#include "config/yaml/error.h"
#include "config/yaml/mistakes_json.h"

namespace adit::cli {
namespace {

constexpr size_t kMostLines = 20;  // of one kind

using nlohmann::json;

std::string counted(size_t n, const char* noun) {
  return std::to_string(n) + ' ' + noun + (n == 1 ? "" : "s");
}

struct Count {
  const char* key;   // in JSON
  const char* noun;  // of one
  size_t count;
};

// Everything that a configuration has several of.
std::vector<Count> counts_of(const Config& config) {
  size_t remotes = 0, members = 0, tunnels = 0, routes = config.routes.size(), backends = 0,
         sorry = 0, neighbours = config.neighbours.size();
  for (const NetworkConfig& network : config.networks) {
    remotes += network.remotes.size();
    members += network.members.size();
  }
  for (const VrfConfig& vrf : config.vrfs) {
    tunnels += vrf.tunnels.size();
    routes += vrf.routes.size();
    neighbours += vrf.neighbours.size();
  }
  for (const ServiceConfig& service : config.services) {
    backends += service.backends.size();
    sorry += service.sorry.has_value();
  }
  return {{"ports", "port", config.ports.size()},
          {"networks", "network", config.networks.size()},
          {"remotes", "remote", remotes},
          {"members", "member", members},
          {"vrfs", "vrf", config.vrfs.size()},
          {"tunnels", "tunnel", tunnels},
          {"routes", "route", routes},
          {"neighbours", "static neighbour", neighbours},
          {"services", "service", config.services.size()},
          {"backends", "backend", backends},
          {"sorry", "sorry server", sorry},
          {"classifier", "classifier rule", config.classifier.size()}};
}

// "2 ports, 1 network"; of what there is none, nothing is said.
std::string summary_of(const std::vector<Count>& counts) {
  std::string text;
  for (const Count& each : counts)
    if (each.count != 0) text += (text.empty() ? "" : ", ") + counted(each.count, each.noun);
  return text;
}

// "as packets of clients go", "by the host's routes", "by device eth0 of the host"
std::string way_of(const CheckQuestion& check) {
  if (check.way == CheckWay::kPackets) return "as packets of clients go";
  if (check.device.empty()) return "by the routes of the host";
  return "by device " + check.device + " of the host";
}

struct ServiceChecks {
  std::string service, way;
};

// Of the services whose backends are checked.
std::vector<ServiceChecks> checks_of(const Config& config) {
  std::vector<ServiceChecks> checks;
  for (const ServiceConfig& service : config.services)
    if (service.health) checks.push_back({service.name, way_of(service.health->question)});
  return checks;
}

void print_checks(const std::vector<ServiceChecks>& checks) {
  for (size_t i = 0; i < checks.size() && i < kMostLines; ++i)
    std::cout << "checks of " << checks[i].service << ": " << checks[i].way << '\n';
  if (checks.size() > kMostLines)
    std::cout << "checks of " << checks.size() - kMostLines << " more services\n";
}

// Null: there is none; {"unreachable": WHY} where it does not answer. Throws CallFailed.
json daemon_of(const Invocation& invocation, const std::string& path, const std::string& text) {
  try {
    return ask_check(invocation.socket, path, text);
  } catch (const NobodyThere&) {
    return nullptr;
  } catch (const Unreachable& error) {
    return {{"unreachable", error.what()}};
  }
}

void print_daemon(const json& answer, const std::string& socket) {
  if (answer.is_null()) return;
  if (answer.contains("unreachable")) {
    std::cout << "not compared: " << answer["unreachable"].get<std::string>() << '\n';
    return;
  }
  if (answer.contains("too_large")) {
    std::cout << "not compared with the daemon at " << socket
              << ": the file is larger than a request may be\n";
    return;
  }
  const json& changes = answer.at("changes");
  const json& restart = answer.at("needs_restart");
  const json refused = refused_by(answer);
  std::cout << "against the daemon at " << socket << ": " << counted(changes.size(), "change");
  if (!restart.empty()) std::cout << ", " << restart.size() << " of them by a restart alone";
  if (!restart.empty() || !refused.empty())
    std::cout << "; a reload would be refused\n";
  else
    std::cout << (changes.empty() ? "\n" : ", by a reload\n");
  for (const json& reason : refused)
    std::cout << "  cannot be done: " << reason.get<std::string>() << '\n';
  for (const json& change : restart)
    std::cout << "  needs a restart: " << change.get<std::string>() << '\n';
  size_t left = kMostLines;
  for (const json& change : changes) {
    if (std::ranges::find(restart, change) != restart.end()) continue;
    if (left-- == 0) break;
    std::cout << "  " << change.get<std::string>() << '\n';
  }
  if (changes.size() > restart.size() + kMostLines)
    std::cout << "  and " << changes.size() - restart.size() - kMostLines
              << " more; --json has them all\n";
}

}  // namespace

int run_check(const Invocation& invocation) {
  try {
    const std::string path = file_to_check(invocation);
    const std::string text = read_config_file(path);
    const auto [config, warnings] = check_config(text, path);
    if (invocation.options.contains("print")) {
      const std::string yaml = config_text(config);
      std::cout << (invocation.json ? json{{"ok", true}, {"text", yaml}}.dump(
                                          2, ' ', false, json::error_handler_t::replace) +
                                          '\n'
                                    : yaml);
      return kDone;
    }
    const std::vector<Count> counts = counts_of(config);
    const json listed = to_json(warnings);
    const json daemon = daemon_of(invocation, path, text);
    const int code = refused_by(daemon).empty() ? kDone : kConfigurationRefused;
    if (invocation.json) {
      json result = {{"ok", code == kDone}, {"warnings", listed}};
      for (const Count& each : counts) result[each.key] = each.count;
      for (const ServiceChecks& each : checks_of(config)) result["checks"][each.service] = each.way;
      if (daemon.contains("unreachable")) result["not_compared"] = daemon["unreachable"];
      if (daemon.contains("changes"))
        result["daemon"] = {{"changes", daemon.at("changes")},
                            {"needs_restart", daemon.at("needs_restart")},
                            {"refused", refused_by(daemon)}};
      std::cout << result.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
      return code;
    }
    for (const ConfigMistake& warning : warnings)
      std::cerr << "warning: " << to_string(warning) << '\n';
    std::cout << "ok: " << summary_of(counts);
    if (!warnings.empty()) std::cout << "; " << counted(warnings.size(), "warning");
    std::cout << '\n';
    print_checks(checks_of(config));
    print_daemon(daemon, invocation.socket);
    return code;
  } catch (const ConfigError& error) {
    const json mistakes = to_json(error.mistakes());
    if (invocation.json)
      std::cout << json{{"ok", false}, {"mistakes", mistakes}}.dump(2, ' ', false,
                                                                    json::error_handler_t::replace)
                << '\n';
    print_mistakes(std::cerr, mistakes);
    return kConfigurationRefused;
  }
}

}  // namespace adit::cli
