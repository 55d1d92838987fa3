// SPDX-License-Identifier: Apache-2.0
#include "egress/past_path.h"

#include "egress/egress.h"
#include "egress/ip_fragment.h"
#include "worker/doors.h"

namespace adit {
namespace {

void send_finished(Worker& worker, const BridgePort& out, rte_mbuf* mbuf) noexcept {
  send_to_next_hop(worker, tenant_of(out), out.port, out.adjacency, mbuf);
}

void clear_df(Worker& worker, rte_mbuf* mbuf) noexcept {
  auto* ip = rte_pktmbuf_mtod_offset(mbuf, Ipv4Header*, sizeof(EthernetHeader));
  if (Ipv4::may_fragment(*ip)) return;
  ip->fragment = be16(0);
  ip->id = be16(next_ip_id(worker, kUnderlayTenant, Ipv4::host_key(*ip)));
  write_ipv4_checksum(ip);
}

// The longest outer packet: over IPv6, the path MTU limits it.
uint32_t most_outer_bytes(const Worker& worker, const BridgePort& out) noexcept {
  const uint32_t configured = out.max_frame_bytes + outer_bytes(out);
  if (!(out.outer & outer::kIpv6)) return configured;
  const uint32_t told = worker.path_mtus->of_remote(out.sequence_id, worker.now_s);
  return told == 0 ? configured : std::min(configured, told);
}

void send_cut_frame(Worker& worker, const BridgePort& out, rte_mbuf* mbuf, uint32_t most) noexcept {
  const auto ethernet = *rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  cut_front(mbuf, sizeof ethernet);
  const be32 id = out.outer & outer::kIpv6 ? next_fragment_id<Ipv6>(worker, 0, mbuf) : be32(0);
  const DropReason why = cut_packet(worker, mbuf, most, id, [&](rte_mbuf* fragment) noexcept {
    std::memcpy(put_front(fragment, sizeof ethernet), &ethernet, sizeof ethernet);
    send_finished(worker, out, fragment);
  });
  if (why != DropReason::kNone) return drop(worker, mbuf, why);
  discard(worker, mbuf);
}

}  // namespace

void send_past_path(Worker& worker, Packet& packet) noexcept {
  encap_pending(worker);  // what came before it
  const BridgePort& out = worker.snapshot->bridge_ports[packet.out];
  leave(worker, packet.out, packet.mbuf->pkt_len);
  packet.drop = DropReason::kNone;
  Packet* const one = &packet;
  tunnel_registry()[out.tunnel]->encap(worker, {&one, 1});
  if (packet.drop != DropReason::kNone)
    return drop_of(worker, packet.out, packet.mbuf, packet.drop);
  if (!(out.outer & outer::kIpv6)) clear_df(worker, packet.mbuf);
  const uint32_t most = most_outer_bytes(worker, out);
  if (packet.mbuf->pkt_len - sizeof(EthernetHeader) > most)
    return send_cut_frame(worker, out, packet.mbuf, most);
  send_finished(worker, out, packet.mbuf);
}

}  // namespace adit
