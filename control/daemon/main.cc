// SPDX-License-Identifier: Apache-2.0
// The daemon: options, configuration, preflight, EAL, and then run_daemon().
#include <poll.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_version.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <memory>
#include <utility>

#include "base/exit_code.h"
#include "base/journal_stream.h"
#include "base/log.h"
#include "base/signal_mask.h"
#include "base/std_descriptors.h"
#include "base/std_output.h"
#include "config/parser.h"
#include "config/yaml/error.h"
#include "daemon/daemon.h"
#include "daemon/options.h"
#include "daemon/start.h"
#include "health/file_weakness.h"
#include "machine/dpdk_log.h"
#include "machine/eal_args.h"
#include "machine/preflight.h"
#include "machine/runtime_files.h"
#include "machine/system_facts.h"
#include "running/reload_log.h"
#include "steering/steering_program.h"
#include "steering/steering_rules.h"

namespace adit {
namespace {

using daemon::Options;

// The file says which programs run here, and where packets go.
void warn_of_weak_file(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (const std::string why = file_weakness(error ? path : absolute.string()); !why.empty())
    spdlog::warn(
        "event=preflight {}: others can change the configuration (remedy: chown root, chmod "
        "go-w)",
        why);
}

// What keeps aditd from starting, or ends it. Who has started it by hand sees it too, wherever the
// log goes; where nobody reads stderr, the end does not wait for that.
void report_failure(LogTarget target, spdlog::level::level_enum level, const std::string& line) {
  spdlog::log(level, "{}", line);
  if (target == LogTarget::kStderr || stderr_is_journal()) return;
  pollfd room = {STDERR_FILENO, POLLOUT, 0};
  if (poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0)
    std::cerr << "aditd: " << line << '\n';
}

// Prints what was found; whether aditd can start.
bool report_preflight(const PreflightReport& report, LogTarget target) {
  for (const Finding& finding : report.warnings)
    spdlog::warn("event=preflight {}", to_string(finding));
  for (const Finding& finding : report.problems)
    report_failure(target, spdlog::level::err, "event=preflight " + to_string(finding));
  return report.ok();
}

// That it is not the file, and why; that no revisions are kept.
void report_start(const Start& start, LogTarget target) {
  const RevisionHistory& history = start.history;
  if (!history.is_kept()) spdlog::warn("event=history_off why={}", log_value(history.why_none()));
  if (start.why.empty()) return;
  report_failure(target, spdlog::level::err,
                 "event=started_with_revision revision=" + std::to_string(history.running()) +
                     " why=" + log_value(start.why));
  for (const ConfigMistake& mistake : start.mistakes)
    spdlog::error("event=config_mistake mistake={}", log_value(to_string(mistake)));
}

// Whether a signal to end is pending, while signals are blocked.
bool end_is_wanted() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

void tidy_up_after_others() {
  for (const std::string& name : remove_leftovers(dpdk_runtime_base()))
    spdlog::info("event=leftover_removed folder={}", log_value(name));
}

bool start_eal(const EalArgs& arguments, LogTarget target) {
  std::string line;
  for (const std::string& argument : arguments.args) line += (line.empty() ? "" : " ") + argument;
  spdlog::info("event=eal_start args={}", log_value(line));
  // EAL keeps pointers into the strings, and may reorder the array.
  static std::vector<std::string> strings;
  static std::vector<char*> pointers;
  strings = arguments.args;
  for (std::string& argument : strings) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const SignalsBlocked blocked;
  if (rte_eal_init(static_cast<int>(strings.size()), pointers.data()) >= 0) return true;
  report_failure(
      target, spdlog::level::err,
      "event=eal_failed error=" + log_value(rte_strerror(rte_errno)) + " args=" + log_value(line));
  return false;
}

// EAL leaves its directory behind; ours has our pid in its name, so no other one is removed.
void remove_runtime_dir(const std::filesystem::path& runtime_dir) {
  if (runtime_dir.filename() != "adit-" + std::to_string(getpid())) return;
  std::error_code error;  // what cannot be removed does no harm
  std::filesystem::remove_all(runtime_dir, error);
}

void clean_up_eal() {
  const std::filesystem::path runtime_dir = rte_eal_get_runtime_dir();
  // With a PCI device that no port has opened, as after a failed start, EAL unmaps page by page
  // what it has mapped for it at once, and complains of each of hundreds.
  rte_log_set_level_pattern("lib.eal", RTE_LOG_CRIT);
  rte_eal_cleanup();
  remove_runtime_dir(runtime_dir);
  tidy_up_after_others();
}

// A worker may go on at any time, and what it would find must still be there: nothing is freed.
[[noreturn]] void end_with_stuck_workers(const WorkersStuck& error) {
  spdlog::critical("event=failed error={}", log_value(error.what()));
  remove_runtime_dir(rte_eal_get_runtime_dir());
  close_log();
  _exit(kExitFailed);
}

int serve(std::shared_ptr<const Config> config, const Options& options, SystemFacts facts,
          RevisionHistory history, const std::string& why_not_file) {
  if (std::any_of(config->ports.begin(), config->ports.end(), is_steered)) {
    clear_steered_interfaces(*config);
    facts.xdp_program = steering_program_path();
  }
  const EalArgs arguments = eal_args(*config, facts, getpid(), options.eal_args);
  // From here on there is something to tidy up: these wait until the daemon takes them.
  block_signals({SIGTERM, SIGINT});
  send_dpdk_log_to_ours();
  const LogTarget target = config->system.log_target;
  if (!start_eal(arguments, target)) return kExitPreflight;
  keep_log_on_own_cores();
  int result = kExitOk;
  try {
    const unsigned workers = worker_count(*config, facts.cpus.size());
    const DataplaneOptions dataplane = dataplane_options(*config, arguments, workers);
    if (end_is_wanted())
      spdlog::info("event=stopped before=ready");
    else
      run_daemon(std::move(config), options.config_path, dataplane, std::move(history),
                 why_not_file);
  } catch (const WorkersStuck& error) {
    end_with_stuck_workers(error);
  } catch (const std::exception& error) {
    report_failure(target, spdlog::level::critical,
                   "event=failed error=" + log_value(error.what()));
    result = kExitFailed;
  }
  clean_up_eal();
  return result;
}

int run(int argc, char** argv) {
  const Options options = daemon::parse_options(argc, argv);
  if (options.help) std::cout << daemon::usage_text();
  if (options.version) std::cout << "aditd " ADIT_VERSION " (" << rte_version() << ")\n";
  if (options.help || options.version) return kExitOk;
  // One that comes before the daemon can take it shall not end it, nor be lost: the file may have
  // changed after it was read.
  if (!options.check) block_signals({SIGHUP});
  // What log rotation sends to other daemons, and what asks them for a status.
  for (int signal : {SIGUSR1, SIGUSR2}) std::signal(signal, SIG_IGN);
  Start start = options.check ? Start{check_config_file(options.config_path), "", {}, {nullptr, ""}}
                              : choose_configuration(options.config_path, options.state_folder);
  auto config = std::make_shared<const Config>(std::move(start.checked.config));
  const LogTarget target = options.check ? LogTarget::kStderr : config->system.log_target;
  set_up_log(target, config->system.log_level);
  log_warnings(start.checked.warnings);
  if (!options.check) report_start(start, target);

  warn_of_weak_file(options.config_path);
  // They may be what there is no room for.
  if (!options.check) tidy_up_after_others();
  const SystemFacts facts = gather_facts(*config);
  const bool ready = report_preflight(preflight(*config, facts), target);
  if (options.check && ready)
    std::cout << "configuration " << options.config_path << " and this machine are fine\n";
  if (options.check || !ready) return ready ? kExitOk : kExitPreflight;
  return serve(std::move(config), options, facts, std::move(start.history), start.why);
}

}  // namespace
}  // namespace adit

int main(int argc, char** argv) {
  adit::secure_std_descriptors();
  try {
    const int result = adit::run(argc, argv);
    adit::close_log();
    return adit::finish_output("aditd", result);
  } catch (const adit::daemon::UsageError& error) {
    std::cerr << "aditd: " << error.what() << "; see aditd --help\n";
    return adit::kExitUsage;
  } catch (const adit::ConfigError& error) {
    std::cerr << error.what() << '\n';
    return adit::kExitConfigRefused;
  } catch (const std::exception& error) {
    std::cerr << "aditd: " << error.what() << '\n';
    return adit::kExitFailed;
  }
}
