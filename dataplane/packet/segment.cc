// SPDX-License-Identifier: Apache-2.0
#include "packet/segment.h"

#include <rte_errno.h>

#include <algorithm>
#include <cerrno>

#include "packet/ip_packet.h"
#include "packet/packet.h"

namespace adit {
namespace {

bool read_headers(const rte_mbuf* frame, FirstHeader first, IpPacket& packet) noexcept {
  if (first == FirstHeader::kEthernet) return read_ip_frame(frame, packet);
  return read_ip_packet(rte_pktmbuf_mtod(frame, const uint8_t*), frame->data_len, frame->pkt_len, 0,
                        packet);
}

// Nothing is pending any more.
void clear_tx_offload(rte_mbuf* mbuf) noexcept {
  mbuf->ol_flags &= ~(kTxOffloadFlags | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
  mbuf->tx_offload = 0;
}

// The TCP header of a whole packet; null where there is none or it is not contiguous.
const TcpHeader* tcp_header(const uint8_t* data, uint32_t len, const IpPacket& packet,
                            uint32_t& header_len) noexcept {
  if (packet.protocol != kIpProtocolTcp || packet.is_fragment()) return nullptr;
  if (packet.l4 + sizeof(TcpHeader) > std::min(len, packet.end)) return nullptr;
  const auto* tcp = reinterpret_cast<const TcpHeader*>(data + packet.l4);
  header_len = (tcp->data_offset >> 4) * 4u;
  if (header_len < sizeof *tcp || packet.l4 + header_len > std::min(len, packet.end))
    return nullptr;
  return tcp;
}

// The pending checksum, which covers `bytes` from L4 on; null: the headers do not match the flags.
be16* checksum_field(rte_mbuf* frame, const IpPacket& packet, uint32_t& bytes) noexcept {
  const uint64_t l4 = frame->ol_flags & RTE_MBUF_F_TX_L4_MASK;
  uint8_t* data = frame_of(frame);
  bytes = packet.end - packet.l4;
  // TSO implies the checksum offload.
  if (is_gso_frame(frame) || l4 == RTE_MBUF_F_TX_TCP_CKSUM) {
    uint32_t header_len = 0;
    if (tcp_header(data, frame->data_len, packet, header_len) == nullptr) return nullptr;
    return &reinterpret_cast<TcpHeader*>(data + packet.l4)->checksum;
  }
  if (l4 != RTE_MBUF_F_TX_UDP_CKSUM) return nullptr;  // SCTP has no pseudo-header and another sum
  if (packet.protocol != kIpProtocolUdp || packet.is_fragment()) return nullptr;
  if (packet.l4 + sizeof(UdpHeader) > std::min<uint32_t>(frame->data_len, packet.end))
    return nullptr;
  auto* udp = reinterpret_cast<UdpHeader*>(data + packet.l4);
  bytes = udp->length.host();
  return bytes < sizeof *udp || packet.l4 + bytes > packet.end ? nullptr : &udp->checksum;
}

bool complete_l4(rte_mbuf* frame, const IpPacket& packet) noexcept {
  if (!is_gso_frame(frame) &&
      (frame->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_L4_NO_CKSUM)
    return true;
  uint32_t bytes = 0;
  be16* field = checksum_field(frame, packet, bytes);
  if (field == nullptr) return false;
  if (is_gso_frame(frame)) {
    const auto* tcp = reinterpret_cast<const TcpHeader*>(frame_of(frame) + packet.l4);
    if (bytes - (tcp->data_offset >> 4) * 4u > frame->tso_segsz) return false;
  }
  *field = be16(0);
  const uint16_t sum = static_cast<uint16_t>(~fold_sum(
      pseudo_header_sum(frame_of(frame), packet, bytes) + sum_mbuf(frame, packet.l4, bytes)));
  // RFC 768: zero on the wire would mean that there is none.
  const bool none = sum == 0 && packet.protocol == kIpProtocolUdp;
  *field = be16::from_raw(none ? uint16_t{0xffff} : sum);
  return true;
}

// The properties that all segments of a frame share.
struct Cut {
  const rte_mbuf* frame;
  IpPacket packet;
  uint32_t header_len;  // from the frame's start to the payload, bytes
  uint32_t mss;
  unsigned count;
};

// False: the headers are invalid or not contiguous, or not of a TCP segment that can be cut.
bool read_cut(const rte_mbuf* frame, FirstHeader first, uint16_t mss, Cut& cut) noexcept {
  cut = {frame, {}, 0, mss, 1};
  if (mss == 0 || !read_headers(frame, first, cut.packet)) return false;
  uint32_t tcp_len = 0;
  const TcpHeader* tcp =
      tcp_header(rte_pktmbuf_mtod(frame, const uint8_t*), frame->data_len, cut.packet, tcp_len);
  // A fragment header identifies one packet: each segment would need its own.
  if (tcp == nullptr || cut.packet.has_fragment_header) return false;
  cut.header_len = cut.packet.l4 + tcp_len;
  const uint32_t payload = cut.packet.end - cut.header_len;
  if (payload > cut.mss) cut.count = (payload + cut.mss - 1) / cut.mss;
  // These flags apply to one place in the stream, so no sender sets them in GSO frames.
  return cut.count == 1 || (tcp->flags & (kTcpSyn | kTcpRst | kTcpUrg)) == 0;
}

// A chain with room for `bytes` bytes, all of them appended. Null when the pool is empty.
rte_mbuf* alloc_chain(rte_mempool* pool, uint32_t bytes) noexcept {
  rte_mbuf* head = rte_pktmbuf_alloc(pool);
  for (rte_mbuf* tail = head; tail != nullptr;) {
    const uint32_t here = std::min<uint32_t>(bytes, rte_pktmbuf_tailroom(tail));
    tail->data_len = static_cast<uint16_t>(here);
    head->pkt_len += here;
    bytes -= here;
    if (bytes == 0) return head;
    tail->next = rte_pktmbuf_alloc(pool);
    tail = tail->next;
    ++head->nb_segs;
    if (tail != nullptr) tail->data_off = 0;  // headroom is for the first
  }
  if (head != nullptr) {
    --head->nb_segs;  // the one that was not to be had
    rte_pktmbuf_free(head);
  }
  return nullptr;
}

void copy_payload(rte_mbuf* to, uint32_t to_offset, const rte_mbuf* from, uint32_t from_offset,
                  uint32_t bytes) noexcept {
  for (; bytes > 0; to = to->next, to_offset = 0) {
    const uint32_t here = std::min(bytes, to->data_len - to_offset);
    copy_from_mbuf(frame_of(to) + to_offset, from, from_offset, here);
    from_offset += here;
    bytes -= here;
  }
}

void write_tcp_checksum(rte_mbuf* frame, const IpPacket& packet) noexcept {
  auto* tcp = reinterpret_cast<TcpHeader*>(frame_of(frame) + packet.l4);
  const uint32_t bytes = packet.end - packet.l4;
  tcp->checksum = be16(0);
  const uint16_t sum = fold_sum(pseudo_header_sum(frame_of(frame), packet, bytes) +
                                sum_mbuf(frame, packet.l4, bytes));
  tcp->checksum = be16::from_raw(static_cast<uint16_t>(~sum));
}

// Adapts the copied headers to segment `index`, which has `payload` bytes.
void write_headers(rte_mbuf* mbuf, const Cut& cut, unsigned index, uint32_t payload) noexcept {
  uint8_t* data = frame_of(mbuf);
  IpPacket packet = cut.packet;
  packet.end = cut.header_len + payload;
  if (packet.ipv6) {
    auto* ip = reinterpret_cast<Ipv6Header*>(data + packet.ip);
    ip->payload_length = be16(static_cast<uint16_t>(packet.end - packet.ip - sizeof *ip));
  } else {
    auto* ip = reinterpret_cast<Ipv4Header*>(data + packet.ip);
    ip->total_length = be16(static_cast<uint16_t>(packet.end - packet.ip));
    ip->id = be16(static_cast<uint16_t>(ip->id.host() + index));
    write_ipv4_checksum(ip);
  }
  auto* tcp = reinterpret_cast<TcpHeader*>(data + packet.l4);
  tcp->sequence = be32(tcp->sequence.host() + index * cut.mss);
  // RFC 3168 section 6.1.2: CWR is set in the first segment only; FIN and PSH in the last one.
  if (index != 0) tcp->flags &= static_cast<uint8_t>(~kTcpCwr);
  if (index + 1 != cut.count) tcp->flags &= static_cast<uint8_t>(~(kTcpFin | kTcpPsh));
  write_tcp_checksum(mbuf, packet);
}

rte_mbuf* make_segment(const Cut& cut, rte_mempool* pool, unsigned index) noexcept {
  const uint32_t begin = cut.header_len + index * cut.mss;
  const uint32_t payload = std::min(cut.mss, cut.packet.end - begin);
  rte_mbuf* mbuf = alloc_chain(pool, cut.header_len + payload);
  if (mbuf == nullptr) return nullptr;
  if (mbuf->data_len < cut.header_len) {  // buffers too small for any header
    rte_pktmbuf_free(mbuf);
    return nullptr;
  }
  mbuf->port = cut.frame->port;
  rte_mbuf_dynfield_copy(mbuf, cut.frame);
  copy_payload(mbuf, 0, cut.frame, 0, cut.header_len);
  copy_payload(mbuf, cut.header_len, cut.frame, begin, payload);
  write_headers(mbuf, cut, index, payload);
  return mbuf;
}

unsigned refuse(int error) noexcept {
  rte_errno = error;
  return 0;
}

}  // namespace

bool complete_checksum(rte_mbuf* frame, FirstHeader first) noexcept {
  if (!is_pending_offload(frame)) return true;
  IpPacket packet;
  if ((frame->ol_flags & RTE_MBUF_F_TX_UDP_SEG) != 0 || !owns_data(frame) ||
      !read_headers(frame, first, packet) || !complete_l4(frame, packet))
    return false;
  if ((frame->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0 && !packet.ipv6)
    write_ipv4_checksum(reinterpret_cast<Ipv4Header*>(frame_of(frame) + packet.ip));
  clear_tx_offload(frame);
  return true;
}

bool write_pseudo_sum(rte_mbuf* frame, FirstHeader first) noexcept {
  IpPacket packet;
  if ((frame->ol_flags & RTE_MBUF_F_TX_UDP_SEG) != 0 || !read_headers(frame, first, packet))
    return false;
  uint32_t bytes = 0;
  be16* field = checksum_field(frame, packet, bytes);
  if (field == nullptr) return false;
  const be16 sum = be16::from_raw(fold_sum(pseudo_header_sum(frame_of(frame), packet, bytes)));
  if (*field == sum) return true;
  if (!owns_data(frame)) return false;
  *field = sum;
  return true;
}

uint32_t segment_bytes(const rte_mbuf* frame, FirstHeader first) noexcept {
  Cut cut;
  if (!read_cut(frame, first, frame->tso_segsz, cut)) return 0;
  return cut.count == 1 ? cut.packet.end : cut.header_len + cut.mss;
}

unsigned segment_tcp(const rte_mbuf* frame, rte_mempool* pool, uint16_t mss,
                     std::span<rte_mbuf*> out, FirstHeader first) noexcept {
  Cut cut;
  if (!read_cut(frame, first, mss, cut)) return refuse(EINVAL);
  if (cut.count > out.size()) return refuse(E2BIG);
  for (unsigned i = 0; i < cut.count; ++i) {
    out[i] = make_segment(cut, pool, i);
    if (out[i] != nullptr) continue;
    rte_pktmbuf_free_bulk(out.data(), i);
    return refuse(ENOMEM);
  }
  return cut.count;
}

}  // namespace adit
