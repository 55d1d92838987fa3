// SPDX-License-Identifier: Apache-2.0
// Maglev hashing (Eisenbud and others, NSDI 2016, section 3.4): as sh, with a table that
// depends on the backends' addresses, not on their order, and changes little when one comes
// or goes. Gateways beside each other agree on where a connection goes without a word.
#include <bit>
#include <limits>

#include "adit/assert.h"
#include "scheduler/hashed.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

constexpr uint16_t kFree = std::numeric_limits<uint16_t>::max();

// The slots of a table of the size that the configuration says: a backend prefers `place_`, then
// each `step_` further, and the size is a prime, so that it comes to all of them.
class PrimeWalk {
 public:
  struct Geometry {
    uint32_t slots;
    uint32_t entries() const noexcept { return slots; }
  };

  PrimeWalk(uint64_t hash, const Geometry& geometry)
      : place_(static_cast<uint32_t>(hash % geometry.slots)),
        step_(static_cast<uint32_t>(scatter(hash + 1) % (geometry.slots - 1) + 1)) {}

  // The entries of the slot that it is at.
  std::span<uint16_t> slot(const Geometry&, std::span<uint16_t> table) const noexcept {
    return table.subspan(place_, 1);
  }
  void advance(const Geometry& geometry) noexcept {
    place_ += step_;
    if (place_ >= geometry.slots) place_ -= geometry.slots;
  }

 private:
  uint32_t place_, step_;
};

// A table as large as the backends need. If its size were a prime that depends on their number, one
// backend more would move nearly all clients whenever it takes another prime. So slots are halved
// one after the other as backends come, as in linear hashing (Litwin, VLDB 1980): the table has a
// power of two of entries, and what is not halved yet are slots of two entries. The place of a
// client in it, and the order in which a backend prefers places, are the leading bits of
// numbers that do not depend on the size. So clients of other slots than those halved stay.
class SplitWalk {
 public:
  struct Geometry {
    unsigned shift;   // from a place to an entry
    uint32_t halved;  // entries at the beginning that are slots of their own; the rest are pairs
    uint32_t entries() const noexcept { return kPlaces >> shift; }
  };

  static Geometry geometry(std::size_t backends) noexcept {
    const std::size_t wanted = std::clamp<std::size_t>(backends * kMaglevSlotsPerBackend,
                                                       kLeastMaglevSlots, kMostMaglevSlots);
    const auto slots = static_cast<uint32_t>(wanted);
    const uint32_t entries = std::bit_ceil(slots);
    const auto shift = static_cast<unsigned>(std::countr_zero(kPlaces / entries));
    return {shift, 2 * slots - entries};
  }

  SplitWalk(uint64_t hash, const Geometry&)
      : place_(static_cast<uint32_t>(hash % kPlaces)),
        step_(static_cast<uint32_t>(hash >> 32) | 1) {}

  std::span<uint16_t> slot(const Geometry& geometry, std::span<uint16_t> table) const noexcept {
    const uint32_t entry = place_ >> geometry.shift;
    return entry < geometry.halved ? table.subspan(entry, 1) : table.subspan(entry & ~1u, 2);
  }
  // Comes to all places, as the multiplier is 1 modulo 4 and the step is odd.
  void advance(const Geometry&) noexcept { place_ = (place_ * 69069 + step_) % kPlaces; }

 private:
  static constexpr uint32_t kPlaces = kMostMaglevSlots;
  static_assert(std::has_single_bit(kPlaces) && std::has_single_bit(kLeastMaglevSlots));

  uint32_t place_, step_;
};

// A backend while slots are given out.
template <class Walk>
struct Contender {
  uint16_t index;
  uint32_t order;  // in which ties are broken: that of addresses
  uint32_t weight;
  Walk walk;
  uint64_t taken = 0;  // entries
};

// Whether b comes before a: it has fewer entries for its weight. At first nobody has any, so
// that everybody gets a slot before anybody gets two.
template <class Walk>
bool is_after(const Contender<Walk>& a, const Contender<Walk>& b) noexcept {
  const uint64_t left = a.taken * b.weight, right = b.taken * a.weight;
  return left != right ? left > right : a.order > b.order;
}

template <class Walk>
std::vector<Contender<Walk>> contenders(std::span<const SchedulerBackend> backends,
                                        const typename Walk::Geometry& geometry) {
  std::vector<Contender<Walk>> all;
  all.reserve(backends.size());
  for (std::size_t i = 0; i < backends.size(); ++i) {
    const SchedulerBackend& backend = backends[i];
    if (backend.weight == 0) continue;
    const Walk walk(hash_backend(backend.address, backend.port), geometry);
    all.push_back({static_cast<uint16_t>(i), 0, backend.weight, walk});
  }
  std::ranges::stable_sort(all, {}, [backends](const Contender<Walk>& contender) {
    const SchedulerBackend& backend = backends[contender.index];
    return std::pair(backend.address, backend.port);
  });
  for (uint32_t i = 0; i < all.size(); ++i) all[i].order = i;
  return all;
}

// The first of the heap has changed: puts it where it belongs.
template <class Walk>
void sift_down(std::span<Contender<Walk>> heap) noexcept {
  const Contender<Walk> moved = heap[0];
  std::size_t hole = 0;
  for (;;) {
    std::size_t child = 2 * hole + 1;
    if (child >= heap.size()) break;
    if (child + 1 < heap.size() && is_after(heap[child], heap[child + 1])) ++child;
    if (!is_after(moved, heap[child])) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = moved;
}

template <class Walk>
SchedulerTable fill(std::span<const SchedulerBackend> backends,
                    const typename Walk::Geometry& geometry) {
  std::vector<Contender<Walk>> turns = contenders<Walk>(backends, geometry);
  if (turns.empty()) return {};
  SchedulerTable table(geometry.entries(), kFree);
  std::ranges::make_heap(turns, is_after<Walk>);
  for (std::size_t filled = 0; filled < table.size();) {
    Contender<Walk>& next = turns.front();
    std::span<uint16_t> slot = next.walk.slot(geometry, table);
    while (slot.front() != kFree) {
      next.walk.advance(geometry);
      slot = next.walk.slot(geometry, table);
    }
    std::ranges::fill(slot, next.index);
    filled += slot.size();
    next.taken += slot.size();
    sift_down<Walk>(turns);
  }
  return table;
}

SchedulerTable build(std::span<const SchedulerBackend> backends, const SchedulerOptions& options) {
  ADIT_ASSERT(backends.size() < kFree);
  if (!options.table_size) return fill<SplitWalk>(backends, SplitWalk::geometry(backends.size()));
  ADIT_ASSERT(is_maglev_size(*options.table_size));
  return fill<PrimeWalk>(backends, {*options.table_size});
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
