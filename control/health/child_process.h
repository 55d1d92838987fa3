// SPDX-License-Identifier: Apache-2.0
// A program in a process group of its own, without a shell, our descriptors or our environment.
#pragma once

#include <sys/types.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "health/probe_context.h"

namespace adit {

class ChildProcess : public std::enable_shared_from_this<ChildProcess> {
 public:
  // A status as waitpid gives it, or -1 when it can not be had.
  using Exited = std::function<void(int status)>;

  // The account that a program runs as; it has that one's group alone.
  struct Account {
    uid_t uid = 0;
    gid_t gid = 0;
  };

  // Starts it, as `account` or as we are; its input and output are /dev/null. None: `error` says
  // why.
  static std::shared_ptr<ChildProcess> spawn(const std::shared_ptr<ProbeContext>& context,
                                             const std::vector<std::string>& argv,
                                             const std::vector<std::string>& environment,
                                             const std::optional<Account>& account,
                                             boost::system::error_code& error);
  ChildProcess(std::shared_ptr<ProbeContext> context, pid_t pid, int pidfd);
  // Kills it if it still runs.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // `exited` is called once, later, unless kill() comes before. The process is waited for (and
  // this object kept) until it has ended, whoever else lets go of it.
  void wait(Exited exited);
  // Kills all of its group; `exited` is not called any more.
  void kill() noexcept;

 private:
  int reap() noexcept;

  const std::shared_ptr<ProbeContext> context_;
  const pid_t pid_;
  boost::asio::posix::stream_descriptor pidfd_;
  Exited exited_;
  bool reaped_ = false;
};

}  // namespace adit
