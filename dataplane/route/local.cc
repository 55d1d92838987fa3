// SPDX-License-Identifier: Apache-2.0
#include "route/local.h"

#include <algorithm>
#include <utility>

#include "icmp/outer_error.h"
#include "icmp/report.h"
#include "packet/extension_headers.h"
#include "packet/flow_reader.h"
#include "packet/local_port.h"
#include "packet/patch.h"
#include "packet/tcp_reset.h"
#include "packet/udp_checksum.h"
#include "route/out.h"
#include "worker/handover.h"
#include "worker/originate.h"
#include "worker/path_mtu.h"
#include "worker/punt.h"

namespace adit {
namespace {

// Fragments the reply as the request was. We are its source, so DF is cleared if the MTU of the way
// back is smaller.
template <class Ip>
[[gnu::cold, gnu::noinline]] void send_long_reply(Worker& worker, Packet& packet,
                                                  const RouteTarget& back) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  uint32_t most = back.max_bytes;
  be32 id = next_fragment_id<Ip>(worker, packet.network, mbuf);
  if (was_put_together(mbuf)) {
    const AsItCame came = as_it_came(mbuf);
    most = std::min<uint32_t>(most, came.largest);
    id = be32::from_raw(came.id);
    clear_put_together(mbuf);
  }
  if (mbuf->pkt_len <= most) return send<Ip>(worker, packet, back);
  if constexpr (!Ip::kIpv6) {
    auto& ip = header_of<Ip>(mbuf);
    if (most == back.max_bytes && !Ip::may_fragment(ip)) {
      ip.fragment = be16(0);
      // RFC 6864 section 4.1: with DF the id may be anything.
      ip.id = be16(next_ip_id(worker, tenant_of_vrf(packet.network), Ip::host_key(ip)));
    }
  }
  send_cut<Ip>(worker, packet, back, most, id);
}

// The route back to a link-local sender, which is at the other end of the packet's tunnel.
[[gnu::cold, gnu::noinline]] RouteTarget back_by_tunnel(const Worker& worker,
                                                        const Packet& packet) noexcept {
  RouteTarget back;
  const Snapshot& snapshot = *worker.snapshot;
  const auto& tunnels = snapshot.ipv6_tunnels;
  const auto found =
      std::lower_bound(tunnels.begin(), tunnels.end(), std::pair{packet.in, BridgePortId{0}});
  // The tunnel may have been removed while a fragment waited.
  if (found == tunnels.end() || found->first != packet.in) return back;
  const BridgePort& out = snapshot.bridge_ports[found->second];
  if (out.network != packet.network) return back;
  back.kind = RouteTarget::Kind::kTunnel;
  back.tunnel = found->second;
  back.max_bytes = path_frame_bytes(worker, out, false);
  return back;
}

// What a packet carries behind its IP header, options and extension headers, and where.
struct Payload {
  uint8_t protocol;
  uint32_t at;
};

void collect_for_us(Worker& worker, const Packet& packet) noexcept {
  // One within the other.
  if (was_put_together(packet.mbuf)) return drop(worker, packet.mbuf, DropReason::k_ip_fragment);
  collect_later(worker, packet, PacketToRoute::Kind::kLocal);
}

[[gnu::cold, gnu::noinline]] bool find_behind_extensions(Worker& worker, const Packet& packet,
                                                         Payload& payload) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  IpPacket found;
  const bool good = read_at_destination(frame_of(mbuf), mbuf->data_len, 0, mbuf->pkt_len, found);
  if (found.is_fragment())
    collect_for_us(worker, packet);
  else if (!good)
    drop(worker, mbuf, DropReason::k_ip_extensions);
  payload = {found.protocol, found.l4};
  return good && !found.is_fragment();
}

// Finds what a packet to one of our addresses carries. False: it was dropped, or is a fragment,
// which waits for the others.
template <class Ip>
bool find_payload(Worker& worker, const Packet& packet, Payload& payload) noexcept {
  const auto& ip = header_of<Ip>(packet.mbuf);
  payload = {Ip::protocol(ip), Ip::header_len(ip)};
  if constexpr (Ip::kIpv6) {
    if (is_extension_header(payload.protocol)) [[unlikely]]
      return find_behind_extensions(worker, packet, payload);
    return true;
  }
  if (!Ip::is_fragment(ip)) [[likely]]
    return true;
  collect_for_us(worker, packet);
  return false;
}

// Removes IPv6 extension headers, so that neither control nor an answer has them. False: no buffer,
// and the packet was dropped.
template <class Ip>
bool shed_extensions(Worker& worker, Packet& packet, Payload& payload) noexcept {
  if (!Ip::kIpv6 || payload.at == sizeof(Ipv6Header)) [[likely]]
    return true;
  // Copies that share the headers may still be read elsewhere.
  rte_mbuf* own = make_writable(packet.mbuf, payload.at, worker.pool);
  if (own == nullptr) {
    drop(worker, packet.mbuf, DropReason::k_no_buffer);
    return false;
  }
  packet.mbuf = own;
  payload.at -= take_off_extension_headers(own, 0, payload.at, payload.protocol);
  return true;
}

// An echo request for one of our addresses becomes the reply.
template <class Ip>
void answer_echo(Worker& worker, Packet& packet, Payload payload) noexcept {
  if (!shed_extensions<Ip>(worker, packet, payload)) return;
  rte_mbuf* mbuf = packet.mbuf;
  auto& ip = header_of<Ip>(mbuf);
  const unsigned offset = payload.at;
  if (offset + sizeof(IcmpEcho) > mbuf->data_len)
    return drop(worker, mbuf, DropReason::k_icmp_truncated);
  const uint32_t bytes = mbuf->pkt_len - offset;
  if (sum_mbuf(mbuf, offset, bytes, Ip::icmp_pseudo_sum(ip, bytes)) != 0xffff)
    return drop(worker, mbuf, DropReason::k_icmp_checksum);
  auto* icmp = reinterpret_cast<IcmpEcho*>(frame_of(mbuf) + offset);
  if (icmp->type != Ip::kEchoRequest && worker.peers.size() > 1 && packet.network != 0)
      [[unlikely]] {
    // Whoever it was handed over to before went by the outermost headers.
    const unsigned owner = owner_of_outer_error(worker, mbuf, 0, offset, packet.network);
    if (owner != worker.id) {
      pass_on(worker, mbuf, owner, {.vrf = packet.network});
      return;
    }
  }
  if (icmp->type != Ip::kEchoRequest &&
      (take_outer_error(worker, mbuf, 0, offset, packet.network) ||
       take_for_host(worker, packet.network, 0, mbuf, 0)))
    return;
  if (icmp->type != Ip::kEchoRequest || icmp->code != 0)
    return drop(worker, mbuf, DropReason::k_icmp_ignored);
  RouteTarget by_tunnel;
  const RouteTarget* found =
      &worker.snapshot->routes.find(packet.network, Ip::source(ip), Ip::kIpv6);
  if constexpr (Ip::kIpv6)
    if (is_link_local(ip.src)) [[unlikely]]
      by_tunnel = back_by_tunnel(worker, packet), found = &by_tunnel;
  const RouteTarget& back = *found;
  if (back.kind == RouteTarget::Kind::kNone) return drop(worker, mbuf, DropReason::k_no_route);
  if (!back.leads_out()) return drop(worker, mbuf, DropReason::k_ip_source);
  std::swap(ip.src, ip.dst);
  Ip::set_ttl(ip, kReplyTtl);
  icmp->checksum = update_message_checksum(icmp->checksum, be16(uint16_t{Ip::kEchoRequest} << 8),
                                           be16(uint16_t{Ip::kEchoReply} << 8));
  icmp->type = Ip::kEchoReply;
  worker.counters.echo_requests_answered.add(1);
  if (was_put_together(mbuf) || mbuf->pkt_len > back.max_bytes) [[unlikely]]
    return send_long_reply<Ip>(worker, packet, back);
  send<Ip>(worker, packet, back);
}

LocalPort local_port_of(const Packet& packet, const Payload& payload) noexcept {
  return {packet.network, payload.protocol,
          destination_port_of(packet.mbuf, payload.protocol, payload.at)};
}

bool has_backend_up(const Worker& worker, ServiceId service) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const Range backends = snapshot.services[service].backends;
  for (uint32_t place = backends.begin; place < backends.end; ++place)
    if (worker.backend_status->load(snapshot.service_backends[place].id).up) return true;
  return false;
}

// Whether a backend of the virtual address is up: only then are its echo requests answered.
bool is_alive(const Worker& worker, const RouteTarget& target) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const Range ports = snapshot.virtual_addresses[target.virtual_address];
  for (uint32_t i = ports.begin; i < ports.end; ++i)
    if (has_backend_up(worker, snapshot.service_ports[i].service)) return true;
  const Range rules = snapshot.virtual_fwmarks[target.virtual_address];
  for (uint32_t i = rules.begin; i < rules.end; ++i)
    if (has_backend_up(worker, snapshot.fwmark_rules[snapshot.fwmark_lists[i]].service))
      return true;
  return false;
}

// RFC 1122 section 4.1.3.4: no answer to a datagram that is damaged.
template <class Ip>
DropReason damage_of_udp(const rte_mbuf* mbuf, uint32_t at) noexcept {
  if (l4_checksum_of(mbuf) == L4Checksum::kPending) return DropReason::kNone;
  if (at + sizeof(UdpHeader) > mbuf->data_len) return DropReason::k_udp_truncated;
  const auto* udp = rte_pktmbuf_mtod_offset(mbuf, const UdpHeader*, at);
  const unsigned bytes = udp->length.host();
  if (bytes < sizeof *udp || at + bytes > mbuf->pkt_len) return DropReason::k_udp_length;
  const bool has_none = !Ip::kIpv6 && udp->checksum == be16(0);
  return has_none || udp_checksum_ok(mbuf, udp, 0, at, Ip::kIpv6) ? DropReason::kNone
                                                                  : DropReason::k_udp_checksum;
}

// Nobody wants the datagram.
template <class Ip>
void refuse_udp(Worker& worker, Packet& packet, const Payload& payload, DropReason why) noexcept {
  const DropReason damage = damage_of_udp<Ip>(packet.mbuf, payload.at);
  if (damage != DropReason::kNone) return drop(worker, packet.mbuf, damage);
  report_to_sender(worker, packet, IcmpProblem::kPortUnreachable);
  drop(worker, packet.mbuf, why);
}

}  // namespace

template <class Ip>
void handle_local(Worker& worker, Packet& packet) noexcept {
  Payload payload;
  if (!find_payload<Ip>(worker, packet, payload)) return;
  if (payload.protocol == Ip::kIcmp) return answer_echo<Ip>(worker, packet, payload);
  if (!worker.snapshot->local_ports.empty()) [[unlikely]]
    if (const LocalPort to = local_port_of(packet, payload); is_local_port(*worker.snapshot, to)) {
      if (shed_extensions<Ip>(worker, packet, payload)) punt(worker, to, 0, false, packet.mbuf);
      return;
    }
  if (take_for_host(worker, packet.network, 0, packet.mbuf, 0)) return;
  if (payload.protocol != kIpProtocolUdp)
    return drop(worker, packet.mbuf, DropReason::k_ip_protocol_unknown);
  refuse_udp<Ip>(worker, packet, payload, DropReason::k_udp_port_closed);
}

template <class Ip>
void handle_virtual(Worker& worker, Packet& packet, const RouteTarget& target) noexcept {
  constexpr DropReason kWhy = DropReason::k_service_unknown;
  Payload payload;
  if (!find_payload<Ip>(worker, packet, payload)) return;
  switch (payload.protocol) {
    case Ip::kIcmp:
      if (is_alive(worker, target)) return answer_echo<Ip>(worker, packet, payload);
      return drop(worker, packet.mbuf, DropReason::k_no_backend);
    case kIpProtocolTcp: {
      const Flow flow = read_flow(packet.mbuf, packet.network);
      if (flow.kind == FlowKind::kFlow)
        send_reply(worker, packet.network, make_tcp_reset(packet.mbuf, flow, worker.pool));
      return drop(worker, packet.mbuf, kWhy);
    }
    case kIpProtocolUdp:
      return refuse_udp<Ip>(worker, packet, payload, kWhy);
    default:
      return drop(worker, packet.mbuf, kWhy);
  }
}

template void handle_local<Ipv4>(Worker&, Packet&) noexcept;
template void handle_local<Ipv6>(Worker&, Packet&) noexcept;
template void handle_virtual<Ipv4>(Worker&, Packet&, const RouteTarget&) noexcept;
template void handle_virtual<Ipv6>(Worker&, Packet&, const RouteTarget&) noexcept;

}  // namespace adit
