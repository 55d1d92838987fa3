// SPDX-License-Identifier: Apache-2.0
#include "frames.h"

#include <rte_ip.h>

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
constexpr uint16_t kInnerPort = 9;
constexpr unsigned kInnerSourceIpOffset = 14 + 12;

Ipv4Header ipv4(be32 from, be32 to, uint16_t total_length, uint16_t flags) {
  Ipv4Header ip = {0x45, 0, be16(total_length), be16(0), be16(flags), kTtl, kIpProtocolUdp, be16(0),
                   from, to};
  rte_ipv4_hdr copy;
  std::memcpy(&copy, &ip, sizeof copy);
  ip.checksum = be16::from_raw(rte_ipv4_cksum(&copy));
  return ip;
}

struct VxlanEnds {
  MacAddr source_mac, destination_mac;
  be32 source_ip, destination_ip;
  uint16_t source_port;
  uint32_t vni;
};

FrameHead vxlan_head(const VxlanEnds& ends, uint16_t inner_bytes) noexcept {
  const auto udp_length = static_cast<uint16_t>(inner_bytes + 8 + 8);
  FrameHead head;
  head.append(EthernetHeader{ends.destination_mac, ends.source_mac, be16(kEtherTypeIpv4)});
  head.append(ipv4(ends.source_ip, ends.destination_ip, static_cast<uint16_t>(udp_length + 20),
                   kIpv4DontFragment));
  head.append(UdpHeader{be16(ends.source_port), be16(kVxlanPort), be16(udp_length), be16(0)});
  head.append(VxlanHeader{kVxlanFlagVni, {}, be32(ends.vni << 8)});
  return head;
}

}  // namespace

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
be32 World::vtep_ip(unsigned vtep) noexcept {
  return be32(kUnderlay + 10 + vtep);
}
be32 World::own_ip() noexcept {
  return be32(kUnderlay + 1);
}

void World::append_inner(FrameHead& head, uint32_t flow, uint16_t bytes,
                         uint16_t vlan) const noexcept {
  head.append(EthernetHeader{destination_mac(flow), source_mac(flow),
                             be16(vlan != 0 ? kEtherTypeVlan : kEtherTypeIpv4)});
  if (vlan != 0) head.append(VlanTag{be16(vlan), be16(kEtherTypeIpv4)});
  const auto ip_bytes = static_cast<uint16_t>(bytes - sizeof(EthernetHeader));
  head.append(ipv4(be32(kSourceIps + flow), be32(kDestinationIps + flow), ip_bytes, 0));
  head.append(UdpHeader{be16(static_cast<uint16_t>(1024 + flow % 60'000)), be16(kInnerPort),
                        be16(static_cast<uint16_t>(ip_bytes - 20)), be16(0)});
}

FrameHead World::access_frame(uint32_t flow, uint16_t bytes) const noexcept {
  FrameHead head;
  append_inner(head, flow, bytes, vlan_of(network_of(flow)));
  return head;
}

FrameHead World::vxlan_from(unsigned vtep, uint32_t flow, uint16_t bytes) const noexcept {
  const bool unknown = case_.scenario->destination == Destination::kUnknownVni;
  const auto source_port = static_cast<uint16_t>(0xc000 | flow % 0x4000);
  FrameHead head = vxlan_head({vtep_mac(vtep), kUplinkMac, vtep_ip(vtep), own_ip(), source_port,
                               unknown ? kUnknownVni : vni_of(network_of(flow))},
                              bytes);
  append_inner(head, flow, bytes, 0);
  return head;
}

FrameHead World::vxlan_to(unsigned vtep, uint32_t flow, uint16_t bytes) const noexcept {
  FrameHead head = vxlan_head(
      {kUplinkMac, vtep_mac(vtep), own_ip(), vtep_ip(vtep), 0, vni_of(network_of(flow))}, bytes);
  append_inner(head, flow, bytes, 0);
  return head;
}

uint32_t World::flow_of(const uint8_t* inner) noexcept {
  be32 ip;
  std::memcpy(&ip, inner + kInnerSourceIpOffset, sizeof ip);
  return ip.host() - kSourceIps;
}

}  // namespace adit::bench
