// SPDX-License-Identifier: Apache-2.0
// DPDK's own messages as lines of adit's log (event=dpdk).
#pragma once

namespace adit {

// To be called before rte_eal_init(), after set_up_log(). Without it, DPDK would write to stderr
// and to syslog itself, and wait for their readers.
void send_dpdk_log_to_ours();

}  // namespace adit
