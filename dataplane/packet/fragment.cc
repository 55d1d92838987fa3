// SPDX-License-Identifier: Apache-2.0
#include "packet/fragment.h"

#include "adit/wire.h"
#include "packet/checksum.h"
#include "packet/inner.h"
#include "packet/ip_packet.h"
#include "packet/packet.h"

namespace adit {
namespace {

bool read_ipv4(const uint8_t* data, uint32_t left, Fragment& fragment) noexcept {
  const auto* ip = reinterpret_cast<const Ipv4Header*>(data + fragment.ip);
  const uint32_t header_len = (ip->version_ihl & 15u) * 4, total = ip->total_length.host();
  const uint16_t place = ip->fragment.host();
  if (header_len < sizeof *ip || header_len > left || total < header_len ||
      (place & (kIpv4MoreFragments | kIpv4OffsetMask)) == 0)
    return false;
  fragment.key.source.low = ip->src.raw();
  fragment.key.destination.low = ip->dst.raw();
  fragment.key.id = ip->id.raw();
  fragment.key.protocol = ip->protocol;
  fragment.payload = fragment.ip + header_len;
  fragment.offset = (place & kIpv4OffsetMask) * 8u;
  fragment.more = (place & kIpv4MoreFragments) != 0;
  fragment.ecn = ip->tos & kEcnMask;
  fragment.ip_bytes = total;
  return true;
}

// Headers that every node on the path processes come before the fragment header.
bool find_fragment_header(const uint8_t* data, uint32_t end, Fragment& fragment) noexcept {
  constexpr uint8_t kHopByHop = 0, kRouting = 43, kDestinationOptions = 60;
  fragment.next_header_at = fragment.ip + unsigned{offsetof(Ipv6Header, next_header)};
  uint32_t at = fragment.ip + unsigned{sizeof(Ipv6Header)};
  for (unsigned i = 0; i < kMostExtensionHeaders; ++i) {
    const uint8_t kind = data[fragment.next_header_at];
    if (at + 8 > end) return false;
    if (kind == kIpProtocolFragment) {
      fragment.fragment_header = at;
      return true;
    }
    if (kind != kHopByHop && kind != kRouting && kind != kDestinationOptions) return false;
    fragment.next_header_at = at;
    at += 8 + data[at + 1] * 8u;
  }
  return false;
}

bool read_ipv6(const uint8_t* data, uint32_t left, Fragment& fragment) noexcept {
  if (left < sizeof(Ipv6Header)) return false;
  const auto* ip = reinterpret_cast<const Ipv6Header*>(data + fragment.ip);
  fragment.ip_bytes = unsigned{sizeof *ip} + ip->payload_length.host();
  const uint32_t end = fragment.ip + std::min(left, fragment.ip_bytes);
  if (!find_fragment_header(data, end, fragment)) return false;
  const uint8_t* header = data + fragment.fragment_header;
  std::memcpy(&fragment.key.source, ip->src.data(), sizeof fragment.key.source);
  std::memcpy(&fragment.key.destination, ip->dst.data(), sizeof fragment.key.destination);
  std::memcpy(&fragment.key.id, header + 4, sizeof fragment.key.id);
  fragment.key.ipv6 = true;
  fragment.payload = fragment.fragment_header + 8;
  fragment.offset = static_cast<uint32_t>(header[2] << 8 | header[3]) & 0xfff8u;
  fragment.more = (header[3] & 1) != 0;
  fragment.ecn = static_cast<uint8_t>(ip->version_class_label.host() >> 20) & kEcnMask;
  return true;
}

uint64_t mix_address(const Ipv6Key& address, uint64_t seed) noexcept {
  return mix64(mix64(address.high ^ seed) + address.low);
}

}  // namespace

// The seed enters again between the last two rounds: a sender that knows mix64() cannot work out
// which ids share a bucket.
uint64_t hash_of(const FragmentKey& key, uint64_t seed) noexcept {
  const uint64_t addresses = mix_address(key.destination, mix_address(key.source, seed));
  const uint64_t rest = uint64_t{key.place} << 32 | uint64_t{key.protocol} << 1 | key.ipv6;
  return mix64(mix64(mix64(addresses + key.id) + rest) ^ seed);
}

bool read_fragment_header(const rte_mbuf* mbuf, uint32_t ip, FragmentPlace place,
                          Fragment& fragment) noexcept {
  fragment = {};
  if (ip + sizeof(Ipv4Header) > mbuf->data_len) return false;
  const auto* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  const uint32_t left = mbuf->data_len - ip;
  fragment.ip = ip;
  fragment.key.place = place;
  const uint8_t version = data[ip] >> 4;
  return version == 4 ? read_ipv4(data, left, fragment)
                      : version == 6 && read_ipv6(data, left, fragment);
}

bool read_fragment(const rte_mbuf* mbuf, uint32_t ip, FragmentPlace place,
                   Fragment& fragment) noexcept {
  if (!read_fragment_header(mbuf, ip, place, fragment)) return false;
  const uint32_t end = ip + fragment.ip_bytes;
  if (end > mbuf->pkt_len || fragment.payload > end || fragment.payload > kMostFragmentHeader)
    return false;
  fragment.bytes = end - fragment.payload;
  return true;
}

bool read_quoted_key(const rte_mbuf* mbuf, uint32_t ip, FragmentPlace place,
                     FragmentKey& key) noexcept {
  Fragment fragment;
  const bool is_fragment = read_fragment_header(mbuf, ip, place, fragment);
  key = fragment.key;
  if (is_fragment) return true;
  if (ip + sizeof(Ipv4Header) > mbuf->data_len) return false;
  const auto* header = rte_pktmbuf_mtod_offset(mbuf, const Ipv4Header*, ip);
  if (header->version_ihl >> 4 != 4 || (header->fragment.host() & kIpv4DontFragment) != 0)
    return false;
  key = {{0, header->src.raw()}, {0, header->dst.raw()},
         header->id.raw(),       place,
         header->protocol,       false};
  return true;
}

void take_off_fragment_header(rte_mbuf* mbuf, uint32_t ip, uint32_t fragment_header,
                              uint32_t next_header_at) noexcept {
  constexpr uint16_t kBytes = 8;
  auto* data = rte_pktmbuf_mtod(mbuf, uint8_t*);
  data[next_header_at] = data[fragment_header];
  std::memmove(data + kBytes, data, fragment_header);
  cut_front(mbuf, kBytes);
  auto* header = rte_pktmbuf_mtod_offset(mbuf, Ipv6Header*, ip);
  header->payload_length = be16(static_cast<uint16_t>(header->payload_length.host() - kBytes));
}

}  // namespace adit
