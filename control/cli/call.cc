// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"

#include <iostream>

#include "base/nearest_name.h"
#include "cli/client.h"
#include "cli/table.h"

namespace adit::cli {

using nlohmann::json;

uint64_t number_of(const Parameter& option, const std::string& text) {
  constexpr size_t kMaxDigits = 18;
  const bool is_number = !text.empty() && text.size() <= kMaxDigits &&
                         text.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number || std::stoull(text) < option.min)
    throw UsageError((option.is_argument ? "" : "--") + std::string(option.name) + ' ' +
                     adit::in_quotes(text) + ": expected a number from " +
                     std::to_string(option.min));
  return std::stoull(text);
}

json method_params(const Invocation& invocation) {
  json params = json::object();
  for (const auto& [name, value] : invocation.options) {
    const Parameter& option = *invocation.command->find_option(name);
    if (option.is_flag())
      params[name] = true;
    else if (option.type == ParameterType::kUnsigned)
      params[name] = number_of(option, value);
    else
      params[name] = value;
  }
  const std::vector<std::string>& arguments = invocation.arguments;
  for (const Parameter& parameter : invocation.command->method->parameters) {
    if (!parameter.is_argument) continue;
    if (!arguments.empty())
      params[parameter.name] = number_of(parameter, arguments[0]);
    else if (parameter.presence == Presence::kRequired)
      throw UsageError('`' + std::string(invocation.command->name) + "` needs a " +
                       std::string(parameter.value_name));
  }
  return params;
}

int run_api(const Invocation& invocation) {
  const std::vector<std::string>& arguments = invocation.arguments;
  if (arguments.empty()) throw UsageError("`api` needs a METHOD; `aditctl api help` lists them");
  json params = json::object();
  if (arguments.size() > 1) {
    params = json::parse(arguments[1], nullptr, false);
    if (!params.is_object())
      throw UsageError("parameters " + adit::in_quotes(arguments[1]) +
                       ": expected a JSON object, such as '{\"limit\": 10}'");
  }
  Client client(invocation.socket);
  std::cout << client.call(arguments[0], params).dump(2, ' ', false, json::error_handler_t::replace)
            << '\n';
  return kDone;
}

// What has no words of its own: a line for each part of the answer.
int run_call(const Invocation& invocation) {
  Client client(invocation.socket);
  const json result =
      client.call(std::string(invocation.command->method->name), method_params(invocation));
  if (invocation.json)
    std::cout << result.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  else
    for (const auto& [key, value] : result.items())
      std::cout << key << ": " << cell_text(result, {key, ""}, Numbers::kExact) << '\n';
  return kDone;
}

}  // namespace adit::cli
