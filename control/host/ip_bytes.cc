// SPDX-License-Identifier: Apache-2.0
#include "host/ip_bytes.h"

#include <algorithm>
#include <cstddef>

namespace adit {
namespace {

constexpr size_t kLeastL4 = 8;  // of UDP and ICMP, and what errors quote

uint32_t add_words(std::span<const uint8_t> bytes, uint32_t sum) noexcept {
  for (size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
  return sum;
}

uint16_t fold(uint32_t sum) noexcept {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

}  // namespace

std::optional<IpBytes> read_ip(std::span<uint8_t> bytes, bool quoted) noexcept {
  IpBytes ip;
  size_t end = 0;
  if (bytes.size() >= sizeof(Ipv4Header) && bytes[0] >> 4 == 4) {
    ip.l4 = (bytes[0] & 15u) * 4;
    ip.bytes = bytes;
    end = ip.word(offsetof(Ipv4Header, total_length));
    const uint16_t fragment = ip.word(offsetof(Ipv4Header, fragment));
    if (ip.l4 < sizeof(Ipv4Header) || (fragment & ~kIpv4DontFragment) != 0) return std::nullopt;
    ip.protocol = bytes[offsetof(Ipv4Header, protocol)];
  } else if (bytes.size() >= sizeof(Ipv6Header) && bytes[0] >> 4 == 6) {
    ip.ipv6 = true;
    ip.l4 = sizeof(Ipv6Header);
    ip.bytes = bytes;
    end = sizeof(Ipv6Header) + ip.word(offsetof(Ipv6Header, payload_length));
    ip.protocol = bytes[offsetof(Ipv6Header, next_header)];
  } else {
    return std::nullopt;
  }
  if (end < ip.l4 + kLeastL4 || (!quoted && end > bytes.size())) return std::nullopt;
  ip.bytes = bytes.first(std::min(end, bytes.size()));
  const bool tcp = ip.protocol == kIpProtocolTcp;
  const bool icmp = ip.protocol == (ip.ipv6 ? kIpProtocolIcmpv6 : kIpProtocolIcmp);
  if (!tcp && !icmp && ip.protocol != kIpProtocolUdp) return std::nullopt;
  const size_t least = tcp && !quoted ? sizeof(TcpHeader) : kLeastL4;
  if (ip.l4 + least > ip.bytes.size()) return std::nullopt;
  return ip;
}

uint16_t checksum_of(std::span<const uint8_t> bytes, uint32_t sum) noexcept {
  return static_cast<uint16_t>(~fold(add_words(bytes, sum)));
}

void patch(std::span<uint8_t> packet, size_t at, std::span<const uint8_t> to,
           size_t checksum) noexcept {
  if (checksum != 0) {
    uint32_t sum = static_cast<uint16_t>(~(packet[checksum] << 8 | packet[checksum + 1]));
    for (size_t i = 0; i < to.size(); i += 2) {
      sum += static_cast<uint16_t>(~(packet[at + i] << 8 | packet[at + i + 1]));
      sum += static_cast<uint32_t>(to[i] << 8 | to[i + 1]);
    }
    const auto result = static_cast<uint16_t>(~fold(sum));
    packet[checksum] = static_cast<uint8_t>(result >> 8);
    packet[checksum + 1] = static_cast<uint8_t>(result);
  }
  std::memcpy(&packet[at], to.data(), to.size());
}

void patch_word(std::span<uint8_t> packet, size_t at, uint16_t to, size_t checksum) noexcept {
  const uint8_t bytes[2] = {static_cast<uint8_t>(to >> 8), static_cast<uint8_t>(to)};
  patch(packet, at, bytes, checksum);
}

}  // namespace adit
