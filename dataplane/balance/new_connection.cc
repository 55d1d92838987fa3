// SPDX-License-Identifier: Apache-2.0
#include "balance/new_connection.h"

#include "balance/client_info.h"
#include "balance/persistence.h"
#include "balance/schedule.h"
#include "balance/to_backend_rewritten.h"
#include "packet/tcp_reset.h"
#include "worker/backend_load.h"
#include "worker/follow.h"
#include "worker/originate.h"

namespace adit {
namespace {

// A TCP packet to a service that matches no connection and is not a SYN.
PacketVerdict refuse_unmatched(Worker& worker, Packet& packet, const Flow& flow,
                               Unmatched rule) noexcept {
  if (rule == Unmatched::kReset && flow.kind == FlowKind::kFlow)
    send_reply(worker, packet.network, make_tcp_reset(packet.mbuf, flow, worker.pool));
  return refuse(worker, packet.mbuf, DropReason::k_connection_unknown);
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

}  // namespace

PacketVerdict begin_connection(Worker& worker, Packet& packet, const Flow& flow, uint64_t hash,
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

}  // namespace adit
