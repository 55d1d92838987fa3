// SPDX-License-Identifier: Apache-2.0
#include "balance/to_backend_rewritten.h"

#include "balance/client_info.h"
#include "icmp/quote.h"
#include "icmp/report.h"
#include "packet/fragment.h"
#include "packet/ip_version.h"
#include "rewrite/client_address.h"
#include "rewrite/translate_family.h"

namespace adit {
namespace {

// Clears DF of an IPv4 packet, and gives it an identification.
void let_fragment(rte_mbuf* mbuf, uint16_t id) noexcept {
  auto& ip = header_of<Ipv4>(mbuf);
  ip.id = be16(id);
  ip.fragment = be16(0);
  write_ipv4_checksum(&ip);
}

// RFC 791 section 3.1: whether a source route has addresses left. The header is contiguous.
bool has_source_route_left(const Ipv4Header& ip) noexcept {
  constexpr uint8_t kEnd = 0, kNop = 1, kLoose = 131, kStrict = 137;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&ip);
  const unsigned end = Ipv4::header_len(ip);
  for (unsigned at = sizeof ip; at < end && bytes[at] != kEnd;) {
    if (bytes[at] == kNop) {
      ++at;
      continue;
    }
    const unsigned len = at + 1 < end ? bytes[at + 1] : 0;
    if (len < 2 || at + len > end) return false;
    if (bytes[at] == kLoose || bytes[at] == kStrict) return len < 3 || bytes[at + 2] <= len;
    at += len;
  }
  return false;
}

// RFC 7915 section 4: if an IPv4 packet may be fragmented, we may fragment the IPv6 packet, whose
// source we are. Section 5.1.1: so may we a packet that arrived in fragments.
DropReason change_version(Worker& worker, Packet& packet, const Flow& flow, const Translation& to,
                          VrfId vrf) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  // Section 4.1: IPv6 has nothing like it.
  if (!flow.packet.ipv6 && has_source_route_left(header_of<Ipv4>(mbuf))) [[unlikely]] {
    report_to_sender(worker, packet, IcmpProblem::kSourceRoute);
    return DropReason::k_ip_source_route;
  }
  if (flow.packet.ipv6) {
    packet.origin.set_label(label_of(header_of<Ipv6>(mbuf)));
  } else {
    packet.origin.id = header_of<Ipv4>(mbuf).id.raw();
    packet.origin.id_is = Origin::kDontFragment;
  }
  if (!flow.packet.ipv6 && Ipv4::may_fragment(header_of<Ipv4>(mbuf))) {
    packet.origin.id_is = Origin::kMayFragment;
    packet.may_fragment = true;
    if (flow.packet.end > kLeastIpv6Mtu - kLongerAsIpv6 && !is_pending_offload(mbuf) &&
        !was_put_together(mbuf)) [[unlikely]]
      set_put_together(
          mbuf, {header_of<Ipv4>(mbuf).id.raw(), 0, source_tag(flow.key.source, flow.key.vrf)});
  }
  const uint16_t id = next_ip_id(worker, tenant_of_vrf(vrf), to.destination->address);
  const SentFragment* sent = flow.kind == FlowKind::kIcmpError
                                 ? sent_as(worker, mbuf, flow.embedded.ip, packet.network)
                                 : nullptr;
  const DropReason why = translate_family(mbuf, flow, to, id, sent);
  if (why == DropReason::kNone && flow.packet.ipv6 && packet.may_fragment)
    let_fragment(packet.mbuf, id);
  return why;
}

// For an ICMP error about a packet of the client, which may have had the option.
[[gnu::cold, gnu::noinline]] void leave_out_toa(rte_mbuf* mbuf, Flow& flow,
                                                const Connection& connection) noexcept {
  const Endpoint client = source_of(connection.forward);
  if (remove_toa(mbuf, flow, client) != 0 || connection.client_info.adds_option())
    leave_room_for_toa(mbuf, flow, client.ipv6);
}

PacketVerdict rewrite(Worker& worker, Packet& packet, const Flow& flow, Connection& connection,
                      Direction from) noexcept {
  const bool from_backend = from == Direction::kFromBackend;
  const bool sends_client_info = connection.has(Connection::kSendsClientInfo);
  if (sends_client_info && from_backend) {
    const DropReason why = take_answer(packet.mbuf, flow, connection.client_info);
    if (why != DropReason::kNone) return refuse(worker, packet.mbuf, why);
  }
  // Its new destination is the source of packets in the other direction.
  const FlowKey& other_half = from_backend ? connection.forward : connection.reverse;
  const Endpoint source = destination_of(other_half), destination = source_of(other_half);
  const bool full = connection.forwarding == Forwarding::kFullNat;
  const Translation to{full || from_backend ? &source : nullptr,
                       full || !from_backend ? &destination : nullptr};
  const bool other_version = connection.has(Connection::kOtherVersion);
  if (other_version) {
    const DropReason why = change_version(worker, packet, flow, to, other_half.vrf);
    if (why != DropReason::kNone) return refuse(worker, packet.mbuf, why);
  } else {
    translate(packet.mbuf, flow, to);
  }
  packet.network = other_half.vrf;
  packet.translated = true;
  if (!sends_client_info || from_backend) return PacketVerdict::kRoute;
  return send_client_info(
      worker, packet, other_version ? read_flow(packet.mbuf, packet.network) : flow, connection);
}

}  // namespace

PacketVerdict forward_rewritten(Worker& worker, Packet& packet, const Flow& flow,
                                Connection& connection, Direction from) noexcept {
  if (!own_headers(worker, packet, flow)) return PacketVerdict::kConsumed;
  if (flow.kind != FlowKind::kIcmpError || from != Direction::kFromBackend ||
      !connection.has(Connection::kSendsClientInfo) || connection.client_info.is_proxy != 0)
      [[likely]]
    return rewrite(worker, packet, flow, connection, from);
  Flow without = flow;
  leave_out_toa(packet.mbuf, without, connection);
  return rewrite(worker, packet, without, connection, from);
}

}  // namespace adit
