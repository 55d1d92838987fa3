// SPDX-License-Identifier: Apache-2.0
#include "rewrite/translate_family.h"

#include "packet/ip_version.h"
#include "packet/packet.h"

namespace adit {
namespace {

constexpr uint32_t kMostIcmpv6Bytes = 1280;  // RFC 4443 section 2.4 (c)
constexpr uint32_t kMayBeFragmented = 1260;  // RFC 7915 section 5.1: longer ones get DF
constexpr unsigned kFragmentHeader = 8;
constexpr unsigned kErrorHeaders = 2 * sizeof(Ipv6Header) + sizeof(IcmpHeader);

// The fields that headers of both versions have.
struct Fields {
  uint32_t bytes;  // behind the header
  uint8_t tos, ttl, protocol;
};

Fields fields_of(const uint8_t* data, const IpPacket& packet) noexcept {
  Fields fields{packet.end - packet.l4, 0, 0, packet.protocol};
  if (packet.ipv6) {
    const auto* ip = reinterpret_cast<const Ipv6Header*>(data + packet.ip);
    fields.tos = static_cast<uint8_t>(ip->version_class_label.host() >> 20);
    fields.ttl = ip->hop_limit;
  } else {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(data + packet.ip);
    fields.tos = ip->tos;
    fields.ttl = ip->ttl;
  }
  return fields;
}

be32 ipv4_of(const Endpoint* endpoint) noexcept {
  return be32::from_raw(static_cast<uint32_t>(endpoint->address.low));
}

std::array<uint8_t, 16> ipv6_of(const Endpoint* endpoint) noexcept {
  std::array<uint8_t, 16> address;
  std::memcpy(address.data(), &endpoint->address, sizeof address);
  return address;
}

// Both return the header's length.
unsigned write_ipv4(uint8_t* at, const Fields& fields, const Translation& to,
                    uint16_t id) noexcept {
  const uint32_t total = unsigned{sizeof(Ipv4Header)} + fields.bytes;
  const bool fragmentable = total <= kMayBeFragmented;
  auto* ip = reinterpret_cast<Ipv4Header*>(at);
  *ip = {0x45, fields.tos,
         // Only a packet quoted in an ICMP error can be too long.
         be16(static_cast<uint16_t>(std::min(total, 0xffffu))),
         be16(fragmentable ? id : uint16_t{0}),
         be16(fragmentable ? uint16_t{0} : kIpv4DontFragment), fields.ttl, fields.protocol, be16(0),
         ipv4_of(to.source), ipv4_of(to.destination)};
  write_ipv4_checksum(ip);
  return sizeof *ip;
}

unsigned write_ipv6(uint8_t* at, const Fields& fields, const Translation& to) noexcept {
  auto* ip = reinterpret_cast<Ipv6Header*>(at);
  *ip = {be32(uint32_t{6} << 28 | uint32_t{fields.tos} << 20),
         be16(static_cast<uint16_t>(fields.bytes)),
         fields.protocol,
         fields.ttl,
         ipv6_of(to.source),
         ipv6_of(to.destination)};
  return sizeof *ip;
}

unsigned write_other(uint8_t* at, const Fields& fields, const Translation& to, bool ipv6,
                     uint16_t id) noexcept {
  return ipv6 ? write_ipv6(at, fields, to) : write_ipv4(at, fields, to, id);
}

uint64_t sum_addresses(const uint8_t* ip, bool ipv6) noexcept {
  return ipv6 ? sum_words(ip + offsetof(Ipv6Header, src), 32)
              : sum_words(ip + offsetof(Ipv4Header, src), 8);
}

// The growth of the pseudo-header: length and protocol stay the same.
uint64_t pseudo_growth(const uint8_t* from, const uint8_t* to, bool to_ipv6) noexcept {
  return complement(sum_addresses(from, !to_ipv6)) + sum_addresses(to, to_ipv6);
}

// Makes the packet begin `headers` bytes before its byte at `keep`. Null: no headroom.
uint8_t* move_start(rte_mbuf* mbuf, uint32_t keep, uint32_t headers) noexcept {
  char* start = keep >= headers ? rte_pktmbuf_adj(mbuf, static_cast<uint16_t>(keep - headers))
                                : rte_pktmbuf_prepend(mbuf, static_cast<uint16_t>(headers - keep));
  return reinterpret_cast<uint8_t*>(start);
}

void move_tx_offload(rte_mbuf* mbuf, bool to_ipv6) noexcept {
  constexpr uint64_t kVersions = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6;
  if ((mbuf->ol_flags & kVersions) != 0)
    mbuf->ol_flags =
        (mbuf->ol_flags & ~kVersions) | (to_ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
  mbuf->ol_flags &= ~RTE_MBUF_F_TX_IP_CKSUM;  // it is right
}

// RFC 7915 section 4.5: in IPv6 a UDP checksum is required.
void write_udp_checksum(rte_mbuf* mbuf, uint32_t offset) noexcept {
  auto* udp = reinterpret_cast<UdpHeader*>(frame_of(mbuf) + offset);
  const uint64_t pseudo =
      sum_addresses(frame_of(mbuf), true) + be16(kIpProtocolUdp).raw() + udp->length.raw();
  const uint16_t sum = complement(pseudo + sum_mbuf(mbuf, offset, udp->length.host()));
  udp->checksum = be16::from_raw(sum == 0 ? uint16_t{0xffff} : sum);
}

DropReason translate_flow(rte_mbuf* mbuf, const Flow& flow, const Translation& to,
                          uint16_t id) noexcept {
  const bool to_ipv6 = !flow.packet.ipv6;
  const Fields fields = fields_of(frame_of(mbuf), flow.packet);
  if (!to_ipv6 && fields.bytes + sizeof(Ipv4Header) > 0xffff) return DropReason::k_mtu_exceeded;
  const L4Checksum checksum = l4_checksum_of(mbuf);
  // In IPv4 it would be none, which is right (RFC 8200 section 8.1).
  if (!to_ipv6 && fields.protocol == kIpProtocolUdp && checksum == L4Checksum::kComplete &&
      reinterpret_cast<const UdpHeader*>(frame_of(mbuf) + flow.packet.l4)->checksum == be16(0))
    return DropReason::k_udp_checksum;
  std::array<uint8_t, sizeof(Ipv6Header)> header;
  const unsigned len = write_other(header.data(), fields, to, to_ipv6, id);
  const uint64_t growth = pseudo_growth(frame_of(mbuf), header.data(), to_ipv6);
  uint8_t* start = move_start(mbuf, flow.packet.l4, len);
  if (start == nullptr) return DropReason::k_no_headroom;
  std::memcpy(start, header.data(), len);
  nat::patch_l4({start + len, std::min(mbuf->data_len - len, fields.bytes), fields.bytes,
                 fields.protocol, checksum},
                growth, to);
  if (to_ipv6 && fields.protocol == kIpProtocolUdp && checksum == L4Checksum::kComplete &&
      reinterpret_cast<UdpHeader*>(start + len)->checksum == be16(0))
    write_udp_checksum(mbuf, len);
  move_tx_offload(mbuf, to_ipv6);
  return DropReason::kNone;
}

// --- ICMP errors

bool icmp_checksum_ok(const rte_mbuf* mbuf, const IpPacket& packet) noexcept {
  const uint32_t bytes = packet.end - packet.l4;
  const uint64_t pseudo =
      packet.ipv6 ? pseudo_header_sum(rte_pktmbuf_mtod(mbuf, const uint8_t*), packet, bytes) : 0;
  return sum_mbuf(mbuf, packet.l4, bytes, pseudo) == 0xffff;
}

// Where the embedded packet ends. RFC 4884: extensions may follow; they are left out, as the
// versions count their place differently.
uint32_t quoted_end(const uint8_t* data, const Flow& flow) noexcept {
  const uint8_t* icmp = data + flow.packet.l4;
  uint32_t bytes = 0;
  if (!flow.packet.ipv6)
    bytes = icmp[5] * 4u;
  else if (icmp[0] == 1 || icmp[0] == 3)
    bytes = icmp[4] * 8u;
  const uint32_t end = flow.packet.end;
  return bytes == 0 ? end : std::min(end, flow.embedded.ip + bytes);
}

void write_icmp_checksum(rte_mbuf* mbuf, uint32_t offset, bool ipv6) noexcept {
  auto* icmp = reinterpret_cast<IcmpHeader*>(frame_of(mbuf) + offset);
  const uint32_t bytes = mbuf->pkt_len - offset;
  icmp->checksum = be16(0);
  uint64_t sum = sum_mbuf(mbuf, offset, bytes);
  if (ipv6)
    sum += sum_addresses(frame_of(mbuf), true) + be16(kIpProtocolIcmpv6).raw() + be32(bytes).raw();
  icmp->checksum = be16::from_raw(complement(sum));
}

// Makes the header of a quoted packet that of the fragment, or whole packet, that was sent. Returns
// its length, with IPv6's fragment header.
unsigned write_sent(uint8_t* at, unsigned len, bool ipv6, const SentFragment& sent) noexcept {
  if (!ipv6) {
    auto* ip = reinterpret_cast<Ipv4Header*>(at);
    ip->total_length = be16(sent.bytes);
    ip->id = be16::from_raw(static_cast<uint16_t>(sent.id));
    ip->fragment = be16(sent.more ? kIpv4MoreFragments : uint16_t{0});
    write_ipv4_checksum(ip);
    return len;
  }
  auto* ip = reinterpret_cast<Ipv6Header*>(at);
  ip->payload_length = be16(static_cast<uint16_t>(sent.bytes - sizeof *ip));
  set_label(*ip, sent.label);
  if (!sent.more) return len;
  const std::array<uint8_t, 4> first = {ip->next_header, 0, 0, 1};  // offset 0, more to come
  ip->next_header = kIpProtocolFragment;
  std::memcpy(at + len, first.data(), first.size());
  std::memcpy(at + len + first.size(), &sent.id, sizeof sent.id);
  return len + kFragmentHeader;
}

// RFC 7915 section 5.1.1: of a fragment that is not known.
void keep_fragment(uint8_t* at, const uint8_t* data, const IpPacket& packet) noexcept {
  auto* ip = reinterpret_cast<Ipv4Header*>(at);
  // The last two bytes of the fragment header, which comes last as far as we make it.
  std::memcpy(&ip->id, data + packet.l4 - sizeof ip->id, sizeof ip->id);
  ip->fragment = be16(kIpv4MoreFragments);
  write_ipv4_checksum(ip);
}

DropReason translate_error(rte_mbuf* mbuf, const Flow& flow, const Translation& to, uint16_t id,
                           const SentFragment* sent) noexcept {
  const bool to_ipv6 = !flow.packet.ipv6;
  const IpPacket& embedded = flow.embedded;
  uint8_t* data = frame_of(mbuf);
  // The checksum is computed from scratch below, which must not make a wrong one right.
  if (!icmp_checksum_ok(mbuf, flow.packet)) return DropReason::k_icmp_checksum;
  auto icmp = *reinterpret_cast<const IcmpHeader*>(data + flow.packet.l4);
  if (!has_ports(embedded.protocol) ||
      !translate_icmp_error(icmp, flow.packet.ipv6, embedded.end - embedded.ip))
    return DropReason::k_icmp_untranslatable;
  uint32_t end = quoted_end(data, flow);
  const unsigned headers = kErrorHeaders + (sent != nullptr && sent->more ? kFragmentHeader : 0);
  if (to_ipv6) end = std::min(end, embedded.l4 + kMostIcmpv6Bytes - headers);
  if (end < embedded.l4 + 8) return DropReason::k_icmp_embedded;
  // Fails where the last buffer is shorter than what goes: no router's error is in so many.
  if (mbuf->pkt_len > end &&
      rte_pktmbuf_trim(mbuf, static_cast<uint16_t>(mbuf->pkt_len - end)) != 0)
    return DropReason::k_icmp_untranslatable;

  std::array<uint8_t, sizeof(Ipv6Header) + kFragmentHeader> inner;
  const Translation reverse{to.destination, to.source};
  const Fields inside = fields_of(data, embedded);
  unsigned inner_len = write_other(inner.data(), inside, reverse, to_ipv6, id);
  const uint32_t room = std::min({end, embedded.end, uint32_t{mbuf->data_len}}) - embedded.l4;
  nat::patch_l4({data + embedded.l4, room, inside.bytes, embedded.protocol, L4Checksum::kComplete},
                pseudo_growth(data + embedded.ip, inner.data(), to_ipv6), reverse);
  if (sent != nullptr)
    inner_len = write_sent(inner.data(), inner_len, to_ipv6, *sent);
  else if (!to_ipv6 && embedded.more_fragments)
    keep_fragment(inner.data(), data, embedded);

  Fields outside = fields_of(data, flow.packet);
  outside.protocol = to_ipv6 ? kIpProtocolIcmpv6 : kIpProtocolIcmp;
  outside.bytes = unsigned{sizeof icmp} + inner_len + end - embedded.l4;
  std::array<uint8_t, sizeof(Ipv6Header)> outer;
  const unsigned outer_len = write_other(outer.data(), outside, to, to_ipv6, id);
  uint8_t* start = move_start(mbuf, embedded.l4, outer_len + unsigned{sizeof icmp} + inner_len);
  if (start == nullptr) return DropReason::k_no_headroom;
  std::memcpy(start, outer.data(), outer_len);
  std::memcpy(start + outer_len, &icmp, sizeof icmp);
  std::memcpy(start + outer_len + sizeof icmp, inner.data(), inner_len);
  write_icmp_checksum(mbuf, outer_len, to_ipv6);
  return DropReason::kNone;
}

}  // namespace

DropReason translate_family(rte_mbuf* mbuf, const Flow& flow, const Translation& to, uint16_t id,
                            const SentFragment* sent) noexcept {
  if (flow.kind == FlowKind::kIcmpError) [[unlikely]]
    return translate_error(mbuf, flow, to, id, sent);
  return translate_flow(mbuf, flow, to, id);
}

}  // namespace adit
