// SPDX-License-Identifier: Apache-2.0
#include "base/network_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace adit {

void run_in_namespace(const std::string& name, const std::function<void()>& function) {
  if (name.empty()) return function();
  std::string what;
  std::thread([&] {
    const std::string path = "/run/netns/" + name;
    const int space = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET) != 0) {
      const int error = errno;
      what = "network namespace " + name;
      if (space >= 0 && error == EPERM)
        what += " (it takes CAP_SYS_ADMIN, which aditd gives up at its start; restart it)";
      what += std::string(": ") + std::strerror(error);
    } else {
      function();
    }
    if (space >= 0) close(space);
  }).join();
  if (!what.empty()) throw std::runtime_error(what);
}

uint64_t namespace_inode(const std::string& name) {
  if (name.empty()) return 1;
  struct stat found;
  return stat(("/run/netns/" + name).c_str(), &found) == 0 ? found.st_ino : 0;
}

}  // namespace adit
