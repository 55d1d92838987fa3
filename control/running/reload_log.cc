// SPDX-License-Identifier: Apache-2.0
#include "running/reload_log.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/log.h"

namespace adit {
namespace {

// One reload must not drown the log: a new file may change thousands of networks.
constexpr size_t kMaxLinesLogged = 100;

}  // namespace

void log_accepted(const ChangeInWords& change, uint64_t generation, uint64_t revision,
                  const std::vector<std::string>& changes) {
  spdlog::info("event={} result=accepted who={} file={} generation={} revision={} changes={}",
               change.what, log_value(change.who), log_value(change.from), generation, revision,
               changes.size());
  const size_t shown = std::min(changes.size(), kMaxLinesLogged);
  for (size_t i = 0; i < shown; ++i)
    spdlog::info("event=config_change generation={} change={}", generation, log_value(changes[i]));
  if (shown < changes.size())
    spdlog::info("event=config_change generation={} not_shown={}", generation,
                 changes.size() - shown);
}

void log_warnings(const std::vector<ConfigMistake>& warnings) {
  for (const ConfigMistake& warning : warnings)
    spdlog::warn("event=config_warning warning={}", log_value(to_string(warning)));
}

void log_refused(const ChangeInWords& change, const std::vector<ConfigMistake>& mistakes) {
  spdlog::warn("event={} result=refused who={} file={} mistakes={}", change.what,
               log_value(change.who), log_value(change.from), mistakes.size());
  const size_t shown = std::min(mistakes.size(), kMaxLinesLogged);
  for (size_t i = 0; i < shown; ++i)
    spdlog::warn("event=config_mistake mistake={}", log_value(to_string(mistakes[i])));
  if (shown < mistakes.size())
    spdlog::warn("event=config_mistake not_shown={}", mistakes.size() - shown);
}

void log_failed(const ChangeInWords& change, const char* result, const std::string& why) {
  spdlog::error("event={} result={} who={} file={} error={}", change.what, result,
                log_value(change.who), log_value(change.from), log_value(why));
}

}  // namespace adit
