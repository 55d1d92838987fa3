// SPDX-License-Identifier: Apache-2.0
#include "running/reload.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/log.h"
#include "config/diff.h"
#include "config/parser.h"
#include "config/port_ids.h"
#include "config/values.h"

namespace adit {
namespace {

// One reload must not drown the log: a new file may change thousands of networks.
constexpr size_t kMaxLinesLogged = 100;

void log_accepted(const Reloader::Outcome& result, const std::string& path, std::string_view who) {
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

void log_warnings(const std::vector<ConfigMistake>& warnings) {
  for (const ConfigMistake& warning : warnings)
    spdlog::warn("event=config_warning warning={}", log_value(to_string(warning)));
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

// Nothing is wrong with the text; what cannot be applied knows of no file.
[[noreturn]] void throw_with_file(const ConfigError& error, const std::string& path) {
  std::vector<ConfigMistake> mistakes = error.mistakes();
  for (ConfigMistake& mistake : mistakes)
    if (mistake.file.empty()) mistake.file = path;
  throw ConfigError(std::move(mistakes));
}

}  // namespace

struct Reloader::Request {
  enum class Kind { kReload, kCheck, kLearned } kind;
  std::string who;  // of a reload
  std::optional<std::string> text;
  std::string file_name;  // of the text
  std::vector<Done> done;
};

struct Reloader::Job {
  Request request;
  Basis basis;
  Planned planned;
  Prepared prepared;
  Outcome outcome;
  // kRead, kOpening and kCompiling are of the thread beside; kMakingWay waits for workers.
  enum class Step { kRead, kMakingWay, kOpening, kCompiling, kCommit } step = Step::kRead;
  bool has_made_way = false;
};

Reloader::Reloader(ControlPlane& control_plane, std::string path, PortOpener* opener)
    : control_plane_(control_plane), path_(std::move(path)), opener_(opener) {
  control_plane_.leave_updates();
}

Reloader::~Reloader() = default;

bool Reloader::reload(std::string who, Done done) {
  const auto same = std::find_if(waiting_.begin(), waiting_.end(), [&](const Request& request) {
    return request.kind == Request::Kind::kReload && request.who == who;
  });
  if (same != waiting_.end()) {
    same->done.push_back(std::move(done));
    return true;
  }
  if (waiting_.size() >= kMaxWaiting) return false;
  waiting_.push_back({Request::Kind::kReload, std::move(who), std::nullopt, {}, {}});
  waiting_.back().done.push_back(std::move(done));
  return true;
}

bool Reloader::check(std::optional<std::string> text, std::string file_name, Done done) {
  if (waiting_.size() >= kMaxWaiting) return false;
  waiting_.push_back({Request::Kind::kCheck, {}, std::move(text), std::move(file_name), {}});
  waiting_.back().done.push_back(std::move(done));
  return true;
}

void Reloader::tick(uint64_t now_ns) {
  if (!background_.idle()) return;
  if (job_) {
    if (!advance(*job_, now_ns)) return;
    report(*job_);
    // What ran before is large; taking it apart is not for control either. The rest goes back to
    // the kernel: it is not needed before the next reload.
    background_.start([job = std::exchange(job_, nullptr)]() mutable {
      job.reset();
      malloc_trim(0);
    });
    return;
  }
  if (!waiting_.empty()) {
    Request next = std::move(waiting_.front());
    waiting_.pop_front();
    return start(std::move(next), now_ns);
  }
  if (control_plane_.wants_update(now_ns)) start({Request::Kind::kLearned, {}, {}, {}, {}}, now_ns);
}

void Reloader::start(Request request, uint64_t now_ns) {
  job_ = std::make_shared<Job>();
  if (request.kind == Request::Kind::kCheck)
    job_->basis.former = control_plane_.state();
  else
    job_->basis = control_plane_.basis(now_ns);
  job_->request = std::move(request);
  background_.start([this, job = job_.get()] { read(*job); });
}

void Reloader::read(Job& job) const {
  const Request& request = job.request;
  try {
    if (request.kind == Request::Kind::kLearned) return compile(job);
    ConfigLimits limits;
    limits.cancelled = &background_.cancelled();
    CheckedConfig checked = request.text ? check_config(*request.text, request.file_name, limits)
                                         : check_config_file(path_, limits);
    job.outcome.warnings = std::move(checked.warnings);
    if (request.kind == Request::Kind::kReload) return plan_change(job, std::move(checked.config));
    ConfigDiff diff = diff_configs(*job.basis.former->config, checked.config);
    job.outcome.changes = std::move(diff.changes);
    job.outcome.needs_restart = std::move(diff.needs_restart);
    check_ports(*job.basis.former->config, std::move(checked.config), job.outcome.refused);
  } catch (...) {
    job.outcome.error = std::current_exception();
  }
}

// What would be refused of the ports while aditd runs.
void Reloader::check_ports(const Config& former, Config next,
                           std::vector<std::string>& refused) const {
  if (opener_ == nullptr) return;
  std::set<std::string> taps;
  for (const PortConfig& port : former.ports)
    for (const Device& device : devices_of(port))
      if (device.kind == DeviceKind::kTap) taps.insert(to_string(device));
  try {
    take_port_ids(next, former);
    opener_->specs(next, compare_ports(former, next).ids_to_open(), std::move(taps));
  } catch (const ConfigError& error) {
    for (const ConfigMistake& mistake : error.mistakes()) refused.push_back(mistake.message);
  } catch (const std::length_error& error) {
    refused.emplace_back(error.what());
  }
}

void Reloader::plan_change(Job& job, Config config) const {
  try {
    job.planned = plan(job.basis, std::move(config), opener_);
  } catch (const ConfigError& error) {
    throw_with_file(error, path_);
  }
  if (job.planned.ports.open.empty())
    compile(job);
  else
    job.step = Job::Step::kMakingWay;
}

void Reloader::open_ports(Job& job) const {
  try {
    ControlPlane::open_ports(control_plane_.dataplane(), *opener_, *job.planned.config,
                             job.planned.ports);
  } catch (const std::exception& error) {
    // Most likely the file asks for what this machine does not have.
    job.outcome.error = std::make_exception_ptr(
        ConfigError({{path_, 0, 0, std::string(error.what()) + "; nothing was changed"}}));
  }
}

void Reloader::compile(Job& job) const {
  job.step = Job::Step::kCommit;
  try {
    job.prepared = job.request.kind == Request::Kind::kLearned
                       ? prepare_learned(job.basis)
                       : prepare(std::move(job.basis), job.planned);
  } catch (const ConfigError& error) {
    throw_with_file(error, path_);
  }
}

// A step of what is left for control. Whether the job is through.
bool Reloader::advance(Job& job, uint64_t now_ns) {
  using Step = Job::Step;
  if (job.request.kind == Request::Kind::kCheck) return true;
  const auto beside = [this, &job](Step step, void (Reloader::*work)(Job&) const) {
    job.step = step;
    background_.start([this, job = &job, work] {
      try {
        (this->*work)(*job);
      } catch (...) {
        job->outcome.error = std::current_exception();
      }
    });
  };
  try {
    if (job.outcome.error) std::rethrow_exception(job.outcome.error);
    switch (job.step) {
      case Step::kRead:
        break;
      case Step::kMakingWay:
        if (!job.has_made_way) job.has_made_way = control_plane_.begin_opening(job.planned.ports);
        if (job.has_made_way && control_plane_.can_open_ports())
          beside(Step::kOpening, &Reloader::open_ports);
        return false;
      case Step::kOpening:
        control_plane_.finish_opening(job.planned.ports);
        job.basis = control_plane_.basis(now_ns);
        beside(Step::kCompiling, &Reloader::compile);
        return false;
      case Step::kCompiling:
      case Step::kCommit:
        if (!control_plane_.commit(job.prepared, now_ns)) return false;
        job.outcome.changes = std::move(job.prepared.changes);
        return true;
    }
  } catch (...) {
    job.outcome.error = std::current_exception();
    give_up(job, now_ns);
  }
  return true;
}

void Reloader::give_up(Job& job, uint64_t now_ns) {
  if (job.has_made_way) {
    control_plane_.undo_opening(job.planned.ports);
    opener_->give_up(control_plane_.config());
  }
  control_plane_.give_up(job.prepared, now_ns);
}

void Reloader::report(Job& job) {
  const std::string& who = job.request.who;
  job.outcome.generation = control_plane_.generation();
  if (job.request.kind != Request::Kind::kCheck) {
    try {
      if (job.outcome.error) std::rethrow_exception(job.outcome.error);
      if (job.request.kind == Request::Kind::kReload) log_accepted(job.outcome, path_, who);
      log_warnings(job.outcome.warnings);
    } catch (const ConfigError& error) {
      log_refused(error, path_, who);
    } catch (const std::exception& error) {
      spdlog::error("event=reload result=failed who={} file={} error={}",
                    log_value(who.empty() ? "learned_remotes" : who), log_value(path_),
                    log_value(error.what()));
    }
  }
  for (Done& done : std::exchange(job.request.done, {}))
    if (done) done(job.outcome);
}

}  // namespace adit
