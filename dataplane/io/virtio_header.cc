// SPDX-License-Identifier: Apache-2.0
#include "io/virtio_header.h"

#include <cstddef>
#include <cstring>

#include "packet/checksum.h"
#include "packet/ip_packet.h"
#include "packet/packet.h"
#include "packet/segment.h"

namespace adit {
namespace {

constexpr uint16_t checksum_offset(uint8_t protocol) noexcept {
  return protocol == kIpProtocolTcp ? offsetof(TcpHeader, checksum) : offsetof(UdpHeader, checksum);
}

// The frame's packet, if the header's checksum is that of its TCP or UDP.
bool find_l4(const VirtioHeader& header, const rte_mbuf* frame, IpPacket& packet) noexcept {
  return read_ip_frame(frame, packet) && !packet.is_fragment() && packet.l4 == header.csum_start &&
         (packet.protocol == kIpProtocolTcp || packet.protocol == kIpProtocolUdp) &&
         header.csum_offset == checksum_offset(packet.protocol);
}

bool set_offload(rte_mbuf* frame, uint8_t protocol, uint16_t mss) noexcept {
  const uint64_t flags = frame->ol_flags;
  set_tx_offload(frame, protocol, mss);
  // The checksum field already holds the sum of the pseudo-header.
  const bool right = mss != 0 ? segment_bytes(frame) != 0 : write_pseudo_sum(frame);
  if (right) return true;
  frame->ol_flags = flags;
  frame->tx_offload = 0;
  return false;
}

// Computes any other checksum as virtio defines it, from its start to the frame's end: of an inner
// packet, or of a protocol that only looks like TCP or UDP.
bool complete_here(const VirtioHeader& header, rte_mbuf* frame) noexcept {
  const uint32_t field = uint32_t{header.csum_start} + header.csum_offset;
  if (header.csum_start < sizeof(EthernetHeader) || header.csum_offset % 2 != 0 ||
      field + sizeof(be16) > frame->data_len)
    return false;
  const uint16_t sum = static_cast<uint16_t>(
      ~sum_mbuf(frame, header.csum_start, frame->pkt_len - header.csum_start));
  const be16 checksum = be16::from_raw(sum == 0 ? uint16_t{0xffff} : sum);
  std::memcpy(frame_of(frame) + field, &checksum, sizeof checksum);
  return true;
}

}  // namespace

bool read_virtio_header(const VirtioHeader& header, rte_mbuf* frame) noexcept {
  const bool partial = (header.flags & virtio::kNeedsChecksum) != 0;
  IpPacket packet;
  if (header.gso_type == virtio::kNoGso) {
    if (!partial) return true;
    return (find_l4(header, frame, packet) && set_offload(frame, packet.protocol, 0)) ||
           complete_here(header, frame);
  }
  const int type = header.gso_type & ~virtio::kEcn;
  if (type != virtio::kTcpIpv4 && type != virtio::kTcpIpv6) return false;
  // hdr_len is the number of bytes that the kernel has contiguous, without a VLAN tag that it keeps
  // apart, so it may end inside the TCP header.
  return partial && header.gso_size != 0 && header.hdr_len >= header.csum_start &&
         header.hdr_len <= frame->pkt_len && find_l4(header, frame, packet) &&
         packet.protocol == kIpProtocolTcp && packet.ipv6 == (type == virtio::kTcpIpv6) &&
         set_offload(frame, kIpProtocolTcp, header.gso_size);
}

VirtioHeader make_virtio_header(const rte_mbuf* frame) noexcept {
  VirtioHeader header{};
  IpPacket packet;
  if (!is_pending_offload(frame) || !read_ip_frame(frame, packet)) return header;
  header.flags = virtio::kNeedsChecksum;
  header.csum_start = static_cast<uint16_t>(packet.l4);
  header.csum_offset = checksum_offset(packet.protocol);
  if (!is_gso_frame(frame)) return header;
  const auto* tcp = rte_pktmbuf_mtod_offset(frame, const TcpHeader*, packet.l4);
  const uint32_t header_len = packet.l4 + (tcp->data_offset >> 4) * 4u;
  if (packet.end - header_len <= frame->tso_segsz) return header;
  header.gso_type = packet.ipv6 ? virtio::kTcpIpv6 : virtio::kTcpIpv4;
  // Segmentation has to set CWR in the first segment only (RFC 3168 section 6.1.2).
  if (tcp->flags & kTcpCwr) header.gso_type |= virtio::kEcn;
  header.gso_size = frame->tso_segsz;
  header.hdr_len = static_cast<uint16_t>(header_len);
  return header;
}

}  // namespace adit
