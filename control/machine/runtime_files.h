// SPDX-License-Identifier: Apache-2.0
// The files that DPDK keeps for a running process, and what processes leave that were killed.
#pragma once

#include <string>
#include <vector>

namespace adit {

// The directory under which EAL makes "dpdk/FILE-PREFIX": by the rules of its
// eal_create_runtime_dir(), $RUNTIME_DIRECTORY first.
std::string dpdk_runtime_base();

// Removes the folders adit-PID of processes that are gone from `base`/dpdk; returns their names.
// A process is alive while it holds the lock on the folder's file `config`; so those in other PID
// namespaces are recognised too.
std::vector<std::string> remove_leftovers(const std::string& base);

}  // namespace adit
