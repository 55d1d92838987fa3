// SPDX-License-Identifier: Apache-2.0
// What every program does before anything else opens a file.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace adit {

// Descriptors 0 to 2 that are closed lead to /dev/null: else the next files opened, DPDK's memory
// or a socket, would get these numbers, and error messages would be written into them. Writing to
// a pipe or socket whose reader has gone, or to a file beyond a limit (ulimit -f), is an error of
// that call, and does not end the process.
inline void secure_std_descriptors() noexcept {
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      // The lowest free number, which is fd. Where there is no /dev/null nothing can be done.
      (void)open("/dev/null", O_RDWR);  // NOLINT(android-cloexec-open): children have it too
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace adit
