// SPDX-License-Identifier: Apache-2.0
// What adit-replay does with its command line, beside EAL.
#pragma once

#include <functional>

namespace adit::replay {

// Brings EAL up with so many MB; throws EalError.
using StartEal = std::function<void(unsigned memory_mb)>;

// Returns the exit code. It may be called again in a process whose EAL is up.
int run_program(int argc, const char* const* argv, const StartEal& start_eal);

}  // namespace adit::replay
