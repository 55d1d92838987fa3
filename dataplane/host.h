// SPDX-License-Identifier: Apache-2.0
// What the gateway answers itself: ARP and ICMP echo on underlay ports, and the ARP
// requests that control wants sent.
#pragma once

#include "worker.h"

namespace adit {

// ARP packet, or ICMP with its IP header checked: answered in place, consumed or dropped.
void handle_arp(Worker& worker, PortId port, Packet& packet) noexcept;
void handle_icmp(Worker& worker, PortId port, Packet& packet) noexcept;

// Takes control's commands and sends what they ask for.
void run_commands(Worker& worker) noexcept;

}  // namespace adit
