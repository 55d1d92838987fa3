// SPDX-License-Identifier: Apache-2.0
// Notifies systemd, or another supervisor, of the daemon's state (sd_notify(3)).
#pragma once

#include <string>

namespace adit {

// Sends the assignments, e.g. "READY=1", to $NOTIFY_SOCKET. Not sd_notify() itself, which waits
// without end for a receiver that does not read: this waits 50 ms, and the message is lost then.
void notify_supervisor(const std::string& assignments);

}  // namespace adit
