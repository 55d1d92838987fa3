// SPDX-License-Identifier: Apache-2.0
// The interface of schedulers, which select the backend of a new connection: a table of functions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adit/service.h"

namespace adit {

struct FlowKey;  // dataplane/packet/flow_key.h
class LocalityTable;

// Options of a scheduler.
struct SchedulerOptions {
  bool hash_port = false;  // sh, mh: hash the client's port too
  bool fallback = false;   // sh, mh, dh: use the next backend if this one takes none
  // mh: slots, one of kMaglevSizes; none: by the number of backends
  std::optional<uint32_t> table_size = {};
  friend bool operator==(const SchedulerOptions&, const SchedulerOptions&) = default;
};

// A backend as build() gets it, in the order of the service.
struct SchedulerBackend {
  IpAddr address;
  uint16_t port = 0;    // host order
  uint16_t weight = 1;  // as configured; if that is 0, the last other one
  friend bool operator==(const SchedulerBackend&, const SchedulerBackend&) = default;
};

// What a scheduler computes in advance: for each slot, the index of a backend of the service.
using SchedulerTable = std::vector<uint16_t>;

// State of a scheduler for one service on one worker. It survives reloads, so it may refer to
// former backends. Initially zero.
struct SchedulerState {
  uint32_t cursor = 0;  // rr, wrr: index in `backends` where the next search begins
  uint32_t level = 0;  // rr, wrr: 0 before the first pick; wrr: the weight that it takes to be next
  uint32_t step = 0;   // wrr: difference between two levels
};

struct SchedulerContext {
  std::span<const ServiceBackend> backends;
  std::span<const uint16_t> table;  // of build()
  SchedulerOptions options;
  const BackendStatusTable& backend_status;  // by ServiceBackend::id
  const BackendLoad* loads;                  // of this worker, by ServiceBackend::id
  SchedulerState& state;
  LocalityTable& localities;  // of this worker, for all services
  ServiceId service = 0;
  unsigned worker = 0;   // so that workers begin with different backends
  unsigned workers = 1;  // their number: `loads` has about this fraction of all
  uint32_t now_s = 0;
};

inline constexpr uint32_t kNoBackend = UINT32_MAX;

struct SchedulerOps {
  std::string_view name;  // as in the configuration
  std::string_view help;
  // The SchedulerOptions that it uses; the configuration refuses the others.
  struct Takes {
    bool hash_port = false, fallback = false, table_size = false;
  } takes = {};
  // Control: computes the table that pick() reads; a pure function, so that services with equal
  // backends and options share a table, and every gateway has the same one. Null: no table. Called
  // again when backends, configured weights or options change, not when a backend goes up or down.
  SchedulerTable (*build)(std::span<const SchedulerBackend>, const SchedulerOptions&) = nullptr;
  // Worker: returns the index in `backends` of one that takes new connections, or kNoBackend.
  uint32_t (*pick)(SchedulerContext&, const FlowKey&) noexcept = nullptr;
};

// All schedulers, in the order of the help text.
std::span<const SchedulerOps* const> scheduler_registry() noexcept;
// Null: no scheduler has this name.
const SchedulerOps* find_scheduler(std::string_view name) noexcept;
// "rr, wrr, lc" and so on.
std::string scheduler_names();

// The valid values of `table_size`: primes, so that a step of any length visits all slots.
inline constexpr std::array<uint32_t, 11> kMaglevSizes = {251,   509,   1021,  2039,  4093,  8191,
                                                          16381, 32749, 65521, 65537, 131071};

// The number of slots without that option: so many for each backend, within these bounds. A share
// is right to a slot or two.
inline constexpr uint32_t kMaglevSlotsPerBackend = 128, kLeastMaglevSlots = 2048,
                          kMostMaglevSlots = 131072;

// A prime is needed: each backend's permutation has to reach all slots (Maglev section 3.4).
constexpr bool is_maglev_size(uint32_t slots) noexcept {
  return std::ranges::find(kMaglevSizes, slots) != kMaglevSizes.end();
}
// "251, 509" and so on.
std::string maglev_sizes();

}  // namespace adit
