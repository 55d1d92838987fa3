// SPDX-License-Identifier: Apache-2.0
#include "cli/ask_check.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "cli/client.h"

namespace adit::cli {

using nlohmann::json;

namespace {

// What a request may have, with room for its other members.
constexpr size_t kMostTextBytes = 1'000'000;

}  // namespace

std::string file_to_check(const Invocation& invocation) {
  if (!invocation.arguments.empty()) return invocation.arguments[0];
  const char* from_environment = std::getenv("ADIT_CONFIG");
  if (from_environment != nullptr && *from_environment != '\0') return from_environment;
  return "/etc/adit/adit.yaml";
}

json ask_check(const std::string& socket, const std::string& path, const std::string& text) {
  Client client(socket);
  json params = {{"text", text}, {"file_name", path}};
  if (params.dump(-1, ' ', false, json::error_handler_t::replace).size() > kMostTextBytes) {
    // It reads its own file itself, however large.
    std::error_code error;
    const std::string own = client.call("version", json::object()).at("config");
    if (!std::filesystem::equivalent(path, own, error)) return {{"too_large", true}};
    params = json::object();
  }
  return client.call("check", params);
}

json refused_by(const json& answer) {
  return answer.is_object() ? answer.value("refused", json::array()) : json::array();
}

}  // namespace adit::cli
