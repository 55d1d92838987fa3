// SPDX-License-Identifier: Apache-2.0
#include "running/control_plane.h"

#include <array>
#include <utility>

#include "base/time_units.h"
#include "config/port_ids.h"

namespace adit {
namespace {

// Reports taken in one tick at most: a flood of new sources must not keep control from its
// other duties.
constexpr unsigned kEventsPerTick = 4096;

constexpr uint64_t kPatienceNs = WorkerWatch::kStalledAfterNs;
constexpr uint64_t kRetryNs = kNsPerSecond;

std::vector<PortTraits> traits_of(const Dataplane& dataplane, const std::vector<MacAddr>& macs) {
  std::vector<PortTraits> traits;
  for (PortId port = 0; port < macs.size(); ++port) {
    const PortFacts& facts = dataplane.port_facts(port);
    traits.push_back({macs[port], facts.max_tx_buffers > 1, facts.takes_pending_offload});
  }
  return traits;
}

// One that was not parsed has none.
std::shared_ptr<const Config> with_port_ids(Config config) {
  take_port_ids(config, {});
  return std::make_shared<const Config>(std::move(config));
}

}  // namespace

ControlPlane::ControlPlane(Dataplane& dataplane, const Config& initial,
                           std::vector<MacAddr> port_macs, uint64_t now_ns)
    : ControlPlane(dataplane, with_port_ids(initial), std::move(port_macs), now_ns) {}

ControlPlane::ControlPlane(Dataplane& dataplane, std::shared_ptr<const Config> initial,
                           std::vector<MacAddr> port_macs, uint64_t now_ns)
    : dataplane_(dataplane),
      port_macs_(std::move(port_macs)),
      neighbours_(dataplane),
      advertiser_(dataplane),
      fdb_(dataplane),
      backends_(dataplane.backend_status()),
      links_(dataplane),
      bonds_(dataplane) {
  Prepared first = prepare_first(basis(now_ns), std::move(initial));
  while (!commit(first, now_ns)) continue;
}

ApplyResult ControlPlane::apply(const Config& config, uint64_t now_ns) {
  Prepared prepared;
  try {
    Basis from = basis(now_ns);
    Planned planned = plan(from, config, nullptr);
    prepared = prepare(std::move(from), planned);
    while (!commit(prepared, now_ns)) continue;
  } catch (...) {
    give_up(prepared, now_ns);
    throw;
  }
  return {generation_, std::move(prepared.changes)};
}

Basis ControlPlane::basis(uint64_t now_ns) {
  live_remotes_.prepare(now_ns);
  live_next_hops_.prepare();
  learner_.begin_update(now_ns);
  preparing_ = true;
  Basis basis{.former = state_,
              .learner = learner_,
              .imported = live_routes_.share(),
              .traits = traits_of(dataplane_, port_macs_),
              .port_macs = port_macs_,
              .device_macs = {},
              .devices = {},
              .workers = dataplane_.worker_count(),
              .generation = generation_ + 1};
  for (PortId port = 0; port < port_macs_.size(); ++port) {
    basis.device_macs.push_back(dataplane_.port_facts(port).device_mac);
    for (std::string& name : device_names(dataplane_.port_spec(port)))
      basis.devices.insert(std::move(name));
  }
  return basis;
}

bool ControlPlane::commit(Prepared& prepared, uint64_t now_ns) {
  if (!prepared.next) {
    learner_.fail_update();  // what was learned has not been looked at
    preparing_ = false;
    resume_routes(now_ns);
    return true;
  }
  switch (prepared.step) {
    case Prepared::Step::kBackends:
      if (!backends_.add(prepared.backends, now_ns)) return false;
      // Before workers read a snapshot that has the ports: they begin another pass in between.
      dataplane_.make_room(end_of_port_ids(*prepared.next->config));
      prepared.step = Prepared::Step::kPublish;
      return false;
    case Prepared::Step::kPublish:
      // Ports' ids, too: what had them is closed.
      if (!workers_have_moved() || !dataplane_.are_closed()) return false;
      publish(prepared, now_ns);
      prepared.step = Prepared::Step::kGone;
      return false;
    case Prepared::Step::kGone:
      if (backends_.remove_gone(prepared.backends)) prepared.step = Prepared::Step::kDone;
      break;
    case Prepared::Step::kDone:
      break;
  }
  preparing_ = prepared.step != Prepared::Step::kDone;
  if (!preparing_) resume_routes(now_ns);
  return !preparing_;
}

void ControlPlane::give_up(Prepared& prepared, uint64_t now_ns) {
  if (prepared.step <= Prepared::Step::kPublish) {
    backends_.undo(prepared.backends, now_ns);
    undo_opening(prepared.ports);
  }
  learner_.fail_update();
  resume_routes(now_ns);
  preparing_ = false;
  grace_.reset();
  take_learned_ns_ = now_ns + kRetryNs;
}

void ControlPlane::publish(Prepared& prepared, uint64_t now_ns) {
  RunningState& next = *prepared.next;
  Snapshot& snapshot = *prepared.snapshot;
  for (const BridgePortId id : prepared.fresh_bridge_ports) dataplane_.reset_bridge_port(id);
  advertiser_.configure(*next.config, next.ids, snapshot, now_ns);
  snapshot_ = &snapshot;
  // Before anybody reads it: it lacks what came and went while it was made.
  live_next_hops_.bind(next, prepared.gone_next_hops, now_ns);
  live_routes_.bind(next, snapshot, now_ns);
  dataplane_.publish(std::move(prepared.snapshot));
  change_ports(prepared);
  ++generation_;
  learner_.configure(*next.config);
  state_ = prepared.next;
  backends_.replace(prepared.backends);
  learner_.bind(*next.config, next.ids);
  // Only now, when no worker reads the former snapshot, does what has gone lose its state.
  neighbours_.configure(next.neighbours, next.ids, now_ns);
  fdb_.configure(*next.config, next.ids, now_ns);
  live_remotes_.bind(next, snapshot, traits_of(dataplane_, port_macs_), prepared.gone_bridge_ports,
                     now_ns);
  for (const PortId gone : prepared.ports.gone) {
    down_ports_.erase(gone);
    fdb_.port_up(gone);
    neighbours_.port_up(gone, false, now_ns);
    advertiser_.port_up(gone, now_ns);
  }
  if (!down_ports_.empty()) review_backends(now_ns);
  for (const auto& [port, mac] : prepared.new_macs)
    if (!down_ports_.contains(port)) neighbours_.port_up(port, false, now_ns);
}

bool ControlPlane::tick(uint64_t now_ns) {
  std::array<Event, 256> events;
  unsigned taken = 0;
  while (taken < kEventsPerTick) {
    const unsigned count = dataplane_.poll_events(events);
    for (const Event& event : std::span(events).first(count)) handle(event, now_ns);
    taken += count;
    if (count < events.size()) break;
  }
  bool moved = taken > 0;
  dataplane_.take_punted([&](const Punted& packet) {
    moved = true;
    if (packet.of_host) {
      if (host_packets_) host_packets_(packet.to.vrf, packet.packet);
      return;
    }
    if (packet.to == router_solicitations(packet.to.vrf))
      advertiser_.solicited(packet.link, now_ns);
  });
  neighbours_.tick(now_ns);
  advertiser_.tick(now_ns);
  fdb_.tick(now_ns);
  backends_.tick(now_ns);
  rates_.tick(dataplane_, backends_.all(), now_ns);
  live_routes_.tick();
  update_remotes(now_ns);
  dataplane_.reclaim();
  if (!updates_itself_ || !wants_update(now_ns)) return moved;
  Prepared prepared = prepare_learned(basis(now_ns));
  while (!commit(prepared, now_ns)) continue;
  return moved;
}

// Not while somebody makes the next state of the present one: it would lack them.
void ControlPlane::update_remotes(uint64_t now_ns) {
  if (preparing_ || watch_.any_stalled()) return;
  live_remotes_.tick(now_ns);
  for (const RemoteLearner::Gone& gone : learner_.take_gone(ids(), dataplane_, now_ns))
    if (!live_remotes_.remove(*gone.network, gone.addresses, now_ns)) learner_.renew();
  live_remotes_.finish_removal(now_ns);
  for (const RemoteLearner::Remote& remote : learner_.take_fresh()) {
    const auto added = live_remotes_.add(*remote.network, remote.address, now_ns);
    if (added == LiveRemotes::Added::kCompile) learner_.renew();
    if (added == LiveRemotes::Added::kFull) learner_.refuse(remote);
  }
}

// What is learned beside the configuration is changed here alone again.
void ControlPlane::resume_routes(uint64_t now_ns) {
  live_next_hops_.resume(now_ns);
  live_routes_.resume(now_ns);
}

bool ControlPlane::tell_remote(NetworkId network, const IpAddr& address, uint64_t now_ns) {
  return learner_.tell(config(), *state_->routing, network, address, now_ns);
}

void ControlPlane::untell_remote(NetworkId network, const IpAddr& address, uint64_t now_ns) {
  learner_.untell(network, address, now_ns);
}

bool ControlPlane::wants_update(uint64_t now_ns) const noexcept {
  return now_ns >= take_learned_ns_ && !watch_.any_stalled() && learner_.wants_update(now_ns);
}

// Before anything is changed, so that a refusal leaves all as it was. It also tells that whatever
// the workers were at when it began is done: ids of what is gone are free.
bool ControlPlane::workers_have_moved() {
  const auto refuse = [this](const std::string& who, uint64_t ns) {
    grace_.reset();
    throw WorkerStalled(who + " has made no pass for " + std::to_string(ns / kNsPerSecond) +
                        " s; nothing was changed");
  };
  for (unsigned worker = 0; worker < dataplane_.worker_count(); ++worker)
    if (watch_.stalled(worker))
      refuse("worker " + std::to_string(worker), watch_.without_pass_ns(worker));
  if (!grace_) grace_ = {dataplane_.begin_grace(), monotonic_ns()};
  if (dataplane_.grace_is_over(grace_->token)) {
    grace_.reset();
    return true;
  }
  if (monotonic_ns() - grace_->since_ns >= kPatienceNs) refuse("a worker", kPatienceNs);
  return false;
}

std::vector<WorkerWatch::Change> ControlPlane::watch_workers(uint64_t now_ns) {
  passes_.resize(dataplane_.worker_count());
  for (unsigned worker = 0; worker < passes_.size(); ++worker)
    passes_[worker] = dataplane_.worker_counters(worker).loops.get();
  return watch_.look(passes_, now_ns);
}

void ControlPlane::handle(const Event& event, uint64_t now_ns) {
  switch (event.kind) {
    case Event::Kind::kMacSeen:
      return fdb_.seen(event.fdb_key, event.bridge_port, now_ns);
    case Event::Kind::kNeighbourSeen:
      return neighbours_.seen(event.link, event.ip, event.mac, now_ns, event.claim);
    case Event::Kind::kAddressConflict:
      return neighbours_.conflict(event.link, event.ip, event.mac, now_ns);
    case Event::Kind::kNeighbourWanted:
      return neighbours_.wanted(event.adjacency, now_ns);
    case Event::Kind::kHostWanted:
      return neighbours_.host_wanted(event.link, event.ip, now_ns);
    case Event::Kind::kRemoteSeen:
      if (state_->routing)
        learner_.seen(config(), *state_->routing, event.network, event.ip, now_ns);
      return;
  }
}

}  // namespace adit
