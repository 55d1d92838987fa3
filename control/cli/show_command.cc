// SPDX-License-Identifier: Apache-2.0
// `aditctl show ...`, once or again and again.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <ctime>
#include <iostream>
#include <optional>
#include <string>

#include "base/nearest_name.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/view.h"

namespace adit::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

// Few enough that the daemon's control thread is never kept for long.
constexpr uint64_t kRowsPerCall = 2'000;

volatile sig_atomic_t interrupted = 0;

struct Sample {
  json rows = json::array();
  bool truncated = false;         // by --limit
  std::optional<uint64_t> total;  // of what the rows are the first of
  Clock::time_point time;
};

uint64_t parse_limit(const std::string& text) {
  constexpr size_t kMaxDigits = 18;
  if (text.empty() || text.size() > kMaxDigits ||
      text.find_first_not_of("0123456789") != std::string::npos || std::stoull(text) == 0)
    throw UsageError("--limit " + adit::in_quotes(text) + ": expected a number from 1");
  return std::stoull(text);
}

const CommandOption* find_option(const Command& command, std::string_view name) {
  const auto found = std::ranges::find(command.options, name, &CommandOption::name);
  return found == command.options.end() ? nullptr : &*found;
}

// Connections come and go: they are one answer, as long as it may be.
bool is_paged(const Command& command) {
  return find_option(command, "limit") != nullptr && command.method != "show.connections";
}

// The parameters that the command line gives.
json method_params(const Invocation& invocation) {
  json params = json::object();
  for (const auto& [name, value] : invocation.options)
    if (find_option(*invocation.command, name)->value_name.empty())
      params[name] = true;
    else if (name != "limit")
      params[name] = value;
  return params;
}

// All rows, page by page.
Sample fetch(Client& client, const Invocation& invocation) {
  const Command& command = *invocation.command;
  const auto limit_option = invocation.options.find("limit");
  const uint64_t limit =
      limit_option == invocation.options.end() ? UINT64_MAX : parse_limit(limit_option->second);
  json params = method_params(invocation);
  Sample sample;
  sample.time = Clock::now();
  if (!is_paged(command) && limit != UINT64_MAX) params["limit"] = limit;
  for (;;) {
    if (is_paged(command)) params["limit"] = std::min(kRowsPerCall, limit - sample.rows.size());
    json page = client.call(std::string(command.method), params);
    for (json& row : page.at("rows")) sample.rows.push_back(std::move(row));
    if (page.contains("total")) sample.total = page["total"].get<uint64_t>();
    if (!page.value("truncated", false)) return sample;
    sample.truncated = sample.rows.size() >= limit || !is_paged(command);
    if (sample.truncated) return sample;
    params["offset"] = page.at("next_offset");
  }
}

std::string table_of(const Invocation& invocation, const Sample& sample,
                     const std::optional<Sample>& former) {
  const std::string method(invocation.command->method);
  const bool counts = invocation.options.contains("count");
  const View& view = view_of(counts ? method + ".count" : method);
  const Numbers numbers = invocation.human ? Numbers::kHuman : Numbers::kExact;
  if (!invocation.watch_s) return render_table(view.columns, sample.rows, numbers);
  const json none = json::array();
  const std::chrono::duration<double> elapsed =
      former ? sample.time - former->time : Clock::duration(1);
  const json rows = rates(view, former ? former->rows : none, sample.rows, elapsed.count());
  return render_table(rate_columns(view), rows, numbers);
}

void on_interrupt(int) {
  interrupted = 1;
}

// Ctrl-C ends the watch between two tables, and cuts the pause short.
void catch_interrupt() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void pause_for(double seconds) {
  const double whole = std::floor(seconds);
  const timespec pause = {static_cast<time_t>(whole), static_cast<long>((seconds - whole) * 1e9)};
  nanosleep(&pause, nullptr);  // ends early on Ctrl-C, which is the point
}

// What the rows are not all of.
void tell_rest(const Invocation& invocation, const Sample& sample) {
  if (sample.truncated && sample.total && !invocation.options.contains("count"))
    std::cerr << sample.rows.size() << " of " << *sample.total
              << "; --limit shows up to 10000, --count how many by backend and state\n";
  else if (sample.truncated)
    std::cerr << "there is more than --limit allows\n";
}

int show_once(Client& client, const Invocation& invocation) {
  const Sample sample = fetch(client, invocation);
  if (invocation.json)
    std::cout << sample.rows.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  else
    std::cout << table_of(invocation, sample, std::nullopt);
  tell_rest(invocation, sample);
  return kDone;
}

int watch(Client& client, const Invocation& invocation) {
  catch_interrupt();
  const bool on_terminal = isatty(STDOUT_FILENO) == 1;
  std::optional<Sample> former;
  while (interrupted == 0) {
    Sample sample = fetch(client, invocation);
    if (invocation.json) {
      std::cout << sample.rows.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    } else {
      if (on_terminal) std::cout << "\033[H\033[2J";
      std::cout << table_of(invocation, sample, former) << std::flush;
      tell_rest(invocation, sample);
      if (!on_terminal) std::cout << '\n';
    }
    if (!std::cout.flush()) return kFailed;
    former = std::move(sample);
    if (interrupted == 0) pause_for(*invocation.watch_s);
  }
  return kDone;
}

}  // namespace

int run_show(const Invocation& invocation) {
  Client client(invocation.socket);
  return invocation.watch_s ? watch(client, invocation) : show_once(client, invocation);
}

}  // namespace adit::cli
