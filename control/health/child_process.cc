// SPDX-License-Identifier: Apache-2.0
#include "health/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace adit {
namespace {

using boost::system::error_code;

// What the child does between its birth and the program. It shares our memory until then (vfork),
// so it makes system calls and nothing else: no library that would know of other threads. Returns
// errno.
[[gnu::noinline]] int become_program(char* const* argv, char* const* environment,
                                     const ChildProcess::Account* account) noexcept {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) (void)sigaction(signal, &standard, nullptr);
  if (setpgid(0, 0) != 0) return errno;
  const int null = open("/dev/null", O_RDWR);  // NOLINT(android-cloexec-open): it is the program's
  if (null < 0) return errno;
  for (int fd = 0; fd <= 2; ++fd)
    if (dup2(null, fd) < 0) return errno;
  if (syscall(SYS_close_range, 3U, ~0U, 0U) != 0) return errno;
  // Not glibc's calls, which change the account of all threads of the process, which is ours.
  if (account != nullptr &&
      (syscall(SYS_setgroups, 0, nullptr) != 0 ||
       syscall(SYS_setresgid, account->gid, account->gid, account->gid) != 0 ||
       syscall(SYS_setresuid, account->uid, account->uid, account->uid) != 0))
    return errno;
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(argv[0], argv, environment);
  return errno;
}

// The pid, or the negative of an error of errno. Like posix_spawn(), which cannot change accounts:
// our memory, which may be large, is not copied.
pid_t start(char* const* argv, char* const* environment, const ChildProcess::Account* account) {
  volatile int child_error = 0;
  // A handler of ours must not run in the child.
  sigset_t all, former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  const pid_t pid = vfork();  // NOLINT: see above
  if (pid == 0) {
    child_error = become_program(argv, environment, account);
    _exit(127);
  }
  const int error = pid < 0 ? errno : child_error;
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
  if (error == 0) return pid;
  if (pid > 0) waitpid(pid, nullptr, 0);
  return -error;
}

// execve takes char* const*, and changes nothing.
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
                                                  const std::optional<Account>& account,
                                                  error_code& error) {
  const auto refuse = [&error](int number) {
    error.assign(number, boost::system::system_category());
    return nullptr;
  };
  if (argv.empty()) return refuse(EINVAL);
  if (context->children >= ProbeContext::kMaxChildren) return refuse(EAGAIN);
  const pid_t pid =
      start(pointers(argv).data(), pointers(environment).data(), account ? &*account : nullptr);
  if (pid < 0) return refuse(-pid);
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
  // The io_context is being destroyed: no one waits. A process that hangs in the kernel shall not
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
