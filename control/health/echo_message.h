// SPDX-License-Identifier: Apache-2.0
// ICMP and ICMPv6 echo (RFC 792, RFC 4443 section 4), as a raw socket takes and gives it.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "adit/addr.h"

namespace adit {

// What an answer has to repeat.
struct EchoTag {
  uint16_t identifier = 0;
  uint16_t sequence = 0;
  uint64_t payload = 0;  // random: no stray reply has it
  friend bool operator==(const EchoTag&, const EchoTag&) = default;
};

using EchoRequest = std::array<uint8_t, 16>;

// With its checksum for IPv4; for IPv6 the kernel fills it in.
EchoRequest echo_request(IpFamily family, const EchoTag& tag);

// Whether the datagram, for IPv4 with its IP header, is the reply to that request.
bool is_echo_reply(IpFamily family, const EchoTag& tag, std::span<const uint8_t> datagram);

}  // namespace adit
