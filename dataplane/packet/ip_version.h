// SPDX-License-Identifier: Apache-2.0
// What differs between the IP versions, for code that is the same for both.
#pragma once

#include <bit>
#include <cstring>

#include "packet/checksum.h"
#include "packet/ip_rules.h"
#include "packet/packet.h"

namespace adit {

inline constexpr unsigned kLeastIpv4Mtu = 68;  // RFC 791 section 3.2
// RFC 8200 section 5: of every link. No sender makes its packets smaller.
inline constexpr unsigned kLeastIpv6Mtu = 1280;
// A packet than the same of IPv4, without options and extension headers.
inline constexpr uint32_t kLongerAsIpv6 = sizeof(Ipv6Header) - sizeof(Ipv4Header);

// What differs between the IP versions. check() looks at the header, of which the fixed part
// is contiguous, and gives the length of the packet; kNone: it is right.
struct Ipv4 {
  using Header = Ipv4Header;
  static constexpr bool kIpv6 = false;
  static constexpr uint8_t kIcmp = kIpProtocolIcmp, kEchoRequest = 8, kEchoReply = 0;

  // `contiguous`: bytes from the header on. `bytes`: length of the packet, valid with kNone. RFC
  // 1812 sections 5.2.2 and 5.3.7.
  static DropReason check(const Header& ip, unsigned contiguous, uint32_t& bytes) noexcept {
    const unsigned header_len = (ip.version_ihl & 15u) * 4;
    if (header_len < sizeof ip || header_len > contiguous) return DropReason::k_ip_header_length;
    bytes = ip.total_length.host();
    if (bytes < header_len) return DropReason::k_ip_total_length;
    // The usual length is known to the compiler, which unrolls the sum.
    const bool right = header_len == sizeof ip ? ipv4_header_sum_ok(&ip, sizeof ip)
                                               : ipv4_header_sum_ok(&ip, header_len);
    return right ? check_addresses(ip) : DropReason::k_ip_checksum;
  }
  static DropReason check_addresses(const Header& ip) noexcept {
    if (!can_be_source(ip.src)) return DropReason::k_ip_source;
    const uint32_t first = ip.dst.host() >> 24;
    if (first == 0 || first == 127 || first >= 224 || is_link_local(ip.src) ||
        is_link_local(ip.dst))
      return DropReason::k_not_routable;
    return DropReason::kNone;
  }
  // RFC 3927 section 2.7: 169.254.0.0/16 is never forwarded.
  static bool is_link_local(be32 address) noexcept { return address.host() >> 16 == 0xa9fe; }

  // Addresses as they stand in the header, and as keys of tables have them: IPv4's in `low`, in
  // network byte order.
  static const uint8_t* destination(const Header& ip) noexcept {
    return reinterpret_cast<const uint8_t*>(&ip.dst);
  }
  static const uint8_t* source(const Header& ip) noexcept {
    return reinterpret_cast<const uint8_t*>(&ip.src);
  }
  static Ipv6Key host_key(const Header& ip) noexcept { return {0, ip.dst.raw()}; }
  static Ipv6Key key_at(const uint8_t* address) noexcept { return {0, sum_words(address, 4)}; }
  static uint8_t ttl(const Header& ip) noexcept { return ip.ttl; }
  // Keeps the checksum right by what changes (RFC 1624).
  static void set_ttl(Header& ip, uint8_t ttl) noexcept {
    ip.checksum = update_checksum(ip.checksum, be16(static_cast<uint16_t>(ip.ttl << 8)),
                                  be16(static_cast<uint16_t>(ttl << 8)));
    ip.ttl = ttl;
  }
  // RFC 1141: the word that has the TTL in its upper byte grows less by 0x0100, so the sum
  // more by as much; as it stands in memory that is 1.
  static void lower_ttl(Header& ip) noexcept {
    static_assert(std::endian::native == std::endian::little);
    const uint32_t sum = ip.checksum.raw() + 1u;
    ip.checksum = be16::from_raw(static_cast<uint16_t>(sum + (sum >= 0xffff)));
    --ip.ttl;
  }
  static uint8_t protocol(const Header& ip) noexcept { return ip.protocol; }
  static unsigned header_len(const Header& ip) noexcept { return (ip.version_ihl & 15u) * 4; }
  static bool is_fragment(const Header& ip) noexcept {
    return (ip.fragment.host() & (kIpv4MoreFragments | kIpv4OffsetMask)) != 0;
  }
  static bool may_fragment(const Header& ip) noexcept {
    return (ip.fragment.host() & kIpv4DontFragment) == 0;
  }
  static uint64_t icmp_pseudo_sum(const Header&, uint32_t) noexcept { return 0; }
};

struct Ipv6 {
  using Header = Ipv6Header;
  static constexpr bool kIpv6 = true;
  static constexpr uint8_t kIcmp = kIpProtocolIcmpv6, kEchoRequest = 128, kEchoReply = 129;

  // `bytes`: as above. The caller has compared it with the buffer. RFC 4291 sections 2.5.2, 2.5.3
  // and 2.7, RFC 4007 section 9.
  static DropReason check(const Header& ip, unsigned, uint32_t& bytes) noexcept {
    bytes = unsigned{sizeof ip} + ip.payload_length.host();
    return check_addresses(ip);
  }
  static DropReason check_addresses(const Header& ip) noexcept {
    if (!can_be_host(wire_key(ip.src))) return DropReason::k_ip_source;
    if (!can_be_host(wire_key(ip.dst)) || is_link_local(ip.src) || is_link_local(ip.dst))
      return DropReason::k_not_routable;
    return DropReason::kNone;
  }
  // The address as keys of tables have it.
  static Ipv6Key wire_key(const std::array<uint8_t, 16>& address) noexcept {
    Ipv6Key key;
    std::memcpy(&key, address.data(), sizeof key);
    return key;
  }
  static const uint8_t* destination(const Header& ip) noexcept { return ip.dst.data(); }
  static const uint8_t* source(const Header& ip) noexcept { return ip.src.data(); }
  static Ipv6Key host_key(const Header& ip) noexcept { return wire_key(ip.dst); }
  static Ipv6Key key_at(const uint8_t* address) noexcept {
    Ipv6Key key;
    std::memcpy(&key, address, sizeof key);
    return key;
  }
  static uint8_t ttl(const Header& ip) noexcept { return ip.hop_limit; }
  static void set_ttl(Header& ip, uint8_t ttl) noexcept { ip.hop_limit = ttl; }
  static void lower_ttl(Header& ip) noexcept { --ip.hop_limit; }
  static uint8_t protocol(const Header& ip) noexcept { return ip.next_header; }
  static unsigned header_len(const Header&) noexcept { return sizeof(Header); }
  static bool is_fragment(const Header& ip) noexcept {
    return ip.next_header == kIpProtocolFragment;
  }
  static bool may_fragment(const Header&) noexcept { return false; }
  // RFC 8200 section 8.1, not folded. `bytes`: of the ICMPv6 message.
  static uint64_t icmp_pseudo_sum(const Header& ip, uint32_t bytes) noexcept {
    return sum_words(ip.src.data(), 32) + be16(kIpProtocolIcmpv6).raw() + be32(bytes).raw();
  }
};

// RFC 6437: 20 bits.
inline uint32_t label_of(const Ipv6Header& ip) noexcept {
  return ip.version_class_label.host() & 0xf'ffff;
}
inline void set_label(Ipv6Header& ip, uint32_t label) noexcept {
  ip.version_class_label = be32((ip.version_class_label.host() & ~uint32_t{0xf'ffff}) | label);
}

// Of a buffer that begins with the header.
template <class Ip>
typename Ip::Header& header_of(rte_mbuf* mbuf) noexcept {
  return *rte_pktmbuf_mtod(mbuf, typename Ip::Header*);
}

// Of a packet that begins with its header, of one version or the other.
inline bool is_ipv4(const Packet& packet) noexcept {
  return frame_of(packet.mbuf)[0] >> 4 == 4;
}

}  // namespace adit
