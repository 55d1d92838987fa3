// SPDX-License-Identifier: Apache-2.0
#include "egress/too_big.h"

#include "egress/egress.h"
#include "egress/ip_fragment.h"
#include "egress/past_path.h"
#include "icmp/report.h"

namespace adit {
namespace {

// The frame's IP packet.
struct Inner {
  be16 type;
  unsigned offset = 0;  // of the IP header, 0: there is none
  bool may_fragment = false;
  bool may_answer = false;
};

Inner read_inner(const Packet& packet) noexcept {
  const uint8_t* frame = frame_of(packet.mbuf);
  const unsigned len = packet.mbuf->data_len;
  // A flooded copy, whose first buffer is empty: it shares the frame with other copies.
  if (len < sizeof(EthernetHeader)) return {};
  const NetworkHeader network = find_network_header(frame, len);
  const unsigned left = len - network.offset;
  const bool ipv6 = network.type == be16(kEtherTypeIpv6);
  if (!ipv6 && network.type != be16(kEtherTypeIpv4)) return {};
  if (left < (ipv6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header))) return {};
  Inner inner{network.type, network.offset};
  const uint8_t* at = frame + network.offset;
  const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame);
  // RFC 1122 section 3.2.2: nor about what came to a group of the link; RFC 4443 section 2.4 (e)
  // makes an exception of IPv6's.
  inner.may_answer = !ethernet.src.is_group() && (ipv6 || !ethernet.dst.is_group()) &&
                     icmp_error_permitted(at, left, ipv6, IcmpProblem::kTooBig);
  if (ipv6) return inner;
  const auto* ip = reinterpret_cast<const Ipv4Header*>(at);
  const unsigned header_len = (ip->version_ihl & 15u) * 4;
  if (ip->version_ihl >> 4 != 4 || header_len < sizeof *ip || header_len > left) return {};
  const bool permitted = (ip->fragment.host() & kIpv4DontFragment) == 0;
  inner.may_fragment =
      permitted && ip->total_length.host() == packet.mbuf->pkt_len - network.offset;
  inner.may_answer = inner.may_answer && !permitted;
  return inner;
}

// RFC 1191 section 4, RFC 4443 section 3.2: an Ethernet frame back to the sender. Its source is the
// destination host's address, as a bridge has none of its own.
void answer(Worker& worker, const Packet& packet, const Inner& inner, unsigned mtu) noexcept {
  const bool ipv6 = inner.type == be16(kEtherTypeIpv6);
  rte_mbuf* mbuf =
      make_icmp_error(worker, tenant_of_network(packet.network), packet.mbuf, inner.offset, ipv6,
                      IcmpProblem::kTooBig, mtu, nullptr, UINT32_MAX);
  if (mbuf == nullptr) return;
  // A fresh buffer begins with its whole headroom.
  auto* ethernet = reinterpret_cast<EthernetHeader*>(put_front(mbuf, inner.offset));
  std::memcpy(ethernet, frame_of(packet.mbuf), inner.offset);  // MACs, type and tags
  std::swap(ethernet->src, ethernet->dst);
  if (ethernet->src.is_group()) ethernet->src = ethernet->dst;
  send_another(worker, packet, mbuf, packet.in);
}

// False: it cannot be fragmented.
bool send_fragments(Worker& worker, const Packet& packet, const Inner& inner,
                    unsigned mtu) noexcept {
  std::array<uint8_t, sizeof(EthernetHeader) + 2 * sizeof(VlanTag)> ethernet;
  rte_mbuf* mbuf = packet.mbuf;  // the packet's own place may be needed for its fragments
  ADIT_ASSERT(inner.offset <= ethernet.size());
  std::memcpy(ethernet.data(), frame_of(mbuf), inner.offset);
  cut_front(mbuf, inner.offset);
  const Packet like = packet;
  const DropReason why = cut_packet(worker, mbuf, mtu, be32(0), [&](rte_mbuf* fragment) noexcept {
    std::memcpy(put_front(fragment, inner.offset), ethernet.data(), inner.offset);
    send_another(worker, like, fragment, like.out);
  });
  if (why != DropReason::kNone) {
    put_front(mbuf, inner.offset);
    return false;
  }
  discard(worker, mbuf);
  return true;
}

// A flooded copy may have its frame in buffers of others, behind an empty one of its own.
bool own_frame(Worker& worker, Packet& packet) noexcept {
  if (packet.mbuf->data_len != 0 && owns_data(packet.mbuf)) return true;
  rte_mbuf* copy = rte_pktmbuf_copy(packet.mbuf, worker.pool, 0, UINT32_MAX);
  if (copy == nullptr) return false;
  discard(worker, packet.mbuf);
  packet.mbuf = copy;
  return true;
}

}  // namespace

void handle_too_big(Worker& worker, Packet& packet) noexcept {
  if (!own_frame(worker, packet))
    return drop_of(worker, packet.out, packet.mbuf, DropReason::k_mtu_exceeded);
  const BridgePort& out = worker.snapshot->bridge_ports[packet.out];
  const Inner inner = read_inner(packet);
  const uint32_t most = most_frame_bytes(worker, out, packet.inner.df);
  if (inner.offset != 0 && most >= inner.offset + kLeastIpv4Mtu) {
    const unsigned room = most - inner.offset;
    unsigned mtu = room;
    if (out.kind == BridgePortKind::kTunnel && mtu < kLeastIpv6Mtu &&
        inner.type == be16(kEtherTypeIpv6)) {
      mtu = kLeastIpv6Mtu;
      if (packet.mbuf->pkt_len <= inner.offset + mtu) return send_past_path(worker, packet);
    }
    const bool routed = worker.snapshot->bridge_ports[packet.in].kind == BridgePortKind::kGateway;
    // A router fragments IPv4 packets without DF (RFC 1812 section 5.2.6), a bridge only with
    // `too_big: fragment`.
    if (inner.may_fragment && (routed || (out.flags & BridgePort::kTooBigFragment)) &&
        send_fragments(worker, packet, inner, mtu))
      return;
    const bool answers = inner.may_answer && (out.flags & BridgePort::kTooBigIcmp) &&
                         (packet.in_flags & kTooBigUntold) == 0;
    if (answers && routed) {
      // Its sender is elsewhere.
      cut_front(packet.mbuf, inner.offset);
      report_too_big(worker, gateway_of(*worker.snapshot, packet.network)->vrf, packet.mbuf,
                     packet.routed, mtu, room);
    } else if (answers) {
      answer(worker, packet, inner, mtu);
    }
  }
  drop_of(worker, packet.out, packet.mbuf, DropReason::k_mtu_exceeded);
}

}  // namespace adit
