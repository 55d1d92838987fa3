// SPDX-License-Identifier: Apache-2.0
// What we answer ourselves: ARP on our links, ICMP echo on underlay ports, and the ARP requests
// that control wants sent.
#pragma once

#include "worker/worker.h"

namespace adit {

// Answers, consumes or drops each packet of Worker::to_host.
void answer_host(Worker& worker) noexcept;

// Reports to control, at most once a second, that a host with this MAC uses our address.
void report_conflict(Worker& worker, LinkId link, const IpAddr& own, const MacAddr& mac) noexcept;

// Sends the answer to `asked`; of a frame of a network, back to the bridge port that it came from.
void answer_on(Worker& worker, LinkId link, const Packet& asked, rte_mbuf* mbuf) noexcept;
// The same for an IP answer, which is fragmented like the request was.
void answer_whole(Worker& worker, LinkId link, const Packet& asked, rte_mbuf* mbuf) noexcept;

// Takes control's commands and sends what they ask for.
void run_commands(Worker& worker) noexcept;

}  // namespace adit
