// SPDX-License-Identifier: Apache-2.0
// STT, draft-davie-stt-08: frames of up to 64 KiB in segments that look like TCP's.
#include <rte_mbuf.h>

#include "packet/ip_packet.h"
#include "packet/segment.h"
#include "packet/vlan.h"
#include "tunnel/outer_ip.h"
#include "tunnel/registry.h"
#include "tunnel/stt_header.h"
#include "tunnel/stt_plain.h"
#include "tunnel/stt_segment.h"
#include "tunnel/stt_worker.h"
#include "worker/path_mtu.h"

namespace adit {
namespace {

// Section 3.1: the length field counts the frame header; outer IPv4 and TCP have 40 bytes.
constexpr unsigned kMaxInnerBytes = 65535 - sizeof(SttFrameHeader) - 40;
constexpr unsigned kMostSegments = kMaxSttBuffers;
constexpr uint16_t kFirstPort = 0xc000;  // that we send from

SttWorker& state_of(const Worker& worker) noexcept {
  return worker.tunnels.own<SttWorker>(TunnelKind::kStt);
}

TunnelState make_state(Worker& worker, uint64_t seed) {
  return TunnelState(std::make_unique<SttWorker>(worker, seed));
}

void compile(const TunnelEndpoint& endpoint, BridgePort& out) {
  auto* tcp =
      reinterpret_cast<SttTcpHeader*>(compile_outer_ip(endpoint, kIpProtocolTcp, kSttHeaders, out));
  write_stt_tcp(*tcp, 0, endpoint.port, 0, 0, 0, SttLast::kYes);
  auto* frame = reinterpret_cast<SttFrameHeader*>(tcp + 1);
  *frame = {};
  frame->context_id = be64(*endpoint.id);
  // Without source port, sequence, packet id, length and the inner frame.
  const uint8_t* ip = out.header.data() + sizeof(EthernetHeader);
  const uint64_t pseudo = out.outer & outer::kIpv6
                              ? stt_pseudo_sum(*reinterpret_cast<const Ipv6Header*>(ip), 0)
                              : stt_pseudo_sum(*reinterpret_cast<const Ipv4Header*>(ip), 0);
  out.l4_checksum_base =
      fold_sum(pseudo + sum_bytes(reinterpret_cast<const uint8_t*>(tcp), kSttHeaders));
  const unsigned ip_len = outer_ip_len(out) - unsigned{sizeof(EthernetHeader)};
  out.segment_head = static_cast<uint8_t>(ip_len + unsigned{sizeof(SttTcpHeader)});
  out.segment_bytes = static_cast<uint16_t>(endpoint.mtu_bytes - out.segment_head);
  out.max_frame_bytes = kMaxInnerBytes;
  set_plain_header(out);
}

// --- receive ---

const uint8_t* ip_of(const rte_mbuf* mbuf) noexcept {
  return rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, sizeof(EthernetHeader));
}

bool checksum_ok(const Packet& packet, uint16_t tcp_len) noexcept {
  const uint8_t* ip = ip_of(packet.mbuf);
  if (packet.outer_ipv6)
    return stt_checksum_ok(*reinterpret_cast<const Ipv6Header*>(ip), packet.mbuf, packet.l4_payload,
                           tcp_len);
  return stt_checksum_ok(*reinterpret_cast<const Ipv4Header*>(ip), packet.mbuf, packet.l4_payload,
                         tcp_len);
}

SttKey key_of(const Packet& packet, uint32_t packet_id) noexcept {
  SttKey key;
  key.packet_id = packet_id;
  key.is_v6 = packet.outer_ipv6;
  const unsigned bytes = packet.outer_ipv6 ? 16 : 4;
  const unsigned at = packet.outer_ipv6 ? offsetof(Ipv6Header, src) : offsetof(Ipv4Header, src);
  std::memcpy(key.src.data(), ip_of(packet.mbuf) + at, bytes);
  std::memcpy(key.dst.data(), ip_of(packet.mbuf) + at + bytes, bytes);
  return key;
}

// Inserts the tag of the frame header into the inner frame.
void restore_vlan(Packet& packet, be16 tci) noexcept {
  packet.inner_offset = static_cast<uint16_t>(packet.inner_offset - sizeof(VlanTag));
  uint8_t* frame = frame_of(packet.mbuf) + packet.inner_offset;
  move_macs(frame, frame + sizeof(VlanTag));
  const be16 tag[2] = {be16(kEtherTypeVlan),
                       be16(tci.host() & static_cast<uint16_t>(~kSttVlanPresent))};
  std::memcpy(frame + kMacsLen, tag, sizeof tag);
}

// The frame is complete; its header begins at `offset`.
void open_frame(Packet& packet, unsigned offset, uint16_t frame_len) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  if (offset + sizeof(SttFrameHeader) + sizeof(EthernetHeader) > mbuf->data_len) {
    packet.drop = DropReason::k_stt_truncated;
    return;
  }
  SttFrameHeader header;
  std::memcpy(&header, frame_of(mbuf) + offset, sizeof header);
  packet.drop = check_stt_frame(header, frame_len);
  if (packet.drop != DropReason::kNone) return;
  packet.tunnel_id = header.context_id.host();
  packet.inner_offset = static_cast<uint16_t>(offset + sizeof header);
  mbuf->ol_flags &= ~kTxOffloadFlags;
  if (header.flags & kSttChecksumPartial)
    set_tx_offload(mbuf, header.flags & kSttTcp ? kIpProtocolTcp : kIpProtocolUdp,
                   header.mss.host());
  // Test the bit, not the value: VID 0 with V set is a priority tag.
  if (header.vlan_tci.host() & kSttVlanPresent) restore_vlan(packet, header.vlan_tci);
}

const TunnelTables& tables_of(const Worker& worker) noexcept {
  return worker.snapshot->tunnels[tunnel_index(TunnelKind::kStt)];
}
SttLimits limits_of(const Worker& worker) noexcept {
  return stt_limits(tables_of(worker).settings);
}

void tick(Worker& worker) noexcept {
  SttWorker& state = state_of(worker);
  state.set_limits(limits_of(worker));
  state.expire(worker.now_ns);
}

void reassemble(Worker& worker, Packet& packet, const SttSegment& segment,
                uint16_t frame_len) noexcept {
  // Only segments from remotes may use memory.
  if (worker.snapshot->remote_addresses.find(outer_source(packet)) == 0) {
    packet.drop = DropReason::k_remote_unknown;
    return;
  }
  SttWorker& state = state_of(worker);
  state.set_limits(limits_of(worker));
  const SttResult result = state.add(segment, worker.now_ns);
  packet.mbuf = result.mbuf;  // null unless complete
  if (result.kind != SttResult::Kind::kComplete) return;
  worker.counters.consumed.add(result.segments - 1u);
  if (result.has_ce) packet.outer_tos |= kEcnCe;
  open_frame(packet, result.payload_offset, frame_len);
}

void decap_one(Worker& worker, Packet& packet) noexcept {
  const rte_mbuf* mbuf = packet.mbuf;
  const unsigned offset = packet.l4_payload;
  const auto refuse = [&packet](DropReason reason) noexcept { packet.drop = reason; };
  if (offset + sizeof(SttTcpHeader) > mbuf->data_len) return refuse(DropReason::k_stt_truncated);
  const auto* tcp = reinterpret_cast<const SttTcpHeader*>(frame_of(packet.mbuf) + offset);
  if (tcp->dst_port != be16(tables_of(worker).port)) return refuse(DropReason::k_stt_port);
  const unsigned header_len = (tcp->data_offset >> 4) * 4u;
  const uint32_t tcp_len = mbuf->pkt_len - offset;
  if (header_len < sizeof *tcp || offset + header_len > mbuf->data_len || header_len > tcp_len)
    return refuse(DropReason::k_stt_truncated);
  if (!checksum_ok(packet, static_cast<uint16_t>(tcp_len)))
    return refuse(DropReason::k_stt_checksum);
  const uint32_t sequence = tcp->sequence.host();
  const auto payload_offset = static_cast<uint16_t>(offset + header_len);
  const auto payload_len = static_cast<uint16_t>(tcp_len - header_len);
  const SttPlace place = stt_place(sequence);
  const DropReason wrong = check_stt_segment(place, payload_len);
  if (wrong != DropReason::kNone) return refuse(wrong);
  if (is_whole_stt_frame(place, payload_len)) [[likely]]
    return open_frame(packet, payload_offset, place.frame_len);
  const SttSegment segment = {.key = key_of(packet, tcp->packet_id.host()),
                              .sequence = sequence,
                              .mbuf = packet.mbuf,
                              .payload_offset = payload_offset,
                              .payload_len = payload_len,
                              .ecn = static_cast<uint8_t>(packet.outer_tos & kEcnMask)};
  reassemble(worker, packet, segment, place.frame_len);
}

void decap(Worker& worker, std::span<Packet* const> packets) {
  for (Packet* packet : packets) decap_one(worker, *packet);
}

// --- send ---

// Moves the inner frame's tag into the frame header. False: no buffers.
bool take_vlan(Worker& worker, Packet& packet, SttFrameHeader& header) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  uint8_t copy[sizeof(EthernetHeader) + sizeof(VlanTag)];
  if (mbuf->pkt_len < sizeof copy) return true;
  const auto* ethernet =
      static_cast<const EthernetHeader*>(rte_pktmbuf_read(mbuf, 0, sizeof copy, copy));
  if (ethernet->ether_type != be16(kEtherTypeVlan)) return true;
  // The frame's copies share its data.
  if (rte_mbuf_refcnt_read(mbuf) != 1 || !RTE_MBUF_DIRECT(mbuf) || mbuf->data_len < sizeof copy) {
    mbuf = rte_pktmbuf_copy(mbuf, worker.pool, 0, UINT32_MAX);
    if (mbuf == nullptr) return false;
    rte_pktmbuf_free(packet.mbuf);
    packet.mbuf = mbuf;
    ethernet = rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  }
  const uint16_t tci = reinterpret_cast<const VlanTag*>(ethernet + 1)->tci.host();
  constexpr uint16_t kDropEligible = 0x1000;  // has no place: V stands there
  header.vlan_tci = be16(static_cast<uint16_t>((tci & ~kDropEligible) | kSttVlanPresent));
  strip_vlan(mbuf);
  return true;
}

// Passes the frame's pending offload on to the receiver.
void pass_partial_on(rte_mbuf* mbuf, SttFrameHeader& header) noexcept {
  uint8_t copy[128];
  const unsigned len = std::min<unsigned>(mbuf->pkt_len, sizeof copy);
  const auto* frame = static_cast<const uint8_t*>(rte_pktmbuf_read(mbuf, 0, len, copy));
  const NetworkHeader network = find_network_header(frame, len);
  const bool ipv4 = network.type == be16(kEtherTypeIpv4);
  const unsigned ip_len =
      ipv4 ? (reinterpret_cast<const Ipv4Header*>(frame + network.offset)->version_ihl & 15u) * 4
           : unsigned{sizeof(Ipv6Header)};
  const bool tcp = (mbuf->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM;
  header.flags =
      static_cast<uint8_t>(kSttChecksumPartial | (ipv4 ? kSttIpv4 : 0) | (tcp ? kSttTcp : 0));
  header.l4_offset = static_cast<uint8_t>(network.offset + ip_len);
  if (is_gso_frame(mbuf)) header.mss = be16(mbuf->tso_segsz);
  mbuf->ol_flags &= ~kTxOffloadFlags;
}

struct SegmentFacts {
  uint16_t frame_len, offset;
  uint32_t packet_id;
  SttLast last;
};

uint32_t stt_id(Worker& worker, const BridgePort& out) noexcept {
  return state_of(worker).next_id(outer_destination(out.header.data(), out));
}

// Writes the headers up to the TCP-like one, for which there is room already.
void write_segment(Worker& worker, const Packet& packet, const BridgePort& out, rte_mbuf* mbuf,
                   const SegmentFacts& facts) noexcept {
  uint8_t* header = frame_of(mbuf);
  const unsigned ip_end = outer_ip_len(out);
  const uint32_t tcp_len = mbuf->pkt_len - ip_end;
  patch_outer_ip(worker, header, out, tcp_len, packet.inner);
  auto* tcp = reinterpret_cast<SttTcpHeader*>(header + ip_end);
  const uint16_t port = tcp->dst_port.host();
  write_stt_tcp(*tcp, static_cast<uint16_t>(kFirstPort | packet.inner.entropy >> 18), port,
                facts.frame_len, facts.offset, facts.packet_id, facts.last);
  const uint8_t* ip = header + sizeof(EthernetHeader);
  const auto len = static_cast<uint16_t>(tcp_len);
  tcp->checksum = out.outer & outer::kIpv6
                      ? stt_checksum(*reinterpret_cast<const Ipv6Header*>(ip), mbuf, ip_end, len)
                      : stt_checksum(*reinterpret_cast<const Ipv4Header*>(ip), mbuf, ip_end, len);
}

bool prepend_segment_header(rte_mbuf* mbuf, const BridgePort& out) noexcept {
  const auto len = static_cast<uint16_t>(out.header_len - sizeof(SttFrameHeader));
  char* header = rte_pktmbuf_prepend(mbuf, len);
  if (header != nullptr) std::memcpy(header, out.header.data(), len);
  return header != nullptr;
}

void send_piece(Worker& worker, BridgePortId out, rte_mbuf* mbuf) noexcept {
  if (!worker.outbox.pieces.push({mbuf, out})) [[unlikely]]
    drop(worker, mbuf, DropReason::k_no_buffer);
}

// All segments but the last are put into the outbox; the last one stays as Packet::mbuf.
void cut_frame(Worker& worker, Packet& packet, const BridgePort& out) noexcept {
  std::array<rte_mbuf*, kMostSegments> segments;
  const auto headroom = static_cast<uint16_t>(out.header_len - sizeof(SttFrameHeader));
  const auto frame_len = static_cast<uint16_t>(packet.mbuf->pkt_len);
  const unsigned count =
      split_stt(packet.mbuf, segment_bytes_of(worker, out), headroom, worker.pool, segments);
  if (count == 0) {
    packet.drop = DropReason::k_no_buffer;
    return;
  }
  const uint32_t packet_id = stt_id(worker, out);
  uint16_t offset = 0;
  worker.counters.copied.add(count - 1);
  for (unsigned i = 0; i < count; ++i) {
    rte_mbuf* mbuf = segments[i];
    const auto payload = static_cast<uint16_t>(mbuf->pkt_len);
    const bool last = i + 1 == count;
    const bool has_header = prepend_segment_header(mbuf, out);
    ADIT_ASSERT(has_header);  // split_stt has left the room
    (void)has_header;
    write_segment(worker, packet, out, mbuf,
                  {frame_len, offset, packet_id, last ? SttLast::kYes : SttLast::kNo});
    offset = static_cast<uint16_t>(offset + payload);
    if (last)
      packet.mbuf = mbuf;
    else
      send_piece(worker, packet.out, mbuf);
  }
}

void encap_one(Worker& worker, Packet& packet) noexcept {
  const BridgePort& out = worker.snapshot->bridge_ports[packet.out];
  SttFrameHeader frame_header;
  std::memcpy(&frame_header, out.header.data() + out.header_len - sizeof frame_header,
              sizeof frame_header);
  if (!take_vlan(worker, packet, frame_header)) {
    packet.drop = DropReason::k_no_buffer;
    return;
  }
  rte_mbuf* mbuf = packet.mbuf;
  if (is_pending_offload(mbuf)) pass_partial_on(mbuf, frame_header);
  char* at = rte_pktmbuf_prepend(mbuf, sizeof frame_header);
  if (at == nullptr) {
    packet.drop = DropReason::k_no_headroom;
    return;
  }
  std::memcpy(at, &frame_header, sizeof frame_header);
  const uint32_t frame_len = mbuf->pkt_len;
  if (frame_len > segment_bytes_of(worker, out)) return cut_frame(worker, packet, out);
  if (!prepend_segment_header(mbuf, out)) {
    packet.drop = DropReason::k_no_headroom;
    return;
  }
  write_segment(worker, packet, out, mbuf,
                {static_cast<uint16_t>(frame_len), 0, stt_id(worker, out), SttLast::kYes});
}

// Whether the frame fits into one segment as it is.
bool is_plain(const Worker& worker, const rte_mbuf* mbuf, const BridgePort& out) noexcept {
  if (is_pending_offload(mbuf) || mbuf->data_len < sizeof(EthernetHeader)) return false;
  const auto* ethernet = rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  return ethernet->ether_type != be16(kEtherTypeVlan) &&
         mbuf->pkt_len + sizeof(SttFrameHeader) <= segment_bytes_of(worker, out);
}

// The headers are the template's but for a few fields, so their sum is known.
void encap_plain(Worker& worker, Packet& packet, const BridgePort& out) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const uint32_t inner_len = mbuf->pkt_len;
  const uint64_t inner_sum = sum_mbuf(mbuf, 0, inner_len);
  uint8_t* header = prepend_header(mbuf, out);
  if (header == nullptr) [[unlikely]] {
    packet.drop = DropReason::k_no_headroom;
    return;
  }
  const unsigned ip_end = outer_ip_len(out);
  patch_outer_ip(worker, header, out, kSttHeaders + inner_len, packet.inner);
  finish_stt(worker, header, ip_end, out, inner_len, inner_sum, packet.inner.entropy);
}

std::size_t encap(Worker& worker, std::span<Packet* const> packets) {
  for (std::size_t i = 0; i < packets.size(); ++i) {
    Packet* packet = packets[i];
    const BridgePort& out = worker.snapshot->bridge_ports[packet->out];
    if (is_plain(worker, packet->mbuf, out)) [[likely]]
      encap_plain(worker, *packet, out);
    else
      encap_one(worker, *packet);
    // At most one frame's segments wait.
    if (!worker.outbox.pieces.empty()) [[unlikely]]
      return i + 1;
  }
  return packets.size();
}

// --- ICMP errors about it

std::optional<QuotedId> read_quote(const Snapshot& snapshot, const TunnelQuote& quote) {
  if (quote.word16(0) < kFirstPort ||
      quote.word16(2) != snapshot.tunnels[tunnel_index(TunnelKind::kStt)].port)
    return {};
  QuotedId quoted{TunnelKind::kStt, {}};
  constexpr uint32_t kContext = sizeof(SttTcpHeader) + offsetof(SttFrameHeader, context_id);
  // The first segment of a frame, whose offset is 0, has the frame header.
  if ((quote.word32(4) & 0xffff) == 0 && quote.has(kContext + 8))
    quoted.wire_id = uint64_t{quote.word32(kContext)} << 32 | quote.word32(kContext + 4);
  return quoted;
}

}  // namespace

void finish_stt(Worker& worker, uint8_t* header, unsigned ip_end, const BridgePort& out,
                uint32_t inner_len, uint64_t inner_sum, uint32_t entropy) noexcept {
  const auto tcp_len = static_cast<uint16_t>(kSttHeaders + inner_len);
  auto* tcp = reinterpret_cast<SttTcpHeader*>(header + ip_end);
  tcp->src_port = be16(static_cast<uint16_t>(kFirstPort | entropy >> 18));
  tcp->sequence = be32((tcp_len - unsigned{sizeof *tcp}) << 16);
  tcp->packet_id = be32(stt_id(worker, out));
  const uint64_t sum = uint64_t{out.l4_checksum_base} + tcp->src_port.raw() + tcp->sequence.raw() +
                       tcp->packet_id.raw() + be16(tcp_len).raw() + inner_sum;
  tcp->checksum = be16::from_raw(static_cast<uint16_t>(~fold_sum(sum)));
}

constinit const TunnelOps kSttOps = {.wire_id = plain_wire_id,
                                     .compile = compile,
                                     .decap = decap,
                                     .encap = encap,
                                     .read_quote = read_quote,
                                     .takes_pending_offload = true,
                                     .make_state = make_state,
                                     .tick = tick};

}  // namespace adit
