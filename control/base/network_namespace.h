// SPDX-License-Identifier: Apache-2.0
// Network namespaces of `ip netns`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace adit {

// Calls the function in a thread that is in the namespace; empty: in our own. What it opens there
// (sockets, interfaces) stays there, whoever uses it. Throws std::runtime_error where the namespace
// cannot be entered, which takes CAP_SYS_ADMIN.
void run_in_namespace(const std::string& name, const std::function<void()>& function);

// What tells it from another one of that name; 0: there is none. Of our own always the same.
uint64_t namespace_inode(const std::string& name);

}  // namespace adit
