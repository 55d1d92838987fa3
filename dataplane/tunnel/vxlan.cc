// SPDX-License-Identifier: Apache-2.0
// VXLAN, RFC 7348.
#include "outer_ipv4.h"
#include "packet.h"
#include "registry.h"

namespace adit {
namespace {

constexpr unsigned kHeaderLen = kOuterIpv4Len + sizeof(UdpHeader) + sizeof(VxlanHeader);
static_assert(kHeaderLen == 50);

void compile(const TunnelEndpoint& endpoint, BridgePort& out) {
  compile_outer_ipv4(endpoint, kIpProtocolUdp, out);
  auto* udp = reinterpret_cast<UdpHeader*>(out.header.data() + kOuterIpv4Len);
  // Section 5: the UDP checksum should be sent as zero.
  *udp = {be16(0), be16(endpoint.udp_port), be16(0), be16(0)};
  auto* vxlan = reinterpret_cast<VxlanHeader*>(udp + 1);
  *vxlan = {kVxlanFlagVni, {}, be32(endpoint.id << 8)};
  out.header_len = kHeaderLen;
}

void decap(std::span<Packet* const> packets) {
  for (Packet* packet : packets) {
    if (packet->l4_payload + sizeof(VxlanHeader) > packet->mbuf->data_len) [[unlikely]] {
      packet->drop = DropReason::k_vxlan_truncated;
      continue;
    }
    const auto* vxlan =
        reinterpret_cast<const VxlanHeader*>(frame_of(packet->mbuf) + packet->l4_payload);
    // Section 5: I must be set; the other flags and reserved fields are ignored.
    if (!(vxlan->flags & kVxlanFlagVni)) [[unlikely]]
      packet->drop = DropReason::k_vxlan_no_vni;
    packet->tunnel_id = vxlan->vni_reserved.host() >> 8;
    packet->inner_offset = static_cast<uint16_t>(packet->l4_payload + sizeof(VxlanHeader));
  }
}

void encap(const Snapshot& snapshot, std::span<Packet* const> packets) {
  for (Packet* packet : packets) {
    const BridgePort& out = snapshot.bridge_ports[packet->out];
    rte_mbuf* mbuf = packet->mbuf;
    const auto udp_length =
        static_cast<uint16_t>(mbuf->pkt_len + sizeof(UdpHeader) + sizeof(VxlanHeader));
    char* header = rte_pktmbuf_prepend(mbuf, kHeaderLen);
    if (header == nullptr) [[unlikely]] {
      packet->drop = DropReason::k_no_headroom;
      continue;
    }
    std::memcpy(header, out.header.data(), kHeaderLen);
    auto* ip = reinterpret_cast<Ipv4Header*>(header + sizeof(EthernetHeader));
    patch_outer_ipv4(ip, out.checksum_base, static_cast<uint16_t>(udp_length + sizeof(Ipv4Header)),
                     packet->inner_ecn);
    auto* udp = reinterpret_cast<UdpHeader*>(ip + 1);
    // Section 5: the source port carries the inner flow's hash, in 49152-65535.
    udp->src_port = be16(static_cast<uint16_t>(0xc000 | packet->entropy >> 18));
    udp->length = be16(udp_length);
  }
}

}  // namespace

constinit const TunnelOps kVxlanOps = {"vxlan", compile, decap, encap};

}  // namespace adit
