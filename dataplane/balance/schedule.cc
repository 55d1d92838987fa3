// SPDX-License-Identifier: Apache-2.0
#include "balance/schedule.h"

#include <algorithm>

#include "balance/fwmark_rules.h"
#include "balance/to_backend.h"
#include "connection/protocol_state.h"
#include "worker/follow.h"

namespace adit {
namespace {

// Local ports of full NAT: those that RFC 6335 section 6 does not assign, or seldom used ones.
constexpr uint32_t kFirstLocalPort = 1024;
constexpr uint32_t kLocalPorts = 65536 - kFirstLocalPort;
constexpr unsigned kPortTries = 64;

template <class T>
std::span<const T> part(const std::vector<T>& list, Range range) noexcept {
  return std::span(list).subspan(range.begin, range.end - range.begin);
}

DropReason reason_of(ConnectionTable::Refusal refusal) noexcept {
  return refusal == ConnectionTable::Refusal::kFull ? DropReason::k_connections_full
                                                    : DropReason::k_connection_collides;
}

// Selects the service's next local address and port whose replies hash to this worker. Does not
// check whether it is in use. False: none was found.
bool take_local(Worker& worker, std::span<const IpAddr> locals, Connection& connection) noexcept {
  const uint32_t next = worker.balancer->next_local[connection.reverse.vrf]++;
  const IpAddr& local = locals[next % locals.size()];
  connection.reverse.destination = address_key(local);
  // Workers begin at different ports, so that none spends its tries on ports of another.
  uint32_t port = static_cast<uint32_t>(next / locals.size());
  for (unsigned tries = 0; tries < kPortTries; ++tries, ++port) {
    const be16 candidate(static_cast<uint16_t>(kFirstLocalPort + port % kLocalPorts));
    if (owner_of(connection.reverse.destination, candidate, worker.peers.size()) != worker.id)
      continue;
    connection.reverse.destination_port = candidate;
    return true;
  }
  return false;
}

DropReason find_room(Worker& worker, const Connection& connection) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const VrfId vrf = connection.forward.vrf;
  return worker.connections->make_room(
      worker, connection.owner, vrf,
      {.owner = snapshot.services[connection.owner.id].max_connections,
       .vrf_is_alone = snapshot.vrfs_with_services < 2,
       .owner_is_alone = snapshot.vrf_shares[vrf].services < 2});
}

}  // namespace

bool begins(const Flow& flow, const rte_mbuf* mbuf) noexcept {
  if (flow.kind != FlowKind::kFlow) return false;
  if (flow.key.protocol == kIpProtocolTcp) return tcp_begins(flow.l4_type);
  if (flow.key.protocol != kIpProtocolSctp) return true;
  const uint32_t l4 = flow.packet.l4;
  const auto event = sctp_event(rte_pktmbuf_mtod_offset(mbuf, const uint8_t*, l4),
                                std::min<unsigned>(mbuf->data_len, flow.packet.end) - l4);
  return event && sctp_begins(*event);
}

DropReason check_limits(Worker& worker, ServiceId id, const FlowKey& key) noexcept {
  const ServiceEntry& service = worker.snapshot->services[id];
  Balancer& balancer = *worker.balancer;
  if (service.source_connections.interval_ns != 0) {
    FlowKey source{};
    source.source = key.source;
    if (key.ipv6) source.source.low = 0;
    source.destination.low = id;
    source.vrf = key.vrf;
    if (!balancer.source_connections.allow(worker.connections->table().hash(source), key.vrf,
                                           service.source_connections, worker.now_ns))
      return DropReason::k_source_rate;
  }
  if (service.new_connections.interval_ns != 0 &&
      !balancer.new_connections[id].allow(service.new_connections, worker.now_ns))
    return DropReason::k_service_rate;
  return DropReason::kNone;
}

ServiceId find_service(const Snapshot& snapshot, const RouteTarget& target, const FlowKey& key,
                       PortId in) noexcept {
  if (const ServiceId id = find_by_fwmark(snapshot, target, key, in); id != 0) return id;
  const auto ports =
      part(snapshot.service_ports, snapshot.virtual_addresses[target.virtual_address]);
  const uint16_t wanted = key.destination_port.host();
  ServiceId all_ports = 0;
  // The last range that begins at or before the port. `port: 0` sorts behind all others.
  const auto first = std::lower_bound(
      ports.begin(), ports.end(), key.protocol,
      [](const ServicePorts& entry, uint8_t protocol) { return entry.protocol < protocol; });
  auto last = std::upper_bound(
      first, ports.end(), key.protocol,
      [](uint8_t protocol, const ServicePorts& entry) { return protocol < entry.protocol; });
  if (last != first && std::prev(last)->last == 0) all_ports = (--last)->service;
  const auto behind =
      std::upper_bound(first, last, wanted,
                       [](uint16_t port, const ServicePorts& entry) { return port < entry.first; });
  if (behind != first && wanted <= std::prev(behind)->last) return std::prev(behind)->service;
  return all_ports;
}

ServiceId find_service(const Snapshot& snapshot, const FlowKey& key, PortId in) noexcept {
  const RouteTarget& target = target_of(snapshot, key);
  if (target.kind != RouteTarget::Kind::kVirtual) return 0;
  return find_service(snapshot, target, key, in);
}

const ServiceBackend* pick_backend(Worker& worker, ServiceId id, const FlowKey& key) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const ServiceEntry& service = snapshot.services[id];
  Balancer& balancer = *worker.balancer;
  SchedulerContext context{.backends = part(snapshot.service_backends, service.backends),
                           .table = service.table,
                           .options = service.options,
                           .backend_status = *worker.backend_status,
                           .loads = &balancer.loads[0],
                           .state = balancer.schedulers[id],
                           .localities = balancer.localities,
                           .service = id,
                           .worker = worker.id,
                           .workers = static_cast<unsigned>(worker.peers.size()),
                           .now_s = worker.now_s};
  const uint32_t index =
      context.backends.empty() ? kNoBackend : service.scheduler->pick(context, key);
  return index == kNoBackend ? nullptr : &context.backends[index];
}

const ServiceBackend* schedule(Worker& worker, ServiceId id, const FlowKey& key) noexcept {
  const ServiceBackend* backend = pick_backend(worker, id, key);
  const uint32_t sorry = worker.snapshot->services[id].sorry;
  if (backend != nullptr || sorry == 0) [[likely]]
    return backend;
  return &worker.snapshot->service_backends[sorry - 1];
}

Connection make_connection(const FlowKey& forward, ServiceId service,
                           const ServiceBackend& backend) noexcept {
  Connection connection;
  connection.forward = forward;
  connection.owner = service_owner(service);
  connection.backend = backend.id;
  connection.forwarding = backend.forwarding;
  connection.state = first_state(forward.protocol);
  if (!connection.has_reverse()) connection.flags |= Connection::kInputOnly;
  FlowKey& reverse = connection.reverse;
  reverse.source = address_key(backend.address);
  reverse.destination = forward.source;
  const bool ipv6 = !backend.address.is_v4();
  reverse.set_last(backend.port != 0 ? be16(backend.port) : forward.destination_port,
                   forward.source_port, backend.vrf, forward.protocol, ipv6);
  if (connection.forwarding == Forwarding::kFullNat && ipv6 != forward.ipv6)
    connection.flags |= Connection::kOtherVersion;
  return connection;
}

DropReason keep_connection(Worker& worker, Connection& connection, uint64_t forward_hash,
                           ConnectionId& id) noexcept {
  Connections& connections = *worker.connections;
  const ConnectionTable& table = connections.table();
  const ServiceEntry& service = worker.snapshot->services[connection.owner.id];
  ConnectionTable::Hashes hashes{.forward = forward_hash};
  if (connection.forwarding == Forwarding::kNat) [[likely]]
    table.prefetch(hashes.reverse = table.hash(connection.reverse));
  if (const DropReason full = find_room(worker, connection); full != DropReason::kNone) [[unlikely]]
    return full;
  // Updated by follow(), from the state that the first packet leads to.
  if (service.own_timeouts != 0) connection.flags |= Connection::kOwnTimeouts;
  connection.expires_s = worker.now_s + lifetime_s(worker, connection);
  ConnectionTable::Inserted inserted;
  if (connection.forwarding != Forwarding::kFullNat) {
    inserted = connections.insert_missed(worker, connection, hashes);
  } else {
    const auto locals =
        part(worker.snapshot->local_addresses, service.locals[connection.reverse.ipv6]);
    inserted.refusal = ConnectionTable::Refusal::kReverseExists;
    for (unsigned tries = 0;
         tries < kPortTries && inserted.refusal == ConnectionTable::Refusal::kReverseExists;
         ++tries)
      if (take_local(worker, locals, connection)) {
        hashes.reverse = table.hash(connection.reverse);
        inserted = connections.insert_missed(worker, connection, hashes);
      }
    if (inserted.refusal == ConnectionTable::Refusal::kReverseExists)
      return DropReason::k_local_ports_full;
  }
  if (inserted.id == 0) return reason_of(inserted.refusal);
  id = inserted.id;
  return DropReason::kNone;
}

}  // namespace adit
