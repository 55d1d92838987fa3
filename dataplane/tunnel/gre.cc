// SPDX-License-Identifier: Apache-2.0
// GRE, RFC 2784 and RFC 2890, with an Ethernet payload (kGreOps) or an IP packet (kGreIpOps).
// Received GRE, including NVGRE, is classified here.
#include "tunnel/gre_kinds.h"
#include "tunnel/inner_ip.h"
#include "tunnel/outer_ip.h"
#include "tunnel/registry.h"
#include "tunnel/sequences.h"
#include "worker/worker.h"

namespace adit {
namespace {

uint64_t wire_id(const std::optional<uint64_t>& id) {
  return id ? kGreHasKey | *id : 0;
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
  if (!endpoint.checksum && !endpoint.sequence) set_plain_header(out);
}

// RFC 2784 section 2.3: checksum over GRE header and payload. `offset` of the GRE header.
bool checksum_ok(const rte_mbuf* mbuf, unsigned offset) noexcept {
  return sum_mbuf(mbuf, offset, mbuf->pkt_len - offset) == 0xffff;
}

// Shared by all workers, by BridgePortId. Each of the two kinds has its own table.
using AllSequences = ZeroPages<Sequences>;

TunnelState make_shared() {
  return TunnelState(std::make_unique<AllSequences>(kMaxBridgePorts + 1));
}

void forget(TunnelState& shared, BridgePortId bridge_port) {
  shared.as<AllSequences>()[bridge_port].reset();
}

Sequences& sequences_of(const Worker& worker, const BridgePort& out) noexcept {
  return worker.tunnels.shared<AllSequences>(out.tunnel)[out.sequence_id];
}

// Whether a remote uses GRE with that key.
[[gnu::noinline]] bool is_plain_gre(const Snapshot& snapshot, const Packet& packet) noexcept {
  const TunnelTables& plain = snapshot.tunnels[tunnel_index(TunnelKind::kGre)];
  return plain.senders.find({outer_source(packet), packet.tunnel_id}) != 0;
}

// RFC 2890 section 2.2, for a remote with `sequence`: each of its packets has to have a number.
// Linux requires this too (iseq): packets without a number could otherwise be replayed.
[[gnu::noinline]] void check_sequence(Worker& worker, Packet& packet,
                                      const be32* sequence) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const BridgePortId in =
      snapshot.tunnels[packet.tunnel].senders.find({outer_source(packet), packet.tunnel_id});
  const BridgePort& bridge_port = snapshot.bridge_ports[in];
  if (!(bridge_port.outer & outer::kGreSequence)) return;
  if (sequence == nullptr)
    packet.drop = DropReason::k_gre_sequence_missing;
  else if (!sequences_of(worker, bridge_port).accept(sequence->host(), worker.now_s))
    packet.drop = DropReason::k_gre_sequence;
}

// RFC 7637 section 3.2: no checksum, no sequence; the key's lowest byte is the FlowID.
[[gnu::always_inline]] inline void distinguish_nvgre(const Worker& worker, const GreKinds& kinds,
                                                     Packet& packet, uint32_t key) noexcept {
  using enum GreKinds::Keyed;
  if (kinds.keyed == kGre) return;
  if (kinds.keyed == kEither && is_plain_gre(*worker.snapshot, packet)) return;
  packet.tunnel = tunnel_index(TunnelKind::kNvgre);
  packet.tunnel_id = key >> 8;
}

// Any header, well-formed or not.
[[gnu::noinline]] void decap_any(Worker& worker, Packet& packet) noexcept {
  const GreKinds kinds(*worker.snapshot);
  const auto refuse = [&packet](DropReason reason) noexcept { packet.drop = reason; };
  const unsigned available = packet.mbuf->data_len;
  if (packet.l4_payload + sizeof(GreHeader) > available) return refuse(DropReason::k_gre_truncated);
  const uint8_t* at = frame_of(packet.mbuf) + packet.l4_payload;
  const auto* gre = reinterpret_cast<const GreHeader*>(at);
  const uint16_t flags = gre->flags.host(), type = gre->protocol.host();
  if (flags & (kGreUnsupported | kGreVersionMask)) return refuse(DropReason::k_gre_flags);
  const bool has_checksum = (flags & kGreChecksum) != 0;
  const bool has_key = (flags & kGreKey) != 0;
  const bool has_sequence = (flags & kGreSequence) != 0;
  const unsigned key_at = unsigned{sizeof(GreHeader)} + 4u * has_checksum;
  const unsigned header_len = key_at + 4u * has_key + 4u * has_sequence;
  if (packet.l4_payload + header_len > available) return refuse(DropReason::k_gre_truncated);
  const bool bridged = type == kEtherTypeBridged, ipv6 = type == kEtherTypeIpv6;
  if (!bridged && (!kinds.routed || (!ipv6 && type != kEtherTypeIpv4)))
    return refuse(DropReason::k_tunnel_payload);
  const uint32_t key = has_key ? reinterpret_cast<const be32*>(at + key_at)->host() : 0;
  packet.tunnel_id = has_key ? kGreHasKey | key : 0;
  packet.inner_offset = static_cast<uint16_t>(packet.l4_payload + header_len);
  if (!bridged) packet.tunnel = tunnel_index(TunnelKind::kGreIp);
  if (has_checksum && !checksum_ok(packet.mbuf, packet.l4_payload))
    return refuse(DropReason::k_gre_checksum);
  if (!bridged && !inner_version_is(packet, ipv6)) return refuse(DropReason::k_tunnel_payload);
  // RFC 2784 section 2.2: reserved bits are ignored.
  if (bridged && (flags & (kGreChecksum | kGreKey | kGreSequence)) == kGreKey)
    distinguish_nvgre(worker, kinds, packet, key);
  if (has_sequence || kinds.numbered)
    check_sequence(worker, packet,
                   has_sequence ? reinterpret_cast<const be32*>(at + header_len - 4) : nullptr);
}

// The usual headers: no option but the key, with at least one byte of payload.
[[gnu::always_inline]] inline void decap_one(Worker& worker, const GreKinds& kinds,
                                             Packet& packet) noexcept {
  constexpr unsigned kKeyLen = 4;
  if (packet.l4_payload + sizeof(GreHeader) + kKeyLen >= packet.mbuf->data_len || kinds.numbered)
      [[unlikely]]
    return decap_any(worker, packet);
  const uint8_t* at = frame_of(packet.mbuf) + packet.l4_payload;
  constexpr uint32_t kKeyed = uint32_t{kGreKey} << 16;
  const uint32_t word = reinterpret_cast<const be32*>(at)->host();
  const uint32_t key = reinterpret_cast<const be32*>(at + sizeof(GreHeader))->host();
  const bool has_key = (word & kKeyed) != 0;
  const unsigned header_len = unsigned{sizeof(GreHeader)} + (has_key ? kKeyLen : 0);
  const uint32_t type = word & ~kKeyed;
  if (type != kEtherTypeBridged) {
    const unsigned version = type == kEtherTypeIpv4 ? 4 : 6;
    if (!kinds.routed || (version == 6 && type != kEtherTypeIpv6)) [[unlikely]]
      return decap_any(worker, packet);
    packet.tunnel = tunnel_index(TunnelKind::kGreIp);
    if (at[header_len] >> 4 != version) packet.drop = DropReason::k_tunnel_payload;
  }
  packet.tunnel_id = has_key ? kGreHasKey | key : 0;
  packet.inner_offset = static_cast<uint16_t>(packet.l4_payload + header_len);
  if (has_key && type == kEtherTypeBridged) distinguish_nvgre(worker, kinds, packet, key);
}

void decap(Worker& worker, std::span<Packet* const> packets) {
  const GreKinds kinds(*worker.snapshot);
  for (Packet* packet : packets) decap_one(worker, kinds, *packet);
}

std::size_t encap(Worker& worker, std::span<Packet* const> packets) {
  return encap_each(
      worker, packets,
      [&](uint8_t* header, unsigned ip_end, const BridgePort& out, Packet& packet) noexcept {
        // Sequence number and checksum, in the order in which they depend on each other.
        if (out.outer & outer::kGreSequence) {
          const uint32_t number =
              sequences_of(worker, out).sent.fetch_add(1, std::memory_order_relaxed);
          *reinterpret_cast<be32*>(header + out.header_len - 4) = be32(number);
        }
        if (out.outer & outer::kGreChecksum) {
          const rte_mbuf* mbuf = packet.mbuf;
          const auto sum = static_cast<uint16_t>(~sum_mbuf(mbuf, ip_end, mbuf->pkt_len - ip_end));
          *reinterpret_cast<be16*>(header + ip_end + sizeof(GreHeader)) = be16::from_raw(sum);
        }
      });
}

// For all GRE kinds, including NVGRE.
std::optional<QuotedId> read_quote(const Snapshot& snapshot, const TunnelQuote& quote) {
  const uint16_t flags = quote.word16(0), type = quote.word16(2);
  if (flags & ~(kGreChecksum | kGreKey | kGreSequence)) return {};
  const uint32_t key_at = flags & kGreChecksum ? 8 : 4;
  const bool has_key = (flags & kGreKey) != 0;
  const bool known = !has_key || quote.has(key_at + 4);
  std::optional<uint64_t> id;
  if (known) id = has_key ? kGreHasKey | quote.word32(key_at) : 0;
  if (type == kEtherTypeIpv4 || type == kEtherTypeIpv6) return QuotedId{TunnelKind::kGreIp, id};
  if (type != kEtherTypeBridged) return {};
  const TunnelTables& plain = snapshot.tunnels[tunnel_index(TunnelKind::kGre)];
  if (id && plain.senders.find({quote.remote, *id}) == 0 && flags == kGreKey)
    return QuotedId{TunnelKind::kNvgre, quote.word32(key_at) >> 8};
  return QuotedId{TunnelKind::kGre, id};
}

}  // namespace

constinit const TunnelOps kGreOps = {.wire_id = wire_id,
                                     .compile = compile,
                                     .decap = decap,
                                     .encap = encap,
                                     .read_quote = read_quote,
                                     .make_shared = make_shared,
                                     .forget = forget};
constinit const TunnelOps kGreIpOps = {.wire_id = wire_id,
                                       .compile = compile,
                                       .decap = nullptr,
                                       .encap = encap,
                                       .read_quote = nullptr,
                                       .make_shared = make_shared,
                                       .forget = forget};

}  // namespace adit
