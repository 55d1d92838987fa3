// SPDX-License-Identifier: Apache-2.0
// What a configuration may say of the log.
#pragma once

namespace adit {

enum class LogTarget { kStderr, kJournald, kSyslog };
enum class LogLevel { kDebug, kInfo, kWarn, kError };

}  // namespace adit
