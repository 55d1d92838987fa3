// SPDX-License-Identifier: Apache-2.0
// Who can change a file that says what is done here: a health check's program, a configuration.
#pragma once

#include <string>

namespace adit {

// Empty, or what lets others than root and us change it: the file itself, what it is a link to, or
// a folder on the way to them. What is not there is no weakness.
std::string file_weakness(const std::string& path);

// Whether this process may start a program as another account (CAP_SETUID and CAP_SETGID).
bool may_change_account();

}  // namespace adit
