// SPDX-License-Identifier: Apache-2.0
// With which configuration aditd starts: its file, or the last good revision where the file is
// refused, or is what a rollback has left.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/parser.h"
#include "revisions/revision_history.h"

namespace adit {

struct Start {
  CheckedConfig checked;
  std::string why;                      // not the file; empty: it is the file
  std::vector<ConfigMistake> mistakes;  // for which it was refused
  RevisionHistory history;              // with what starts as the one that runs
};

// Throws ConfigError where the file is refused and there is no revision of it.
Start choose_configuration(const std::string& path, const std::string& state_folder);

}  // namespace adit
