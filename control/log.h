// SPDX-License-Identifier: Apache-2.0
// Where aditd's log goes. Lines are `key=value key="a value" ...`, one thing each; only
// control writes them, never a worker.
#pragma once

#include <string>
#include <string_view>

#include "config.h"

namespace adit {

// Makes spdlog's default logger write there from `level` on; may be called again. Where
// stderr leads to the journal, lines carry a priority instead of time and level. Throws
// spdlog::spdlog_ex.
void set_up_log(LogTarget target, LogLevel level);

// The value as it may stand behind `key=`: plain, or in quotes with `"`, `` and control
// characters escaped, so that no value can look like another key or line.
std::string log_value(std::string_view value);

}  // namespace adit
