// SPDX-License-Identifier: Apache-2.0
// A network namespace in which interfaces of the kernel are followed: opened while that may be
// done, asked again after failures, and noticed when another one has its name.
#pragma once

#include <spdlog/spdlog.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/network_namespace.h"
#include "netlink/interface_follower.h"
#include "running/kernel_source.h"

namespace adit {

template <class Entry>
class KernelSpace {
 public:
  using Follower = InterfaceFollower<Entry>;

  // `name`: of `ip netns`; empty: our own. `event`: begins the names of its events in the log.
  KernelSpace(std::string name, std::string event, typename Follower::Sink& sink)
      : name_(std::move(name)), event_(std::move(event)), sink_(sink) {}

  // Interfaces by name; none: nothing is followed. The first time it opens a socket there, which
  // takes CAP_SYS_ADMIN; one that is open stays so, as it may not be opened again.
  void follow(std::set<std::string> names) {
    names_ = std::move(names);
    if (follower_)
      follower_->follow(names_);
    else if (!names_.empty() && why_.empty())
      open();
  }
  void refresh(uint64_t now_ns) {
    if (follower_) follower_->refresh(now_ns);
  }
  // To be called about every millisecond.
  void tick(uint64_t now_ns) {
    // What comes while nothing is followed is left, and lost: it is read when something is.
    if (!follower_ || names_.empty()) return;
    try {
      follower_->tick(now_ns);
    } catch (const std::exception& error) {
      // It may not be opened again: that one goes on, too.
      follower_->refresh(now_ns + KernelLists::kRetryNs);
      failed(error.what());
    }
  }
  // Opens what failed, or what is another namespace of that name now: to be called every few
  // seconds. What is known stays until the kernel can be asked again.
  void look_again() {
    if (names_.empty()) return;
    is_stale_ = follower_ && namespace_inode(name_) != inode_;
    if (is_stale_ || !why_.empty()) open();
  }
  void round_ended() {
    if (!is_stale_) why_.clear();
  }

  const std::string& name() const noexcept { return name_; }
  // Null: it could not be opened.
  const Follower* follower() const noexcept { return follower_.get(); }
  // Writes how it stands, but for what is `waiting`.
  void put_state(KernelSource& source) const {
    source.network_namespace = name_;
    source.error = why_;
    if (follower_) {
      source.rounds = follower_->rounds();
      source.overruns = follower_->overruns();
    }
    if (!why_.empty())
      source.state = KernelSource::State::kFailed;
    else if (!follower_ || !follower_->is_complete())
      source.state = KernelSource::State::kReading;
    else
      source.state = KernelSource::State::kFollowing;
  }

 private:
  void open() {
    try {
      auto made = std::make_unique<Follower>(name_, sink_);
      inode_ = namespace_inode(name_);
      sink_.opened(name_);
      follower_ = std::move(made);
      is_stale_ = false;
      why_.clear();
      follower_->follow(names_);
      spdlog::info("event={}_followed namespace={} interfaces={}", event_, log_value(name_),
                   names_.size());
    } catch (const std::exception& error) {
      failed(error.what());
    }
  }
  void failed(const char* why) {
    if (std::exchange(why_, why) == why) return;
    spdlog::error("event={}_failed namespace={} error={}", event_, log_value(name_),
                  log_value(why_));
  }

  std::string name_, event_;
  typename Follower::Sink& sink_;
  std::unique_ptr<Follower> follower_;
  std::set<std::string> names_;
  std::string why_;        // it could not be opened, or the kernel cannot be asked
  uint64_t inode_ = 0;     // of the namespace
  bool is_stale_ = false;  // there is another one of that name now
};

}  // namespace adit
