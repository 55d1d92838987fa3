// SPDX-License-Identifier: Apache-2.0
#include "health/echo_message.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <algorithm>

namespace adit {
namespace {

// Type, code, checksum, identifier and sequence of two bytes each but the first two, payload.
EchoRequest message_of(uint8_t type, const EchoTag& tag) {
  EchoRequest message = {};
  message[0] = type;
  message[4] = static_cast<uint8_t>(tag.identifier >> 8);
  message[5] = static_cast<uint8_t>(tag.identifier);
  message[6] = static_cast<uint8_t>(tag.sequence >> 8);
  message[7] = static_cast<uint8_t>(tag.sequence);
  for (unsigned i = 0; i < 8; ++i)
    message[8 + i] = static_cast<uint8_t>(tag.payload >> (56 - 8 * i));
  return message;
}

// RFC 1071 over a whole number of 16-bit words.
uint16_t checksum(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2)
    sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace

EchoRequest echo_request(IpFamily family, const EchoTag& tag) {
  if (family == IpFamily::kV6) return message_of(ICMP6_ECHO_REQUEST, tag);
  EchoRequest message = message_of(ICMP_ECHO, tag);
  const uint16_t sum = checksum(message);
  message[2] = static_cast<uint8_t>(sum >> 8);
  message[3] = static_cast<uint8_t>(sum);
  return message;
}

bool is_echo_reply(IpFamily family, const EchoTag& tag, std::span<const uint8_t> datagram) {
  if (family == IpFamily::kV4) {
    constexpr size_t kLeastHeader = 20;
    if (datagram.size() < kLeastHeader) return false;
    const size_t header_bytes = (datagram[0] & 0x0fu) * 4;
    if (header_bytes < kLeastHeader || datagram.size() < header_bytes) return false;
    datagram = datagram.subspan(header_bytes);
  }
  const uint8_t type = family == IpFamily::kV4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
  EchoRequest expected = message_of(type, tag);
  if (datagram.size() < expected.size()) return false;
  // The kernel has verified the checksum.
  expected[2] = datagram[2];
  expected[3] = datagram[3];
  return std::equal(expected.begin(), expected.end(), datagram.begin());
}

}  // namespace adit
