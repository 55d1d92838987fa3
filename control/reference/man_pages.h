// SPDX-License-Identifier: Apache-2.0
// The man pages, as text for man(1).
#pragma once

#include <string>

#include "cli/command.h"

namespace adit {

std::string man_aditctl(cli::Commands commands = cli::commands());
std::string man_aditd();
std::string man_adit_replay();
std::string man_adit_yaml();

}  // namespace adit
