// SPDX-License-Identifier: Apache-2.0
#include "too_big.h"

#include <rte_ip_frag.h>

#include <algorithm>

#include "egress.h"

namespace adit {
namespace {

constexpr unsigned kMostFragments = 64;
constexpr uint8_t kReplyTtl = 64;
constexpr uint8_t kUnreachable = 3, kFragmentationNeeded = 4;  // RFC 1191
constexpr uint8_t kPacketTooBig = 2;                           // RFC 4443 section 3.2
constexpr unsigned kMostIpv4Bytes = 576;                       // RFC 1812 section 4.3.2.3
constexpr unsigned kMostIpv6Bytes = 1280;                      // RFC 4443 section 2.4 (c)

// The ICMP header of both: unused(16) and MTU(16) for IPv4, MTU(32) for IPv6.
struct IcmpError {
  uint8_t type, code;
  be16 checksum;
  be32 mtu;
};
static_assert(sizeof(IcmpError) == 8);

// The frame's IP packet.
struct Inner {
  be16 type;
  unsigned offset = 0;  // of the IP header
  unsigned header_len = 0;
  bool may_fragment = false;
  bool may_answer = false;
};

bool is_unicast_source(be32 ip) noexcept {
  const uint32_t first = ip.host() >> 24;
  return first != 0 && first != 127 && first < 224;
}

// RFC 1812 section 4.3.2.7: no error about an error, a later fragment, or what came from or
// went to a group.
Inner read_ipv4(const uint8_t* frame, Inner inner, unsigned left, uint32_t packet_bytes) noexcept {
  const auto* ip = reinterpret_cast<const Ipv4Header*>(frame + inner.offset);
  inner.header_len = (ip->version_ihl & 15u) * 4;
  if (ip->version_ihl >> 4 != 4 || inner.header_len < sizeof *ip || inner.header_len > left)
    return inner;
  const bool permitted = (ip->fragment.host() & kIpv4DontFragment) == 0;
  inner.may_fragment = permitted && ip->total_length.host() == packet_bytes;
  const bool icmp = ip->protocol == kIpProtocolIcmp;
  const uint8_t icmp_type = icmp && inner.header_len < left ? frame[inner.offset + inner.header_len] : 0;
  const bool icmp_query = icmp_type == 0 || icmp_type == 8 || icmp_type >= 13;
  inner.may_answer = !permitted && (ip->fragment.host() & kIpv4OffsetMask) == 0 &&
                     is_unicast_source(ip->src) && ip->dst.host() >> 28 < 14 &&
                     (!icmp || icmp_query);
  return inner;
}

// RFC 4443 section 2.4 (e); packet too big is told about multicast as well.
Inner read_ipv6(const uint8_t* frame, Inner inner, unsigned left) noexcept {
  const auto* ip = reinterpret_cast<const Ipv6Header*>(frame + inner.offset);
  inner.header_len = sizeof *ip;
  constexpr uint8_t kFirstQuery = 128;
  const bool icmp = ip->next_header == kIpProtocolIcmpv6;
  const bool error = icmp && inner.header_len < left && frame[inner.offset + inner.header_len] < kFirstQuery;
  Ipv6Key source;
  std::memcpy(&source, ip->src.data(), sizeof source);
  inner.may_answer = !error && ip->src[0] != 0xff && (source.high | source.low) != 0;
  return inner;
}

Inner read_inner(const Packet& packet) noexcept {
  const uint8_t* frame = frame_of(packet.mbuf);
  const unsigned len = packet.mbuf->data_len;
  const NetworkHeader network = find_network_header(frame, len);
  Inner inner;
  inner.type = network.type;
  inner.offset = network.offset;
  const unsigned left = len - network.offset;
  const MacAddr& source = reinterpret_cast<const EthernetHeader*>(frame)->src;
  if (network.type == be16(kEtherTypeIpv4) && left >= sizeof(Ipv4Header))
    inner = read_ipv4(frame, inner, left, packet.mbuf->pkt_len - network.offset);
  else if (network.type == be16(kEtherTypeIpv6) && left >= sizeof(Ipv6Header))
    inner = read_ipv6(frame, inner, left);
  inner.may_answer = inner.may_answer && !source.is_group();
  return inner;
}

void write_ipv4_error(uint8_t* at, const Ipv4Header& about, unsigned quoted, unsigned mtu) noexcept {
  auto* ip = reinterpret_cast<Ipv4Header*>(at);
  auto* icmp = reinterpret_cast<IcmpError*>(ip + 1);
  const auto total = static_cast<uint16_t>(sizeof *ip + sizeof *icmp + quoted);
  // From the host that would have answered: a bridge has no address of its own.
  *ip = {0x45, 0, be16(total), be16(0), be16(0), kReplyTtl, kIpProtocolIcmp, be16(0), about.dst,
         about.src};
  ip->checksum =
      be16::from_raw(static_cast<uint16_t>(~fold_sum(sum_words(ip, sizeof *ip))));
  *icmp = {kUnreachable, kFragmentationNeeded, be16(0), be32(mtu)};
}

void write_ipv6_error(uint8_t* at, const Ipv6Header& about, unsigned quoted, unsigned mtu) noexcept {
  auto* ip = reinterpret_cast<Ipv6Header*>(at);
  auto* icmp = reinterpret_cast<IcmpError*>(ip + 1);
  *ip = {be32(uint32_t{6} << 28), be16(static_cast<uint16_t>(sizeof *icmp + quoted)),
         kIpProtocolIcmpv6, kReplyTtl, about.dst, about.src};
  // A group cannot answer: then the sender hears it from itself.
  if (about.dst[0] == 0xff) ip->src = about.src;
  *icmp = {kPacketTooBig, 0, be16(0), be32(mtu)};
}

// RFC 1191 section 4, RFC 4443 section 3.2, as an Ethernet frame back to the sender.
void answer(Worker& worker, const Packet& packet, const Inner& inner, unsigned mtu) noexcept {
  if (!worker.icmp_meter.allow(kIcmpErrorLimit, worker.now_ns)) return;
  const bool ipv6 = inner.type == be16(kEtherTypeIpv6);
  constexpr unsigned kIpv6Headers = sizeof(Ipv6Header) + sizeof(IcmpError);
  constexpr unsigned kIpv4Headers = sizeof(Ipv4Header) + sizeof(IcmpError);
  const unsigned headers = ipv6 ? kIpv6Headers : kIpv4Headers;
  const unsigned most = (ipv6 ? kMostIpv6Bytes : kMostIpv4Bytes) - headers;
  const unsigned quoted = std::min(packet.mbuf->pkt_len - inner.offset, most);
  rte_mbuf* mbuf = rte_pktmbuf_alloc(worker.pool);
  if (mbuf == nullptr) return;
  auto* frame = reinterpret_cast<uint8_t*>(
      rte_pktmbuf_append(mbuf, static_cast<uint16_t>(inner.offset + headers + quoted)));
  if (frame == nullptr) return rte_pktmbuf_free(mbuf);
  const uint8_t* about = frame_of(packet.mbuf);
  std::memcpy(frame, about, inner.offset);  // MACs, type and tags
  auto* ethernet = reinterpret_cast<EthernetHeader*>(frame);
  std::swap(ethernet->src, ethernet->dst);
  if (ethernet->src.is_group()) ethernet->src = ethernet->dst;
  uint8_t* quote = frame + inner.offset + headers;
  const void* from = rte_pktmbuf_read(packet.mbuf, inner.offset, quoted, quote);
  if (from != quote) std::memcpy(quote, from, quoted);

  uint8_t* ip = frame + inner.offset;
  uint8_t* icmp = quote - sizeof(IcmpError);
  const unsigned icmp_bytes = quoted + unsigned{sizeof(IcmpError)};
  uint64_t sum = 0;
  if (ipv6) {
    write_ipv6_error(ip, *reinterpret_cast<const Ipv6Header*>(about + inner.offset), quoted, mtu);
    sum = sum_words(ip + offsetof(Ipv6Header, src), 32) + be16(kIpProtocolIcmpv6).raw() +
          be32(icmp_bytes).raw();
  } else {
    write_ipv4_error(ip, *reinterpret_cast<const Ipv4Header*>(about + inner.offset), quoted, mtu);
  }
  sum += rte_raw_cksum(icmp, icmp_bytes);
  reinterpret_cast<IcmpError*>(icmp)->checksum =
      be16::from_raw(static_cast<uint16_t>(~fold_sum(sum)));
  worker.counters.originated.add(1);
  send_another(worker, packet, mbuf, packet.in);
}

// False where there are no buffers for the fragments, or too many of them.
bool send_fragments(Worker& worker, const Packet& packet, const Inner& inner,
                    unsigned mtu) noexcept {
  std::array<uint8_t, sizeof(EthernetHeader) + 2 * sizeof(VlanTag)> ethernet;
  std::memcpy(ethernet.data(), frame_of(packet.mbuf), inner.offset);
  rte_pktmbuf_adj(packet.mbuf, static_cast<uint16_t>(inner.offset));
  std::array<rte_mbuf*, kMostFragments> fragments;
  const int count = rte_ipv4_fragment_packet(packet.mbuf, fragments.data(), kMostFragments,
                                             static_cast<uint16_t>(mtu), worker.pool, worker.pool);
  if (count <= 0) return false;
  worker.counters.copied.add(static_cast<uint64_t>(count) - 1);
  for (rte_mbuf* fragment : std::span(fragments).first(static_cast<unsigned>(count))) {
    auto* ip = rte_pktmbuf_mtod(fragment, Ipv4Header*);
    ip->checksum = be16(0);
    const uint16_t sum = fold_sum(sum_words(ip, (ip->version_ihl & 15u) * 4));
    ip->checksum = be16::from_raw(static_cast<uint16_t>(~sum));
    // A fresh buffer begins with its whole headroom.
    std::memcpy(rte_pktmbuf_prepend(fragment, static_cast<uint16_t>(inner.offset)),
                ethernet.data(), inner.offset);
    send_another(worker, packet, fragment, packet.out);
  }
  discard(worker, packet.mbuf);
  return true;
}

}  // namespace

void handle_too_big(Worker& worker, Packet& packet) noexcept {
  const BridgePort& out = worker.snapshot->bridge_ports[packet.out];
  const Inner inner = read_inner(packet);
  constexpr unsigned kLeastMtu = 68;  // RFC 791 section 3.2
  if (inner.header_len != 0 && out.max_frame_bytes >= inner.offset + kLeastMtu) {
    const unsigned mtu = out.max_frame_bytes - inner.offset;
    if (inner.may_fragment && (out.flags & BridgePort::kTooBigFragment) &&
        send_fragments(worker, packet, inner, mtu))
      return;
    if (inner.may_answer && (out.flags & BridgePort::kTooBigIcmp)) answer(worker, packet, inner, mtu);
  }
  drop(worker, packet.mbuf, DropReason::k_mtu_exceeded);
}

}  // namespace adit
