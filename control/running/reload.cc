// SPDX-License-Identifier: Apache-2.0
#include "running/reload.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/log.h"
#include "base/time_units.h"
#include "config/diff.h"
#include "config/parser.h"
#include "config/port_ids.h"
#include "config/values.h"
#include "running/reload_log.h"

namespace adit {
namespace {

// Nothing is wrong with the text; what cannot be applied knows of no file.
[[noreturn]] void throw_with_file(const ConfigError& error, const std::string& path) {
  std::vector<ConfigMistake> mistakes = error.mistakes();
  for (ConfigMistake& mistake : mistakes)
    if (mistake.file.empty()) mistake.file = path;
  throw ConfigError(std::move(mistakes));
}

constexpr uint64_t kRevertAgainNs = 5 * kNsPerSecond;  // where it fails
constexpr uint64_t kClosingPatienceNs = kNsPerSecond;  // a worker may stand still

}  // namespace

struct Reloader::Request {
  enum class Kind { kReload, kRollback, kRevert, kLearned, kCheck, kReadRevision } kind;
  std::string who = {};  // of a change
  std::optional<std::string> text = {};
  std::string file_name = {};  // of the text
  uint64_t revision = 0;       // to go back to, to check, to read
  uint64_t confirm_s = 0;
  std::vector<Done> done = {};

  bool makes_change() const { return kind != Kind::kCheck && kind != Kind::kReadRevision; }
  // What may be gone back from.
  bool is_of_operator() const { return makes_change() && kind != Kind::kLearned; }
  const char* what() const {
    return kind == Kind::kRollback ? "rollback" : kind == Kind::kRevert ? "revert" : "reload";
  }
};

struct Reloader::Job {
  Request request;
  Basis basis;
  std::shared_ptr<const Config> former;     // that runs until it is replaced
  std::shared_ptr<const Config> to_revert;  // to this
  std::string text;                         // of the new one
  Planned planned;
  Prepared prepared;
  std::vector<TouchedBackends> touched;  // of a check
  Outcome outcome;
  // kRead, kOpening and kCompiling are of the thread beside; kMakingWay waits for workers, kClosing
  // until ports that are gone are closed.
  enum class Step { kRead, kMakingWay, kOpening, kCompiling, kCommit, kClosing } step = Step::kRead;
  uint64_t committed_ns = 0;
  bool has_made_way = false;

  // The file, or the revision, in words.
  std::string source(const std::string& path) const {
    return request.revision == 0 ? path : "revision " + std::to_string(request.revision);
  }
};

Reloader::Reloader(ControlPlane& control_plane, std::string path, PortOpener* opener,
                   RevisionHistory history)
    : control_plane_(control_plane),
      path_(std::move(path)),
      opener_(opener),
      history_(std::move(history)) {
  control_plane_.leave_updates();
}

Reloader::~Reloader() = default;

bool Reloader::enqueue(Request request) {
  if (waiting_.size() >= kMaxWaiting) return false;
  waiting_.push_back(std::move(request));
  return true;
}

bool Reloader::reload(std::string who, Done done, uint64_t confirm_s) {
  const auto same = std::find_if(waiting_.begin(), waiting_.end(), [&](const Request& request) {
    return request.kind == Request::Kind::kReload && request.who == who &&
           request.confirm_s == confirm_s;
  });
  if (same != waiting_.end()) {
    same->done.push_back(std::move(done));
    return true;
  }
  return enqueue({.kind = Request::Kind::kReload,
                  .who = std::move(who),
                  .confirm_s = confirm_s,
                  .done = {std::move(done)}});
}

bool Reloader::roll_back(uint64_t revision, std::string who, Done done, uint64_t confirm_s) {
  return enqueue({.kind = Request::Kind::kRollback,
                  .who = std::move(who),
                  .revision = revision,
                  .confirm_s = confirm_s,
                  .done = {std::move(done)}});
}

bool Reloader::check(std::optional<std::string> text, std::string file_name, uint64_t revision,
                     Done done) {
  return enqueue({.kind = Request::Kind::kCheck,
                  .text = std::move(text),
                  .file_name = std::move(file_name),
                  .revision = revision,
                  .done = {std::move(done)}});
}

bool Reloader::read_revision(uint64_t revision, Done done) {
  return enqueue(
      {.kind = Request::Kind::kReadRevision, .revision = revision, .done = {std::move(done)}});
}

bool Reloader::confirm() {
  if (!unconfirmed_) return false;
  unconfirmed_.reset();
  history_.set_standing(history_.running(), Standing::kGood);
  spdlog::info("event=confirmed revision={}", history_.running());
  return true;
}

std::optional<uint64_t> Reloader::reverts_in_s(uint64_t now_ns) const {
  if (!unconfirmed_) return std::nullopt;
  const uint64_t left_ns = unconfirmed_->until_ns - std::min(unconfirmed_->until_ns, now_ns);
  return (left_ns + kNsPerSecond - 1) / kNsPerSecond;
}

void Reloader::begin_reverting(uint64_t now_ns) {
  if (!unconfirmed_ || now_ns < unconfirmed_->until_ns) return;
  unconfirmed_->until_ns = now_ns + kRevertAgainNs;
  waiting_.push_front({.kind = Request::Kind::kRevert,
                       .who = "unconfirmed",
                       .revision = unconfirmed_->former_revision});
}

void Reloader::tick(uint64_t now_ns) {
  if (!background_.idle()) return;
  history_.lose(std::exchange(written_.lost, {}));
  if (written_.why != not_kept_why_) {
    not_kept_why_ = written_.why;
    if (!not_kept_why_.empty())
      spdlog::error("event=revision_not_kept error={}", log_value(not_kept_why_));
  }
  begin_reverting(now_ns);
  if (job_) {
    if (!advance(*job_, now_ns)) return;
    report(*job_, now_ns);
    return finish(std::exchange(job_, nullptr));
  }
  if (history_.has_writes()) return finish(nullptr);
  if (!waiting_.empty()) {
    Request next = std::move(waiting_.front());
    waiting_.pop_front();
    return start(std::move(next), now_ns);
  }
  if (control_plane_.wants_update(now_ns)) start({.kind = Request::Kind::kLearned}, now_ns);
}

// What ran before is large; taking it apart is not for control, and a disk may be slow. The rest
// goes back to the kernel: it is not needed before the next reload.
void Reloader::finish(std::shared_ptr<Job> job) {
  background_.start([this, store = history_.store(), writes = history_.take_writes(),
                     job = std::move(job)]() mutable {
    if (store && !writes.empty()) written_ = RevisionHistory::write(*store, writes);
    if (!job) return;
    job.reset();
    malloc_trim(0);
  });
}

void Reloader::start(Request request, uint64_t now_ns) {
  using Kind = Request::Kind;
  if (request.kind == Kind::kRevert && !unconfirmed_) return;  // it was confirmed meanwhile
  job_ = std::make_shared<Job>();
  job_->request = std::move(request);
  if (job_->request.makes_change())
    job_->basis = control_plane_.basis(now_ns);
  else
    job_->basis.former = control_plane_.state();
  job_->former = job_->basis.former->config;
  if (job_->request.kind == Kind::kRevert) job_->to_revert = unconfirmed_->former;
  if (job_->request.kind == Kind::kReload && unconfirmed_ && job_->request.confirm_s == 0) {
    job_->outcome.error = std::make_exception_ptr(
        WaitsForConfirmation("the last change waits for confirmation, and reverts in " +
                             std::to_string(*reverts_in_s(now_ns)) +
                             " s: first confirm it, roll it back, or reload with --confirm"));
    return;
  }
  background_.start([this, job = job_.get()] { read(*job); });
}

// Throws ConfigError: somebody may have removed its file.
std::string Reloader::revision_text(uint64_t number) const {
  try {
    return history_.store()->text(number);
  } catch (const std::exception& error) {
    throw ConfigError({{history_.store()->folder(), 0, 0,
                        std::string("revision cannot be read: ") + error.what()}});
  }
}

// The text that is asked for, and what it says. Throws ConfigError.
CheckedConfig Reloader::read_config(Job& job) const {
  const Request& request = job.request;
  ConfigLimits limits;
  limits.cancelled = &background_.cancelled();
  if (request.text) return check_config(*request.text, request.file_name, limits);
  job.text = request.revision == 0 ? read_config_file(path_) : revision_text(request.revision);
  return check_config(job.text, job.source(path_), limits);
}

// As it was applied, where it is kept.
std::string Reloader::former_text(const Job& job) const {
  try {
    if (job.request.revision != 0) return revision_text(job.request.revision);
  } catch (const ConfigError&) {
  }
  return config_text(*job.to_revert);
}

void Reloader::read(Job& job) const {
  using Kind = Request::Kind;
  const Request& request = job.request;
  try {
    switch (request.kind) {
      case Kind::kLearned:
        return compile(job);
      case Kind::kReadRevision:
        job.outcome.text = revision_text(request.revision);
        return;
      case Kind::kRevert:
        job.text = former_text(job);
        return plan_change(job, *job.to_revert);
      case Kind::kCheck:
      case Kind::kReload:
      case Kind::kRollback:
        break;
    }
    CheckedConfig checked = read_config(job);
    job.outcome.warnings = std::move(checked.warnings);
    if (request.makes_change()) return plan_change(job, std::move(checked.config));
    ConfigDiff diff = diff_configs(*job.former, checked.config);
    job.outcome.changes = std::move(diff.changes);
    job.outcome.needs_restart = std::move(diff.needs_restart);
    job.touched = touched_backends(*job.basis.former, checked.config);
    check_ports(*job.former, std::move(checked.config), job.outcome.refused);
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
    throw_with_file(error, job.source(path_));
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
    job.outcome.error = std::make_exception_ptr(ConfigError(
        {{job.source(path_), 0, 0, std::string(error.what()) + "; nothing was changed"}}));
  }
}

void Reloader::compile(Job& job) const {
  job.step = Job::Step::kCommit;
  try {
    job.prepared = job.request.kind == Request::Kind::kLearned
                       ? prepare_learned(job.basis)
                       : prepare(std::move(job.basis), job.planned);
  } catch (const ConfigError& error) {
    throw_with_file(error, job.source(path_));
  }
}

// A step of what is left for control. Whether the job is through.
bool Reloader::advance(Job& job, uint64_t now_ns) {
  using Step = Job::Step;
  if (!job.request.makes_change()) return true;
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
        job.step = Step::kClosing;
        job.committed_ns = now_ns;
        [[fallthrough]];
      case Step::kClosing:
        // Who is answered may take their devices at once.
        return control_plane_.dataplane().are_closed() ||
               now_ns >= job.committed_ns + kClosingPatienceNs;
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

// An operator's change is running.
void Reloader::note_applied(Job& job, uint64_t now_ns) {
  using Kind = Request::Kind;
  const Request& request = job.request;
  const uint64_t former = history_.running();
  const bool waited = unconfirmed_.has_value();
  if (!job.outcome.changes.empty()) {
    if (waited || request.kind == Kind::kRollback) history_.set_standing(former, Standing::kLeft);
    history_.add({.who = request.who,
                  .origin = request.kind == Kind::kReload ? "file"
                                                          : std::string(request.what()) + " to " +
                                                                std::to_string(request.revision),
                  .file = path_,
                  .standing = request.confirm_s != 0 ? Standing::kUnconfirmed : Standing::kGood,
                  .changes = job.outcome.changes},
                 std::move(job.text));
  }
  if (request.confirm_s == 0) return unconfirmed_.reset();
  if (job.outcome.changes.empty() && !waited) return;
  if (!waited) unconfirmed_ = {std::move(job.former), former, 0};
  unconfirmed_->until_ns = now_ns + request.confirm_s * kNsPerSecond;
  job.outcome.confirm_s = request.confirm_s;
}

void Reloader::report(Job& job, uint64_t now_ns) {
  Outcome& outcome = job.outcome;
  outcome.generation = control_plane_.generation();
  const Request& request = job.request;
  if (!outcome.error && request.is_of_operator()) note_applied(job, now_ns);
  outcome.revision = history_.running();
  outcome.consequences = consequences(job.touched, control_plane_.dataplane());
  if (request.makes_change()) {
    const ChangeInWords change = {
        request.what(), request.who.empty() ? "learned_remotes" : request.who, job.source(path_)};
    try {
      if (outcome.error) std::rethrow_exception(outcome.error);
      if (request.is_of_operator())
        log_accepted(change, outcome.generation, outcome.revision, outcome.changes);
      log_warnings(outcome.warnings);
    } catch (const ConfigError& error) {
      log_refused(change, error.mistakes());
    } catch (const WaitsForConfirmation& error) {
      log_failed(change, "refused", error.what());
    } catch (const std::exception& error) {
      log_failed(change, "failed", error.what());
    }
  }
  for (Done& done : std::exchange(job.request.done, {}))
    if (done) done(outcome);
}

}  // namespace adit
