// SPDX-License-Identifier: Apache-2.0
// ICMPv6 for our own addresses on a link: neighbour discovery (RFC 4861) and echo (RFC 4443).
#pragma once

#include "worker/worker.h"

namespace adit {

// `packet` passed check_underlay or check_routed: ICMPv6 begins at Packet::l4_payload. Answers,
// reports to control, or drops.
void handle_icmpv6(Worker& worker, LinkId link, Packet& packet) noexcept;

// A neighbour solicitation for command.target_ip, or an unsolicited advertisement of it where
// it is our own address. Null when there is no buffer.
rte_mbuf* make_solicitation(Worker& worker, const Command& command) noexcept;

// The router advertisement of the link. Null when there is no buffer, or the link has none.
rte_mbuf* make_router_advertisement(Worker& worker, const Command& command) noexcept;

}  // namespace adit
