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

// The kinds that are in use: by networks, or (kGreIp) by tunnels of VRFs.
struct GreKinds {
  explicit GreKinds(const Snapshot& snapshot) noexcept
      : bridged(!snapshot.tunnels[tunnel_index(TunnelKind::kGre)].ids.empty()),
        nvgre(!snapshot.tunnels[tunnel_index(TunnelKind::kNvgre)].ids.empty()),
        routed(!snapshot.tunnels[tunnel_index(TunnelKind::kGreIp)].senders.empty()) {}
  bool bridged, nvgre, routed;
};

// Whether a remote uses GRE with that key.
[[gnu::noinline]] bool is_plain_gre(const Snapshot& snapshot, const Packet& packet) noexcept {
  const TunnelTables& plain = snapshot.tunnels[tunnel_index(TunnelKind::kGre)];
  return plain.senders.find({outer_source(packet), packet.tunnel_id}) != 0;
}

// RFC 2890 section 2.2, of a remote that numbers its packets.
[[gnu::noinline]] void check_sequence(Worker& worker, Packet& packet, uint32_t sequence) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const BridgePortId in =
      snapshot.tunnels[packet.tunnel].senders.find({outer_source(packet), packet.tunnel_id});
  const BridgePort& bridge_port = snapshot.bridge_ports[in];
  if (!(bridge_port.outer & outer::kGreSequence)) return;
  if (!sequence_ok((*worker.sequences)[bridge_port.sequence_id].received, sequence))
    packet.drop = DropReason::k_gre_sequence;
}

// `word`: flags and EtherType, of a packet that has them.
[[gnu::always_inline]] inline void decap_with(Worker& worker, const GreKinds& kinds, Packet& packet,
                                              uint32_t word) noexcept {
  const auto refuse = [&packet](DropReason reason) noexcept { packet.drop = reason; };
  const uint32_t flags = word >> 16, type = word & 0xffff;
  if (flags & (kGreUnsupported | kGreVersionMask)) return refuse(DropReason::k_gre_flags);
  const bool has_checksum = (flags & kGreChecksum) != 0;
  const bool has_key = (flags & kGreKey) != 0;
  const bool has_sequence = (flags & kGreSequence) != 0;
  const unsigned key_at = unsigned{sizeof(GreHeader)} + 4u * has_checksum;
  const unsigned header_len = key_at + 4u * has_key + 4u * has_sequence;
  if (packet.l4_payload + header_len > packet.mbuf->data_len)
    return refuse(DropReason::k_gre_truncated);
  const bool bridged = type == kEtherTypeBridged, ipv6 = type == kEtherTypeIpv6;
  if (!bridged && (!kinds.routed || (!ipv6 && type != kEtherTypeIpv4)))
    return refuse(DropReason::k_tunnel_payload);
  const uint8_t* at = frame_of(packet.mbuf) + packet.l4_payload;
  const uint32_t key = has_key ? reinterpret_cast<const be32*>(at + key_at)->host() : 0;
  packet.tunnel_id = has_key ? kHasKey | key : 0;
  packet.inner_offset = static_cast<uint16_t>(packet.l4_payload + header_len);
  if (!bridged) packet.tunnel = tunnel_index(TunnelKind::kGreIp);
  if (has_checksum && !checksum_ok(packet.mbuf, packet.l4_payload))
    return refuse(DropReason::k_gre_checksum);
  if (!bridged && !inner_version_is(packet, ipv6)) return refuse(DropReason::k_tunnel_payload);
  // RFC 7637 section 3.2: no checksum, no sequence; the key's lowest byte is the FlowID.
  if (bridged && flags == kGreKey && kinds.nvgre &&
      !(kinds.bridged && is_plain_gre(*worker.snapshot, packet))) {
    packet.tunnel = tunnel_index(TunnelKind::kNvgre);
    packet.tunnel_id = key >> 8;
  }
  if (has_sequence)
    check_sequence(worker, packet, reinterpret_cast<const be32*>(at + header_len - 4)->host());
}

// Out of line, so that the usual ones have the registers.
[[gnu::noinline]] void decap_any(Worker& worker, const GreKinds& kinds, Packet& packet,
                                 uint32_t word) noexcept {
  decap_with(worker, kinds, packet, word);
}

[[gnu::always_inline]] inline void decap_one(Worker& worker, const GreKinds& kinds,
                                             Packet& packet) noexcept {
  if (packet.l4_payload + sizeof(GreHeader) > packet.mbuf->data_len) [[unlikely]] {
    packet.drop = DropReason::k_gre_truncated;
    return;
  }
  const uint8_t* at = frame_of(packet.mbuf) + packet.l4_payload;
  // The usual ones are known to the compiler.
  constexpr uint32_t kKeyed = uint32_t{kGreKey} << 16;
  switch (const uint32_t word = reinterpret_cast<const be32*>(at)->host()) {
    case kEtherTypeBridged:
      return decap_with(worker, kinds, packet, kEtherTypeBridged);
    case kEtherTypeIpv4:
      return decap_with(worker, kinds, packet, kEtherTypeIpv4);
    case kEtherTypeIpv6:
      return decap_with(worker, kinds, packet, kEtherTypeIpv6);
    case kKeyed | kEtherTypeBridged:
      return decap_with(worker, kinds, packet, kKeyed | kEtherTypeBridged);
    case kKeyed | kEtherTypeIpv4:
      return decap_with(worker, kinds, packet, kKeyed | kEtherTypeIpv4);
    case kKeyed | kEtherTypeIpv6:
      return decap_with(worker, kinds, packet, kKeyed | kEtherTypeIpv6);
    default:
      return decap_any(worker, kinds, packet, word);
  }
}

void decap(Worker& worker, std::span<Packet* const> packets) {
  const GreKinds kinds(*worker.snapshot);
  for (Packet* packet : packets) decap_one(worker, kinds, *packet);
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
