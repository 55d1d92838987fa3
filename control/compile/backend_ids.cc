// SPDX-License-Identifier: Apache-2.0
#include "compile/backend_ids.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace adit {
namespace {

auto key_of(const BackendIds::Entry& entry) {
  return std::tie(entry.address, entry.port, entry.vrf);
}

BackendName name_of(const std::string& service, const BackendIds::Entry& entry) {
  return {service, entry.vrf, entry.address, entry.port};
}

// Finds backends in a list that has them in about the order in which they are asked for.
class BackendFinder {
 public:
  explicit BackendFinder(const BackendIds::List& list) : list_(list) {}

  // 0: it has none.
  BackendId find(const std::string& vrf, const IpAddr& address, uint16_t port) {
    const auto wanted = std::tie(address, port, vrf);
    if (next_ < list_.size() && key_of(list_[next_]) == wanted) return list_[next_++].id;
    if (sorted_.empty()) sort();
    const auto found = std::lower_bound(
        sorted_.begin(), sorted_.end(), wanted,
        [&](uint32_t place, const auto& key) { return key_of(list_[place]) < key; });
    if (found == sorted_.end() || key_of(list_[*found]) != wanted) return 0;
    next_ = *found + 1;
    return list_[*found].id;
  }

 private:
  void sort() {
    for (uint32_t place = 0; place < list_.size(); ++place) sorted_.push_back(place);
    std::sort(sorted_.begin(), sorted_.end(),
              [&](uint32_t a, uint32_t b) { return key_of(list_[a]) < key_of(list_[b]); });
  }

  const BackendIds::List& list_;
  size_t next_ = 0;
  std::vector<uint32_t> sorted_;  // places in list_
};

// Whether the list is that of the service.
bool is_of(const BackendIds::List& list, const ServiceConfig& service) {
  if (list.size() != service.backends.size() + service.sorry.has_value()) return false;
  auto entry = list.begin();
  bool same = true;
  for_all_backends(service, [&](const BackendConfig& backend) {
    same = same && entry->address == backend.address && entry->port == backend.port &&
           entry->vrf == vrf_of(service, backend);
    ++entry;
  });
  return same;
}

}  // namespace

const BackendIds::ListPtr& BackendIds::of(const std::string& service) const {
  static const ListPtr none{};
  const auto found = lists_.find(service);
  return found == lists_.end() ? none : found->second;
}

BackendId BackendIds::find(const BackendName& name) const {
  const ListPtr& list = of(name.service);
  if (!list) return 0;
  const auto found = std::ranges::find_if(*list, [&](const Entry& entry) {
    return entry.address == name.address && entry.port == name.port && entry.vrf == name.vrf;
  });
  return found == list->end() ? 0 : found->id;
}

BackendId BackendIds::at(const BackendName& name) const {
  const BackendId id = find(name);
  if (id == 0)
    throw std::out_of_range("no backend " + to_string(name.address) + " of " + name.service);
  return id;
}

std::map<BackendName, BackendId> BackendIds::by_name() const {
  std::map<BackendName, BackendId> all;
  for_each([&](const std::string& service, const Entry& entry) {
    all.emplace(name_of(service, entry), entry.id);
  });
  return all;
}

std::map<BackendName, BackendId> BackendIds::by_name_of(const std::string& service) const {
  std::map<BackendName, BackendId> all;
  if (const ListPtr& list = of(service))
    for (const Entry& entry : *list) all.emplace(name_of(service, entry), entry.id);
  return all;
}

void BackendIds::for_each_gone(
    const BackendIds& former,
    const std::function<void(const std::string&, const Entry&)>& function) const {
  static const List none{};
  for (const auto& [service, list] : former.lists_) {
    const ListPtr& now = of(service);
    if (now == list) continue;
    BackendFinder finder(now ? *now : none);
    for (const Entry& entry : *list)
      if (finder.find(entry.vrf, entry.address, entry.port) == 0) function(service, entry);
  }
}

BackendNumbering::BackendNumbering(const BackendIds& previous, uint32_t first)
    : previous_(previous), free_(kMaxBackends + 1, first) {
  previous.for_each(
      [this](const std::string&, const BackendIds::Entry& entry) { free_.reserve(entry.id); });
}

void BackendNumbering::keep(const GoneBackend& gone) {
  kept_.emplace(gone.name, gone.id);
  free_.reserve(gone.id);
}

size_t BackendNumbering::count_new(const ServiceConfig& service) const {
  const BackendIds::ListPtr& former = previous_.of(service.name);
  size_t count = 0;
  if (former && is_of(*former, service)) return count;
  if (!former) return service.backends.size() + service.sorry.has_value();
  BackendFinder finder(*former);
  for_all_backends(service, [&](const BackendConfig& backend) {
    count += finder.find(vrf_of(service, backend), backend.address, backend.port) == 0;
  });
  return count;
}

BackendIds::ListPtr BackendNumbering::number(const ServiceConfig& service) {
  static const BackendIds::List none{};
  const BackendIds::ListPtr& former = previous_.of(service.name);
  if (former && is_of(*former, service)) return former;
  BackendFinder finder(former ? *former : none);
  BackendIds::List list;
  list.reserve(service.backends.size() + service.sorry.has_value());
  for_all_backends(service, [&](const BackendConfig& backend) {
    const std::string& vrf = vrf_of(service, backend);
    BackendId id = finder.find(vrf, backend.address, backend.port);
    if (id == 0 && !kept_.empty()) {
      const auto found = kept_.find({service.name, vrf, backend.address, backend.port});
      if (found != kept_.end()) back_.insert(id = found->second);
    }
    if (id == 0) id = free_.allocate();
    if (id == 0) throw std::length_error("too many backends");
    list.push_back({vrf, backend.address, backend.port, id});
  });
  return std::make_shared<const BackendIds::List>(std::move(list));
}

std::vector<BackendConfig> all_backends(const ServiceConfig& service) {
  std::vector<BackendConfig> all = service.backends;
  if (service.sorry) all.push_back(*service.sorry);
  return all;
}

}  // namespace adit
