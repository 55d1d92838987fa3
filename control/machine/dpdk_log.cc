// SPDX-License-Identifier: Apache-2.0
#include "machine/dpdk_log.h"

#include <rte_log.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "base/log.h"

namespace adit {
namespace {

spdlog::level::level_enum spdlog_level(int dpdk_level) {
  if (dpdk_level <= static_cast<int>(RTE_LOG_CRIT)) return spdlog::level::critical;
  if (dpdk_level == static_cast<int>(RTE_LOG_ERR)) return spdlog::level::err;
  if (dpdk_level == static_cast<int>(RTE_LOG_WARNING)) return spdlog::level::warn;
  if (dpdk_level == static_cast<int>(RTE_LOG_DEBUG)) return spdlog::level::debug;
  return spdlog::level::info;
}

// What came without a newline at its end. The stream's lock is held around each call.
std::string& unfinished_line() {
  static auto* const text = new std::string;
  return *text;
}

constexpr size_t kMaxLineBytes = 4096;

ssize_t take(void*, const char* data, size_t size) {
  std::string& line = unfinished_line();
  for (const char c : std::string_view(data, size)) {
    if (c != '\n') line += c;
    if (c != '\n' && line.size() < kMaxLineBytes) continue;
    if (!line.empty())
      spdlog::log(spdlog_level(rte_log_cur_msg_loglevel()), "event=dpdk text={}", log_value(line));
    line.clear();
  }
  return static_cast<ssize_t>(size);
}

}  // namespace

void send_dpdk_log_to_ours() {
  cookie_io_functions_t functions = {};
  functions.write = take;
  FILE* stream = fopencookie(nullptr, "w", functions);
  // Without it DPDK writes to stderr, as it does by default.
  if (stream != nullptr) (void)rte_openlog_stream(stream);
}

}  // namespace adit
