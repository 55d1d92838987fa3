// SPDX-License-Identifier: Apache-2.0
// What the log tells of changes of configuration.
#pragma once

#include <string>
#include <vector>

#include "config/yaml/error.h"

namespace adit {

// `what`: "reload", "rollback", "revert". `from`: the file, or "revision 3".
struct ChangeInWords {
  const char* what;
  std::string who, from;
};

void log_accepted(const ChangeInWords& change, uint64_t generation, uint64_t revision,
                  const std::vector<std::string>& changes);
void log_warnings(const std::vector<ConfigMistake>& warnings);
void log_refused(const ChangeInWords& change, const std::vector<ConfigMistake>& mistakes);
// It could not be done, or not now.
void log_failed(const ChangeInWords& change, const char* result, const std::string& why);

}  // namespace adit
