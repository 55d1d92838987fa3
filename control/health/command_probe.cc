// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "health/child_process.h"
#include "health/file_weakness.h"
#include "health/probe_kinds.h"
#include "health/probe_socket.h"

namespace adit {
namespace {

class CommandProbe final : public Probe {
 public:
  using Probe::Probe;

 private:
  void begin() override {
    PacketWay* const way = packet_way(context(), target());
    const std::vector<std::string>& argv = question().command.argv;
    const std::vector<std::string> environment = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ADIT_SERVICE=" + target().service,
        "ADIT_BACKEND_ADDRESS=" + to_string(way != nullptr ? target().alias : target().address),
        "ADIT_BACKEND_NAME=" + to_string(target().address),
        "ADIT_BACKEND_PORT=" + std::to_string(port()),
    };
    if (argv.empty()) return finish(Verdict::kDown, "no command: Invalid argument");
    const auto account = context().account(question().command.user);
    if (!account) return finish(Verdict::kDown, "there is no account " + question().command.user);
    // Who can change it decides what runs here, as that account.
    if (const std::string why = file_weakness(argv.front()); !why.empty())
      return finish(Verdict::kDown, why + "; it is not run");
    boost::system::error_code error;
    const auto spawn = [&] {
      child_ = ChildProcess::spawn(context_ptr(), argv, environment,
                                   as_other(*account, question().command.user), error);
    };
    if (way != nullptr)
      way->run(spawn);
    else
      spawn();
    if (!child_) return fail(argv.front().c_str(), error);
    // Weak: a process that outlives its probe shall not keep it.
    child_->wait([weak = weak_from_this(), this](int status) {
      const auto self = weak.lock();
      if (self && !finished()) judge(status);
    });
  }

  // None: we are that account already, or one that cannot change and that nobody asked to.
  static std::optional<ChildProcess::Account> as_other(const ProbeContext::Account& account,
                                                       const std::string& name) {
    const bool is_default = name == CommandCheck{}.user;
    if (geteuid() == account.uid || (is_default && !may_change_account())) return std::nullopt;
    return ChildProcess::Account{account.uid, account.gid};
  }

  void judge(int status) {
    if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
      return finish(Verdict::kUp, "exit code 0");
    if (status >= 0 && WIFEXITED(status))
      return finish(Verdict::kDown, "exit code " + std::to_string(WEXITSTATUS(status)));
    if (status >= 0 && WIFSIGNALED(status))
      return finish(Verdict::kDown,
                    std::string("killed by a signal: ") + strsignal(WTERMSIG(status)));
    finish(Verdict::kUnknown, "its exit code is unknown");
  }

  void time_out() override {
    finish(Verdict::kDown,
           "no exit within " + std::to_string(target().options.timeout_ms) + " ms; killed");
  }

  void close() noexcept override {
    if (child_) child_->kill();
    child_.reset();
  }

  std::shared_ptr<ChildProcess> child_;
};

}  // namespace

std::shared_ptr<Probe> make_command_probe(const std::shared_ptr<ProbeContext>& context,
                                          const HealthTarget& target) {
  return std::make_shared<CommandProbe>(context, target);
}

}  // namespace adit
