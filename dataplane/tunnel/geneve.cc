// SPDX-License-Identifier: Apache-2.0
// Geneve, RFC 8926, without options of its own.
#include "tunnel/outer_udp.h"
#include "tunnel/registry.h"

namespace adit {
namespace {

void compile(const TunnelEndpoint& endpoint, BridgePort& out) {
  auto* geneve =
      reinterpret_cast<GeneveHeader*>(compile_outer_udp(endpoint, sizeof(GeneveHeader), out));
  *geneve = {0, 0, be16(kEtherTypeBridged), be32(static_cast<uint32_t>(*endpoint.id) << 8)};
}

DropReason check(const GeneveHeader& geneve, unsigned header_len, unsigned left) noexcept {
  // Section 3.4: an unknown version is dropped, and so is a payload other than Ethernet.
  if (geneve.version_length >> 6 != 0) return DropReason::k_geneve_version;
  if (header_len > left) return DropReason::k_geneve_truncated;
  // Section 3.4: we understand no option, so none may be critical; the others are skipped.
  if (geneve.flags & kGeneveCritical) return DropReason::k_geneve_critical;
  // Control messages are for endpoints that have asked for them.
  if ((geneve.flags & kGeneveControl) || geneve.protocol != be16(kEtherTypeBridged))
    return DropReason::k_tunnel_payload;
  return DropReason::kNone;
}

void decap(Worker&, std::span<Packet* const> packets) {
  for (Packet* packet : packets) {
    const unsigned left = packet->mbuf->data_len - packet->l4_payload;
    if (left < sizeof(GeneveHeader)) [[unlikely]] {
      packet->drop = DropReason::k_geneve_truncated;
      continue;
    }
    const auto* geneve =
        reinterpret_cast<const GeneveHeader*>(frame_of(packet->mbuf) + packet->l4_payload);
    const unsigned header_len =
        unsigned{sizeof(GeneveHeader)} + (geneve->version_length & 0x3fu) * 4;
    packet->drop = check(*geneve, header_len, left);
    packet->tunnel_id = geneve->vni_reserved.host() >> 8;
    packet->inner_offset = static_cast<uint16_t>(packet->l4_payload + header_len);
  }
}

}  // namespace

constinit const TunnelOps kGeneveOps = {plain_wire_id, compile, decap, encap_udp,
                                        read_quoted_vni<TunnelKind::kGeneve>};

}  // namespace adit
