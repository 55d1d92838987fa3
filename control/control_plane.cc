// SPDX-License-Identifier: Apache-2.0
#include "control_plane.h"

#include <array>
#include <utility>

#include "config_diff.h"
#include "config_error.h"

namespace adit {
namespace {

// Reports taken in one tick at most: a flood of new sources must not keep control from its
// other duties.
constexpr unsigned kEventsPerTick = 4096;

std::vector<PortTraits> traits_of(const Dataplane& dataplane, const std::vector<MacAddr>& macs) {
  std::vector<PortTraits> traits;
  for (PortId port = 0; port < macs.size(); ++port) {
    const PortFacts& facts = dataplane.port_facts(port);
    traits.push_back({macs[port], facts.max_tx_buffers > 1, facts.takes_unfinished});
  }
  return traits;
}

}  // namespace

ControlPlane::ControlPlane(Dataplane& dataplane, const Config& initial,
                           std::vector<MacAddr> port_macs, uint64_t now_ns)
    : dataplane_(dataplane),
      port_macs_(std::move(port_macs)),
      neighbours_(dataplane),
      advertiser_(dataplane),
      fdb_(dataplane),
      backends_(dataplane.backend_lives()),
      links_(dataplane) {
  config_ = initial;
  run(initial, now_ns);
  learner_.bind(config_, ids_);
}

ApplyResult ControlPlane::apply(const Config& config, uint64_t now_ns) {
  ConfigDiff diff = diff_configs(config_, config);
  if (!diff.needs_restart.empty()) {
    std::vector<ConfigMistake> mistakes;
    for (const std::string& change : diff.needs_restart)
      mistakes.push_back({"", 0, 0, change + " takes a restart; nothing was changed"});
    throw ConfigError(std::move(mistakes));
  }
  if (!diff.changes.empty()) {
    const Config former = std::exchange(config_, config);
    learner_.configure(config_);
    try {
      run(learner_.with_learned(config_, now_ns), now_ns);
    } catch (...) {  // too much for the tables: what ran runs on
      config_ = former;
      learner_.configure(config_);
      throw;
    }
    learner_.bind(config_, ids_);
  }
  return {generation_, std::move(diff.changes)};
}

void ControlPlane::run(Config running, uint64_t now_ns) {
  Compiled compiled = compile(running, traits_of(dataplane_, port_macs_), ids_, generation_ + 1,
                              dataplane_.worker_count());
  // No worker has used the ids of what is new since the former snapshot was published.
  for (const auto& [name, info] : compiled.ids.bridge_ports) {
    const auto former = ids_.bridge_ports.find(name);
    if (former == ids_.bridge_ports.end() || former->second.id != info.id)
      dataplane_.reset_bridge_port(info.id);
  }
  backends_.add(running, compiled.ids, now_ns);
  advertiser_.configure(running, compiled.ids, *compiled.snapshot, now_ns);
  snapshot_ = compiled.snapshot.get();
  dataplane_.publish(std::move(compiled.snapshot));
  ++generation_;
  ids_ = std::move(compiled.ids);
  running_ = std::move(running);
  // Only now, when no worker reads the former snapshot, does what has gone lose its state.
  neighbours_.configure(running_, ids_, port_macs_, now_ns);
  fdb_.configure(running_, ids_, now_ns);
  backends_.remove_gone();
  if (!down_ports_.empty()) review_backends(now_ns);
}

void ControlPlane::tick(uint64_t now_ns) {
  std::array<Event, 256> events;
  for (unsigned taken = 0; taken < kEventsPerTick;) {
    const unsigned count = dataplane_.poll_events(events);
    for (const Event& event : std::span(events).first(count)) handle(event, now_ns);
    taken += count;
    if (count < events.size()) break;
  }
  neighbours_.tick(now_ns);
  advertiser_.tick(now_ns);
  fdb_.tick(now_ns);
  backends_.tick(now_ns);
  rates_.tick(dataplane_, backends_.all(), now_ns);
  learner_.tick(ids_, dataplane_, now_ns);
  if (learner_.wants_update(now_ns)) run(learner_.with_learned(config_, now_ns), now_ns);
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
    case Event::Kind::kRouterSolicited:
      return advertiser_.solicited(event.link, now_ns);
    case Event::Kind::kRemoteSeen:
      return learner_.seen(config_, event.network, event.ip, now_ns);
  }
}

}  // namespace adit
