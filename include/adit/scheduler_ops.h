// SPDX-License-Identifier: Apache-2.0
// What a scheduler is: a table entry. Which backend takes a new connection.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adit/service.h"

namespace adit {

struct FlowKey;  // dataplane/packet/flow_key.h
class LocalityTable;

// What the operator may say of a scheduler, beside its name.
struct SchedulerOptions {
  bool hash_port = false;       // sh, mh: the client's port counts
  bool fallback = false;        // sh, mh, dh: the next backend where the chosen one takes none
  uint32_t table_size = 65537;  // mh: slots, one of kMaglevSizes
  friend bool operator==(const SchedulerOptions&, const SchedulerOptions&) = default;
};

// What build() knows of a backend, in the service's order.
struct SchedulerBackend {
  IpAddr address;
  uint16_t port = 0;    // host order
  uint16_t weight = 1;  // as configured; where that is 0, the last one that was not
};

// One worker's own, of one service; it survives reloads, so that it may be of other backends
// than those there are now. All zero at first.
struct SchedulerState {
  uint32_t cursor = 0;  // rr, wrr: index in `backends` where the next look begins
  uint32_t level = 0;  // rr, wrr: 0 before the first pick; wrr: the weight that it takes to be next
  uint32_t step = 0;   // wrr: from one level to the next
};

struct SchedulerContext {
  std::span<const ServiceBackend> backends;
  std::span<const uint32_t> table;  // of build()
  SchedulerOptions options;
  const BackendStatusTable& backend_status;  // by ServiceBackend::id
  const BackendLoad* loads;                  // of this worker, by ServiceBackend::id
  SchedulerState& state;
  LocalityTable& localities;  // of this worker, for all services
  ServiceId service = 0;
  unsigned worker = 0;   // so that workers do not all begin with the same backend
  unsigned workers = 1;  // how many there are: `loads` is about one part in so many of all
  uint32_t now_s = 0;
};

inline constexpr uint32_t kNoBackend = UINT32_MAX;

struct SchedulerOps {
  std::string_view name;  // as in the configuration
  std::string_view help;
  // Which of SchedulerOptions it goes by; the configuration refuses the others.
  struct Takes {
    bool hash_port = false, fallback = false, table_size = false;
  } takes = {};
  // Control: the table that pick() reads; pure. Null where there is none. Built anew when
  // backends, their configured weights or options change, not when one goes up or down.
  std::vector<uint32_t> (*build)(std::span<const SchedulerBackend>,
                                 const SchedulerOptions&) = nullptr;
  // Worker: index in `backends` of one that takes new connections, or kNoBackend.
  uint32_t (*pick)(SchedulerContext&, const FlowKey&) noexcept = nullptr;
};

// All of them, in the order of the help text.
std::span<const SchedulerOps* const> scheduler_registry() noexcept;
// Null where there is none of the name.
const SchedulerOps* find_scheduler(std::string_view name) noexcept;
// "rr, wrr, lc" and so on.
std::string scheduler_names();

// The sizes that a table of mh may have: primes, so that a step of any length visits all slots.
inline constexpr std::array<uint32_t, 11> kMaglevSizes = {251,   509,   1021,  2039,  4093,  8191,
                                                          16381, 32749, 65521, 65537, 131071};

constexpr bool is_maglev_size(uint32_t slots) noexcept {
  return std::ranges::find(kMaglevSizes, slots) != kMaglevSizes.end();
}
// "251, 509" and so on.
std::string maglev_sizes();

}  // namespace adit
