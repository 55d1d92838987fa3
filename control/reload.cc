// SPDX-License-Identifier: Apache-2.0
#include "reload.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <vector>

#include "config_error.h"
#include "config_parser.h"
#include "log.h"

namespace adit {
namespace {

// One reload must not drown the log: a new file may change thousands of networks.
constexpr size_t kMaxLinesLogged = 100;

void log_accepted(const ApplyResult& result, const std::string& path, std::string_view who) {
  spdlog::info("event=reload result=accepted who={} file={} generation={} changes={}",
               log_value(who), log_value(path), result.generation, result.changes.size());
  const size_t shown = std::min(result.changes.size(), kMaxLinesLogged);
  for (size_t i = 0; i < shown; ++i)
    spdlog::info("event=config_change generation={} change={}", result.generation,
                 log_value(result.changes[i]));
  if (shown < result.changes.size())
    spdlog::info("event=config_change generation={} not_shown={}", result.generation,
                 result.changes.size() - shown);
}

void log_refused(const ConfigError& error, const std::string& path, std::string_view who) {
  const auto& mistakes = error.mistakes();
  spdlog::warn("event=reload result=refused who={} file={} mistakes={}", log_value(who),
               log_value(path), mistakes.size());
  const size_t shown = std::min(mistakes.size(), kMaxLinesLogged);
  for (size_t i = 0; i < shown; ++i)
    spdlog::warn("event=config_mistake mistake={}", log_value(to_string(mistakes[i])));
  if (shown < mistakes.size())
    spdlog::warn("event=config_mistake not_shown={}", mistakes.size() - shown);
}

}  // namespace

ApplyResult apply_and_log(const std::function<ApplyResult()>& change, const std::string& path,
                          std::string_view who) {
  try {
    ApplyResult result = change();
    log_accepted(result, path, who);
    return result;
  } catch (const ConfigError& error) {
    log_refused(error, path, who);
    throw;
  } catch (const std::exception& error) {
    spdlog::error("event=reload result=failed who={} file={} error={}", log_value(who),
                  log_value(path), log_value(error.what()));
    throw;
  }
}

ApplyResult reload_from_file(ControlPlane& control_plane, const std::string& path,
                             std::string_view who) {
  const auto change = [&] {
    const Config config = load_config(path);
    try {
      return control_plane.apply(config, monotonic_ns());
    } catch (const ConfigError& error) {
      // Nothing wrong with the text; what cannot be applied knows of no file.
      std::vector<ConfigMistake> mistakes = error.mistakes();
      for (ConfigMistake& mistake : mistakes)
        if (mistake.file.empty()) mistake.file = path;
      throw ConfigError(std::move(mistakes));
    }
  };
  return apply_and_log(change, path, who);
}

}  // namespace adit
