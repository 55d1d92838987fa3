// SPDX-License-Identifier: Apache-2.0
#include "icmp/untranslate.h"

#include "icmp/quote.h"
#include "packet/flow_reader.h"
#include "packet/fragment.h"
#include "packet/ip_version.h"
#include "rewrite/client_address.h"
#include "rewrite/sequence_shift.h"
#include "rewrite/translate_family.h"
#include "worker/came_by.h"

namespace adit {

void restore_numbers(rte_mbuf* mbuf, const Flow& flow, const ClientInfo& info) noexcept {
  if (flow.kind == FlowKind::kFlow && info.shift() != 0 && (flow.l4_type & kTcpSyn) == 0)
    shift_sequence(mbuf, flow, 0u - info.shift());
}

namespace {

// Restores the id that the sender gave to the datagram.
void restore_id(rte_mbuf* mbuf, uint16_t sender) noexcept {
  Fragment fragment;
  if (!read_fragment(mbuf, 0, kTunnelPlace, fragment)) return;
  if (fragment.key.ipv6) {
    const uint32_t id = id_elsewhere(fragment.key.id, sender);
    std::memcpy(frame_of(mbuf) + fragment.fragment_header + 4, &id, sizeof id);
    return;
  }
  auto& ip = header_of<Ipv4>(mbuf);
  ip.id = be16::from_raw(ipv4_id_elsewhere(ip.id.raw(), sender));
  write_ipv4_checksum(&ip);
}

constexpr uint32_t kFragmentHeader = 8;

// Makes the length of the IPv6 packet that the buffer begins with that of what was sent, with a
// fragment header where that had one. False: no headroom.
bool restore_length(rte_mbuf* mbuf, const SentFragment& sent) noexcept {
  if (sent.more) return put_fragment_header(mbuf, sent);
  header_of<Ipv6>(mbuf).payload_length =
      be16(static_cast<uint16_t>(sent.bytes - sizeof(Ipv6Header)));
  return true;
}

// Translates a datagram's first fragment into the other version, to be quoted in an error. `sent`:
// null where it is not known.
bool untranslate_fragment(rte_mbuf* mbuf, Flow flow, const Translation& to, uint16_t id,
                          const SentFragment* sent) noexcept {
  const bool to_ipv4 = flow.packet.ipv6;
  Fragment fragment;
  if (!read_fragment(mbuf, 0, kTunnelPlace, fragment)) return false;
  if (to_ipv4) {
    take_off_fragment_header(mbuf, 0, fragment.fragment_header, fragment.next_header_at);
    flow.packet.l4 -= kFragmentHeader;
    flow.packet.end -= kFragmentHeader;
    flow.packet.destination = offsetof(Ipv6Header, dst);
  } else if (flow.packet.protocol == kIpProtocolUdp &&
             (flow.packet.l4 + sizeof(UdpHeader) > mbuf->data_len ||
              rte_pktmbuf_mtod_offset(mbuf, const UdpHeader*, flow.packet.l4)->checksum ==
                  be16(0))) {
    return false;  // IPv6's is over all of the datagram
  }
  if (translate_family(mbuf, flow, to, id) != DropReason::kNone) return false;
  if (!to_ipv4) return true;
  auto& ip = header_of<Ipv4>(mbuf);
  ip.fragment = be16(fragment.more ? kIpv4MoreFragments : uint16_t{0});
  ip.id = be16::from_raw(static_cast<uint16_t>(fragment.key.id));
  if (sent != nullptr) {
    ip.id = be16::from_raw(static_cast<uint16_t>(sent->id));
    ip.total_length = be16(sent->bytes);
    if (!sent->more) ip.fragment = be16(0);
  }
  write_ipv4_checksum(&ip);
  return true;
}

// RFC 7915 section 5.1: the other version has neither, so translation makes up both.
void restore_id_and_df(rte_mbuf* mbuf, const Origin& origin) noexcept {
  if (origin.id_is != Origin::kMayFragment && origin.id_is != Origin::kDontFragment) return;
  auto& ip = header_of<Ipv4>(mbuf);
  ip.id = be16::from_raw(origin.id);
  ip.fragment = be16(origin.id_is == Origin::kDontFragment ? kIpv4DontFragment : uint16_t{0});
  write_ipv4_checksum(&ip);
}

// For packets in which more than addresses and ports were changed.
bool untranslate_changed(Worker& worker, Packet& packet, const Flow& flow,
                         const Connection& connection, const Translation& to,
                         const SentFragment* sent) noexcept {
  if (connection.has(Connection::kOtherVersion)) {
    const FlowKey& forward = connection.forward;
    const uint16_t id = next_ip_id(worker, tenant_of_vrf(forward.vrf), forward.source);
    if (flow.kind == FlowKind::kFragment) {
      if (!untranslate_fragment(packet.mbuf, flow, to, id, sent)) return false;
      // No ICMP error is sent about an ICMP error (RFC 1122 section 3.2.2).
    } else if (flow.kind != FlowKind::kFlow ||
               translate_family(packet.mbuf, flow, to, id) != DropReason::kNone) {
      return false;
    } else if (flow.packet.ipv6) {
      restore_id_and_df(packet.mbuf, packet.origin);
    }
    if (flow.packet.ipv6) return true;
    set_label(header_of<Ipv6>(packet.mbuf), packet.origin.label());
    return sent == nullptr || restore_length(packet.mbuf, *sent);
  }
  translate(packet.mbuf, flow, to);
  return true;
}

}  // namespace

bool untranslate(Worker& worker, Packet& packet, unsigned& option) noexcept {
  Flow flow = read_flow(packet.mbuf, packet.network);
  const CameBy came = came_by(worker, packet.mbuf, flow);
  if (came.connection == nullptr) return false;
  const Connection& connection = *came.connection;
  const Endpoint source = source_of(*came.half), destination = destination_of(*came.half);
  const Translation to{came.other_source ? &source : nullptr,
                       came.other_destination ? &destination : nullptr};
  const bool other_version = connection.has(Connection::kOtherVersion);
  const SentFragment* sent = other_version || flow.kind == FlowKind::kFragment
                                 ? sent_as(worker, packet.mbuf, 0, packet.network)
                                 : nullptr;
  if (connection.has(Connection::kSendsClientInfo) && came.to_backend) {
    if (connection.client_info.is_proxy != 0)
      restore_numbers(packet.mbuf, flow, connection.client_info);
    else
      option = remove_toa(packet.mbuf, flow, source_of(connection.forward));
  }
  uint64_t growth = 0;
  if (sent != nullptr && !other_version)
    write_sent(packet.mbuf, 0, *sent, growth);
  else if (sent == nullptr && packet.origin.id_is == Origin::kMappedId)
    restore_id(packet.mbuf, source_tag(source.address, came.half->vrf));
  if (!connection.has(Connection::kChangesPackets))
    translate(packet.mbuf, flow, to);
  else if (!untranslate_changed(worker, packet, flow, connection, to, sent))
    return false;
  packet.network = came.half->vrf;
  packet.translated = false;
  return true;
}

}  // namespace adit
