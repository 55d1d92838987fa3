// SPDX-License-Identifier: Apache-2.0
#include "balance/balance.h"

#include <new>

#include "balance/client_info.h"
#include "balance/forgotten_reply.h"
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

// Hands the packet to the worker that owns its connection. The owner is chosen by a hash of the
// client's address and port: the source of packets to a service, the destination of replies. Full
// NAT chooses local ports that hash to the same worker.
bool steer_to_owner(Worker& worker, Packet& packet, const Flow& flow) noexcept {
  const FlowKey& key = flow.key;
  const bool to_service = target_of(*worker.snapshot, key).kind == RouteTarget::Kind::kVirtual;
  const unsigned owner = to_service
                             ? owner_of(key.source, key.source_port, worker.peers.size())
                             : owner_of(key.destination, key.destination_port, worker.peers.size());
  if (owner == worker.id) return false;
  pass_on(worker, packet.mbuf, owner, {.vrf = packet.network, .may_fragment = packet.may_fragment});
  return true;
}

// --- new connections

// A TCP packet to a service that matches no connection and is not a SYN.
PacketVerdict refuse_unmatched(Worker& worker, Packet& packet, const Flow& flow,
                               Unmatched rule) noexcept {
  if (rule == Unmatched::kReset && flow.kind == FlowKind::kFlow)
    send_reply(worker, packet.network, make_tcp_reset(packet.mbuf, flow, worker.pool));
  return refuse(worker, packet.mbuf, DropReason::k_connection_unknown);
}

bool has_ended(const Connection& connection) noexcept {
  return is_in(connection.state, kEndedStates);
}

// Removes an ended connection with the same addresses and ports at the backend: a client may reuse
// its port for another virtual address of the same backend.
bool forget_ended(Worker& worker, const FlowKey& reverse) noexcept {
  const ConnectionTable& connections = worker.connections->table();
  const ConnectionId id = connections.find(reverse).id;
  if (id == 0 || !has_ended(connections.at(id))) return false;
  worker.connections->erase(worker, id);
  return true;
}

Connection connection_to(const ServiceBackend& backend, const ServiceEntry& service,
                         const Flow& flow, ServiceId id) noexcept {
  Connection connection = make_connection(flow.key, id, backend);
  if (service.client_address != ClientAddress::kNone && flow.key.protocol == kIpProtocolTcp)
    begin_client_info(connection, service.client_address, flow);
  return connection;
}

// Returns kNone, or why the connection could not be created. `hash`: of the flow's key, here and
// below.
DropReason connect(Worker& worker, const Flow& flow, uint64_t hash, ServiceId id,
                   const ServiceBackend& backend, PersistenceId controller,
                   ConnectionId& made) noexcept {
  Connection connection = connection_to(backend, worker.snapshot->services[id], flow, id);
  connection.controller = controller;
  if (controller != 0) connection.flags |= Connection::kControlled;
  const DropReason why = keep_connection(worker, connection, hash, made);
  if (why != DropReason::k_connection_collides || !forget_ended(worker, connection.reverse))
    return why;
  return keep_connection(worker, connection, hash, made);
}

// Whether another backend could take the connection.
bool is_taken(DropReason why) noexcept {
  return why == DropReason::k_connection_collides || why == DropReason::k_local_ports_full;
}

// Tries backends that the scheduler selects when those tried so far are excluded.
[[gnu::cold, gnu::noinline]] DropReason connect_elsewhere(Worker& worker, const Flow& flow,
                                                          uint64_t hash, ServiceId id,
                                                          const ServiceBackend& first,
                                                          DropReason why,
                                                          ConnectionId& made) noexcept {
  constexpr unsigned kTries = 3;
  std::array<std::pair<BackendLoad*, bool>, kTries> tried;
  unsigned n = 0;
  for (const ServiceBackend* backend = &first; is_taken(why) && n < kTries;) {
    BackendLoad& load = worker.balancer->loads[backend->id];
    tried[n++] = {&load, load.overloaded};
    load.overloaded = true;
    backend = pick_backend(worker, id, flow.key);
    if (backend == nullptr) break;
    why = connect(worker, flow, hash, id, *backend, 0, made);
  }
  while (n != 0) {
    const auto& [load, overloaded] = tried[--n];
    load->overloaded = overloaded;
  }
  return why;
}

PacketVerdict begin_at(Worker& worker, Packet& packet, const Flow& flow, uint64_t hash,
                       ServiceId id, const Choice& choice) noexcept {
  if (choice.backend == nullptr) {
    refuse_new(worker, packet, choice.why);
    return PacketVerdict::kConsumed;
  }
  const ServiceEntry& service = worker.snapshot->services[id];
  if (service.one_packet) {
    Connection connection = connection_to(*choice.backend, service, flow, id);
    return forward_to_backend(worker, packet, flow, connection, Direction::kFromClient);
  }
  ConnectionId made = 0;
  DropReason why = connect(worker, flow, hash, id, *choice.backend, choice.controller, made);
  if (is_taken(why) && service.persistence.timeout_s == 0 && begins(flow, packet.mbuf))
    why = connect_elsewhere(worker, flow, hash, id, *choice.backend, why, made);
  if (why != DropReason::kNone) {
    release(worker, choice.controller);
    return refuse(worker, packet.mbuf, why);
  }
  follow(worker, made, Direction::kFromClient, flow, packet.mbuf);
  return forward_to_backend(worker, packet, flow, worker.connections->at(made),
                            Direction::kFromClient);
}

PacketVerdict begin(Worker& worker, Packet& packet, const Flow& flow, uint64_t hash,
                    ServiceId id) noexcept {
  const ServiceEntry& service = worker.snapshot->services[id];
  if (!begins(flow, packet.mbuf) &&
      !(flow.kind == FlowKind::kFlow && flow.key.protocol == kIpProtocolTcp &&
        service.unmatched == Unmatched::kSchedule && !(flow.l4_type & kTcpRst)))
    return refuse_unmatched(worker, packet, flow, service.unmatched);
  const DropReason too_many = check_limits(worker, id, flow.key);
  if (too_many != DropReason::kNone) [[unlikely]]
    return refuse(worker, packet.mbuf, too_many);
  if (service.persistence.timeout_s == 0)
    return begin_at(worker, packet, flow, hash, id, {schedule(worker, id, flow.key)});
  const unsigned owner = owner_of_client(worker, service, flow.key);
  if (owner == worker.id)
    return begin_at(worker, packet, flow, hash, id, choose(worker, id, flow.key));
  pass_on(worker, packet.mbuf, owner,
          {.vrf = packet.network,
           .kind = HandoverMeta::Kind::kResolve,
           .asker = static_cast<uint8_t>(worker.id & 0x3f),
           .may_fragment = packet.may_fragment});
  return PacketVerdict::kConsumed;
}

// Continues when the worker that owns the client's persistence entry has answered with the backend.
void resume(Worker& worker, Packet& packet, const HandoverMeta& resolved) noexcept {
  const Flow flow = read_flow(packet.mbuf, resolved.vrf);
  const ServiceId id = find_service(*worker.snapshot, flow.key, packet.mbuf->port);
  const ServiceBackend* backend = resolved_backend(worker, resolved, id);
  // Meanwhile the configuration may have changed, or another packet may have begun the connection.
  const ConnectionTable& connections = worker.connections->table();
  const uint64_t hash = connections.hash(flow.key);
  if (backend == nullptr || connections.find(flow.key, hash).id != 0) {
    release(worker, resolved.chosen);
    return worker.routed.push(packet);
  }
  if (begin_at(worker, packet, flow, hash, id, {backend, resolved.chosen}) == PacketVerdict::kRoute)
    route_later(worker, packet);
}

// --- packets of connections, and of none

// A packet that matches no connection. `hash`: of its key.
PacketVerdict handle_miss(Worker& worker, Packet& packet, const Flow& flow,
                          uint64_t hash) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const RouteTarget& target = target_of(snapshot, flow.key);
  if (target.kind == RouteTarget::Kind::kVirtual) {
    if (flow.kind == FlowKind::kEcho || flow.kind == FlowKind::kOther) return PacketVerdict::kRoute;
    const ServiceId service = find_service(snapshot, target, flow.key, packet.mbuf->port);
    if (service != 0) return begin(worker, packet, flow, hash, service);
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

unsigned take_handed_over(Worker& worker) noexcept {
  PeerQueue& queue = worker.peers[worker.id];
  std::array<rte_mbuf*, kMaxBurst / 2> mbufs;
  const unsigned n = rte_ring_sc_dequeue_burst(queue.ring, reinterpret_cast<void**>(mbufs.data()),
                                               mbufs.size(), nullptr);
  ADIT_ASSERT(n <= worker.packets.size());
  for (unsigned i = 0; i < n; ++i) {
    const HandoverMeta meta = take_meta(queue, mbufs[i]);
    Packet& packet = worker.packets[i];
    packet.mbuf = mbufs[i];
    packet.drop = DropReason::kNone;
    packet.in = 0;
    packet.network = meta.vrf;
    packet.origin = origin_in(meta.vrf);
    packet.via = nullptr;
    packet.translated = false;
    packet.handed_over = true;
    packet.may_fragment = meta.may_fragment;
    if (meta.kind == HandoverMeta::Kind::kPacket) [[likely]] {
      worker.routed.push(packet);
      continue;
    }
    if (meta.kind == HandoverMeta::Kind::kFragment) {
      packet.handed_over = false;  // its connection may be another worker's
      worker.routed.push(packet);
      continue;
    }
    if (meta.kind == HandoverMeta::Kind::kOuterFragment) {
      worker.handed_frames.push(packet);
      continue;
    }
    if (meta.kind == HandoverMeta::Kind::kResolve)
      answer_resolve(worker, packet, meta);
    else
      resume(worker, packet, meta);
  }
  return n;
}

}  // namespace adit
