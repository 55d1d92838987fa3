// SPDX-License-Identifier: Apache-2.0
// A remote's header before a frame, in the express lane of bridged frames.
#pragma once

#include <cstring>

#include "express/bridged_frames.h"
#include "tunnel/plain.h"
#include "worker/worker.h"

namespace adit {

// The buffer begins at `begin` from now on, `before` bytes before the frame.
[[gnu::always_inline]] inline void set_begin(const BridgedFrame& frame, uint8_t* begin,
                                             unsigned before) noexcept {
  rte_mbuf* mbuf = frame.mbuf;
  mbuf->data_off = static_cast<uint16_t>(begin - static_cast<uint8_t*>(mbuf->buf_addr));
  mbuf->data_len = static_cast<uint16_t>(frame.bytes + before);
  mbuf->pkt_len = frame.bytes + before;
}

// Any frame and any plain header. The buffer begins there already.
[[gnu::noinline]] inline void wrap_any(Worker& worker, const BridgePort& out, uint64_t next_hop,
                                       const BridgedFrame& frame, uint8_t* header) noexcept {
  const InnerFlow inner = describe_inner(frame.at, frame.bytes);
  const unsigned ip_end = outer_ip_len(out);
  copy_header(header, out);
  patch_outer_ip(worker, header, out, frame.bytes + out.header_len - ip_end, inner);
  finish_plain(worker, header, ip_end, out, frame.mbuf, inner.entropy);
  AdjacencyTable::write_mac(next_hop, header);
}

// TCP or UDP over IPv4, without options or fragments, as most frames are.
struct PlainInner {
  uint32_t entropy;  // entropy_of()
  uint8_t ecn;
};
// False: the frame holds no such packet.
[[gnu::always_inline]] inline bool read_plain_inner(const BridgedFrame& frame,
                                                    PlainInner& inner) noexcept {
  constexpr unsigned kIp = sizeof(EthernetHeader);
  constexpr unsigned kPorts = kIp + sizeof(Ipv4Header);
  // EtherType, version and length at once; the next byte is the TOS.
  constexpr uint32_t kTypeAndLength = be16(kEtherTypeIpv4).raw() | uint32_t{0x45} << 16;
  constexpr be16 kFragment(kIpv4MoreFragments | kIpv4OffsetMask);
  uint32_t word, ports;
  if (frame.bytes < kPorts + sizeof ports) [[unlikely]]
    return false;
  const uint8_t* at = frame.at;
  std::memcpy(&word, at + kIp - 2, sizeof word);
  const auto* ip = reinterpret_cast<const Ipv4Header*>(at + kIp);
  if ((word & 0xff'ffff) != kTypeAndLength || (ip->fragment.raw() & kFragment.raw()) != 0)
      [[unlikely]]
    return false;
  if (ip->protocol != kIpProtocolTcp && ip->protocol != kIpProtocolUdp) [[unlikely]]
    return false;
  std::memcpy(&ports, at + kPorts, sizeof ports);
  inner = {plain_entropy(ip, ports), static_cast<uint8_t>(word >> 24 & kEcnMask)};
  return true;
}

// PlainOuter::kUdpIpv4. The buffer begins there already.
[[gnu::always_inline]] inline void wrap_udp_ipv4(Worker& worker, const BridgePort& out,
                                                 uint64_t next_hop, const BridgedFrame& frame,
                                                 uint8_t* header) noexcept {
  constexpr unsigned kIp = sizeof(EthernetHeader);
  constexpr unsigned kUdp = kIp + sizeof(Ipv4Header);
  constexpr unsigned kLen = kUdp + sizeof(UdpHeader) + kPlainUdpTunnelLen;
  const uint32_t bytes = frame.bytes;
  PlainInner inner;
  if (!read_plain_inner(frame, inner)) [[unlikely]]
    return wrap_any(worker, out, next_hop, frame, header);
  // Behind the next hop's MAC, by 16 bytes: the last two overlap.
  const uint8_t* from = out.header.data();
  std::memcpy(header, &next_hop, sizeof next_hop);
  std::memcpy(header + 6, from + 6, 16);
  std::memcpy(header + 22, from + 22, 16);
  std::memcpy(header + kLen - 16, from + kLen - 16, 16);
  static_assert(kLen - 16 <= 38);
  auto* ip = reinterpret_cast<Ipv4Header*>(header + kIp);
  auto* udp = reinterpret_cast<UdpHeader*>(header + kUdp);
  const be16 length(static_cast<uint16_t>(bytes + (kLen - kIp)));
  ip->total_length = length;
  ip->tos = static_cast<uint8_t>(reinterpret_cast<const Ipv4Header*>(from + kIp)->tos | inner.ecn);
  // At most 18 bits: folded twice at once.
  const uint32_t sum = uint32_t{out.checksum_base} + length.raw() + (uint32_t{inner.ecn} << 8);
  ip->checksum = be16::from_raw(static_cast<uint16_t>(~((sum + std::rotl(sum, 16)) >> 16)));
  // RFC 7348 section 5: from the dynamic range, equal for all packets of a flow.
  udp->src_port = be16(static_cast<uint16_t>(0xc000 | inner.entropy >> 18));
  udp->length = be16(static_cast<uint16_t>(bytes + (kLen - kUdp)));
}

// Puts the remote's header before the frame.
[[gnu::always_inline]] inline void wrap_other(Worker& worker, const BridgePort& out,
                                              uint64_t next_hop, const BridgedFrame& frame,
                                              uint8_t* header) noexcept {
  PlainInner inner;
  if (!read_plain_inner(frame, inner) || (out.outer & outer::kInnerDependent) != 0) [[unlikely]]
    return wrap_any(worker, out, next_hop, frame, header);
  const uint32_t bytes = frame.bytes + out.header_len;
  copy_header(header, out);
  if (out.outer & outer::kIpv6) {
    constexpr unsigned kEnd = outer_ip_len(true);
    patch_outer_ipv6(header, bytes - kEnd, inner.ecn, inner.entropy);
    finish_plain(worker, header, kEnd, out, frame.mbuf, inner.entropy);
  } else {
    constexpr unsigned kEnd = outer_ip_len(false);
    patch_outer_ipv4(header, out, bytes - kEnd, inner.ecn);
    finish_plain(worker, header, kEnd, out, frame.mbuf, inner.entropy);
  }
  AdjacencyTable::write_mac(next_hop, header);
}

}  // namespace adit
