// SPDX-License-Identifier: Apache-2.0
#include "route/local.h"

#include <algorithm>
#include <utility>

#include "icmp/outer_error.h"
#include "icmp/report.h"
#include "packet/flow_reader.h"
#include "packet/local_port.h"
#include "packet/tcp_reset.h"
#include "route/out.h"
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
  if constexpr (!Ip::kIpv6)
    if (most == back.max_bytes) header_of<Ip>(mbuf).fragment = be16(0);
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

// An echo request for one of our addresses becomes the reply.
template <class Ip>
void answer_echo(Worker& worker, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  auto& ip = header_of<Ip>(mbuf);
  const unsigned offset = Ip::header_len(ip);
  if (offset + sizeof(IcmpEcho) > mbuf->data_len)
    return drop(worker, mbuf, DropReason::k_icmp_truncated);
  const uint32_t bytes = mbuf->pkt_len - offset;
  if (sum_mbuf(mbuf, offset, bytes, Ip::icmp_pseudo_sum(ip, bytes)) != 0xffff)
    return drop(worker, mbuf, DropReason::k_icmp_checksum);
  auto* icmp = reinterpret_cast<IcmpEcho*>(frame_of(mbuf) + offset);
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

// For a packet other than ICMP.
template <class Ip>
LocalPort local_port_of(const Packet& packet) noexcept {
  const auto& ip = header_of<Ip>(packet.mbuf);
  return {packet.network, Ip::protocol(ip),
          destination_port_of(packet.mbuf, Ip::protocol(ip), Ip::header_len(ip))};
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

}  // namespace

template <class Ip>
void handle_local(Worker& worker, Packet& packet) noexcept {
  if (Ip::is_fragment(header_of<Ip>(packet.mbuf)))
    return collect_later(worker, packet, PacketToRoute::Kind::kLocal);
  const auto& ip = header_of<Ip>(packet.mbuf);
  if (Ip::protocol(ip) == Ip::kIcmp) return answer_echo<Ip>(worker, packet);
  if (!worker.snapshot->local_ports.empty() &&
      is_local_port(*worker.snapshot, local_port_of<Ip>(packet))) [[unlikely]]
    return punt(worker, local_port_of<Ip>(packet), 0, false, packet.mbuf);
  if (take_for_host(worker, packet.network, 0, packet.mbuf, 0)) return;
  if (Ip::protocol(ip) != kIpProtocolUdp)
    return drop(worker, packet.mbuf, DropReason::k_ip_protocol_unknown);
  report_to_sender(worker, packet, IcmpProblem::kPortUnreachable);
  drop(worker, packet.mbuf, DropReason::k_udp_port_closed);
}

template <class Ip>
void handle_virtual(Worker& worker, Packet& packet, const RouteTarget& target) noexcept {
  constexpr DropReason kWhy = DropReason::k_service_unknown;
  if (Ip::is_fragment(header_of<Ip>(packet.mbuf)))
    return collect_later(worker, packet, PacketToRoute::Kind::kLocal);
  const auto& ip = header_of<Ip>(packet.mbuf);
  switch (Ip::protocol(ip)) {
    case Ip::kIcmp:
      if (is_alive(worker, target)) return answer_echo<Ip>(worker, packet);
      return drop(worker, packet.mbuf, DropReason::k_no_backend);
    case kIpProtocolTcp: {
      const Flow flow = read_flow(packet.mbuf, packet.network);
      if (flow.kind == FlowKind::kFlow)
        send_reply(worker, packet.network, make_tcp_reset(packet.mbuf, flow, worker.pool));
      return drop(worker, packet.mbuf, kWhy);
    }
    case kIpProtocolUdp:
      report_to_sender(worker, packet, IcmpProblem::kPortUnreachable);
      return drop(worker, packet.mbuf, kWhy);
    default:
      return drop(worker, packet.mbuf, kWhy);
  }
}

template void handle_local<Ipv4>(Worker&, Packet&) noexcept;
template void handle_local<Ipv6>(Worker&, Packet&) noexcept;
template void handle_virtual<Ipv4>(Worker&, Packet&, const RouteTarget&) noexcept;
template void handle_virtual<Ipv6>(Worker&, Packet&, const RouteTarget&) noexcept;

}  // namespace adit
