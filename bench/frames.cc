// SPDX-License-Identifier: Apache-2.0
#include "frames.h"

#include <rte_ip.h>

#include <cstddef>
#include <cstring>

#include "adit/wire.h"

namespace adit::bench {
namespace {

constexpr uint64_t kSourceMacs = 0x02'0a'00'00'00'00;
constexpr uint64_t kDestinationMacs = 0x02'0b'00'00'00'00;
constexpr uint64_t kVtepMacs = 0x02'0c'00'00'00'00;
constexpr uint32_t kSourceIps = 0x0a'00'00'00;       // 10.0.0.0
constexpr uint32_t kDestinationIps = 0x0b'00'00'00;  // 11.0.0.0
constexpr uint32_t kUnderlay = 0xc0'00'02'00;        // 192.0.2.0
constexpr uint32_t kFirstVtep = 10;
constexpr uint16_t kInnerPort = 9;
constexpr unsigned kInnerSourceIpOffset = 14 + 12;

struct Ends {
  MacAddr source_mac, destination_mac;
  IpAddr source_ip, destination_ip;
  uint16_t source_port;
  uint32_t id;
};

// The whole frame in one segment; the checksum is still to come.
void append_stt(FrameHead& head, const Ends& ends, uint16_t tcp_length) {
  const auto frame_length = uint32_t{tcp_length} - unsigned{sizeof(SttTcpHeader)};
  SttTcpHeader tcp = {};
  tcp.src_port = be16(ends.source_port);
  tcp.dst_port = be16(kSttPort);
  tcp.sequence = be32(frame_length << 16);
  tcp.data_offset = 5 << 4;
  tcp.flags = kSttTcpAck | kSttTcpPsh;
  head.append(tcp);
  SttFrameHeader frame = {};
  frame.context_id = be64(ends.id);
  head.append(frame);
}

// `length`: of what follows the IP header.
void append_tunnel(FrameHead& head, const TunnelForm& form, const Ends& ends, uint16_t length) {
  const uint32_t id = ends.id << 8;
  switch (form.kind) {
    case TunnelKind::kVxlan:
    case TunnelKind::kGeneve:
      head.append(UdpHeader{be16(ends.source_port), be16(info_of(form.kind).default_port),
                            be16(length), be16(0)});
      if (form.kind == TunnelKind::kVxlan)
        head.append(VxlanHeader{kVxlanFlagVni, {}, be32(id)});
      else
        head.append(GeneveHeader{0, 0, be16(kEtherTypeBridged), be32(id)});
      return;
    case TunnelKind::kStt:
      return append_stt(head, ends, length);
    case TunnelKind::kNvgre:
    case TunnelKind::kGre:
    case TunnelKind::kGreIp:
      head.append(
          GreHeader{be16(kGreKey), be16(form.is_routed() ? kEtherTypeIpv4 : kEtherTypeBridged)});
      head.append(be32(form.kind == TunnelKind::kNvgre ? id : ends.id));
      return;
    default:  // IP in IP has no header; other kinds are not measured
      return;
  }
}

FrameHead tunnel_head(const TunnelForm& form, const Ends& ends, uint16_t inner_bytes) noexcept {
  const uint8_t protocol = info_of(form.kind).ip_protocol;
  const auto payload = static_cast<uint16_t>(inner_bytes + form.header_bytes() - form.ip_end());
  FrameHead head;
  head.append(EthernetHeader{ends.destination_mac, ends.source_mac,
                             be16(form.ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4)});
  if (form.ipv6)
    head.append(ipv6_header(ends.source_ip, ends.destination_ip, payload, protocol));
  else
    head.append(ipv4_header(ends.source_ip.as_v4(), ends.destination_ip.as_v4(),
                            static_cast<uint16_t>(payload + 20), kIpv4DontFragment, protocol));
  append_tunnel(head, form, ends, payload);
  return head;
}

IpAddr underlay_ip(bool ipv6, uint32_t host) noexcept {
  if (!ipv6) return IpAddr::v4(be32(kUnderlay + host));
  IpAddr ip;
  ip.family = IpFamily::kV6;
  ip.bytes = {0x20, 0x01, 0x0d, 0xb8};
  ip.bytes[15] = static_cast<uint8_t>(host);
  return ip;
}

}  // namespace

Ipv4Header ipv4_header(be32 from, be32 to, uint16_t total_length, uint16_t flags, uint8_t protocol,
                       uint8_t ttl) noexcept {
  Ipv4Header ip = {0x45, 0, be16(total_length), be16(0), be16(flags), ttl, protocol, be16(0),
                   from, to};
  rte_ipv4_hdr copy;
  std::memcpy(&copy, &ip, sizeof copy);
  ip.checksum = be16::from_raw(rte_ipv4_cksum(&copy));
  return ip;
}

Ipv6Header ipv6_header(const IpAddr& from, const IpAddr& to, uint16_t payload_length,
                       uint8_t protocol, uint8_t ttl) noexcept {
  Ipv6Header ip = {be32(uint32_t{6} << 28), be16(payload_length), protocol, ttl, {}, {}};
  std::memcpy(&ip.src, from.bytes.data(), sizeof ip.src);
  std::memcpy(&ip.dst, to.bytes.data(), sizeof ip.dst);
  return ip;
}

std::string first_difference(const uint8_t* found, const FrameHead& right) {
  for (unsigned i = 0; i < right.size(); ++i)
    if (found[i] != right.data()[i])
      return "byte " + std::to_string(i) + " is " + std::to_string(found[i]) + ", not " +
             std::to_string(right.data()[i]);
  return {};
}

MacAddr World::source_mac(uint32_t flow) noexcept {
  return MacAddr::from_u64(kSourceMacs + flow);
}
MacAddr World::destination_mac(uint32_t flow) const noexcept {
  return case_.scenario->destination == Destination::kBroadcast
             ? kBroadcastMac
             : MacAddr::from_u64(kDestinationMacs + flow);
}
MacAddr World::vtep_mac(unsigned vtep) noexcept {
  return MacAddr::from_u64(kVtepMacs + vtep);
}
IpAddr World::vtep_ip(unsigned vtep) const noexcept {
  return underlay_ip(case_.tunnel->ipv6, kFirstVtep + vtep);
}
IpAddr World::own_ip() const noexcept {
  return underlay_ip(case_.tunnel->ipv6, 1);
}
unsigned World::vtep_in(const uint8_t* frame) const noexcept {
  // The last byte of the destination address ends the IP header.
  return frame[case_.tunnel->ip_end() - 1] - kFirstVtep;
}

void World::append_inner(FrameHead& head, uint32_t flow, uint16_t bytes,
                         uint16_t vlan) const noexcept {
  head.append(EthernetHeader{destination_mac(flow), source_mac(flow),
                             be16(vlan != 0 ? kEtherTypeVlan : kEtherTypeIpv4)});
  if (vlan != 0) head.append(VlanTag{be16(vlan), be16(kEtherTypeIpv4)});
  append_packet(head, flow, bytes, kTtl);
}

void World::append_packet(FrameHead& head, uint32_t flow, uint16_t bytes,
                          uint8_t ttl) const noexcept {
  const auto ip_bytes = static_cast<uint16_t>(bytes - sizeof(EthernetHeader));
  head.append(ipv4_header(be32(kSourceIps + flow), be32(kDestinationIps + flow), ip_bytes, 0,
                          kIpProtocolUdp, ttl));
  head.append(UdpHeader{be16(static_cast<uint16_t>(1024 + flow % 60'000)), be16(kInnerPort),
                        be16(static_cast<uint16_t>(ip_bytes - 20)), be16(0)});
}

FrameHead World::access_frame(uint32_t flow, uint16_t bytes) const noexcept {
  FrameHead head;
  if (!case_.tunnel->is_routed()) {
    append_inner(head, flow, bytes, vlan_of(network_of(flow)));
    return head;
  }
  if (case_.scenario->from == Side::kAccess) {
    head.append(EthernetHeader{kAccessMac, source_mac(flow), be16(kEtherTypeIpv4)});
    append_packet(head, flow, bytes, kTtl);
  } else {
    head.append(EthernetHeader{kRouterMac, kAccessMac, be16(kEtherTypeIpv4)});
    append_packet(head, flow, bytes, kTtl - 1);
  }
  return head;
}

FrameHead World::tunnel_from(unsigned vtep, uint32_t flow, uint16_t bytes) const noexcept {
  const bool unknown = case_.scenario->destination == Destination::kUnknownVni;
  const auto source_port = static_cast<uint16_t>(0xc000 | flow % 0x4000);
  FrameHead head = tunnel_head(*case_.tunnel,
                               {vtep_mac(vtep), kUplinkMac, vtep_ip(vtep), own_ip(), source_port,
                                unknown ? kUnknownVni : vni_of(network_of(flow))},
                               bytes);
  if (case_.tunnel->is_routed())
    append_packet(head, flow, bytes, kTtl);
  else
    append_inner(head, flow, bytes, 0);
  if (case_.tunnel->is_stt()) set_tcp_checksum(head);
  return head;
}

FrameHead World::tunnel_to(unsigned vtep, uint32_t flow, uint16_t bytes) const noexcept {
  FrameHead head = tunnel_head(
      *case_.tunnel,
      {kUplinkMac, vtep_mac(vtep), own_ip(), vtep_ip(vtep), 0, vni_of(network_of(flow))}, bytes);
  if (case_.tunnel->is_routed())
    append_packet(head, flow, bytes, kTtl - 1);
  else
    append_inner(head, flow, bytes, 0);
  return head;
}

void World::set_tcp_checksum(FrameHead& head) const noexcept {
  const TunnelForm& form = *case_.tunnel;
  uint8_t* ip = head.data() + sizeof(EthernetHeader);
  uint8_t* tcp = head.data() + form.ip_end();
  uint8_t* checksum = tcp + offsetof(SttTcpHeader, checksum);
  std::memset(checksum, 0, sizeof(uint16_t));
  const uint16_t pseudo = form.ipv6
                              ? rte_ipv6_phdr_cksum(reinterpret_cast<const rte_ipv6_hdr*>(ip), 0)
                              : rte_ipv4_phdr_cksum(reinterpret_cast<const rte_ipv4_hdr*>(ip), 0);
  const uint32_t sum = uint32_t{pseudo} + rte_raw_cksum(tcp, head.size() - form.ip_end());
  const auto folded = static_cast<uint16_t>(~((sum & 0xffff) + (sum >> 16)));
  std::memcpy(checksum, &folded, sizeof folded);
}

uint32_t World::flow_of(const uint8_t* inner) noexcept {
  be32 ip;
  std::memcpy(&ip, inner + kInnerSourceIpOffset, sizeof ip);
  return ip.host() - kSourceIps;
}

}  // namespace adit::bench
