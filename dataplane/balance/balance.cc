// SPDX-License-Identifier: Apache-2.0
#include "balance/balance.h"

#include <new>

#include "balance/client_info.h"
#include "balance/forgotten_reply.h"
#include "balance/new_connection.h"
#include "balance/persistence.h"
#include "balance/schedule.h"
#include "balance/to_backend_rewritten.h"
#include "icmp/quote.h"
#include "packet/destination.h"
#include "packet/fragment.h"
#include "packet/tcp_reset.h"
#include "worker/backend_load.h"
#include "worker/follow.h"
#include "worker/handover.h"
#include "worker/originate.h"

namespace adit {
namespace {

// --- before the look-up

enum class Reading : uint8_t {
  kFlow,  // what it is for balancing
  kPass,  // nobody's business here: it goes where it would without services
  kGone,
};

// Lets the packet be routed unchanged. The underlay does not route packets of others.
[[gnu::cold]] Reading pass(Worker& worker, const Packet& packet, const FlowKey& key) noexcept {
  if (packet.network != 0 || target_of(*worker.snapshot, key).kind == RouteTarget::Kind::kLocal)
    return Reading::kPass;
  drop(worker, packet.mbuf, DropReason::k_ip_not_local);
  return Reading::kGone;
}

// A malformed packet is dropped only if its addresses, and its ports if it has them, are those of a
// service or connection.
[[gnu::cold, gnu::noinline]] Reading judge_malformed(Worker& worker, const Packet& packet,
                                                     const Flow& flow) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const FlowKey& key = flow.key;
  if (target_of(snapshot, key).kind == RouteTarget::Kind::kVirtual ||
      is_about_backend(snapshot, packet.mbuf, flow)) {
    drop(worker, packet.mbuf, flow.drop);
    return Reading::kGone;
  }
  // Replies to full NAT's local addresses are handled as packets to our own addresses.
  if (!has_ports(key.protocol) || !goes_by_nat(snapshot, key.source, key))
    return pass(worker, packet, key);
  const unsigned owner = owner_of(key.destination, key.destination_port, worker.peers.size());
  if (worker.peers.size() > 1 && !packet.handed_over && owner != worker.id) {
    pass_on(worker, packet.mbuf, owner, {.vrf = packet.network});
    return Reading::kGone;
  }
  const ConnectionTable& connections = worker.connections->table();
  if (connections.find(key, connections.hash(key)).id == 0) return pass(worker, packet, key);
  drop(worker, packet.mbuf, flow.drop);
  return Reading::kGone;
}

// Fragments are reassembled first: only the first one has ports.
[[gnu::cold, gnu::noinline]] Reading read_fragment(Worker& worker, Packet& packet) noexcept {
  if (was_put_together(packet.mbuf))
    drop(worker, packet.mbuf, DropReason::k_ip_fragment);  // one within the other
  else
    collect_later(worker, packet, PacketToRoute::Kind::kOnItsWay);
  return Reading::kGone;
}

// Writes the flow in place at `flow`; std::construct_at would copy it.
Reading read(Worker& worker, Packet& packet, Flow& flow) noexcept {
  new (&flow) Flow(read_flow(packet.mbuf, packet.network));
  if (flow.kind == FlowKind::kFragment) [[unlikely]]
    return read_fragment(worker, packet);
  if (flow.kind == FlowKind::kMalformed) [[unlikely]]
    return judge_malformed(worker, packet, flow);
  return Reading::kFlow;
}

bool has_connection(const Flow& flow) noexcept {
  return flow.kind == FlowKind::kFlow || flow.kind == FlowKind::kIcmpError;
}

// Hands the packet to the worker that owns its connection.
bool steer_to_owner(Worker& worker, Packet& packet, const Flow& flow) noexcept {
  const unsigned owner = owner_of_flow(worker, flow.key);
  if (owner == worker.id) return false;
  pass_on(worker, packet.mbuf, owner, {.vrf = packet.network, .may_fragment = packet.may_fragment});
  return true;
}

// --- packets of connections, and of none

// A packet that matches no connection. `hash`: of its key.
PacketVerdict handle_miss(Worker& worker, Packet& packet, const Flow& flow,
                          uint64_t hash) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const RouteTarget& target = target_of(snapshot, flow.key);
  if (target.kind == RouteTarget::Kind::kVirtual) {
    // From a service's address come only answers of backends, and none to itself.
    if (flow.key.source == flow.key.destination && flow.kind != FlowKind::kIcmpError) [[unlikely]]
      return refuse(worker, packet.mbuf, DropReason::k_ip_source);
    if (flow.kind == FlowKind::kEcho || flow.kind == FlowKind::kOther) return PacketVerdict::kRoute;
    const ServiceId service = find_service(snapshot, target, flow.key, packet.mbuf->port);
    if (service != 0) return begin_connection(worker, packet, flow, hash, service);
    if (flow.kind == FlowKind::kIcmpError)
      return refuse(worker, packet.mbuf, DropReason::k_icmp_ignored);
    return PacketVerdict::kRoute;
  }
  if (target.kind == RouteTarget::Kind::kLocal) {
    // A reply of a forgotten connection to one of full NAT's local addresses: no service listens
    // there, and this reason says what it was.
    if (flow.kind == FlowKind::kFlow && flow.key.protocol != kIpProtocolUdp &&
        is_forgotten_reply(worker, flow, packet.mbuf, hash, target.kind))
      return refuse(worker, packet.mbuf, DropReason::k_connection_unknown);
    return PacketVerdict::kRoute;
  }
  // The underlay does not route packets of others.
  if (packet.network == 0) return refuse(worker, packet.mbuf, DropReason::k_ip_not_local);
  if (is_forgotten_reply(worker, flow, packet.mbuf, hash, target.kind))
    return refuse(worker, packet.mbuf, DropReason::k_connection_unknown);
  return PacketVerdict::kRoute;
}

// Whether a client's packet begins a new connection in place of one that is closing, which both
// ends may have forgotten. A connection that has ended is replaced; one that is still closing, only
// if its backend takes no new connections.
bool begins_again(const Connection& connection, const Flow& flow, const rte_mbuf* mbuf,
                  BackendStatus status, const BackendLoad& load) noexcept {
  if (!is_in(connection.state, kClosingStates) || flow.key.protocol == kIpProtocolUdp ||
      !begins(flow, mbuf))
    return false;
  return has_ended(connection) || !status.takes_new() || load.overloaded;
}

bool is_lost(const Connection& connection, BackendStatus status) noexcept {
  return status.ends_connections() ||
         (status.moves && connection.forward.protocol == kIpProtocolUdp);
}

// An error that is to be translated. False: it is gone.
[[gnu::cold, gnu::noinline]] bool quote_as_sent(Worker& worker, Packet& packet, const Flow& flow,
                                                const Connection& connection) noexcept {
  // The other version's quote is made anew.
  if (flow.kind != FlowKind::kIcmpError || connection.has(Connection::kOtherVersion)) return true;
  if (!own_headers(worker, packet, flow)) return false;
  restore_quote(worker, packet.mbuf, flow, packet.network);
  return true;
}

// `hash`: of its key.
PacketVerdict serve_of_service(Worker& worker, Packet& packet, const Flow& flow, uint64_t hash,
                               ConnectionId id, Direction from) noexcept {
  Balancer& balancer = *worker.balancer;
  Connection& connection = worker.connections->at(id);
  // Connections of a backend that was removed, or is down with `on_down: expire`, end at their next
  // packet.
  const BackendStatus status = worker.backend_status->load(connection.backend);
  const bool again =
      from == Direction::kFromClient &&
      begins_again(connection, flow, packet.mbuf, status, balancer.loads[connection.backend]);
  if ((!status.is_plain() && is_lost(connection, status)) || again) [[unlikely]] {
    if (!again && !worker.snapshot->expire_nodest &&
        find_backend(*worker.snapshot, connection.backend) == nullptr)
      return refuse(worker, packet.mbuf, DropReason::k_no_backend);
    worker.connections->erase(worker, id);
    return handle_miss(worker, packet, flow, hash);
  }
  if (flow.kind == FlowKind::kFlow) [[likely]]
    follow(worker, id, from, flow, packet.mbuf);
  else if (!quote_as_sent(worker, packet, flow, connection))
    return PacketVerdict::kConsumed;
  return forward_to_backend(worker, packet, flow, connection, from);
}

[[gnu::cold, gnu::noinline]] PacketVerdict serve_of_other(Worker& worker, Packet& packet,
                                                          const Flow& flow,
                                                          ConnectionTable::Found found) noexcept {
  Connections& connections = *worker.connections;
  return connections.ops_of(connections.at(found.id))
      .on_packet(worker, packet, flow, found.id, found.direction);
}

PacketVerdict serve(Worker& worker, Packet& packet, const Flow& flow, uint64_t hash) noexcept {
  if (!has_connection(flow)) return handle_miss(worker, packet, flow, hash);
  const Connections& connections = *worker.connections;
  const auto found = connections.table().find(flow.key, hash);
  if (found.id == 0) return handle_miss(worker, packet, flow, hash);
  if (connections.at(found.id).owner.kind != OwnerKind::kService) [[unlikely]]
    return serve_of_other(worker, packet, flow, found);
  return serve_of_service(worker, packet, flow, hash, found.id, found.direction);
}

// Uninitialised on purpose: clearing all flows would cost more than the look-ups of a burst.
union FlowRoom {
  std::array<Flow, 2 * kMaxBurst> flows;
  FlowRoom() noexcept {}
};
static_assert(std::is_trivially_destructible_v<Flow>);

}  // namespace

PacketVerdict serve_connection(Worker& worker, Packet& packet, const Flow& flow, ConnectionId id,
                               Direction from) noexcept {
  return serve_of_service(worker, packet, flow, worker.connections->table().hash(flow.key), id,
                          from);
}

void balance(Worker& worker, PacketList& routed) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  if (!snapshot.balances) return;
  const ConnectionTable& connections = worker.connections->table();
  std::array<Packet*, 2 * kMaxBurst> packets;
  FlowRoom room;
  auto& flows = room.flows;
  std::array<uint64_t, 2 * kMaxBurst> hashes;
  unsigned kept = 0, n = 0;
  [[maybe_unused]] const unsigned before = routed.count;
  for (Packet* packet : routed.span()) {
    if (!snapshot.balanced_vrfs[packet->network]) {
      routed.items[kept++] = packet;
      continue;
    }
    if (const Reading reading = read(worker, *packet, flows[n]); reading != Reading::kFlow)
        [[unlikely]] {
      if (reading == Reading::kPass) routed.items[kept++] = packet;
      continue;
    }
    if (worker.peers.size() > 1 && has_connection(flows[n]) && !packet->handed_over &&
        steer_to_owner(worker, *packet, flows[n]))
      continue;
    hashes[n] = connections.hash(flows[n].key);
    connections.prefetch(hashes[n]);
    packets[n++] = packet;
  }
  for (unsigned i = 0; i < n; ++i) connections.prefetch_connection(hashes[i]);
  for (unsigned i = 0; i < n; ++i)
    if (serve(worker, *packets[i], flows[i], hashes[i]) == PacketVerdict::kRoute)
      routed.items[kept++] = packets[i];
  ADIT_ASSERT(routed.count == before && kept <= before);  // nothing joined them meanwhile
  routed.count = kept;
}

}  // namespace adit
