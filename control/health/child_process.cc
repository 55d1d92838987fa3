// SPDX-License-Identifier: Apache-2.0
#include "child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace adit {
namespace {

using boost::system::error_code;

class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  // An error of errno, or 0.
  int set() {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDWR, 0);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions_, 0, 1);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions_, 0, 2);
    if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
    if (error == 0) error = posix_spawnattr_setpgroup(&attributes_, 0);
    if (error == 0) error = posix_spawnattr_setsigmask(&attributes_, &none);
    if (error == 0) error = posix_spawnattr_setsigdefault(&attributes_, &all);
    if (error == 0)
      error = posix_spawnattr_setflags(
          &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return error;
  }

  const posix_spawn_file_actions_t* actions() const noexcept { return &actions_; }
  const posix_spawnattr_t* attributes() const noexcept { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// posix_spawn takes char* const*, and changes nothing.
std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
  list.push_back(nullptr);
  return list;
}

}  // namespace

std::shared_ptr<ChildProcess> ChildProcess::spawn(const std::shared_ptr<ProbeContext>& context,
                                                  const std::vector<std::string>& argv,
                                                  const std::vector<std::string>& environment,
                                                  error_code& error) {
  const auto refuse = [&error](int number) {
    error.assign(number, boost::system::system_category());
    return nullptr;
  };
  if (argv.empty()) return refuse(EINVAL);
  if (context->children >= ProbeContext::kMaxChildren) return refuse(EAGAIN);
  SpawnSettings settings;
  if (const int number = settings.set(); number != 0) return refuse(number);
  pid_t pid = 0;
  const int number =
      posix_spawn(&pid, argv.front().c_str(), settings.actions(), settings.attributes(),
                  pointers(argv).data(), pointers(environment).data());
  if (number != 0) return refuse(number);
  // glibc 2.36 declares pidfd_open() without C linkage.
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) {
    const int reason = errno;
    ::kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return refuse(reason);
  }
  return std::make_shared<ChildProcess>(context, pid, pidfd);
}

ChildProcess::ChildProcess(std::shared_ptr<ProbeContext> context, pid_t pid, int pidfd)
    : context_(std::move(context)), pid_(pid), pidfd_(context_->io(), pidfd) {
  ++context_->children;
}

ChildProcess::~ChildProcess() {
  if (reaped_) return;
  // Nobody waits any more: the io_context is going. A process that hangs in the kernel shall not
  // hold it up; it becomes init's.
  kill();
  constexpr int kPatienceMs = 100;
  pollfd ended = {pidfd_.native_handle(), POLLIN, 0};
  if (poll(&ended, 1, kPatienceMs) == 1) reap();
}

void ChildProcess::wait(Exited exited) {
  exited_ = std::move(exited);
  pidfd_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                    [self = shared_from_this()](error_code error) {
                      if (error) return;  // the destructor sees to the rest
                      const int status = self->reap();
                      const Exited exited = std::move(self->exited_);
                      if (exited) exited(status);
                    });
}

void ChildProcess::kill() noexcept {
  exited_ = nullptr;
  // Not reaped, so no other group can have got its number.
  if (!reaped_) ::kill(-pid_, SIGKILL);
}

int ChildProcess::reap() noexcept {
  ::kill(-pid_, SIGKILL);  // what it left behind in its group
  int status = 0;
  const pid_t reaped = waitpid(pid_, &status, WNOHANG);
  reaped_ = true;
  --context_->children;
  return reaped == pid_ ? status : -1;
}

}  // namespace adit
