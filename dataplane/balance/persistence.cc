// SPDX-License-Identifier: Apache-2.0
#include "balance/persistence.h"

#include "balance/schedule.h"
#include "balance/to_backend.h"
#include "icmp/report.h"
#include "packet/flow_reader.h"

namespace adit {
namespace {

Ipv6Key masked_client(const ServiceEntry& service, const FlowKey& key) noexcept {
  const Ipv6Key& mask = service.persistence.masks[key.ipv6];
  return {key.source.high & mask.high, key.source.low & mask.low};
}

// Looks for one of the service's backends; the sorry server is not one.
bool is_of(const Snapshot& snapshot, const ServiceEntry& service,
           const ServiceBackend* backend) noexcept {
  const auto place = static_cast<size_t>(backend - snapshot.service_backends.data());
  return place >= service.backends.begin && place < service.backends.end;
}

// Whether clients that have the backend keep it. Its thresholds do not matter, as with IPVS.
const ServiceBackend* kept_backend(const Worker& worker, const ServiceEntry& service, BackendId id,
                                   uint8_t protocol) noexcept {
  const ServiceBackend* backend = find_backend(*worker.snapshot, id);
  if (backend == nullptr || !is_of(*worker.snapshot, service, backend)) return nullptr;
  const BackendStatus status = worker.backend_status->load(id);
  const bool moves = status.moves && protocol == kIpProtocolUdp;
  if (!status.up || (status.weight == 0 && (service.persistence.expire_quiescent || moves)))
    return nullptr;
  return backend;
}

// When all entries have connections, ends half-open connections of this worker until an entry is
// free. Their entries may belong to other workers, so more than one connection may have to end.
[[gnu::cold, gnu::noinline]] bool free_entry(Worker& worker, ServiceId service,
                                             VrfId vrf) noexcept {
  constexpr unsigned kTries = 16;
  if (worker.snapshot->when_full != WhenFull::kReplaceHalfOpen) return false;
  Connections& connections = *worker.connections;
  for (unsigned tries = 0; tries < kTries; ++tries) {
    const ConnectionId id = connections.shares().victim(ConnectionShares::Room::kTableFull,
                                                        service_owner(service), vrf);
    if (id == 0) return false;
    const Connection& connection = connections.at(id);
    const PersistenceId controller =
        connection.has(Connection::kControlled) ? connection.controller : 0;
    connections.erase(worker, id);
    if (controller != 0 && PersistenceTable::worker_of(controller) == worker.id &&
        worker.persistence[worker.id]->forget(controller))
      return true;
  }
  return false;
}

}  // namespace

unsigned owner_of_client(const Worker& worker, const ServiceEntry& service,
                         const FlowKey& key) noexcept {
  return owner_of(masked_client(service, key), be16(0), worker.peers.size());
}

Choice choose(Worker& worker, ServiceId id, const FlowKey& key) noexcept {
  const ServiceEntry& service = worker.snapshot->services[id];
  PersistenceTable& entries = *worker.persistence[worker.id];
  const PersistenceKey client = {masked_client(service, key), id, key.ipv6 != 0};
  uint32_t slot = entries.find(client, worker.now_s);
  const ServiceBackend* backend = nullptr;
  if (slot != kNoSlot)
    backend = kept_backend(worker, service, entries.backend_at(slot), key.protocol);
  if (backend == nullptr) {
    backend = schedule(worker, id, key);
    // The sorry server is not remembered.
    if (backend == nullptr || !is_of(*worker.snapshot, service, backend)) return {backend};
    if (slot == kNoSlot) slot = entries.insert(client, key.vrf);
    if (slot == kNoSlot && free_entry(worker, id, key.vrf)) slot = entries.insert(client, key.vrf);
    if (slot == kNoSlot) return {.why = DropReason::k_templates_full};
    entries.set_backend(slot, backend->id);
  }
  return {backend, entries.hold(slot, worker.now_s, service.persistence.timeout_s)};
}

void release(Worker& worker, PersistenceId id) noexcept {
  if (id != 0) worker.persistence[PersistenceTable::worker_of(id)]->release(id);
}

void refuse_new(Worker& worker, Packet& packet, DropReason why) noexcept {
  if (why != DropReason::k_no_backend) return drop(worker, packet.mbuf, why);
  refuse_with(worker, packet, IcmpProblem::kPortUnreachable, why);
}

void answer_resolve(Worker& worker, Packet& packet, const HandoverMeta& question) noexcept {
  const Flow flow = read_flow(packet.mbuf, question.vrf);
  const ServiceId id = find_service(*worker.snapshot, flow.key, packet.mbuf->port);
  HandoverMeta answer{.vrf = question.vrf, .may_fragment = question.may_fragment};
  // The configuration has changed since: the worker that asked starts over.
  if (id == 0 || worker.snapshot->services[id].persistence.timeout_s == 0) {
    pass_on(worker, packet.mbuf, question.asker, answer);
    return;
  }
  const Choice choice = choose(worker, id, flow.key);
  if (choice.backend == nullptr) return refuse_new(worker, packet, choice.why);
  answer.kind = choice.controller != 0 ? HandoverMeta::Kind::kResolved : HandoverMeta::Kind::kSorry;
  answer.chosen = choice.controller;
  if (!pass_on(worker, packet.mbuf, question.asker, answer)) release(worker, choice.controller);
}

const ServiceBackend* resolved_backend(const Worker& worker, const HandoverMeta& resolved,
                                       ServiceId service) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  if (service == 0) return nullptr;
  if (resolved.kind == HandoverMeta::Kind::kSorry) {
    const uint32_t sorry = snapshot.services[service].sorry;
    return sorry == 0 ? nullptr : &snapshot.service_backends[sorry - 1];
  }
  PersistenceTable& entries = *worker.persistence[PersistenceTable::worker_of(resolved.chosen)];
  if (entries.service_of(resolved.chosen) != service) return nullptr;
  const ServiceBackend* backend = find_backend(snapshot, entries.backend_of(resolved.chosen));
  return backend != nullptr && backend->service == service ? backend : nullptr;
}

}  // namespace adit
