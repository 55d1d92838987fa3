// SPDX-License-Identifier: Apache-2.0
// VXLAN, RFC 7348.
#include "tunnel/outer_udp.h"
#include "tunnel/registry.h"

namespace adit {
namespace {

void compile(const TunnelEndpoint& endpoint, BridgePort& out) {
  auto* vxlan =
      reinterpret_cast<VxlanHeader*>(compile_outer_udp(endpoint, sizeof(VxlanHeader), out));
  *vxlan = {kVxlanFlagVni, {}, be32(static_cast<uint32_t>(*endpoint.id) << 8)};
}

void decap(Worker&, std::span<Packet* const> packets) {
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

}  // namespace

constinit const TunnelOps kVxlanOps = {plain_wire_id, compile, decap, encap_udp,
                                       read_quoted_vni<TunnelKind::kVxlan>};

}  // namespace adit
