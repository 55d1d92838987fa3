// SPDX-License-Identifier: Apache-2.0
// Where the parts of a whole IP packet lie that the kernel sent or is to get, and checksums in it.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "adit/addr.h"
#include "adit/wire.h"

namespace adit {

// A packet that is no fragment, with its ports or ICMP header.
struct IpBytes {
  std::span<uint8_t> bytes;  // to its end
  size_t l4 = 0;
  uint8_t protocol = 0;
  bool ipv6 = false;

  size_t source_at() const noexcept { return ipv6 ? 8 : 12; }
  size_t destination_at() const noexcept { return ipv6 ? 24 : 16; }
  size_t address_bytes() const noexcept { return ipv6 ? 16 : 4; }
  IpAddr address(size_t at) const noexcept {
    IpAddr ip;
    ip.family = ipv6 ? IpFamily::kV6 : IpFamily::kV4;
    std::memcpy(ip.bytes.data(), &bytes[at], address_bytes());
    return ip;
  }
  IpAddr source() const noexcept { return address(source_at()); }
  IpAddr destination() const noexcept { return address(destination_at()); }
  uint16_t word(size_t at) const noexcept {
    return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
  }
};

// None: it is a fragment, cut, or of a protocol other than TCP, UDP and ICMP. `quoted`: of an ICMP
// error, which has eight bytes of it at least.
std::optional<IpBytes> read_ip(std::span<uint8_t> bytes, bool quoted = false) noexcept;

// RFC 1071.
uint16_t checksum_of(std::span<const uint8_t> bytes, uint32_t sum = 0) noexcept;

// Writes `to` at `at`, of an even number of bytes, and updates the checksum at `checksum` (RFC
// 1624); 0: there is none.
void patch(std::span<uint8_t> packet, size_t at, std::span<const uint8_t> to,
           size_t checksum) noexcept;
void patch_word(std::span<uint8_t> packet, size_t at, uint16_t to, size_t checksum) noexcept;

}  // namespace adit
