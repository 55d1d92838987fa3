// SPDX-License-Identifier: Apache-2.0
// `aditctl reload`, `aditctl drain` and `aditctl version`.
#include <iostream>
#include <string>

#include "cli/call.h"
#include "cli/client.h"
#include "cli/command.h"

namespace adit::cli {

using nlohmann::json;

int run_reload(const Invocation& invocation) {
  Client client(invocation.socket);
  const json result = client.call("reload", json::object());
  if (invocation.json) {
    std::cout << result.dump(2) << '\n';
    return kDone;
  }
  const json& changes = result.at("changes");
  for (const json& change : changes) std::cout << change.get<std::string>() << '\n';
  std::cout << (changes.empty() ? "nothing changed; generation " : "generation ")
            << result.at("generation") << '\n';
  return kDone;
}

int run_drain(const Invocation& invocation) {
  Client client(invocation.socket);
  const json result = client.call("drain", method_params(invocation));
  if (invocation.json) {
    std::cout << result.dump(2) << '\n';
    return kDone;
  }
  const auto count = result.at("backends").get<unsigned>();
  std::cout << "UDP flows leave " << count << (count == 1 ? " backend\n" : " backends\n");
  return kDone;
}

int run_version(const Invocation& invocation) {
  if (invocation.options.contains("local")) {
    std::cout << "aditctl " << ADIT_VERSION << '\n';
    return kDone;
  }
  // Also where no daemon answers.
  if (!invocation.json) std::cout << "aditctl " << ADIT_VERSION << std::endl;
  Client client(invocation.socket);
  json result = client.call("version", json::object());
  if (invocation.json) {
    result["aditctl"] = ADIT_VERSION;
    std::cout << result.dump(2) << '\n';
    return kDone;
  }
  std::cout << "aditd " << result.at("version").get<std::string>() << " on "
            << result.at("dpdk").get<std::string>() << ", generation " << result.at("generation")
            << " of " << result.at("config").get<std::string>() << '\n';
  return kDone;
}

}  // namespace adit::cli
