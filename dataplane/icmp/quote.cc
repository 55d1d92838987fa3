// SPDX-License-Identifier: Apache-2.0
#include "icmp/quote.h"

#include "packet/ip_version.h"
#include "packet/patch.h"

namespace adit {

void note_sent(Worker& worker, const rte_mbuf* mbuf, VrfId vrf, uint32_t id,
               const SentFragment& sent) noexcept {
  FragmentKey key;
  key.place = place_of(vrf);
  key.ipv6 = rte_pktmbuf_mtod(mbuf, const uint8_t*)[0] >> 4 == 6;
  if (key.ipv6) {
    const auto& ip = *rte_pktmbuf_mtod(mbuf, const Ipv6Header*);
    key.source = Ipv6::key_at(Ipv6::source(ip));
    key.destination = Ipv6::host_key(ip);
    key.id = id;
  } else {
    const auto& ip = *rte_pktmbuf_mtod(mbuf, const Ipv4Header*);
    key.source = Ipv4::key_at(Ipv4::source(ip));
    key.destination = Ipv4::host_key(ip);
    key.id = ip.id.raw();
    key.protocol = ip.protocol;
  }
  worker.changed_ids.note(key, sent);
}

const SentFragment* sent_as(const Worker& worker, const rte_mbuf* mbuf, uint32_t ip,
                            VrfId vrf) noexcept {
  FragmentKey key;
  if (!read_quoted_key(mbuf, ip, place_of(vrf), key)) return nullptr;
  return worker.changed_ids.find(key);
}

void write_sent(rte_mbuf* mbuf, uint32_t at, const SentFragment& sent, uint64_t& growth) noexcept {
  if (frame_of(mbuf)[at] >> 4 == 4) {
    auto* ip = rte_pktmbuf_mtod_offset(mbuf, Ipv4Header*, at);
    const uint64_t by =
        replace(ip->id, be16::from_raw(static_cast<uint16_t>(sent.id))) +
        replace(ip->total_length, be16(sent.bytes)) +
        replace(ip->fragment,
                be16(static_cast<uint16_t>((ip->fragment.host() & ~kIpv4MoreFragments) |
                                           (sent.more ? kIpv4MoreFragments : uint16_t{0}))));
    growth += by + adjust(ip->checksum, by);
    return;
  }
  Fragment fragment;
  // IPv6 is cut by us alone: what is quoted has a fragment header, and so had what came.
  if (!sent.more || !read_fragment_header(mbuf, at, kTunnelPlace, fragment)) return;
  auto* ip = rte_pktmbuf_mtod_offset(mbuf, Ipv6Header*, at);
  const be16 length(static_cast<uint16_t>(sent.bytes - sizeof *ip));
  growth += replace(ip->payload_length, length) +
            replace(frame_of(mbuf) + fragment.fragment_header + 4, &sent.id, sizeof sent.id);
}

void restore_first(const Worker& worker, rte_mbuf* mbuf, VrfId vrf) noexcept {
  Fragment fragment;
  if (!read_fragment_header(mbuf, 0, place_of(vrf), fragment) || fragment.offset != 0 ||
      !fragment.more)
    return;
  uint64_t growth = 0;
  const SentFragment* sent = worker.changed_ids.find(fragment.key);
  if (sent != nullptr) write_sent(mbuf, 0, *sent, growth);
}

void restore_quote(const Worker& worker, rte_mbuf* mbuf, const Flow& flow, VrfId vrf) noexcept {
  if (!flow.embedded.more_fragments) return;
  const SentFragment* sent = sent_as(worker, mbuf, flow.embedded.ip, vrf);
  if (sent == nullptr) return;
  uint64_t growth = 0;
  write_sent(mbuf, flow.embedded.ip, *sent, growth);
  auto* icmp = rte_pktmbuf_mtod_offset(mbuf, IcmpHeader*, flow.packet.l4);
  adjust(icmp->checksum, growth);
}

}  // namespace adit
