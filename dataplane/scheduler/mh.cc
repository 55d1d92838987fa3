// SPDX-License-Identifier: Apache-2.0
// Maglev hashing (Eisenbud and others, NSDI 2016, section 3.4): as sh, with a table that
// depends on the backends' addresses, not on their order, and changes little when one comes
// or goes. Gateways beside each other agree on where a connection goes without a word.

#include "adit/assert.h"
#include "scheduler/hashed.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

// A backend while slots are given out: it prefers `slot`, then each `skip` further.
struct Contender {
  uint32_t index;
  uint32_t order;  // in which ties are broken: that of addresses
  uint32_t weight;
  uint32_t slot;
  uint32_t skip;
  uint64_t taken = 0;
};

// Whether b comes before a: it has fewer slots for its weight. At first nobody has any, so
// that everybody gets one before anybody gets two.
bool is_after(const Contender& a, const Contender& b) noexcept {
  const uint64_t left = a.taken * b.weight, right = b.taken * a.weight;
  return left != right ? left > right : a.order > b.order;
}

std::vector<Contender> contenders(std::span<const SchedulerBackend> backends, uint32_t slots) {
  std::vector<Contender> all;
  for (uint32_t i = 0; i < backends.size(); ++i) {
    const SchedulerBackend& backend = backends[i];
    if (backend.weight == 0) continue;
    const uint64_t hash = hash_backend(backend.address, backend.port);
    const auto slot = static_cast<uint32_t>(hash % slots);
    const auto skip = static_cast<uint32_t>(scatter(hash + 1) % (slots - 1) + 1);
    all.push_back({i, 0, backend.weight, slot, skip});
  }
  std::ranges::stable_sort(all, {}, [backends](const Contender& contender) {
    const SchedulerBackend& backend = backends[contender.index];
    return std::pair(backend.address, backend.port);
  });
  for (uint32_t i = 0; i < all.size(); ++i) all[i].order = i;
  return all;
}

std::vector<uint32_t> build(std::span<const SchedulerBackend> backends,
                            const SchedulerOptions& options) {
  const uint32_t slots = options.table_size;
  ADIT_ASSERT(is_maglev_size(slots));
  std::vector<Contender> turns = contenders(backends, slots);
  if (turns.empty()) return {};
  std::vector<uint32_t> table(slots, kNoBackend);
  std::ranges::make_heap(turns, is_after);
  for (uint32_t filled = 0; filled < slots; ++filled) {
    std::ranges::pop_heap(turns, is_after);
    Contender& next = turns.back();
    while (table[next.slot] != kNoBackend) next.slot = (next.slot + next.skip) % slots;
    table[next.slot] = next.index;
    ++next.taken;
    std::ranges::push_heap(turns, is_after);
  }
  return table;
}

uint32_t pick(SchedulerContext& context, const FlowKey& flow) noexcept {
  return pick_slot(context, hash_client(context, flow));
}

}  // namespace

constinit const SchedulerOps kMhOps = {
    .name = "mh",
    .help =
        "as sh, by a Maglev table, which is the same on every gateway; few clients move when a "
        "backend is added or removed",
    .takes = {.hash_port = true, .fallback = true, .table_size = true},
    .build = build,
    .pick = pick};

}  // namespace adit
