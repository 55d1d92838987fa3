// SPDX-License-Identifier: Apache-2.0
#include "compile/scheduler_tables.h"

#include <utility>

#include "adit/flat_table.h"
#include "adit/snapshot.h"

namespace adit {
namespace {

uint64_t hash_of(const SchedulerTables::Inputs& inputs) noexcept {
  uint64_t hash = 0;
  const auto add = [&hash](uint64_t value) { hash = mix64(hash * 0x9fb2'1c65'1e98'df25 + value); };
  for (const SchedulerBackend& backend : inputs.backends) {
    const Ipv6Key address = address_key(backend.address);
    add(address.high);
    add(address.low);
    add(uint64_t{backend.port} << 16 | backend.weight);
  }
  return hash;
}

}  // namespace

std::span<const uint16_t> SchedulerTables::get(Inputs inputs, const SchedulerTables& former) {
  const uint64_t hash = hash_of(inputs);
  auto wanted = std::make_shared<Entry>(Entry{hash, std::move(inputs), {}});
  if (const auto found = entries_.find(wanted); found != entries_.end()) return (*found)->table;
  if (const auto found = former.entries_.find(wanted); found != former.entries_.end())
    return (*entries_.insert(*found).first)->table;
  const Inputs& from = wanted->inputs;
  wanted->table = from.scheduler->build(from.backends, from.options);
  return (*entries_.insert(std::move(wanted)).first)->table;
}

std::vector<std::shared_ptr<const SchedulerTable>> SchedulerTables::all() const {
  std::vector<std::shared_ptr<const SchedulerTable>> tables;
  tables.reserve(entries_.size());
  for (const EntryPtr& entry : entries_) tables.emplace_back(entry, &entry->table);
  return tables;
}

}  // namespace adit
