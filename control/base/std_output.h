// SPDX-License-Identifier: Apache-2.0
// The end of a program that prints: what could not be written is a failure.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <iostream>

namespace adit {

// Returns `code`, or 1 if `code` is 0 and the output could not be written, as on a full disk.
// If the reader has closed the pipe (`| head`), that is no error.
inline int finish_output(const char* program, int code) {
  if (std::cout.flush()) return code;
  pollfd output = {STDOUT_FILENO, POLLOUT, 0};
  const bool reader_is_gone = poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
  if (!reader_is_gone) std::cerr << program << ": cannot write to standard output\n";
  return code == 0 ? 1 : code;
}

}  // namespace adit
