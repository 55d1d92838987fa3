// SPDX-License-Identifier: Apache-2.0
#include <pwd.h>

#include "health/probe_context.h"

namespace adit {

std::optional<ProbeContext::Account> ProbeContext::account(const std::string& name) {
  if (const auto found = accounts_.find(name); found != accounts_.end()) return found->second;
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) return std::nullopt;
  return accounts_[name] = {entry->pw_uid, entry->pw_gid};
}

}  // namespace adit
