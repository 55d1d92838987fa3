// SPDX-License-Identifier: Apache-2.0
// What aditd gives up once its ports are open, in all of its threads: capabilities it needs no
// more, the right to gain any by a program that it starts, and root's account where ports allow.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace adit {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};
std::optional<Account> find_account(const std::string& name);

// The kinds of ports whose devices others than root can open again.
bool ports_allow_other_accounts(const Config& config);

struct PrivilegePlan {
  uint64_t capabilities = 0;       // a bit for each that is kept, by its number
  std::optional<Account> account;  // none: stay what we are
};

// What a running aditd with this configuration may still need: to open a port again and to tell
// its link's state, to run health checks from their device or account, and to end their programs.
PrivilegePlan privilege_plan(const Config& config, bool has_hugepages);

// "cap_net_admin,cap_net_raw"
std::string capability_names(uint64_t capabilities);

struct Dropped {
  uint64_t capabilities = 0;  // that the threads have now
  std::string account;
  std::vector<std::string> failed;  // what could not be given up, and why
};

// Makes the account the owner of the folders that are adit's alone, so that it can put its socket
// and its files there and remove them: one called `adit`, what $RUNTIME_DIRECTORY names, and `own`
// with the files in them.
void give_folders(const Account& account, const std::string& socket_folder,
                  const std::vector<std::string>& own);

// Carries the plan out in every thread of the process. A capability is kept beside it where the
// files could not be used without: `readable` to be read, the folders `writable` to make files in.
// Threads that are started later inherit what the caller has then.
Dropped drop_privileges(PrivilegePlan plan, const std::string& readable,
                        const std::vector<std::string>& writable);

}  // namespace adit
