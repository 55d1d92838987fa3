// SPDX-License-Identifier: Apache-2.0
#include "cli/run.h"

#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>

#include "api/method.h"
#include "base/std_output.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/mistakes.h"
#include "cli/options.h"

namespace adit::cli {
namespace {

using nlohmann::json;

int report(const CallFailed& failure, const Invocation& invocation) {
  if (invocation.json)
    std::cout << json{{"error", failure.error()}}.dump(2, ' ', false,
                                                       json::error_handler_t::replace)
              << '\n';
  const json data = failure.error().value("data", json::object());
  const bool refused = failure.code() == kConfigRefused;
  if (refused && data.is_object() && data.contains("mistakes"))
    print_mistakes(std::cerr, data["mistakes"]);
  else
    std::cerr << "aditctl: " << failure.what() << '\n';
  return refused ? kConfigurationRefused : kFailed;
}

}  // namespace

int run_aditctl(const std::vector<std::string>& arguments) {
  Invocation invocation;
  try {
    invocation = parse_command_line(arguments);
    return finish_output("aditctl", invocation.command->run(invocation));
  } catch (const UsageError& error) {
    std::cerr << "aditctl: " << error.what() << '\n';
    return kUsage;
  } catch (const Unreachable& error) {
    std::cerr << "aditctl: " << error.what() << '\n';
    return kUnreachable;
  } catch (const CallFailed& failure) {
    return finish_output("aditctl", report(failure, invocation));
  } catch (const std::exception& error) {
    std::cerr << "aditctl: " << error.what() << '\n';
    return kFailed;
  }
}

}  // namespace adit::cli
