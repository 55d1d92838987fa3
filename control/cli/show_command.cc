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

#include "cli/call.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/table.h"
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

// All rows, page by page. Connections come and go: they are one answer, as long as it may be.
Sample fetch(Client& client, const Invocation& invocation) {
  const MethodInfo& method = *invocation.command->method;
  json params = method_params(invocation);
  const uint64_t limit = params.value("limit", UINT64_MAX);
  Sample sample;
  sample.time = Clock::now();
  for (;;) {
    if (method.is_paged()) params["limit"] = std::min(kRowsPerCall, limit - sample.rows.size());
    json page = client.call(std::string(method.name), params);
    for (json& row : page.at("rows")) sample.rows.push_back(std::move(row));
    if (page.contains("total")) sample.total = page["total"].get<uint64_t>();
    if (!page.value("truncated", false)) return sample;
    sample.truncated = sample.rows.size() >= limit || !method.is_paged();
    if (sample.truncated) return sample;
    params["offset"] = page.at("next_offset");
  }
}

std::string table_of(const Invocation& invocation, const Sample& sample,
                     const std::optional<Sample>& former) {
  const MethodInfo& method = *invocation.command->method;
  const bool counts = invocation.options.contains("count") && !method.counted.empty();
  const Columns columns = counts ? method.counted : method.columns;
  const auto shown = shown_columns(columns, invocation.wide ? Width::kWide : Width::kUsual);
  const Numbers numbers = invocation.human ? Numbers::kHuman : Numbers::kExact;
  if (!invocation.watch_s) return render_table(shown, sample.rows, numbers);
  const json none = json::array();
  const std::chrono::duration<double> elapsed =
      former ? sample.time - former->time : Clock::duration(1);
  const json rows = rates(columns, former ? former->rows : none, sample.rows, elapsed.count());
  return render_table(shown, rows, numbers, Values::kRates);
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
void note_truncated(const Invocation& invocation, const Sample& sample) {
  if (sample.truncated && sample.total && !invocation.options.contains("count"))
    std::cerr << sample.rows.size() << " of " << *sample.total
              << "; --limit shows up to 10000, --count how many by backend and state\n";
  else if (sample.truncated)
    std::cerr << "there are more rows than --limit allows\n";
}

int show_once(Client& client, const Invocation& invocation) {
  const Sample sample = fetch(client, invocation);
  if (invocation.json)
    std::cout << sample.rows.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  else
    std::cout << table_of(invocation, sample, std::nullopt);
  note_truncated(invocation, sample);
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
      note_truncated(invocation, sample);
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
