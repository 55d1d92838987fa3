// SPDX-License-Identifier: Apache-2.0
// Ids of backends, service by service. A large configuration has more backends than anything else,
// and most services stay as they are from one configuration to the next: these share their list,
// and no backend of theirs is looked up.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "adit/ids.h"
#include "adit/service.h"
#include "compile/id_allocator.h"
#include "config/config.h"

namespace adit {

// A backend, as the configuration identifies it.
struct BackendName {
  std::string service;
  std::string vrf;
  IpAddr address;
  uint16_t port = 0;
  friend auto operator<=>(const BackendName&, const BackendName&) = default;
};

// A backend that was removed, and whose connections wait for it to be added again.
struct GoneBackend {
  BackendName name;
  BackendId id = 0;
  ServiceId service = 0;
  friend bool operator==(const GoneBackend&, const GoneBackend&) = default;
};

class BackendIds {
 public:
  // Of one service.
  struct Entry {
    std::string vrf;
    IpAddr address;
    uint16_t port = 0;
    BackendId id = 0;
  };
  using List = std::vector<Entry>;  // in the order of for_all_backends()
  using ListPtr = std::shared_ptr<const List>;

  void set(const std::string& service, ListPtr list) { lists_[service] = std::move(list); }
  void reserve(size_t services) { lists_.reserve(services); }

  // Null: there is no such service.
  const ListPtr& of(const std::string& service) const;
  // In linear time. 0: unknown.
  BackendId find(const BackendName& name) const;
  // The same; throws std::out_of_range.
  BackendId at(const BackendName& name) const;
  // All, or those of a service; in the order of names.
  std::map<BackendName, BackendId> by_name() const;
  std::map<BackendName, BackendId> by_name_of(const std::string& service) const;

  // Calls function(service, entry) for all, in no order of services.
  template <class Function>
  void for_each(Function function) const {
    for (const auto& [service, list] : lists_)
      for (const Entry& entry : *list) function(service, entry);
  }
  // The same for those of `former` that are not here.
  void for_each_gone(const BackendIds& former,
                     const std::function<void(const std::string&, const Entry&)>& function) const;

 private:
  std::unordered_map<std::string, ListPtr> lists_;
};

// Gives ids to backends: to those that were there before theirs, to others free ones.
class BackendNumbering {
 public:
  // `first`: where the search for a free id begins. `previous` must outlive this.
  BackendNumbering(const BackendIds& previous, uint32_t first);

  // For one that is no more: should it come back, it gets this id again.
  void keep(const GoneBackend& gone);
  // Whether it did.
  bool is_back(BackendId id) const { return back_.contains(id); }
  // How many of the service's were not there before.
  size_t count_new(const ServiceConfig& service) const;
  // Of the service, which has another name than those before it. Throws std::length_error where no
  // id is left.
  BackendIds::ListPtr number(const ServiceConfig& service);
  uint32_t next() const { return free_.next(); }
  // Above all ids so far.
  size_t end() const { return free_.end(); }

 private:
  const BackendIds& previous_;
  std::map<BackendName, BackendId> kept_;
  std::unordered_set<BackendId> back_;  // ids of those of them that are
  IdAllocator free_;
};

// Its VRF, where a backend has none of its own.
inline const std::string& vrf_of(const ServiceConfig& service, const BackendConfig& backend) {
  return backend.vrf ? *backend.vrf : service.vrf;
}

// Calls function(backend) for each backend, and for the sorry server as the last.
template <class Function>
void for_all_backends(const ServiceConfig& service, Function function) {
  for (const BackendConfig& backend : service.backends) function(backend);
  if (service.sorry) function(*service.sorry);
}
// The same as a list.
std::vector<BackendConfig> all_backends(const ServiceConfig& service);

}  // namespace adit
