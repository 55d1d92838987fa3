// SPDX-License-Identifier: Apache-2.0
// What the running configuration says of each backend, beside what workers read.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "compile/compile.h"
#include "health/health_target.h"

namespace adit {

struct BackendFacts {
  BackendName name;
  uint16_t weight = 0;
  unsigned slow_start_s = 0;
  unsigned drain_udp_s = 0;                   // 0: UDP flows stay when it is drained
  bool keeps = false;                         // its connections, when it is down
  std::shared_ptr<const HealthTarget> check;  // large; none: it counts as up

  friend bool operator==(const BackendFacts& a, const BackendFacts& b) {
    if (!a.check != !b.check || (a.check && *a.check != *b.check)) return false;
    return a.name == b.name && a.weight == b.weight && a.slow_start_s == b.slow_start_s &&
           a.drain_udp_s == b.drain_udp_s && a.keeps == b.keeps;
  }
};

// Facts of all backends of a configuration, by id. Those of services that stay as they are are
// shared by all configurations that have them.
class BackendFactsTable {
 public:
  using Entry = std::pair<BackendId, const BackendFacts*>;
  using Iterator = std::vector<Entry>::const_iterator;
  using Service = std::shared_ptr<const std::vector<BackendFacts>>;

  BackendFactsTable() = default;
  // `services`: in the order of the configuration. `entries`: in any order.
  BackendFactsTable(std::vector<Service> services, std::vector<Entry> entries);

  // Null: unknown.
  const BackendFacts* find(BackendId id) const noexcept;
  // Throws std::out_of_range.
  const BackendFacts& at(BackendId id) const;
  // Of a service, by its place in the configuration.
  const Service& of(size_t service) const { return services_[service]; }

  // In the order of ids.
  Iterator begin() const noexcept { return entries_.begin(); }
  Iterator end() const noexcept { return entries_.end(); }
  // The first that is not below `id`.
  Iterator lower_bound(BackendId id) const noexcept;
  size_t size() const noexcept { return entries_.size(); }

 private:
  std::vector<Service> services_;
  std::vector<Entry> entries_;  // by id; of services_
};

// A configuration with the ids and facts that were made of it.
struct KnownBackends {
  const Config& config;
  const CompiledIds& ids;
  const BackendFactsTable& facts;
};

// Of all backends of the configuration, which have the ids. What it has in common with the former
// one is taken over.
BackendFactsTable backend_facts(const Config& config, const CompiledIds& ids);
BackendFactsTable backend_facts(const Config& config, const CompiledIds& ids,
                                const KnownBackends& former);

}  // namespace adit
