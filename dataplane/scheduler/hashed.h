// SPDX-License-Identifier: Apache-2.0
// Schedulers that take the slot of a table that a hash of the packet says. The hashes have no
// seed: gateways beside each other have to agree.
#pragma once

#include <bit>

#include "packet/flow_key.h"
#include "scheduler/open_weight.h"

namespace adit {

// MurmurHash3's finalizer. mix64() does for tables; here the clients of one slot have to
// spread evenly over the others, which takes hashes that look independent of each other.
constexpr uint64_t scatter(uint64_t value) noexcept {
  value = (value ^ value >> 33) * 0xff51'afd7'ed55'8ccd;
  value = (value ^ value >> 33) * 0xc4ce'b9fe'1a85'ec53;
  return value ^ value >> 33;
}

// The same in all workers and after a restart: without a seed.
inline uint64_t hash_address(const Ipv6Key& address) noexcept {
  return scatter(scatter(address.high) + address.low);
}

// For sh and mh.
inline uint64_t hash_client(const SchedulerContext& context, const FlowKey& flow) noexcept {
  const uint16_t port = context.options.hash_port ? flow.source_port.host() : 0;
  return scatter(hash_address(flow.source) + port);
}

// A backend's own number, whatever its place among the others.
inline uint64_t hash_backend(const IpAddr& address, uint16_t port) noexcept {
  return scatter(hash_address(address_key(address)) + 2u * port + address.is_v4());
}

// Slots in proportion to weights, neighbours alike: for sh and dh, whose tables need not
// resemble the previous one. 16 slots a backend at least, so that rounding matters little.
inline SchedulerTable build_buckets(std::span<const SchedulerBackend> backends,
                                    const SchedulerOptions&) {
  uint64_t total = 0;
  for (const SchedulerBackend& backend : backends) total += backend.weight;
  SchedulerTable buckets;
  if (total == 0) return buckets;
  const std::size_t slots = std::max<std::size_t>(256, std::bit_ceil(16 * backends.size()));
  buckets.reserve(slots);
  uint64_t sum = 0;
  for (std::size_t i = 0; i < backends.size(); ++i) {
    sum += backends[i].weight;
    buckets.resize(slots * sum / total, static_cast<uint16_t>(i));
  }
  return buckets;
}

// Where too few of the table's slots lead to somebody: each backend gets a number that the
// client's hash is part of, and the highest one wins, without regard to weights.
inline uint32_t pick_highest_hash(const SchedulerContext& context, uint64_t hash) noexcept {
  uint32_t best = kNoBackend;
  uint64_t highest = 0;
  for (uint32_t i = 0; i < context.backends.size(); ++i) {
    if (open_weight(context, i) == 0) continue;
    const ServiceBackend& backend = context.backends[i];
    const uint64_t number = scatter(hash ^ hash_backend(backend.address, backend.port));
    if (best != kNoBackend && number <= highest) continue;
    highest = number;
    best = i;
  }
  return best;
}

// A backend that is down counts as removed: its clients go to other slots, which the hash
// says. One that is drained or overloaded refuses its clients (as with IPVS), unless the
// option `fallback` sends them to other slots as well.
inline uint32_t pick_slot(const SchedulerContext& context, uint64_t hash) noexcept {
  constexpr unsigned kProbes = 64;
  const std::span<const uint16_t> table = context.table;
  if (table.empty()) return kNoBackend;
  const auto slot_of = [table](uint64_t number) { return (number >> 32) * table.size() >> 32; };
  const uint32_t chosen = table[slot_of(hash)];
  if (open_weight(context, chosen) != 0) [[likely]]
    return chosen;
  if (!context.options.fallback && context.backend_status.load(context.backends[chosen].id).up)
    return kNoBackend;
  for (unsigned probe = 1; probe <= kProbes; ++probe) {
    const uint32_t other = table[slot_of(scatter(hash + probe))];
    if (open_weight(context, other) != 0) return other;
  }
  return pick_highest_hash(context, hash);
}

}  // namespace adit
