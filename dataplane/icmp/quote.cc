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

bool put_fragment_header(rte_mbuf* mbuf, const SentFragment& sent) noexcept {
  constexpr uint16_t kBytes = 8;
  auto* at = reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(mbuf, kBytes));
  if (at == nullptr) return false;
  std::memmove(at, at + kBytes, sizeof(Ipv6Header));
  auto* ip = reinterpret_cast<Ipv6Header*>(at);
  const std::array<uint8_t, 4> first = {ip->next_header, 0, 0, 1};  // offset 0, more to come
  std::memcpy(at + sizeof *ip, first.data(), first.size());
  std::memcpy(at + sizeof *ip + first.size(), &sent.id, sizeof sent.id);
  ip->next_header = kIpProtocolFragment;
  ip->payload_length = be16(static_cast<uint16_t>(sent.bytes - sizeof *ip));
  return true;
}

void become_first(rte_mbuf* mbuf) noexcept {
  const AsItCame came = as_it_came(mbuf);
  if (came.largest == 0) return;  // it came whole
  if (frame_of(mbuf)[0] >> 4 == 6) {
    if (!is_extension_header(header_of<Ipv6>(mbuf).next_header))
      put_fragment_header(mbuf, {came.id, came.largest, true});
    return;
  }
  auto& ip = header_of<Ipv4>(mbuf);
  ip.id = be16::from_raw(static_cast<uint16_t>(came.id));
  ip.total_length = be16(came.largest);
  ip.fragment = be16(static_cast<uint16_t>(ip.fragment.host() | kIpv4MoreFragments));
  write_ipv4_checksum(&ip);
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
