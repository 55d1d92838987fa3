// SPDX-License-Identifier: Apache-2.0
// Changes of configuration from files, with their lines in the log: read, checked and compiled
// beside control's thread, one after the other.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/background.h"
#include "config/parser.h"
#include "config/yaml/error.h"
#include "revisions/revision_history.h"
#include "running/consequences.h"
#include "running/control_plane.h"

namespace adit {

// A change that was to be confirmed waits for that: no other one is made before.
class WaitsForConfirmation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Reloader {
 public:
  // What waits beside the one that is under way.
  static constexpr size_t kMaxWaiting = 16;

  struct Outcome {
    std::exception_ptr error;  // set: refused (ConfigError) or failed; everything is as it was
    uint64_t generation = 0;   // that runs
    uint64_t revision = 0;     // that runs; 0: none is kept
    std::vector<std::string> changes;        // one line each
    std::vector<std::string> needs_restart;  // of a check: those of them that take a restart
    std::vector<std::string> refused;        // of a check: what of the ports cannot be opened
    std::vector<Consequence> consequences;   // of a check
    std::vector<ConfigMistake> warnings;
    uint64_t confirm_s = 0;  // it reverts unless it is confirmed within this time
    std::string text;        // of a revision
  };
  using Done = std::function<void(Outcome)>;

  // `path`: the file. `control_plane` must outlive this, and leaves its updates to it. `opener`:
  // null where ports stay as they are. `history`: of what runs now.
  Reloader(ControlPlane& control_plane, std::string path, PortOpener* opener = nullptr,
           RevisionHistory history = {nullptr, "no folder is given"});
  // What is under way comes to nothing.
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // These three are done one after the other. False: too many wait. `done` is called by tick().

  // Makes the file, as it is when its turn comes, the running configuration. `who` wants it, e.g.
  // "SIGHUP" or "uid:1000,pid:4711"; who asks again before the turn has come gets one reload for
  // both. `confirm_s`: not 0: what ran before comes back after so many seconds, unless confirm()
  // is called.
  bool reload(std::string who, Done done = {}, uint64_t confirm_s = 0);
  // The same with a revision.
  bool roll_back(uint64_t revision, std::string who, Done done, uint64_t confirm_s = 0);
  // What a reload would change. `text`: YAML that is called `file_name` in messages; none: the
  // file, or the revision, if that is not 0.
  bool check(std::optional<std::string> text, std::string file_name, uint64_t revision, Done done);
  // The text of a revision.
  bool read_revision(uint64_t revision, Done done);

  // What runs stays. Whether it had waited for that.
  bool confirm();
  // Seconds, rounded up, until what runs reverts; none: it stays.
  std::optional<uint64_t> reverts_in_s(uint64_t now_ns) const;
  const RevisionHistory& history() const noexcept { return history_; }
  // All of it that can be is on disk.
  bool is_written() const noexcept { return !history_.has_writes() && background_.idle(); }
  // Why the last revision could not be kept; empty: it could.
  const std::string& not_kept_why() const noexcept { return not_kept_why_; }

  // Starts what is next, and takes over what is ready, a little each time. To be called every
  // few milliseconds.
  void tick(uint64_t now_ns);
  // Nothing is under way and nothing waits.
  bool idle() const noexcept { return !job_ && waiting_.empty() && background_.idle(); }

 private:
  struct Request;
  struct Job;
  bool enqueue(Request request);
  void start(Request request, uint64_t now_ns);
  void begin_reverting(uint64_t now_ns);
  // In the thread beside.
  void read(Job& job) const;
  CheckedConfig read_config(Job& job) const;
  std::string revision_text(uint64_t number) const;
  std::string former_text(const Job& job) const;
  void open_ports(Job& job) const;
  void compile(Job& job) const;
  void plan_change(Job& job, Config config) const;
  void check_ports(const Config& former, Config next, std::vector<std::string>& refused) const;
  bool advance(Job& job, uint64_t now_ns);
  void give_up(Job& job, uint64_t now_ns);
  void report(Job& job, uint64_t now_ns);
  void note_applied(Job& job, uint64_t now_ns);
  void finish(std::shared_ptr<Job> job);

  // What comes back unless what runs is confirmed.
  struct Unconfirmed {
    std::shared_ptr<const Config> former;
    uint64_t former_revision = 0;
    uint64_t until_ns = 0;
  };

  ControlPlane& control_plane_;
  const std::string path_;
  PortOpener* const opener_;
  RevisionHistory history_;
  std::optional<Unconfirmed> unconfirmed_;
  std::string not_kept_why_;
  RevisionHistory::Written written_;  // the thread's beside, while it runs
  std::deque<Request> waiting_;
  std::shared_ptr<Job> job_;
  Background background_;  // goes first: its job uses the above
};

}  // namespace adit
