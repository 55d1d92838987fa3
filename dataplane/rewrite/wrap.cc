// SPDX-License-Identifier: Apache-2.0
#include "rewrite/wrap.h"

#include "packet/checksum.h"
#include "packet/inner.h"
#include "packet/ip_packet.h"
#include "packet/packet.h"
#include "packet/segment.h"

namespace adit {
namespace {

// draft-ietf-intarea-gue-09 section 3.1
struct GueHeader {
  uint8_t variant_length;  // variant(2) control(1) length of the options(5), in 4 bytes
  uint8_t protocol;        // as in IP
  be16 flags;
};
static_assert(sizeof(GueHeader) == 4);

unsigned ip_bytes(const Wrapping& how) noexcept {
  return how.destination.is_v4() ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
}

unsigned tunnel_bytes(WrapKind kind) noexcept {
  switch (kind) {
    case WrapKind::kIpip:
      return 0;
    case WrapKind::kGre:
      return sizeof(GreHeader);
    case WrapKind::kGue:
      break;
  }
  return sizeof(UdpHeader) + sizeof(GueHeader);
}

uint8_t outer_protocol(WrapKind kind, bool inner_ipv6) noexcept {
  switch (kind) {
    case WrapKind::kIpip:
      return inner_ipv6 ? kIpProtocolIpv6 : kIpProtocolIpv4;
    case WrapKind::kGre:
      return kIpProtocolGre;
    case WrapKind::kGue:
      break;
  }
  return kIpProtocolUdp;
}

void write_ipv4(uint8_t* at, const Wrapping& how, const InnerFlow& flow, bool inner_ipv6,
                uint32_t total, uint16_t id) noexcept {
  using DontFragment = Wrapping::DontFragment;
  const bool df = how.dont_fragment == DontFragment::kSet ||
                  (how.dont_fragment == DontFragment::kInherit && (inner_ipv6 || flow.df));
  auto* ip = reinterpret_cast<Ipv4Header*>(at);
  *ip = {0x45,
         flow.tos,
         be16(static_cast<uint16_t>(total)),
         be16(df ? uint16_t{0} : id),  // RFC 6864: an atomic datagram needs none
         be16(df ? kIpv4DontFragment : uint16_t{0}),
         how.ttl,
         outer_protocol(how.kind, inner_ipv6),
         be16(0),
         how.source.as_v4(),
         how.destination.as_v4()};
  write_ipv4_checksum(ip);
}

void write_ipv6(uint8_t* at, const Wrapping& how, const InnerFlow& flow, bool inner_ipv6,
                uint32_t payload) noexcept {
  auto* ip = reinterpret_cast<Ipv6Header*>(at);
  // RFC 6438: the flow label carries the entropy.
  *ip = {be32(uint32_t{6} << 28 | uint32_t{flow.tos} << 20 | flow.entropy >> 12),
         be16(static_cast<uint16_t>(payload)),
         outer_protocol(how.kind, inner_ipv6),
         how.ttl,
         how.source.bytes,
         how.destination.bytes};
}

void write_udp_checksum(rte_mbuf* mbuf, UdpHeader* udp, const Wrapping& how) noexcept {
  const unsigned width = how.destination.width_bits() / 8;
  const unsigned offset = ip_bytes(how);
  const uint64_t pseudo = sum_words(how.source.bytes.data(), width) +
                          sum_words(how.destination.bytes.data(), width) +
                          be16(kIpProtocolUdp).raw() + udp->length.raw();
  const uint16_t sum =
      static_cast<uint16_t>(~sum_mbuf(mbuf, offset, mbuf->pkt_len - offset, pseudo));
  udp->checksum = be16::from_raw(sum == 0 ? uint16_t{0xffff} : sum);
}

void write_gue(rte_mbuf* mbuf, uint8_t* at, const Wrapping& how, const InnerFlow& flow,
               bool inner_ipv6) noexcept {
  auto* udp = reinterpret_cast<UdpHeader*>(at);
  // A port of the dynamic range, the same for all packets of a flow.
  *udp = {be16(static_cast<uint16_t>(0xc000 | flow.entropy >> 18)), be16(how.port),
          be16(static_cast<uint16_t>(mbuf->pkt_len - ip_bytes(how))), be16(0)};
  auto* gue = reinterpret_cast<GueHeader*>(udp + 1);
  *gue = {0, inner_ipv6 ? kIpProtocolIpv6 : kIpProtocolIpv4, be16(0)};
  if (how.udp_checksum) write_udp_checksum(mbuf, udp, how);
}

}  // namespace

uint32_t wrapping_bytes(const Wrapping& how) noexcept {
  return ip_bytes(how) + tunnel_bytes(how.kind);
}

DropReason wrap(rte_mbuf* mbuf, const Wrapping& how, uint16_t id) noexcept {
  // Later steps would complete it after the outer header, instead of in the inner packet.
  if (is_pending_offload(mbuf)) return DropReason::k_offload_malformed;
  if (mbuf->data_len < sizeof(Ipv4Header)) return DropReason::k_ip_truncated;
  const bool inner_ipv6 = frame_of(mbuf)[0] >> 4 == 6;
  InnerFlow flow{};
  if (!describe_ip(be16(inner_ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4), frame_of(mbuf),
                   mbuf->data_len, flow))
    return DropReason::k_ip_truncated;
  const unsigned ip_len = ip_bytes(how), headers = wrapping_bytes(how);
  const uint32_t total = mbuf->pkt_len + headers;
  if (total - (how.destination.is_v4() ? 0 : ip_len) > 0xffff) return DropReason::k_mtu_exceeded;
  auto* start =
      reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(mbuf, static_cast<uint16_t>(headers)));
  if (start == nullptr) return DropReason::k_no_headroom;
  if (how.destination.is_v4())
    write_ipv4(start, how, flow, inner_ipv6, total, id);
  else
    write_ipv6(start, how, flow, inner_ipv6, total - ip_len);
  if (how.kind == WrapKind::kGre)
    *reinterpret_cast<GreHeader*>(start + ip_len) = {
        be16(0), be16(inner_ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4)};
  if (how.kind == WrapKind::kGue) write_gue(mbuf, start + ip_len, how, flow, inner_ipv6);
  return DropReason::kNone;
}

}  // namespace adit
