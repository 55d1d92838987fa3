// SPDX-License-Identifier: Apache-2.0
// What encapsulation has to know of the frame inside, and what decapsulation changes there.
#pragma once

#include <cstdint>
#include <cstring>

#include "adit/flat_table.h"
#include "adit/wire.h"
#include "packet/checksum.h"
#include "packet/inner_flow.h"

namespace adit {

// IEEE 802.1Q section 9.5: a customer's or a service's tag.
inline bool is_vlan_type(be16 type) noexcept {
  return type == be16(kEtherTypeVlan) || type == be16(kEtherTypeQinq);
}

inline constexpr uint8_t kEcnMask = 3;
inline constexpr uint8_t kEcnCe = 3;

// The network header of an Ethernet frame, behind at most two VLAN tags.
struct NetworkHeader {
  be16 type;
  unsigned offset;
};
// Type 0: the frame ends within a tag. `len`: contiguous bytes of the frame.
[[gnu::cold, gnu::noinline]] inline NetworkHeader skip_tags(const uint8_t* frame, unsigned len,
                                                            NetworkHeader header) noexcept {
  for (int tags = 0; tags < 2 && is_vlan_type(header.type); ++tags) {
    if (header.offset + sizeof(VlanTag) > len) return {be16(0), header.offset};
    header.type = reinterpret_cast<const VlanTag*>(frame + header.offset)->ether_type;
    header.offset += sizeof(VlanTag);
  }
  return header;
}
// `len` contiguous bytes, at least an Ethernet header.
inline NetworkHeader find_network_header(const uint8_t* frame, unsigned len) noexcept {
  const NetworkHeader header{reinterpret_cast<const EthernetHeader*>(frame)->ether_type,
                             sizeof(EthernetHeader)};
  if (is_vlan_type(header.type)) [[unlikely]]
    return skip_tags(frame, len, header);
  return header;
}

// Eight bytes at any alignment, as they stand in memory.
inline uint64_t load64(const void* from) noexcept {
  uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// Protocols whose header begins with two ports of 16 bits: RFC 9293, RFC 768, RFC 9260.
inline bool has_ports(uint8_t protocol) noexcept {
  return protocol == kIpProtocolTcp || protocol == kIpProtocolUdp || protocol == kIpProtocolSctp;
}

// Ports of TCP, UDP and SCTP, else 0. `len`: contiguous bytes from `l4` on.
inline uint64_t flow_ports(uint8_t protocol, const uint8_t* l4, unsigned len) noexcept {
  if (len < 4 || !has_ports(protocol)) return 0;
  uint32_t ports;
  std::memcpy(&ports, l4, sizeof ports);
  return ports;
}

// What entropy_of() is of a packet with these ports, or 0.
inline uint32_t plain_entropy(const Ipv4Header* ip, uint64_t ports) noexcept {
  const uint64_t hash = load64(&ip->src) * 0xff51'afd7'ed55'8ccd ^ ports;
  return static_cast<uint32_t>(mix64(hash + ip->protocol) >> 32);
}

// Equal for all packets of a flow: addresses, protocol, ports. `left` contiguous bytes from the
// header on, which are at least its fixed part.
inline uint32_t entropy_of(const Ipv4Header* ip, unsigned left) noexcept {
  uint64_t ports = 0;
  // A later fragment has no ports, so no fragment of a packet may use them.
  const unsigned header_len = (ip->version_ihl & 15u) * 4;
  constexpr be16 kFragment(kIpv4MoreFragments | kIpv4OffsetMask);
  if ((ip->fragment.raw() & kFragment.raw()) == 0 && header_len <= left)
    ports = flow_ports(ip->protocol, reinterpret_cast<const uint8_t*>(ip) + header_len,
                       left - header_len);
  return plain_entropy(ip, ports);
}

// Reads the flow of an IP packet whose header is at `at`, with `left` contiguous bytes; false
// where they hold no such header.
inline bool describe_ip(be16 type, const uint8_t* at, unsigned left, InnerFlow& flow) noexcept {
  if (type == be16(kEtherTypeIpv4) && left >= sizeof(Ipv4Header)) {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(at);
    flow.tos = ip->tos;
    flow.ttl = ip->ttl;
    flow.is_ip = true;
    flow.df = (ip->fragment.host() & kIpv4DontFragment) != 0;
    flow.entropy = entropy_of(ip, left);
    return true;
  }
  if (type == be16(kEtherTypeIpv6) && left >= sizeof(Ipv6Header)) {
    const auto* ip = reinterpret_cast<const Ipv6Header*>(at);
    flow.tos = static_cast<uint8_t>(ip->version_class_label.host() >> 20);
    flow.ttl = ip->hop_limit;
    flow.is_ip = true;
    uint64_t hash = mix64(load64(&ip->src[0])) ^ load64(&ip->src[8]);
    hash = mix64(hash) ^ load64(&ip->dst[0]);
    hash = mix64(hash) ^ load64(&ip->dst[8]);
    hash = mix64(hash) + ip->next_header;
    hash ^= flow_ports(ip->next_header, at + sizeof *ip, left - unsigned{sizeof *ip});
    flow.entropy = static_cast<uint32_t>(mix64(hash) >> 32);
    return true;
  }
  return false;
}

// `len` contiguous bytes, at least an Ethernet header.
inline InnerFlow describe_inner(const uint8_t* frame, unsigned len) noexcept {
  const NetworkHeader network = find_network_header(frame, len);
  InnerFlow flow{};
  if (!describe_ip(network.type, frame + network.offset, len - network.offset, flow)) {
    // Both MACs: 12 bytes, read as two words that overlap.
    const uint64_t hash = mix64(load64(frame)) ^ load64(frame + 4);
    flow.entropy = static_cast<uint32_t>(mix64(hash) >> 32);
  }
  return flow;
}

// Fields of the outer header that decapsulation combines into the inner IP header.
struct OuterFields {
  uint8_t tos = 0;            // or traffic class: ECN by RFC 6040
  uint8_t ttl = 0;            // or hop limit
  bool uniform_dscp = false;  // replaces the inner DSCP
  bool uniform_ttl = false;   // replaces the inner TTL where lower, so that a loop still ends

  constexpr uint8_t ecn() const noexcept { return tos & kEcnMask; }
  // Whether the inner header may change at all.
  constexpr bool any() const noexcept { return ecn() != 0 || uniform_dscp || uniform_ttl; }
};

// RFC 6040 section 4.2, figure 4, for an inner packet that is ECN-capable.
constexpr uint8_t combine_ecn(uint8_t inner, uint8_t outer) noexcept {
  if (outer == kEcnCe) return kEcnCe;
  return inner == 2 && outer == 1 ? outer : inner;  // ECT(0) becomes ECT(1), none other
}

// Combines the outer fields into the inner TOS or traffic class. False: the packet must be dropped.
inline bool combine_tos(uint8_t& tos, const OuterFields& outer) noexcept {
  const uint8_t inner = tos & kEcnMask;
  if (inner == 0 && outer.ecn() == kEcnCe) return false;
  const uint8_t ecn = inner == 0 ? 0 : combine_ecn(inner, outer.ecn());
  tos = static_cast<uint8_t>(((outer.uniform_dscp ? outer.tos : tos) & ~kEcnMask) | ecn);
  return true;
}

// Combines the outer fields into the IP header at `at`, which has `left` contiguous bytes. Anything
// but an IP header stays as it is. False: the packet must be dropped.
inline bool apply_outer_fields(be16 type, uint8_t* at, unsigned left,
                               const OuterFields& outer) noexcept {
  if (type == be16(kEtherTypeIpv4) && left >= sizeof(Ipv4Header)) {
    auto* ip = reinterpret_cast<Ipv4Header*>(at);
    uint8_t tos = ip->tos;
    if (!combine_tos(tos, outer)) return false;
    ip->checksum = update_checksum(ip->checksum, be16(ip->tos), be16(tos));
    ip->tos = tos;
    if (outer.uniform_ttl && outer.ttl < ip->ttl) {
      ip->checksum = update_checksum(ip->checksum, be16(static_cast<uint16_t>(ip->ttl << 8)),
                                     be16(static_cast<uint16_t>(outer.ttl << 8)));
      ip->ttl = outer.ttl;
    }
  } else if (type == be16(kEtherTypeIpv6) && left >= sizeof(Ipv6Header)) {
    auto* ip = reinterpret_cast<Ipv6Header*>(at);
    const uint32_t word = ip->version_class_label.host();
    uint8_t tos = static_cast<uint8_t>(word >> 20);
    if (!combine_tos(tos, outer)) return false;
    ip->version_class_label = be32((word & ~(uint32_t{0xff} << 20)) | uint32_t{tos} << 20);
    if (outer.uniform_ttl && outer.ttl < ip->hop_limit) ip->hop_limit = outer.ttl;
  }
  return true;
}

// The same for the packet in an Ethernet frame of `len` contiguous bytes.
inline bool apply_outer_fields(uint8_t* frame, unsigned len, const OuterFields& outer) noexcept {
  const NetworkHeader network = find_network_header(frame, len);
  return apply_outer_fields(network.type, frame + network.offset, len - network.offset, outer);
}

}  // namespace adit
