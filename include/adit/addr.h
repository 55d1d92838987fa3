// SPDX-License-Identifier: Apache-2.0
// Link and network addresses, with their text forms.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "adit/byte_order.h"

namespace adit {

struct MacAddr {
  std::array<uint8_t, 6> bytes = {};

  // Bit 0 of the first octet: broadcast and multicast (IEEE 802.3 section 3.2.3).
  constexpr bool is_group() const noexcept { return (bytes[0] & 1) != 0; }
  constexpr bool is_zero() const noexcept { return to_u64() == 0; }
  constexpr bool is_broadcast() const noexcept { return to_u64() == 0xffff'ffff'ffff; }

  // The address as the low 48 bits of an integer, first octet highest.
  constexpr uint64_t to_u64() const noexcept {
    uint64_t value = 0;
    for (uint8_t byte : bytes) value = value << 8 | byte;
    return value;
  }
  // The inverse of to_u64(); the upper 16 bits are ignored.
  static constexpr MacAddr from_u64(uint64_t value) noexcept {
    MacAddr mac;
    for (unsigned i = 0; i < 6; ++i) mac.bytes[i] = static_cast<uint8_t>(value >> (40 - 8 * i));
    return mac;
  }

  friend constexpr auto operator<=>(const MacAddr&, const MacAddr&) = default;
  // In two parts: a comparison of six bytes would be a call of memcmp, for every packet.
  friend constexpr bool operator==(const MacAddr& a, const MacAddr& b) noexcept {
    return __builtin_memcmp(a.bytes.data(), b.bytes.data(), 4) == 0 &&
           __builtin_memcmp(a.bytes.data() + 4, b.bytes.data() + 4, 2) == 0;
  }
};
static_assert(sizeof(MacAddr) == 6 && alignof(MacAddr) == 1);

inline constexpr MacAddr kBroadcastMac = MacAddr::from_u64(0xffff'ffff'ffff);

enum class IpFamily : uint8_t { kNone = 0, kV4 = 4, kV6 = 6 };

// An IPv4 or IPv6 address; IPv4 takes the first four bytes, the rest is zero.
struct IpAddr {
  std::array<uint8_t, 16> bytes = {};
  IpFamily family = IpFamily::kNone;

  // `address`: as on the wire.
  static IpAddr v4(be32 address) noexcept {
    IpAddr ip;
    ip.family = IpFamily::kV4;
    std::memcpy(ip.bytes.data(), &address, sizeof address);
    return ip;
  }
  // Only for family kV4.
  be32 as_v4() const noexcept {
    be32 address;
    std::memcpy(&address, bytes.data(), sizeof address);
    return address;
  }
  bool is_v4() const noexcept { return family == IpFamily::kV4; }
  unsigned width_bits() const noexcept { return is_v4() ? 32 : 128; }
  // 224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291 section 2.7).
  bool is_multicast() const noexcept {
    return is_v4() ? (bytes[0] & 0xf0) == 0xe0 : bytes[0] == 0xff;
  }
  // 0.0.0.0 or ::; also one of no family.
  bool is_unspecified() const noexcept {
    return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
  }

  friend auto operator<=>(const IpAddr&, const IpAddr&) = default;
};

// An address with a prefix length in bits. The host bits are kept: an interface's own
// address and its subnet are one value.
struct IpPrefix {
  IpAddr address;
  uint8_t length = 0;

  // Whether the address is of the prefix's family and equal in its first `length` bits.
  bool contains(const IpAddr& other) const noexcept {
    if (other.family != address.family) return false;
    const unsigned whole = length / 8;
    if (!std::equal(address.bytes.begin(), address.bytes.begin() + whole, other.bytes.begin()))
      return false;
    const unsigned rest = length % 8;
    return rest == 0 || ((address.bytes[whole] ^ other.bytes[whole]) >> (8 - rest)) == 0;
  }
  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

// "02:00:00:00:00:01", upper or lower case; nothing else is accepted.
inline std::optional<MacAddr> parse_mac(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (text.size() != 17) return std::nullopt;
  MacAddr mac;
  for (unsigned i = 0; i < 6; ++i) {
    const int high = digit(text[3 * i]);
    const int low = digit(text[3 * i + 1]);
    if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':')) return std::nullopt;
    mac.bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return mac;
}

// As parse_mac() reads it, in lower case.
inline std::string to_string(const MacAddr& mac) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (uint8_t byte : mac.bytes) {
    if (!text.empty()) text += ':';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

// Dotted quad or RFC 4291 text; no zone, no port.
inline std::optional<IpAddr> parse_ip(std::string_view text) {
  const std::string copy(text);
  IpAddr ip;
  if (inet_pton(AF_INET, copy.c_str(), ip.bytes.data()) == 1) {
    ip.family = IpFamily::kV4;
    return ip;
  }
  if (inet_pton(AF_INET6, copy.c_str(), ip.bytes.data()) == 1) {
    ip.family = IpFamily::kV6;
    return ip;
  }
  return std::nullopt;
}

// As parse_ip() reads it; IPv6 by RFC 5952.
inline std::string to_string(const IpAddr& ip) {
  char text[INET6_ADDRSTRLEN] = "none";
  if (ip.family != IpFamily::kNone)
    inet_ntop(ip.is_v4() ? AF_INET : AF_INET6, ip.bytes.data(), text, sizeof text);
  return text;
}

// The prefix without its host bits.
inline IpPrefix subnet_of(IpPrefix prefix) noexcept {
  auto& bytes = prefix.address.bytes;
  for (unsigned bit = prefix.length; bit < 8 * bytes.size(); bit = (bit | 7) + 1)
    bytes[bit / 8] &= static_cast<uint8_t>(0xff00 >> bit % 8);
  return prefix;
}

struct IpHash {
  std::size_t operator()(const IpAddr& ip) const noexcept {
    return std::hash<std::string_view>()(
        {reinterpret_cast<const char*>(ip.bytes.data()), ip.bytes.size()});
  }
};

// ADDRESS/LENGTH.
inline std::string to_string(const IpPrefix& prefix) {
  return to_string(prefix.address) + '/' + std::to_string(prefix.length);
}

}  // namespace adit
