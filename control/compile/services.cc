// SPDX-License-Identifier: Apache-2.0
#include "compile/services.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "compile/fwmark_rules.h"
#include "compile/stable_ids.h"
#include "config/timeouts.h"

namespace adit {
namespace {

bool is_translated(Forwarding forwarding) {
  return forwarding == Forwarding::kNat || forwarding == Forwarding::kFullNat;
}

// Backends that are remembered for the case that they come back.
constexpr size_t kMaxGoneBackends = 16384;

// A worker's part of a threshold: together they may be above it by less than their number.
uint32_t share(uint32_t connections, unsigned workers) {
  return (connections + workers - 1) / workers;
}

Timeouts timeouts_of(const TimeoutsConfig& config, const ServiceTimeoutsConfig& own = {}) {
  Timeouts timeouts;
  for (const TimeoutKey& key : kTimeoutKeys)
    timeouts[key.state] = (own.*key.own).value_or(config.*key.all);
  uint32_t& udp_new = timeouts[ConnectionState::kUdpNew];
  udp_new = std::min(udp_new, timeouts[ConnectionState::kUdp]);
  return timeouts;
}

RateLimit limit_of(uint32_t per_s, unsigned workers) {
  return per_s == 0 ? RateLimit{} : RateLimit::per_second(per_s, workers);
}

class ServiceCompiler {
 public:
  ServiceCompiler(const Config& config, const CompiledIds& previous, unsigned workers,
                  CompiledIds& ids, Snapshot& snapshot)
      : config_(config),
        previous_(previous),
        workers_(workers),
        ids_(ids),
        snapshot_(snapshot),
        service_ids_(previous.services, kMaxServices + 1),
        backend_ids_(previous.backends, previous.next_backend) {
    vrfs_[kUnderlayName] = 0;
    vrfs_.insert(ids.vrfs.begin(), ids.vrfs.end());
  }

  void run(VrfRoutes& routes) {
    snapshot_.balances = !config_.services.empty();
    snapshot_.balanced_vrfs.resize(ids_.last_vrf + 1u);
    snapshot_.vrf_shares.resize(ids_.last_vrf + 1u);
    for (const VrfConfig& vrf : config_.vrfs)
      snapshot_.vrf_shares[vrfs_.at(vrf.name)].max_connections = share(vrf.connections, workers_);
    keep_ids_of_gone();
    // Connections of services that go now still name them until their backends are gone, and
    // those of backends that come back do so before their service is there.
    snapshot_.services.resize(1);
    for (const auto& [name, id] : previous_.services) make_place(id);
    for (const GoneBackend& gone : previous_.gone_backends) make_place(gone.service);
    make_room();
    snapshot_.timeouts = timeouts_of(config_.balancer.timeouts);
    snapshot_.when_full = config_.balancer.when_full;
    snapshot_.expire_nodest = config_.balancer.expire_nodest;
    for (const ServiceConfig& service : config_.services) add(service);
    note_gone();
    add_backend_sources();
    snapshot_.scheduler_tables = ids_.scheduler_tables.all();
    ids_.next_backend = backend_ids_.next();
    add_addresses(routes);
    std::ranges::sort(nat_backends_);
    nat_backends_.erase(std::unique(nat_backends_.begin(), nat_backends_.end()),
                        nat_backends_.end());
    FlatTable<VrfHost>::Entries hosts;
    for (const auto& [vrf, address] : nat_backends_)
      hosts.emplace_back(VrfHost{address_key(address), vrf, !address.is_v4()}, 1);
    snapshot_.nat_backends = FlatTable<VrfHost>(hosts);
    FlatTable<SenderKey>::Entries wrapped;
    for (const auto& [host, place] : wrapped_)
      wrapped.emplace_back(SenderKey{host.address, host.vrf}, place);
    snapshot_.wrapped_backends = FlatTable<SenderKey>(wrapped);
  }

 private:
  template <class List>
  static uint32_t end_of(const List& list) {
    return static_cast<uint32_t>(list.size());
  }

  void make_place(ServiceId id) {
    if (id >= snapshot_.services.size()) snapshot_.services.resize(id + 1u);
  }

  // Memory is taken once: it is much in a large configuration.
  void make_room() {
    ids_.backends.reserve(config_.services.size());
    size_t backends = 0;
    for (const ServiceConfig& service : config_.services)
      backends += service.backends.size() + service.sorry.has_value();
    snapshot_.service_backends.reserve(backends);
    snapshot_.next_wrapped.reserve(backends);
    snapshot_.backend_places.reserve(backend_ids_.end());
    ids_.weights.reserve(backend_ids_.end());
    sources_.reserve(backends);
    nat_backends_.reserve(backends);
  }

  // As many of them as there is room for beside all that is and will be there, the last to go
  // first. A backend's service keeps its id too: the connections name both.
  void keep_ids_of_gone() {
    if (config_.balancer.expire_nodest) return;
    size_t services = previous_.services.size(), backends = 0;
    previous_.backends.for_each([&](const auto&, const auto&) { ++backends; });
    for (const ServiceConfig& service : config_.services) {
      services += !previous_.services.contains(service.name);
      backends += backend_ids_.count_new(service);
    }
    const auto& all = previous_.gone_backends;
    for (kept_ = 0; kept_ < all.size() && backends < kMaxBackends; ++kept_, ++backends) {
      const GoneBackend& gone = all[all.size() - 1 - kept_];
      const auto service = previous_.services.find(gone.name.service);
      if (service == previous_.services.end() && services++ >= kMaxServices) return;
      service_ids_.keep(gone.name.service, gone.service);
      backend_ids_.keep(gone);
    }
  }

  // Those that were there, or were kept, and are in no service now, the last ones at the end. With
  // a VRF its connections go: the next one of that name is another.
  void note_gone() {
    bool any = false;
    std::vector<GoneBackend>& gone = ids_.gone_backends;
    const bool remember = !config_.balancer.expire_nodest;
    const auto& before = previous_.gone_backends;
    std::copy_if(before.end() - static_cast<ptrdiff_t>(kept_), before.end(),
                 std::back_inserter(gone), [&](const GoneBackend& kept) {
                   return !backend_ids_.is_back(kept.id) && vrfs_.contains(kept.name.vrf);
                 });
    const auto first = static_cast<ptrdiff_t>(gone.size());
    ids_.backends.for_each_gone(previous_.backends,
                                [&](const std::string& service, const BackendIds::Entry& entry) {
                                  any = true;
                                  if (remember && vrfs_.contains(entry.vrf))
                                    gone.push_back({{service, entry.vrf, entry.address, entry.port},
                                                    entry.id,
                                                    previous_.services.at(service)});
                                });
    snapshot_.removals = ids_.removals = previous_.removals + any;
    std::sort(gone.begin() + first, gone.end(),
              [](const GoneBackend& a, const GoneBackend& b) { return a.name < b.name; });
    if (gone.size() > kMaxGoneBackends)
      gone.erase(gone.begin(), gone.end() - static_cast<ptrdiff_t>(kMaxGoneBackends));
  }

  void add(const ServiceConfig& service) {
    const ServiceId id = service_ids_.get(service.name);
    ids_.services[service.name] = id;
    make_place(id);
    ServiceEntry entry;
    entry.scheduler = find_scheduler(service.scheduler);
    entry.options = service.scheduler_options;
    entry.vrf = vrfs_.at(service.vrf);
    entry.gue_port = service.gue_port;
    entry.wrap = service.wrap;
    entry.unmatched = service.unmatched;
    entry.client_address = service.client_address;
    entry.one_packet = service.one_packet;
    if (service.timeouts != ServiceTimeoutsConfig{}) {
      snapshot_.own_timeouts.push_back(timeouts_of(config_.balancer.timeouts, service.timeouts));
      entry.own_timeouts = static_cast<uint16_t>(snapshot_.own_timeouts.size());
    }
    entry.max_connections = share(service.limits.connections, workers_);
    entry.new_connections = limit_of(service.limits.connections_per_s, workers_);
    entry.source_connections = limit_of(service.limits.source_connections_per_s, workers_);
    if (service.persistence) entry.persistence = compiled(*service.persistence);
    for (const bool ipv6 : {false, true}) {
      entry.locals[ipv6].begin = end_of(snapshot_.local_addresses);
      std::copy_if(service.local_addresses.begin(), service.local_addresses.end(),
                   std::back_inserter(snapshot_.local_addresses),
                   [&](const IpAddr& local) { return local.is_v4() != ipv6; });
      entry.locals[ipv6].end = end_of(snapshot_.local_addresses);
    }
    entry.backends.begin = end_of(snapshot_.service_backends);
    const BackendIds::ListPtr list = backend_ids_.number(service);
    ids_.backends.set(service.name, list);
    auto known = list->begin();
    std::vector<SchedulerBackend> weights;
    weights.reserve(service.backends.size());
    for (const BackendConfig& backend : service.backends) {
      weights.push_back({backend.address, backend.port, last_weight(known->id, backend.weight)});
      add_backend(service, id, entry.vrf, backend, (known++)->id);
    }
    entry.backends.end = end_of(snapshot_.service_backends);
    if (service.sorry) {
      add_backend(service, id, entry.vrf, *service.sorry, known->id);
      entry.sorry = end_of(snapshot_.service_backends);
    }
    if (entry.scheduler->build != nullptr)
      entry.table = ids_.scheduler_tables.get({entry.scheduler, entry.options, std::move(weights)},
                                              previous_.scheduler_tables);
    snapshot_.services[id] = entry;
    snapshot_.balanced_vrfs[entry.vrf] = 1;
    snapshot_.vrfs_with_services += snapshot_.vrf_shares[entry.vrf].services++ == 0;
    if (service.fwmark != 0) {
      fwmark_services_[{service.vrf, service.fwmark}] = id;
      return;
    }
    const IpPrefix address{service.address, static_cast<uint8_t>(service.address.width_bits())};
    addresses_[{service.vrf, address}].push_back({service.port,
                                                  service.last_port.value_or(service.port),
                                                  static_cast<uint8_t>(service.protocol), id});
  }

  static Persistence compiled(const PersistenceConfig& config) {
    return {config.timeout_s,
            config.expire_quiescent_template,
            {prefix_mask(IpFamily::kV4, config.netmask_bits),
             prefix_mask(IpFamily::kV6, config.ipv6_prefix_bits)}};
  }

  uint16_t last_weight(BackendId id, uint16_t weight) {
    if (weight == 0 && id < previous_.weights.size()) weight = previous_.weights[id];
    if (id >= ids_.weights.size()) ids_.weights.resize(id + 1);
    return ids_.weights[id] = std::max(weight, uint16_t{1});
  }

  // `vrf`: the service's.
  void add_backend(const ServiceConfig& service, ServiceId service_id, VrfId vrf,
                   const BackendConfig& config, BackendId id) {
    ServiceBackend backend;
    backend.id = id;
    backend.upper_connections = share(config.upper_connections, workers_);
    backend.lower_connections = share(config.lower_connections, workers_);
    backend.address = config.address;
    backend.port = config.port;
    backend.vrf = config.vrf ? vrfs_.at(*config.vrf) : vrf;
    backend.service = service_id;
    backend.forwarding = config.forwarding.value_or(service.forwarding);
    snapshot_.balanced_vrfs[backend.vrf] = 1;
    snapshot_.service_backends.push_back(backend);
    auto& places = snapshot_.backend_places;
    if (backend.id >= places.size()) places.resize(backend.id + 1);
    places[backend.id] = end_of(snapshot_.service_backends);
    snapshot_.next_wrapped.push_back(0);
    if (backend.forwarding == Forwarding::kTunnel) {
      uint32_t& first =
          wrapped_[{address_key(backend.address), backend.vrf, !backend.address.is_v4()}];
      snapshot_.next_wrapped.back() = first;
      first = places[backend.id];
    }
    if (!is_translated(backend.forwarding)) {
      note_shared(service);
      return;
    }
    note_sources(service, backend);
    if (backend.forwarding == Forwarding::kNat)
      nat_backends_.emplace_back(backend.vrf, backend.address);
    if (backend.forwarding == Forwarding::kFullNat)
      for (const IpAddr& local : service.local_addresses) locals_.emplace(backend.vrf, local);
  }

  // A backend has the service's addresses itself.
  void note_shared(const ServiceConfig& service) {
    if (std::exchange(shared_of_, &service) == &service) return;
    if (service.fwmark == 0) {
      const auto width = static_cast<uint8_t>(service.address.width_bits());
      backends_have_.emplace(service.vrf, IpPrefix{service.address, width});
    }
    for (const FwmarkRuleConfig& rule : config_.classifier)
      if (service.fwmark != 0 && rule.fwmark == service.fwmark && rule.vrf == service.vrf)
        for (const IpPrefix& to : rule.destinations) backends_have_.emplace(rule.vrf, to);
  }

  // The ports that a backend answers from: its own, or those that its service takes.
  void note_sources(const ServiceConfig& service, const ServiceBackend& backend) {
    const auto note = [&](std::optional<Protocol> protocol, uint16_t first, uint16_t last) {
      for (const Protocol one : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp})
        if (!protocol || *protocol == one)
          sources_.emplace_back(
              Source{backend.vrf, static_cast<uint8_t>(one), backend.address},
              backend.port != 0 ? std::pair(backend.port, backend.port) : std::pair(first, last));
    };
    constexpr uint16_t kLast = UINT16_MAX;
    if (service.fwmark == 0) {
      const uint16_t last = service.port == 0 ? kLast : service.last_port.value_or(service.port);
      return note(service.protocol, service.port, last);
    }
    for (const FwmarkRuleConfig& rule : config_.classifier)
      if (rule.fwmark == service.fwmark && rule.vrf == service.vrf)
        note(rule.protocol, rule.port.value_or(0),
             rule.last_port.value_or(rule.port.value_or(kLast)));
  }

  void add_backend_sources() {
    FlatTable<BackendSource>::Entries entries;
    std::ranges::sort(sources_);
    sources_.erase(std::unique(sources_.begin(), sources_.end()), sources_.end());
    for (auto one = sources_.begin(); one != sources_.end();) {
      const Source where = one->first;
      const auto& [vrf, protocol, address] = where;
      const uint32_t begin = end_of(snapshot_.backend_ports);
      for (; one != sources_.end() && one->first == where; ++one)
        snapshot_.backend_ports.push_back({one->second.first, one->second.second});
      snapshot_.backend_source_ports.push_back({begin, end_of(snapshot_.backend_ports)});
      entries.emplace_back(BackendSource{.address = address_key(address),
                                         .vrf = vrf,
                                         .protocol = protocol,
                                         .ipv6 = !address.is_v4()},
                           end_of(snapshot_.backend_source_ports));
    }
    snapshot_.backend_sources = FlatTable<BackendSource>(entries);
  }

  void add_addresses(VrfRoutes& routes) {
    FwmarkRuleCompiler classifier(config_, fwmark_services_, snapshot_);
    for (const auto& where : classifier.destinations()) addresses_[where];
    for (auto& [where, ports] : addresses_) {
      // All ports is what is left when nothing else fits: last, within its protocol.
      std::sort(ports.begin(), ports.end(), [](const ServicePorts& a, const ServicePorts& b) {
        return std::tuple(a.protocol, a.last == 0, a.first) <
               std::tuple(b.protocol, b.last == 0, b.first);
      });
      const uint32_t begin = end_of(snapshot_.service_ports);
      snapshot_.service_ports.insert(snapshot_.service_ports.end(), ports.begin(), ports.end());
      RouteTarget target;
      target.kind = RouteTarget::Kind::kVirtual;
      target.virtual_address = end_of(snapshot_.virtual_addresses);
      snapshot_.virtual_addresses.push_back({begin, end_of(snapshot_.service_ports)});
      classifier.add_list(where.first, where.second);
      routes.add(vrfs_.at(where.first), where.second, target);
      if (backends_have_.contains(where))
        routes.share_with_backends(vrfs_.at(where.first), where.second);
    }
    RouteTarget local;
    local.kind = RouteTarget::Kind::kLocal;
    for (const auto& [vrf, address] : locals_) routes.add(vrf, address, local);
  }

  const Config& config_;
  const CompiledIds& previous_;
  unsigned workers_;
  CompiledIds& ids_;
  Snapshot& snapshot_;
  StableIds<std::string, ServiceId> service_ids_;
  BackendNumbering backend_ids_;
  size_t kept_ = 0;  // of the previous gone backends, the last ones
  std::map<std::string, VrfId> vrfs_;
  std::map<std::pair<std::string, IpPrefix>, std::vector<ServicePorts>> addresses_;  // by VRF
  FwmarkRuleCompiler::Services fwmark_services_;
  std::set<std::pair<VrfId, IpAddr>> locals_;  // of full NAT
  std::set<std::pair<std::string, IpPrefix>> backends_have_;
  const ServiceConfig* shared_of_ = nullptr;  // the last that is in backends_have_
  // Where backends answer from, with the first and last port.
  using Source = std::tuple<VrfId, uint8_t, IpAddr>;
  std::vector<std::pair<Source, std::pair<uint16_t, uint16_t>>> sources_;
  std::vector<std::pair<VrfId, IpAddr>> nat_backends_;
  struct HostHash {
    size_t operator()(const VrfHost& host) const noexcept { return hash_of(host); }
  };
  std::unordered_map<VrfHost, uint32_t, HostHash> wrapped_;  // Snapshot::wrapped_backends
};

}  // namespace

void compile_services(const Config& config, const CompiledIds& previous, unsigned workers,
                      CompiledIds& ids, Snapshot& snapshot, VrfRoutes& routes) {
  ServiceCompiler(config, previous, workers, ids, snapshot).run(routes);
}

}  // namespace adit
