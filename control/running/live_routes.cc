// SPDX-License-Identifier: Apache-2.0
#include "running/live_routes.h"

#include <iterator>

namespace adit {

RouteImport LiveRoutes::importer(ImportingVrf& vrf, uint64_t now_ns) {
  return {
      snapshot_->routes, state_->importing, vrf,
      [this, now_ns](const NextHop& hop) { return next_hops_.take(hop, now_ns); },
      [this, now_ns](const NextHop& hop, AdjacencyId id) { next_hops_.leave(hop, id, now_ns); }};
}

ImportedTable& LiveRoutes::writable(Imported& imported) {
  if (std::exchange(imported.is_shared, false))
    imported.routes = std::make_shared<ImportedTable>(*imported.routes);
  return *imported.routes;
}

template <class F>
void LiveRoutes::change(const std::string& vrf, Imported& imported, const IpPrefix& to,
                        uint64_t now_ns, F change) {
  RouteImport import = importer(state_->importing.vrfs.at(vrf), now_ns);
  import.begin_change(*imported.routes, to);
  ImportedTable& routes = writable(imported);
  change(routes);
  import.end_change(routes, to);
  ++imported.changes;
  if (sharing_) changed_.emplace(vrf, to);
}

bool LiveRoutes::set(const std::string& vrf, const RouteKey& key, ImportedRoute route,
                     uint64_t now_ns) {
  const auto found = imported_.find(vrf);
  if (found == imported_.end()) return true;
  Imported& imported = found->second;
  route.round = imported.round;
  const auto known = imported.routes->find(key);
  if (known == imported.routes->end()) {
    if (imported.routes->size() >= state_->importing.vrfs.at(vrf).limit) {
      ++imported.refused;
      return false;
    }
  } else if (lead_alike(known->second, route)) {  // most of a round
    if (known->second.round != route.round) writable(imported).at(key).round = route.round;
    return true;
  }
  change(vrf, imported, key.to, now_ns,
         [&](ImportedTable& routes) { routes.insert_or_assign(key, std::move(route)); });
  return true;
}

void LiveRoutes::remove(const std::string& vrf, const RouteKey& key, uint64_t now_ns) {
  const auto found = imported_.find(vrf);
  if (found == imported_.end() || !found->second.routes->contains(key)) return;
  change(vrf, found->second, key.to, now_ns, [&](ImportedTable& routes) { routes.erase(key); });
}

const ImportedRoute* LiveRoutes::find(const std::string& vrf, const RouteKey& key) const {
  const ImportedTable* routes = of(vrf);
  if (routes == nullptr) return nullptr;
  const auto found = routes->find(key);
  return found == routes->end() ? nullptr : &found->second;
}

void LiveRoutes::begin_round(const std::string& vrf) {
  const auto found = imported_.find(vrf);
  if (found == imported_.end()) return;
  ++found->second.round;
  found->second.refused = 0;
}

void LiveRoutes::end_round(const std::string& vrf, uint64_t now_ns) {
  const auto found = imported_.find(vrf);
  if (found == imported_.end()) return;
  std::vector<RouteKey> gone;
  for (const auto& [key, route] : *found->second.routes)
    if (route.round != found->second.round) gone.push_back(key);
  for (const RouteKey& key : gone) remove(vrf, key, now_ns);
}

uint32_t LiveRoutes::round(const std::string& vrf) const {
  const auto found = imported_.find(vrf);
  return found == imported_.end() ? 0 : found->second.round;
}

void LiveRoutes::set_source(const std::string& vrf, const RouteSource& source) {
  if (const auto found = imported_.find(vrf); found != imported_.end())
    found->second.source = source;
}

const RouteSource* LiveRoutes::source_of(const std::string& vrf) const {
  const auto found = imported_.find(vrf);
  return found == imported_.end() ? nullptr : &found->second.source;
}

const ImportingVrf* LiveRoutes::importing(const std::string& vrf) const {
  if (state_ == nullptr) return nullptr;
  const auto found = state_->importing.vrfs.find(vrf);
  return found == state_->importing.vrfs.end() ? nullptr : &found->second;
}

void LiveRoutes::bind(RunningState& state, Snapshot& snapshot, uint64_t now_ns) {
  state_ = &state;
  snapshot_ = &snapshot;
  grace_.reset();
  const auto& vrfs = state.importing.vrfs;
  std::erase_if(imported_, [&](const auto& each) { return !vrfs.contains(each.first); });
  for (const auto& [name, vrf] : vrfs) imported_[name];
  for (const auto& [name, to] : std::exchange(changed_, {})) {
    const auto found = imported_.find(name);
    if (found == imported_.end()) continue;
    RouteImport import = importer(state.importing.vrfs.at(name), now_ns);
    // What was compiled has the routes that were there when it was begun.
    import.begin_change(*shared_.at(name), to);
    import.end_change(*found->second.routes, to);
  }
  resume(now_ns);
  for (auto& [name, imported] : imported_) keep_limit(name, imported, now_ns);
}

// After the limit was lowered.
void LiveRoutes::keep_limit(const std::string& vrf, Imported& imported, uint64_t now_ns) {
  const uint32_t limit = state_->importing.vrfs.at(vrf).limit;
  while (imported.routes->size() > limit) {
    const IpPrefix to = imported.routes->rbegin()->first.to;
    change(vrf, imported, to, now_ns,
           [](ImportedTable& routes) { routes.erase(std::prev(routes.end())); });
    ++imported.refused;
  }
}

ImportedRoutes LiveRoutes::share() {
  changed_.clear();
  shared_.clear();
  sharing_ = true;
  for (auto& [name, imported] : imported_) {
    imported.is_shared = true;
    shared_[name] = imported.routes;
  }
  return shared_;
}

void LiveRoutes::resume(uint64_t now_ns) {
  sharing_ = false;
  shared_.clear();
  for (auto& [name, imported] : imported_) imported.is_shared = false;
  // Nothing else was published: for some there may have been no next hop meanwhile.
  for (const auto& [name, to] : std::exchange(changed_, {}))
    if (const auto found = imported_.find(name); found != imported_.end())
      change(name, found->second, to, now_ns, [](ImportedTable&) {});
}

void LiveRoutes::tick() {
  if (snapshot_ == nullptr) return;
  RouteTable& table = snapshot_->routes;
  if (grace_ && dataplane_.grace_is_over(*grace_)) {
    table.end_rest();
    grace_.reset();
  }
  if (grace_ || !table.has_unused()) return;
  table.begin_rest();
  grace_ = dataplane_.begin_grace();
}

const ImportedTable* LiveRoutes::of(const std::string& vrf) const {
  const auto found = imported_.find(vrf);
  return found == imported_.end() ? nullptr : found->second.routes.get();
}

ImportedTable::const_iterator LiveRoutes::at(const std::string& vrf, uint64_t place) const {
  const Imported& imported = imported_.at(vrf);
  const ImportedTable& routes = *imported.routes;
  const auto last = routes.find(last_place_.key);
  const bool goes_on = last != routes.end() && last_place_.vrf == vrf &&
                       last_place_.changes == imported.changes && last_place_.place <= place;
  auto route = goes_on ? last : routes.begin();
  for (uint64_t at = goes_on ? last_place_.place : 0; at < place; ++at) ++route;
  if (route != routes.end()) last_place_ = {vrf, imported.changes, place, route->first};
  return route;
}

LiveRoutes::Totals LiveRoutes::totals(const std::string& vrf) const {
  const auto found = imported_.find(vrf);
  if (found == imported_.end()) return {};
  return {state_->importing.vrfs.at(vrf).counts, found->second.changes, found->second.refused};
}

std::vector<ImportState> LiveRoutes::states(const std::string& vrf, const IpPrefix& to) const {
  const ImportedTable* routes = of(vrf);
  if (routes == nullptr) return {};
  return states_of(snapshot_->routes, state_->importing.vrfs.at(vrf), *routes, to);
}

size_t LiveRoutes::table_bytes() const {
  return snapshot_ != nullptr && snapshot_->routes.is_changeable() ? snapshot_->routes.node_bytes()
                                                                   : 0;
}

}  // namespace adit
