// SPDX-License-Identifier: Apache-2.0
// Where aditd's log goes. Lines are `key=value key="a value" ...`, one thing each; only
// control writes them, never a worker. They wait in a bounded queue for a thread that writes
// them, so a destination that accepts nothing blocks no other thread.
#pragma once

#include <string>
#include <string_view>

#include "base/log_options.h"
#include "base/log_queue.h"

namespace adit {

// Makes spdlog's default logger write there from `level` on; may be called again. Where
// stderr leads to the journal, lines carry a priority instead of time and level. Throws
// spdlog::spdlog_ex.
void set_up_log(LogTarget target, LogLevel level);

// Waits until what was logged is written, as long as lines go out; whether all is.
bool flush_log();
// The same, for the end: where lines do not go out, stderr leads to /dev/null from now on.
void close_log();
// Lines written, lost and waiting since set_up_log().
LogStats log_stats();
// The thread that writes the lines runs on the cores of the calling thread.
void keep_log_on_own_cores();

// The value as it may stand behind `key=`: plain, or in quotes with `"`, `` and control
// characters escaped, so that no value can look like another key or line.
std::string log_value(std::string_view value);

}  // namespace adit
