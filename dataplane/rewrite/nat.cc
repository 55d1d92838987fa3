// SPDX-License-Identifier: Apache-2.0
#include "rewrite/nat.h"

#include "packet/crc32c.h"
#include "packet/packet.h"

namespace adit {
namespace {

struct EndpointIpv4 {
  using Header = Ipv4Header;
  static constexpr bool kIpv6 = false;
  static const void* address(const Endpoint& endpoint) noexcept { return &endpoint.address.low; }
};
struct EndpointIpv6 {
  using Header = Ipv6Header;
  static constexpr bool kIpv6 = true;
  static const void* address(const Endpoint& endpoint) noexcept { return &endpoint.address; }
};

// Returns the growth of the addresses alone, for the pseudo-header.
template <class Ip>
uint64_t patch_addresses(typename Ip::Header& ip, const Translation& to) noexcept {
  uint64_t growth = 0;
  if (to.source != nullptr) growth += replace(&ip.src, Ip::address(*to.source), sizeof ip.src);
  if (to.destination != nullptr)
    growth += replace(&ip.dst, Ip::address(*to.destination), sizeof ip.dst);
  return growth;
}

// The growth of the header's checksum itself.
template <class Ip>
uint64_t patch_header_checksum(typename Ip::Header& ip, uint64_t addresses) noexcept {
  if constexpr (Ip::kIpv6)
    return 0;
  else
    return adjust(ip.checksum, addresses);
}

// Translates a packet whose contiguous bytes end at `end`. Returns by how much the whole packet's
// sum grew, for the ICMP message that may quote it.
template <class Ip>
uint64_t patch_packet(uint8_t* data, const IpPacket& packet, uint32_t end, L4Checksum checksum,
                      const Translation& to) noexcept {
  auto& ip = *reinterpret_cast<typename Ip::Header*>(data + packet.ip);
  const uint64_t addresses = patch_addresses<Ip>(ip, to);
  const nat::L4Part l4 = {data + packet.l4, std::min(end, packet.end) - packet.l4,
                          packet.end - packet.l4, packet.protocol, checksum};
  return addresses + patch_header_checksum<Ip>(ip, addresses) + nat::patch_l4(l4, addresses, to);
}

template <class Ip>
[[gnu::cold]] void translate_error(uint8_t* data, uint32_t end, const Flow& flow,
                                   const Translation& to) noexcept {
  const uint64_t inside = patch_packet<Ip>(data, flow.embedded, end, L4Checksum::kComplete,
                                           {to.destination, to.source});
  auto& ip = *reinterpret_cast<typename Ip::Header*>(data);
  const uint64_t addresses = patch_addresses<Ip>(ip, to);
  patch_header_checksum<Ip>(ip, addresses);
  auto& icmp = *reinterpret_cast<IcmpHeader*>(data + flow.packet.l4);
  adjust(icmp.checksum, Ip::kIpv6 ? inside + addresses : inside);
}

template <class Ip>
void translate_as(rte_mbuf* mbuf, const Flow& flow, const Translation& to) noexcept {
  const uint32_t end = std::min<uint32_t>(mbuf->data_len, flow.packet.end);
  if (flow.kind == FlowKind::kIcmpError) [[unlikely]]
    return translate_error<Ip>(frame_of(mbuf), end, flow, to);
  patch_packet<Ip>(frame_of(mbuf), flow.packet, end, l4_checksum_of(mbuf), to);
}

uint64_t patch_ports(const nat::L4Part& l4, const Translation& to) noexcept {
  std::array<be16, 2> ports;
  std::memcpy(ports.data(), l4.at, sizeof ports);
  if (to.source != nullptr) ports[0] = to.source->port;
  if (to.destination != nullptr) ports[1] = to.destination->port;
  return replace(l4.at, ports.data(), sizeof ports);
}

uint64_t patch_sctp(const nat::L4Part& l4, const Translation& to) noexcept {
  uint32_t before, after, checksum;
  std::memcpy(&before, l4.at, sizeof before);
  const uint64_t ports = patch_ports(l4, to);
  if (l4.room < kSctpCommonHeaderLen) return ports;
  std::memcpy(&after, l4.at, sizeof after);
  uint8_t* at = l4.at + offsetof(SctpHeader, checksum);
  std::memcpy(&checksum, at, sizeof checksum);
  checksum ^= crc32c_difference(before ^ after, l4.bytes);
  return ports + replace(at, &checksum, sizeof checksum);
}

uint64_t patch_udp(const nat::L4Part& l4, uint64_t pseudo, const Translation& to) noexcept {
  const uint64_t ports = patch_ports(l4, to);
  be16& checksum = reinterpret_cast<UdpHeader*>(l4.at)->checksum;
  if (checksum == be16(0)) return ports;  // RFC 768: none
  const be16 before = checksum;
  adjust_l4(checksum, l4.checksum, pseudo, ports);
  if (checksum == be16(0)) checksum = be16(0xffff);
  return ports + complement(before.raw()) + checksum.raw();
}

}  // namespace

namespace nat {

uint64_t patch_l4(const L4Part& l4, uint64_t pseudo, const Translation& to) noexcept {
  switch (l4.protocol) {
    case kIpProtocolTcp: {
      const uint64_t ports = patch_ports(l4, to);
      auto& tcp = *reinterpret_cast<TcpHeader*>(l4.at);
      if (l4.room < offsetof(TcpHeader, urgent)) return ports;  // inside of an ICMP error
      return ports + adjust_l4(tcp.checksum, l4.checksum, pseudo, ports);
    }
    case kIpProtocolUdp:
      return patch_udp(l4, pseudo, to);
    case kIpProtocolSctp:
      return patch_sctp(l4, to);
    case kIpProtocolIcmpv6:
      if (l4.room < sizeof(IcmpHeader)) return 0;
      return adjust(reinterpret_cast<IcmpHeader*>(l4.at)->checksum, pseudo);
    default:
      return 0;
  }
}

}  // namespace nat

void translate(rte_mbuf* mbuf, const Flow& flow, const Translation& to) noexcept {
  if (flow.packet.ipv6)
    translate_as<EndpointIpv6>(mbuf, flow, to);
  else
    translate_as<EndpointIpv4>(mbuf, flow, to);
}

}  // namespace adit
