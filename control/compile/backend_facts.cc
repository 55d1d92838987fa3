// SPDX-License-Identifier: Apache-2.0
#include "compile/backend_facts.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

#include "health/packet_way.h"

namespace adit {
namespace {

bool by_id(const BackendFactsTable::Entry& a, const BackendFactsTable::Entry& b) {
  return a.first < b.first;
}

// Finds services by name that are asked for in about the order of the configuration.
class ServiceFinder {
 public:
  explicit ServiceFinder(const std::vector<ServiceConfig>& services) : services_(services) {}

  std::optional<size_t> find(const std::string& name) {
    if (next_ < services_.size() && services_[next_].name == name) return next_++;
    if (places_.empty())
      for (size_t i = 0; i < services_.size(); ++i) places_.emplace(services_[i].name, i);
    const auto found = places_.find(name);
    if (found == places_.end()) return std::nullopt;
    next_ = found->second + 1;
    return found->second;
  }

 private:
  const std::vector<ServiceConfig>& services_;
  size_t next_ = 0;
  std::unordered_map<std::string_view, size_t> places_;
};

// A service of one port asks its backends there, where they have none of their own.
std::shared_ptr<const HealthTarget> check_of(const ServiceConfig& service,
                                             const BackendConfig& backend, BackendId id) {
  if (!service.health) return nullptr;
  const uint16_t only_port = service.last_port ? 0 : service.port;
  auto target = std::make_shared<HealthTarget>();
  target->service = service.name;
  target->address = backend.address;
  target->port = backend.port != 0 ? backend.port : only_port;
  target->options = *service.health;
  // A backend that packets come to unchanged answers at the virtual address. Services by mark may
  // have many.
  const Forwarding forwarding = backend.forwarding.value_or(service.forwarding);
  const bool unchanged = forwarding == Forwarding::kDirect || forwarding == Forwarding::kTunnel;
  target->to = unchanged && service.fwmark == 0 ? service.address : backend.address;
  target->alias = alias_of(id, target->to.family);
  target->vrf = backend.vrf.value_or(service.vrf);
  target->sends_proxy = service.client_address == ClientAddress::kProxy;
  return target;
}

BackendFactsTable::Service facts_of(const ServiceConfig& service, const BackendIds::List& ids,
                                    unsigned udp_s) {
  std::vector<BackendFacts> all;
  all.reserve(ids.size());
  for_all_backends(service, [&](const BackendConfig& backend) {
    const BackendId id = ids[all.size()].id;
    const bool sorry = service.sorry && backend == *service.sorry;
    all.push_back({
        .name = {service.name, vrf_of(service, backend), backend.address, backend.port},
        .weight = backend.weight,
        .slow_start_s = sorry ? 0 : service.slow_start_s,
        .drain_udp_s = service.drain_udp_s.value_or(service.timeouts.udp_s.value_or(udp_s)),
        .keeps = service.on_down == OnDown::kKeep,
        .check = sorry ? nullptr : check_of(service, backend, id),
    });
  });
  return std::make_shared<const std::vector<BackendFacts>>(std::move(all));
}

}  // namespace

BackendFactsTable::BackendFactsTable(std::vector<Service> services, std::vector<Entry> entries)
    : services_(std::move(services)), entries_(std::move(entries)) {
  if (!std::is_sorted(entries_.begin(), entries_.end(), by_id)) std::ranges::sort(entries_, by_id);
}

BackendFactsTable::Iterator BackendFactsTable::lower_bound(BackendId id) const noexcept {
  return std::lower_bound(entries_.begin(), entries_.end(), Entry{id, nullptr}, by_id);
}

const BackendFacts* BackendFactsTable::find(BackendId id) const noexcept {
  const auto found = lower_bound(id);
  return found == entries_.end() || found->first != id ? nullptr : found->second;
}

const BackendFacts& BackendFactsTable::at(BackendId id) const {
  if (const BackendFacts* facts = find(id)) return *facts;
  throw std::out_of_range("no backend has id " + std::to_string(id));
}

BackendFactsTable backend_facts(const Config& config, const CompiledIds& ids,
                                const KnownBackends& former) {
  const unsigned udp_s = config.balancer.timeouts.udp_s;
  const bool same_rest = udp_s == former.config.balancer.timeouts.udp_s;
  ServiceFinder finder(former.config.services);
  std::vector<BackendFactsTable::Service> services;
  services.reserve(config.services.size());
  std::vector<BackendFactsTable::Entry> entries;
  entries.reserve(former.facts.size());
  for (const ServiceConfig& service : config.services) {
    const BackendIds::ListPtr& list = ids.backends.of(service.name);
    const auto place = same_rest ? finder.find(service.name) : std::nullopt;
    const bool stays = place && list == former.ids.backends.of(service.name) &&
                       service == former.config.services[*place];
    services.push_back(stays ? former.facts.of(*place) : facts_of(service, *list, udp_s));
    for (size_t i = 0; i < list->size(); ++i)
      entries.emplace_back((*list)[i].id, &(*services.back())[i]);
  }
  return {std::move(services), std::move(entries)};
}

BackendFactsTable backend_facts(const Config& config, const CompiledIds& ids) {
  return backend_facts(config, ids, {Config{}, CompiledIds{}, BackendFactsTable{}});
}

}  // namespace adit
