// SPDX-License-Identifier: Apache-2.0
// `aditctl reload`, `rollback`, `revision`, `drain` and `version`.
#include <iostream>
#include <string>

#include "cli/call.h"
#include "cli/client.h"
#include "cli/command.h"

namespace adit::cli {

using nlohmann::json;

// `reload` and `rollback`.
int run_change(const Invocation& invocation) {
  Client client(invocation.socket);
  const json result =
      client.call(std::string(invocation.command->method->name), method_params(invocation));
  if (invocation.json) {
    std::cout << result.dump(2) << '\n';
    return kDone;
  }
  const json& changes = result.at("changes");
  for (const json& change : changes) std::cout << change.get<std::string>() << '\n';
  std::cout << (changes.empty() ? "nothing changed; generation " : "generation ")
            << result.at("generation");
  if (!result.at("revision").is_null()) std::cout << ", revision " << result["revision"];
  std::cout << '\n';
  if (result.contains("confirm_s"))
    std::cout << "reverts in " << result["confirm_s"] << " s, unless: aditctl confirm\n";
  return kDone;
}

int run_revision(const Invocation& invocation) {
  Client client(invocation.socket);
  const json result = client.call("revision", method_params(invocation));
  if (invocation.json)
    std::cout << result.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  else
    std::cout << result.at("text").get<std::string>();
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
