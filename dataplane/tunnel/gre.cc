// SPDX-License-Identifier: Apache-2.0
// GRE, RFC 2784 and RFC 2890, with an Ethernet payload (kGreOps) or an IP packet (kGreIpOps).
// What comes in by GRE, NVGRE included, is told apart here.
#include "inner_ip.h"
#include "outer_ip.h"
#include "registry.h"
#include "worker.h"

namespace adit {
namespace {

// A key of 0 is not the same as no key.
constexpr uint64_t kHasKey = uint64_t{1} << 32;

uint64_t wire_id(const std::optional<uint64_t>& id) {
  return id ? kHasKey | *id : 0;
}

void compile(const TunnelEndpoint& endpoint, BridgePort& out) {
  const uint16_t flags =
      static_cast<uint16_t>((endpoint.checksum ? kGreChecksum : 0) | (endpoint.id ? kGreKey : 0) |
                            (endpoint.sequence ? kGreSequence : 0));
  const unsigned words =
      unsigned{endpoint.checksum} + unsigned{endpoint.id.has_value()} + unsigned{endpoint.sequence};
  uint8_t* at =
      compile_outer_ip(endpoint, kIpProtocolGre, unsigned{sizeof(GreHeader)} + 4 * words, out);
  *reinterpret_cast<GreHeader*>(at) = {be16(flags), be16(endpoint.payload)};
  at += sizeof(GreHeader);
  if (endpoint.checksum) {
    out.outer |= outer::kGreChecksum;
    at += 4;
  }
  if (endpoint.id) {
    *reinterpret_cast<be32*>(at) = be32(static_cast<uint32_t>(*endpoint.id));
    at += 4;
  }
  if (endpoint.sequence) out.outer |= outer::kGreSequence;
}

// RFC 2784 section 2.3: checksum over GRE header and payload. `offset` of the GRE header.
bool checksum_ok(const rte_mbuf* mbuf, unsigned offset) noexcept {
  return sum_mbuf(mbuf, offset, mbuf->pkt_len - offset) == 0xffff;
}

// RFC 2890 section 2.2: what is not newer than the last one is late. Several workers may
// take in packets of one remote.
bool sequence_ok(std::atomic<uint32_t>& last, uint32_t sequence) noexcept {
  uint32_t seen = last.load(std::memory_order_relaxed);
  do {
    if (seen != 0 && static_cast<int32_t>(sequence + 1 - seen) <= 0) return false;
  } while (!last.compare_exchange_weak(seen, sequence + 1, std::memory_order_relaxed));
  return true;
}

// `flags` of a packet whose GRE header is there without its optional fields.
[[gnu::always_inline]] inline void decap_with(Worker& worker, Packet& packet,
                                              uint16_t flags) noexcept {
  const rte_mbuf* mbuf = packet.mbuf;
  const unsigned left = mbuf->data_len - packet.l4_payload;
  const auto refuse = [&packet](DropReason reason) noexcept { packet.drop = reason; };
  const uint8_t* at = frame_of(packet.mbuf) + packet.l4_payload;
  const auto* gre = reinterpret_cast<const GreHeader*>(at);
  if (flags & (kGreUnsupported | kGreVersionMask)) return refuse(DropReason::k_gre_flags);
  const unsigned has_checksum = flags / kGreChecksum;
  const unsigned has_key = flags / kGreKey & 1;
  const unsigned has_sequence = flags / kGreSequence & 1;
  const unsigned header_len =
      unsigned{sizeof(GreHeader)} + 4 * (has_checksum + has_key + has_sequence);
  if (left < header_len) return refuse(DropReason::k_gre_truncated);
  const bool bridged = gre->protocol == be16(kEtherTypeBridged);
  const bool ipv6 = gre->protocol == be16(kEtherTypeIpv6);
  const Snapshot& snapshot = *worker.snapshot;
  if (!bridged && ((!ipv6 && gre->protocol != be16(kEtherTypeIpv4)) ||
                   snapshot.tunnels[tunnel_index(TunnelKind::kGreIp)].senders.empty()))
    return refuse(DropReason::k_tunnel_payload);
  at += sizeof(GreHeader) + 4 * has_checksum;
  const uint32_t key = has_key ? reinterpret_cast<const be32*>(at)->host() : 0;
  packet.tunnel_id = has_key ? kHasKey | key : 0;
  packet.inner_offset = static_cast<uint16_t>(packet.l4_payload + header_len);

  if (!bridged) packet.tunnel = tunnel_index(TunnelKind::kGreIp);
  if (has_checksum && !checksum_ok(mbuf, packet.l4_payload))
    return refuse(DropReason::k_gre_checksum);
  if (!bridged) {
    if (!inner_version_is(packet, ipv6)) return refuse(DropReason::k_tunnel_payload);
  }
  const TunnelTables& nvgre = snapshot.tunnels[tunnel_index(TunnelKind::kNvgre)];
  // RFC 7637 section 3.2: no checksum, no sequence; the key's lowest byte is the FlowID.
  if (bridged && has_key && !has_checksum && !has_sequence && !nvgre.ids.empty()) {
    const Ipv6Key source = outer_source(packet);
    const TunnelTables& plain = snapshot.tunnels[tunnel_index(TunnelKind::kGre)];
    const bool is_gre = !plain.ids.empty() && plain.senders.find({source, packet.tunnel_id}) != 0;
    if (!is_gre) {
      packet.tunnel = tunnel_index(TunnelKind::kNvgre);
      packet.tunnel_id = key >> 8;
    }
    return;
  }
  if (!has_sequence) return;
  const BridgePortId in =
      snapshot.tunnels[packet.tunnel].senders.find({outer_source(packet), packet.tunnel_id});
  const BridgePort& bridge_port = snapshot.bridge_ports[in];
  if (!(bridge_port.outer & outer::kGreSequence)) return;
  const uint32_t sequence = reinterpret_cast<const be32*>(at + 4 * has_key)->host();
  if (!sequence_ok((*worker.sequences)[bridge_port.sequence_id].received, sequence))
    refuse(DropReason::k_gre_sequence);
}

void decap_one(Worker& worker, Packet& packet) noexcept {
  if (packet.l4_payload + sizeof(GreHeader) > packet.mbuf->data_len) {
    packet.drop = DropReason::k_gre_truncated;
    return;
  }
  const auto* gre = reinterpret_cast<const GreHeader*>(frame_of(packet.mbuf) + packet.l4_payload);
  // The usual ones are known to the compiler.
  switch (const uint16_t flags = gre->flags.host()) {
    case 0:
      return decap_with(worker, packet, 0);
    case kGreKey:
      return decap_with(worker, packet, kGreKey);
    default:
      return decap_with(worker, packet, flags);
  }
}

void decap(Worker& worker, std::span<Packet* const> packets) {
  for (Packet* packet : packets) decap_one(worker, *packet);
}

void encap(Worker& worker, std::span<Packet* const> packets) {
  encap_each(
      worker, packets,
      [&](uint8_t* header, unsigned ip_end, const BridgePort& out, Packet& packet) noexcept {
        // Sequence number and checksum, in the order in which they depend on each other.
        if (out.outer & outer::kGreSequence) {
          const uint32_t number =
              (*worker.sequences)[out.sequence_id].sent.fetch_add(1, std::memory_order_relaxed);
          *reinterpret_cast<be32*>(header + out.header_len - 4) = be32(number);
        }
        if (out.outer & outer::kGreChecksum) {
          const rte_mbuf* mbuf = packet.mbuf;
          const auto sum = static_cast<uint16_t>(~sum_mbuf(mbuf, ip_end, mbuf->pkt_len - ip_end));
          *reinterpret_cast<be16*>(header + ip_end + sizeof(GreHeader)) = be16::from_raw(sum);
        }
      });
}

}  // namespace

constinit const TunnelOps kGreOps = {wire_id, compile, decap, encap};
constinit const TunnelOps kGreIpOps = {wire_id, compile, nullptr, encap};

}  // namespace adit
