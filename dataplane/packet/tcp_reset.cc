// SPDX-License-Identifier: Apache-2.0
#include "packet/tcp_reset.h"

#include "packet/ip_packet.h"
#include "packet/packet.h"
#include "packet/patch.h"

namespace adit {
namespace {

struct ReplyIpv4 {
  using Header = Ipv4Header;
  static void write(Header* ip, const uint8_t* about) noexcept {
    const auto* original = reinterpret_cast<const Header*>(about);
    *ip = {0x45,
           0,
           be16(uint16_t{sizeof(Header) + sizeof(TcpHeader)}),
           be16(0),
           be16(kIpv4DontFragment),  // an atomic datagram needs no id (RFC 6864)
           kReplyTtl,
           kIpProtocolTcp,
           be16(0),
           original->dst,
           original->src};
    write_ipv4_checksum(ip);
  }
};
struct ReplyIpv6 {
  using Header = Ipv6Header;
  static void write(Header* ip, const uint8_t* about) noexcept {
    const auto* original = reinterpret_cast<const Header*>(about);
    *ip = {be32(uint32_t{6} << 28), be16(uint16_t{sizeof(TcpHeader)}),
           kIpProtocolTcp,          kReplyTtl,
           original->dst,           original->src};
  }
};

TcpHeader answer_to(const TcpHeader& segment, uint32_t payload_len) noexcept {
  TcpHeader reset{};
  reset.src_port = segment.dst_port;
  reset.dst_port = segment.src_port;
  reset.data_offset = sizeof reset / 4 << 4;
  reset.flags = kTcpRst;
  if ((segment.flags & kTcpAck) != 0) {
    reset.sequence = segment.acknowledgment;
    return reset;
  }
  // RFC 9293 section 3.4: SYN and FIN take a sequence number each.
  const uint32_t len = payload_len + ((segment.flags & kTcpSyn) != 0 ? 1 : 0) +
                       ((segment.flags & kTcpFin) != 0 ? 1 : 0);
  reset.acknowledgment = be32(segment.sequence.host() + len);
  reset.flags |= kTcpAck;
  return reset;
}

template <class Ip>
rte_mbuf* build(const rte_mbuf* about, const Flow& flow, rte_mempool* pool) noexcept {
  constexpr uint16_t kBytes = sizeof(typename Ip::Header) + sizeof(TcpHeader);
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
  if (mbuf == nullptr) return nullptr;
  auto* ip = reinterpret_cast<typename Ip::Header*>(rte_pktmbuf_append(mbuf, kBytes));
  if (ip == nullptr) {
    rte_pktmbuf_free(mbuf);
    return nullptr;
  }
  rte_mbuf_dynfield_copy(mbuf, about);
  const auto* data = rte_pktmbuf_mtod(about, const uint8_t*);
  Ip::write(ip, data);
  auto* tcp = reinterpret_cast<TcpHeader*>(ip + 1);
  *tcp = answer_to(*reinterpret_cast<const TcpHeader*>(data + flow.packet.l4), flow.payload_len);
  const uint64_t sum = sum_words(&ip->src, 2 * sizeof ip->src) + be16(kIpProtocolTcp).raw() +
                       be16(uint16_t{sizeof *tcp}).raw() + sum_words(tcp, sizeof *tcp);
  tcp->checksum = be16::from_raw(static_cast<uint16_t>(~fold_sum(sum)));
  return mbuf;
}

// RFC 9293 section 3.1. What a TAP's kernel leaves to us to compute is right.
bool is_intact(const rte_mbuf* mbuf, const IpPacket& packet) noexcept {
  if (l4_checksum_of(mbuf) == L4Checksum::kPending) return true;
  const uint32_t bytes = packet.end - packet.l4;
  const uint64_t pseudo = pseudo_header_sum(rte_pktmbuf_mtod(mbuf, const uint8_t*), packet, bytes);
  return sum_mbuf(mbuf, packet.l4, bytes, pseudo) == 0xffff;
}

}  // namespace

rte_mbuf* make_tcp_reset(const rte_mbuf* about, const Flow& flow, rte_mempool* pool) noexcept {
  if ((flow.l4_type & kTcpRst) != 0 || !is_intact(about, flow.packet)) return nullptr;
  return flow.packet.ipv6 ? build<ReplyIpv6>(about, flow, pool)
                          : build<ReplyIpv4>(about, flow, pool);
}

}  // namespace adit
