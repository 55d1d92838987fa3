// SPDX-License-Identifier: Apache-2.0
// NVGRE, RFC 7637. Received packets are distinguished from GRE with a key by their sender, in
// gre.cc.
#include "tunnel/outer_ip.h"
#include "tunnel/registry.h"
#include "worker/worker.h"

namespace adit {
namespace {

void compile(const TunnelEndpoint& endpoint, BridgePort& out) {
  auto* nvgre = reinterpret_cast<NvgreHeader*>(
      compile_outer_ip(endpoint, kIpProtocolGre, sizeof(NvgreHeader), out));
  // Section 3.2: K set, C and S clear.
  *nvgre = {{be16(kGreKey), be16(kEtherTypeBridged)},
            be32(static_cast<uint32_t>(*endpoint.id) << 8)};
  set_plain_header(out);
}

std::size_t encap(Worker& worker, std::span<Packet* const> packets) {
  return encap_each(
      worker, packets,
      [](uint8_t* header, unsigned ip_end, const BridgePort&, Packet& packet) noexcept {
        finish_nvgre(header, ip_end, packet.inner.entropy);
      });
}

}  // namespace

constinit const TunnelOps kNvgreOps = {plain_wire_id, compile, nullptr, encap, nullptr};

}  // namespace adit
