// SPDX-License-Identifier: Apache-2.0
// What we answer ourselves: ARP on our links, ICMP echo on underlay ports, and the ARP requests
// that control wants sent.
#pragma once

#include "worker/worker.h"

namespace adit {

// Each of Worker::to_host is answered, consumed or dropped.
void answer_host(Worker& worker) noexcept;

// Tells control, once a second, that somebody with that MAC uses our address.
void report_conflict(Worker& worker, LinkId link, const IpAddr& own, const MacAddr& mac) noexcept;

// Sends what answers `asked`: where that is a frame of a network, back to where it came from.
void answer_on(Worker& worker, LinkId link, const Packet& asked, rte_mbuf* mbuf) noexcept;
// The same of a frame of IP: in fragments like those in which it was asked for.
void answer_whole(Worker& worker, LinkId link, const Packet& asked, rte_mbuf* mbuf) noexcept;

// Takes control's commands and sends what they ask for.
void run_commands(Worker& worker) noexcept;

}  // namespace adit
