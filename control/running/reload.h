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
#include <string>
#include <vector>

#include "base/background.h"
#include "config/yaml/error.h"
#include "running/control_plane.h"

namespace adit {

class Reloader {
 public:
  // What waits beside the one that is under way.
  static constexpr size_t kMaxWaiting = 16;

  struct Outcome {
    std::exception_ptr error;  // set: refused (ConfigError) or failed; everything is as it was
    uint64_t generation = 0;   // that runs
    std::vector<std::string> changes;        // one line each
    std::vector<std::string> needs_restart;  // of a check: those of them that take a restart
    std::vector<std::string> refused;        // of a check: what of the ports cannot be opened
    std::vector<ConfigMistake> warnings;
  };
  using Done = std::function<void(Outcome)>;

  // `path`: the file. `control_plane` must outlive this, and leaves its updates to it. `opener`:
  // null where ports stay as they are.
  Reloader(ControlPlane& control_plane, std::string path, PortOpener* opener = nullptr);
  // What is under way comes to nothing.
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // Makes the file, as it is when its turn comes, the running configuration. `who` wants it, e.g.
  // "SIGHUP" or "uid:1000,pid:4711"; who asks again before the turn has come gets one reload for
  // both. False: too many wait. `done` is called by tick().
  bool reload(std::string who, Done done = {});
  // Says what a reload would change. `text`: YAML that is called `file_name` in messages; none: the
  // file.
  bool check(std::optional<std::string> text, std::string file_name, Done done);

  // Starts what is next, and takes over what is ready, a little each time. To be called every
  // few milliseconds.
  void tick(uint64_t now_ns);
  // Nothing is under way and nothing waits.
  bool idle() const noexcept { return !job_ && waiting_.empty() && background_.idle(); }

 private:
  struct Request;
  struct Job;
  void start(Request request, uint64_t now_ns);
  // In the thread beside.
  void read(Job& job) const;
  void open_ports(Job& job) const;
  void compile(Job& job) const;
  void plan_change(Job& job, Config config) const;
  void check_ports(const Config& former, Config next, std::vector<std::string>& refused) const;
  bool advance(Job& job, uint64_t now_ns);
  void give_up(Job& job, uint64_t now_ns);
  void report(Job& job);

  ControlPlane& control_plane_;
  const std::string path_;
  PortOpener* const opener_;
  std::deque<Request> waiting_;
  std::shared_ptr<Job> job_;
  Background background_;  // goes first: its job uses the above
};

}  // namespace adit
