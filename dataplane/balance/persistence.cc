// SPDX-License-Identifier: Apache-2.0
#include "balance/persistence.h"

#include "balance/schedule.h"
#include "balance/to_backend.h"
#include "icmp/tell.h"
#include "packet/flow_reader.h"

namespace adit {
namespace {

Ipv6Key masked_client(const ServiceEntry& service, const FlowKey& key) noexcept {
  const Ipv6Key& mask = service.persistence.masks[key.ipv6];
  return {key.source.high & mask.high, key.source.low & mask.low};
}

// One of the service's own backends: not its sorry server.
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
  const BackendLives::Life life = worker.lives->load(id);
  const bool moves = life.moves && protocol == kIpProtocolUdp;
  if (!life.up || (life.weight == 0 && (service.persistence.expire_quiescent || moves)))
    return nullptr;
  return backend;
}

// Where each template has connections: those that give way anyway do so for a template as well.
// Those of this worker may be of another one's templates, so that more than one may go.
[[gnu::cold, gnu::noinline]] bool free_template(Worker& worker, ServiceId service,
                                                VrfId vrf) noexcept {
  constexpr unsigned kTries = 16;
  if (worker.snapshot->when_full != WhenFull::kReplaceHalfOpen) return false;
  Connections& connections = *worker.connections;
  for (unsigned tries = 0; tries < kTries; ++tries) {
    const ConnectionId id = connections.shares().victim(ConnectionShares::Room::kTableFull,
                                                        service_owner(service), vrf);
    if (id == 0) return false;
    const Connection& connection = connections.at(id);
    const TemplateId controller =
        connection.has(Connection::kControlled) ? connection.controller : 0;
    connections.erase(worker, id);
    if (controller != 0 && TemplateTable::worker_of(controller) == worker.id &&
        worker.templates[worker.id]->forget(controller))
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
  TemplateTable& templates = *worker.templates[worker.id];
  const TemplateKey client = {masked_client(service, key), id, key.ipv6 != 0};
  uint32_t slot = templates.find(client, worker.now_s);
  const ServiceBackend* backend = nullptr;
  if (slot != kNoSlot)
    backend = kept_backend(worker, service, templates.backend_at(slot), key.protocol);
  if (backend == nullptr) {
    backend = schedule(worker, id, key);
    // Nobody stays with the sorry server.
    if (backend == nullptr || !is_of(*worker.snapshot, service, backend)) return {backend};
    if (slot == kNoSlot) slot = templates.insert(client, key.vrf);
    if (slot == kNoSlot && free_template(worker, id, key.vrf))
      slot = templates.insert(client, key.vrf);
    if (slot == kNoSlot) return {.why = DropReason::k_templates_full};
    templates.set_backend(slot, backend->id);
  }
  return {backend, templates.hold(slot, worker.now_s, service.persistence.timeout_s)};
}

void release(Worker& worker, TemplateId id) noexcept {
  if (id != 0) worker.templates[TemplateTable::worker_of(id)]->release(id);
}

void refuse_new(Worker& worker, Packet& packet, DropReason why) noexcept {
  if (why != DropReason::k_no_backend) return drop(worker, packet.mbuf, why);
  refuse_with(worker, packet, IcmpProblem::kPortUnreachable, why);
}

void answer_ask(Worker& worker, Packet& packet, const HandoverMeta& ask) noexcept {
  const Flow flow = read_flow(packet.mbuf, ask.vrf);
  const ServiceId id = find_service(*worker.snapshot, flow.key, packet.mbuf->port);
  HandoverMeta answer{.vrf = ask.vrf, .may_fragment = ask.may_fragment};
  // Another configuration has come: who asked begins again.
  if (id == 0 || worker.snapshot->services[id].persistence.timeout_s == 0) {
    pass_on(worker, packet.mbuf, ask.asker, answer);
    return;
  }
  const Choice choice = choose(worker, id, flow.key);
  if (choice.backend == nullptr) return refuse_new(worker, packet, choice.why);
  answer.kind = choice.controller != 0 ? HandoverMeta::Kind::kTold : HandoverMeta::Kind::kSorry;
  answer.chosen = choice.controller;
  if (!pass_on(worker, packet.mbuf, ask.asker, answer)) release(worker, choice.controller);
}

const ServiceBackend* resolved_backend(const Worker& worker, const HandoverMeta& told,
                                       ServiceId service) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  if (service == 0) return nullptr;
  if (told.kind == HandoverMeta::Kind::kSorry) {
    const uint32_t sorry = snapshot.services[service].sorry;
    return sorry == 0 ? nullptr : &snapshot.service_backends[sorry - 1];
  }
  TemplateTable& templates = *worker.templates[TemplateTable::worker_of(told.chosen)];
  if (templates.service_of(told.chosen) != service) return nullptr;
  const ServiceBackend* backend = find_backend(snapshot, templates.backend_of(told.chosen));
  return backend != nullptr && backend->service == service ? backend : nullptr;
}

}  // namespace adit
