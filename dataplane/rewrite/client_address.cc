// SPDX-License-Identifier: Apache-2.0
#include "rewrite/client_address.h"

#include "packet/ip_version.h"
#include "packet/packet.h"

namespace adit {
namespace {

constexpr uint8_t kToaKind = 254;
constexpr unsigned kToaIpv4Len = 8, kToaIpv6Len = 20;
constexpr unsigned kMostTcpHeader = 60;
constexpr unsigned kFixedTcp = sizeof(TcpHeader);

unsigned tcp_header_len(const TcpHeader& tcp) noexcept {
  return (tcp.data_offset >> 4) * 4u;
}

const void* address_bytes(const Endpoint& endpoint) noexcept {
  return endpoint.ipv6 ? static_cast<const void*>(&endpoint.address) : &endpoint.address.low;
}

// Returns the length.
unsigned write_toa(uint8_t* at, const Endpoint& client) noexcept {
  const unsigned len = client.ipv6 ? kToaIpv6Len : kToaIpv4Len;
  at[0] = kToaKind;
  at[1] = static_cast<uint8_t>(len);
  std::memcpy(at + 2, &client.port, sizeof client.port);
  std::memcpy(at + 4, address_bytes(client), len - 4);
  return len;
}

// `by`: may be negative, as all that is added to 16 bits. Returns the growth of the header's sum.
uint64_t lengthen_ip(uint8_t* data, bool ipv6, unsigned by) noexcept {
  if (ipv6) {
    auto& length = reinterpret_cast<Ipv6Header*>(data)->payload_length;
    return replace(length, be16(static_cast<uint16_t>(length.host() + by)));
  }
  auto* ip = reinterpret_cast<Ipv4Header*>(data);
  const be16 total(static_cast<uint16_t>(ip->total_length.host() + by));
  const uint64_t growth = replace(ip->total_length, total);
  return growth + adjust(ip->checksum, growth);
}

// Growth of the sum when the TCP header gets `by` bytes longer. In its word the offset is the upper
// byte.
uint64_t lengthen_tcp(TcpHeader& tcp, unsigned by) noexcept {
  const be16 before(static_cast<uint16_t>(tcp.data_offset << 8));
  tcp.data_offset = static_cast<uint8_t>(tcp.data_offset + (by / 4 << 4));
  const be16 after(static_cast<uint16_t>(tcp.data_offset << 8));
  return uint64_t{complement(before.raw())} + after.raw();
}

// The option's length; 0: the bytes of the segment at `l4` up to `end` do not have it.
unsigned toa_len(const uint8_t* data, uint32_t l4, uint32_t end, const Endpoint& client) noexcept {
  std::array<uint8_t, kToaIpv6Len> option;
  const unsigned len = write_toa(option.data(), client);
  if (l4 + kFixedTcp + len > end ||
      tcp_header_len(*reinterpret_cast<const TcpHeader*>(data + l4)) < kFixedTcp + len ||
      std::memcmp(data + l4 + kFixedTcp, option.data(), len) != 0)
    return 0;
  return len;
}

// Where the quoted packet ends if an extension follows it (RFC 4884 section 3); 0: none does.
uint32_t end_before_extension(const uint8_t* data, const Flow& flow) noexcept {
  const uint8_t* icmp = data + flow.packet.l4;
  const uint32_t bytes = flow.packet.ipv6 ? icmp[4] * 8u : icmp[5] * 4u;
  return bytes == 0 ? 0 : flow.embedded.ip + bytes;
}

be16& icmp_checksum(uint8_t* data, const Flow& flow) noexcept {
  return reinterpret_cast<IcmpHeader*>(data + flow.packet.l4)->checksum;
}

// Takes `len` bytes at `at` out of the packet. `growth`: of the sum of the error, if it is one,
// without its pseudo-header.
void take_out(rte_mbuf* mbuf, Flow& flow, uint32_t at, unsigned len, uint64_t growth) noexcept {
  uint8_t* data = frame_of(mbuf);
  if (flow.kind == FlowKind::kIcmpError) {
    lengthen_ip(data + flow.packet.ip, flow.packet.ipv6, 0u - len);
    be16 bytes(static_cast<uint16_t>(flow.packet.end - flow.packet.l4));
    const be16 less(static_cast<uint16_t>(bytes.host() - len));
    if (flow.packet.ipv6) growth += replace(bytes, less);
    adjust(icmp_checksum(data, flow), growth);
  }
  std::memmove(data + len, data, at);
  cut_front(mbuf, len);
  flow.packet.end -= len;
}

}  // namespace

ToaResult insert_toa(rte_mbuf* mbuf, Flow& flow, const Endpoint& client,
                     uint32_t max_bytes) noexcept {
  std::array<uint8_t, kToaIpv6Len> option;
  const unsigned len = write_toa(option.data(), client);
  const uint32_t l4 = flow.packet.l4;
  const unsigned header_len =
      tcp_header_len(*reinterpret_cast<const TcpHeader*>(frame_of(mbuf) + l4));
  if (header_len + len > kMostTcpHeader) return ToaResult::kNoOptionRoom;
  // Each segment of a GSO frame gets its options.
  uint32_t longest = flow.packet.end;
  if (is_gso_frame(mbuf)) longest = std::min(longest, l4 + header_len + mbuf->tso_segsz);
  if (longest + len > max_bytes || flow.packet.end + len > 0xffff) return ToaResult::kNoPacketRoom;
  auto* data = reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(mbuf, static_cast<uint16_t>(len)));
  if (data == nullptr) return ToaResult::kNoHeadroom;

  std::memmove(data, data + len, l4 + kFixedTcp);
  std::memcpy(data + l4 + kFixedTcp, option.data(), len);
  lengthen_ip(data, flow.packet.ipv6, len);
  const uint32_t bytes = flow.packet.end - l4;
  be16 pseudo_length(static_cast<uint16_t>(bytes));
  const uint64_t pseudo = replace(pseudo_length, be16(static_cast<uint16_t>(bytes + len)));
  auto* tcp = reinterpret_cast<TcpHeader*>(data + l4);
  const uint64_t longer = lengthen_tcp(*tcp, len);
  adjust_l4(tcp->checksum, l4_checksum_of(mbuf), pseudo, sum_words(option.data(), len) + longer);
  flow.packet.end += len;
  return ToaResult::kInserted;
}

unsigned remove_toa(rte_mbuf* mbuf, Flow& flow, const Endpoint& client) noexcept {
  const bool is_error = flow.kind == FlowKind::kIcmpError;
  const IpPacket segment = is_error ? flow.embedded : flow.packet;
  if (segment.protocol != kIpProtocolTcp || segment.later_fragment) return 0;
  uint8_t* data = frame_of(mbuf);
  const uint32_t there = std::min(flow.packet.end, uint32_t{mbuf->data_len});
  const uint32_t extension = is_error ? end_before_extension(data, flow) : 0;
  if (extension > there) return 0;
  const uint32_t quoted = extension == 0 ? there : extension;
  const unsigned len = toa_len(data, segment.l4, std::min(quoted, segment.end), client);
  if (len == 0) return 0;

  const uint32_t option = segment.l4 + kFixedTcp;
  auto* tcp = reinterpret_cast<TcpHeader*>(data + segment.l4);
  uint64_t growth = complement(sum_words(data + option, len)) + lengthen_tcp(*tcp, 0u - len);
  be16 bytes(static_cast<uint16_t>(segment.end - segment.l4));
  const uint64_t pseudo = replace(bytes, be16(static_cast<uint16_t>(bytes.host() - len)));
  growth += adjust_l4(tcp->checksum, is_error ? L4Checksum::kComplete : l4_checksum_of(mbuf),
                      pseudo, growth);
  if (!segment.more_fragments) growth += lengthen_ip(data + segment.ip, segment.ipv6, 0u - len);
  if (is_error) flow.embedded.end -= len;
  if (extension == 0) {
    take_out(mbuf, flow, option, len, growth);
    return len;
  }
  // The quote has to stay as long as the error says, and ends with zeroes (RFC 4884 section 3).
  std::memmove(data + option, data + option + len, extension - option - len);
  std::memset(data + extension - len, 0, len);
  adjust(icmp_checksum(data, flow), growth);
  return len;
}

void leave_room_for_toa(rte_mbuf* mbuf, const Flow& flow, bool is_ipv6) noexcept {
  auto& icmp = *reinterpret_cast<IcmpHeader*>(frame_of(mbuf) + flow.packet.l4);
  const bool too_big = flow.packet.ipv6 ? icmp.type == 2 : icmp.type == 3 && icmp.code == 4;
  const uint32_t told = flow.packet.ipv6 ? icmp.word.host() : icmp.word.host() & 0xffff;
  const uint32_t len = is_ipv6 ? kToaIpv6Len : kToaIpv4Len;
  const uint32_t least = flow.packet.ipv6 ? kLeastIpv6Mtu : kLeastIpv4Mtu;
  if (!too_big || told < least + len) return;
  const be32 word(icmp.word.host() - len);
  adjust(icmp.checksum, replace(&icmp.word, &word, sizeof word));
}

unsigned write_proxy_header(ProxyHeader& out, const Endpoint& client,
                            const Endpoint& service) noexcept {
  constexpr std::array<uint8_t, 13> kBegin = {
      0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,  // the signature
      0x21,  // version 2, command PROXY
  };
  constexpr uint8_t kTcpOverIpv4 = 0x11, kTcpOverIpv6 = 0x21;
  constexpr unsigned kFixed = 16;
  const unsigned width = client.ipv6 ? 16 : 4;
  std::memcpy(out.data(), kBegin.data(), kBegin.size());
  out[13] = client.ipv6 ? kTcpOverIpv6 : kTcpOverIpv4;
  const be16 rest(static_cast<uint16_t>(2 * width + 4));
  std::memcpy(&out[14], &rest, sizeof rest);
  uint8_t* at = &out[kFixed];
  std::memcpy(at, address_bytes(client), width);
  std::memcpy(at + width, address_bytes(service), width);
  std::memcpy(at + 2 * width, &client.port, sizeof client.port);
  std::memcpy(at + 2 * width + 2, &service.port, sizeof service.port);
  return kFixed + rest.host();
}

rte_mbuf* make_proxy_segment(const rte_mbuf* like, const Flow& flow, uint32_t first,
                             std::span<const uint8_t> payload, rte_mempool* pool) noexcept {
  const uint32_t l4 = flow.packet.l4;
  const auto* original = rte_pktmbuf_mtod_offset(like, const TcpHeader*, l4);
  const uint32_t headers = l4 + tcp_header_len(*original);
  const auto bytes = static_cast<uint32_t>(payload.size());
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
  if (mbuf == nullptr) return nullptr;
  auto* data =
      reinterpret_cast<uint8_t*>(rte_pktmbuf_append(mbuf, static_cast<uint16_t>(headers + bytes)));
  if (data == nullptr) {
    rte_pktmbuf_free(mbuf);
    return nullptr;
  }
  mbuf->port = like->port;
  rte_mbuf_dynfield_copy(mbuf, like);
  copy_from_mbuf(data, like, 0, headers);
  std::memcpy(data + headers, payload.data(), bytes);

  IpPacket packet = flow.packet;
  packet.end = headers + bytes;
  if (packet.ipv6) {
    reinterpret_cast<Ipv6Header*>(data)->payload_length =
        be16(static_cast<uint16_t>(packet.end - sizeof(Ipv6Header)));
  } else {
    auto* ip = reinterpret_cast<Ipv4Header*>(data);
    ip->total_length = be16(static_cast<uint16_t>(packet.end));
    write_ipv4_checksum(ip);
  }
  auto* tcp = reinterpret_cast<TcpHeader*>(data + l4);
  tcp->sequence = be32(first);
  tcp->flags = kTcpAck | kTcpPsh;
  tcp->urgent = be16(0);
  tcp->checksum = be16(0);
  tcp->checksum = be16::from_raw(complement(pseudo_header_sum(data, packet, packet.end - l4) +
                                            sum_bytes(data + l4, packet.end - l4)));
  return mbuf;
}

}  // namespace adit
