// SPDX-License-Identifier: Apache-2.0
// Exit codes of all binaries.
#pragma once

namespace adit {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitConfigRefused = 3,
  kExitPreflight = 4,  // the machine lacks something, or EAL does not start
  kExitUnreachable = 5,
};

}  // namespace adit
