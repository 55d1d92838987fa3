// SPDX-License-Identifier: Apache-2.0
// IP in IP: RFC 2003 (4 in 4), RFC 4213 (6 in 4), RFC 2473 (both in 6). No header of its own:
// the outer protocol says which version is inside.
#include "tunnel/inner_ip.h"
#include "tunnel/outer_ip.h"
#include "tunnel/registry.h"
#include "worker/worker.h"

namespace adit {
namespace {

uint64_t wire_id(const std::optional<uint64_t>&) {
  return 0;
}

void compile(const TunnelEndpoint& endpoint, BridgePort& out) {
  compile_outer_ip(endpoint, endpoint.payload == kEtherTypeIpv6 ? kIpProtocolIpv6 : kIpProtocolIpv4,
                   0, out);
  set_plain_header(out);
}

void decap(Worker&, std::span<Packet* const> packets) {
  for (Packet* packet : packets) {
    packet->tunnel_id = 0;
    packet->inner_offset = packet->l4_payload;
    const bool ipv6 = packet->outer_protocol == kIpProtocolIpv6;
    if (!inner_version_is(*packet, ipv6)) packet->drop = DropReason::k_tunnel_payload;
  }
}

std::size_t encap(Worker& worker, std::span<Packet* const> packets) {
  return encap_each(worker, packets,
                    [](uint8_t*, unsigned, const BridgePort&, const Packet&) noexcept {});
}

std::optional<QuotedId> read_quote(const Snapshot&, const TunnelQuote&) {
  return QuotedId{TunnelKind::kIpip, 0};
}

}  // namespace

constinit const TunnelOps kIpipOps = {wire_id, compile, decap, encap, read_quote};

}  // namespace adit
