// SPDX-License-Identifier: Apache-2.0
#include "balance/from_control.h"

#include <utility>

#include "balance/schedule.h"
#include "balance/to_backend.h"
#include "packet/destination.h"
#include "packet/ip_version.h"
#include "worker/originate.h"

namespace adit {
namespace {

// A backend's replies of no connection are dropped, but for flows that are known to be direct.
void note_flow(Worker& worker, const Flow& flow) noexcept {
  if (flow.kind == FlowKind::kIcmpError) return;
  FlowKey back = flow.key;
  std::swap(back.source, back.destination);
  std::swap(back.source_port, back.destination_port);
  worker.host_flows->add(back);
  if (has_ports(back.protocol)) worker.direct_flows->add(back);
}

// What a program of the host sends is our own, and keeps its TTL, by which routing protocols know
// their neighbours (RFC 5082); but what has to be cut or refused is so as if it came from a host.
void send_of_host(Worker& worker, const Packet& packet, const FlowKey& key) noexcept {
  const RouteTarget& target = target_of(*worker.snapshot, key);
  const uint32_t bytes = packet.mbuf->pkt_len;
  if (target.leads_out() && bytes <= target.max_bytes && bytes <= worker.fits_all_paths)
    send_own(worker, packet.network, packet.mbuf);
  else
    route_later(worker, packet);
}

[[gnu::cold, gnu::noinline]] void send_one(Worker& worker, const PacketFromControl& item) noexcept {
  Packet packet{};
  packet.mbuf = item.mbuf;
  packet.network = item.vrf;
  packet.origin = origin_in(item.vrf);
  packet.drop = DropReason::kNone;
  // We are its source.
  packet.may_fragment = true;
  const Flow flow = read_flow(item.mbuf, item.vrf);
  if (flow.kind == FlowKind::kMalformed) return drop(worker, item.mbuf, flow.drop);
  note_flow(worker, flow);
  if (item.backend == 0) return send_of_host(worker, packet, flow.key);
  const ServiceBackend* backend = find_backend(*worker.snapshot, item.backend);
  if (backend == nullptr) return drop(worker, item.mbuf, DropReason::k_no_backend);
  if (backend->forwarding == Forwarding::kNat || backend->forwarding == Forwarding::kFullNat)
    return route_later(worker, packet);
  const Connection connection = make_connection(flow.key, backend->service, *backend);
  if (send_unchanged(worker, packet, connection) == PacketVerdict::kRoute)
    route_later(worker, packet);
}

}  // namespace

void send_from_control(Worker& worker) noexcept {
  while (const PacketFromControl* item = worker.outbox.from_control.take()) send_one(worker, *item);
}

}  // namespace adit
