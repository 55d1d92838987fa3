// SPDX-License-Identifier: Apache-2.0
// The maps of the XDP program that runs on an interface. DPDK's driver loads the program when it
// opens the interface; control finds its maps by the program's id.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "steering/steering_rules.h"

namespace adit {

using SteeringCounters = std::array<uint64_t, STEERING_REASONS>;  // packets, by steering_reason

// The XDP program of an interface; id 0: it has none.
struct XdpProgram {
  uint32_t id = 0;
  bool is_ours = false;
  bool is_generic = false;  // the kernel runs it, not the driver
  std::string name;
};
// Throws std::runtime_error.
XdpProgram find_xdp_program(unsigned if_index);

class SteeringMaps {
 public:
  // Throws std::runtime_error; so do apply() and counters().
  explicit SteeringMaps(uint32_t program_id);
  // By the descriptor of a program that is ours.
  static SteeringMaps of_program(int program_fd);
  ~SteeringMaps();
  SteeringMaps(SteeringMaps&& other) noexcept;
  SteeringMaps(const SteeringMaps&) = delete;
  SteeringMaps& operator=(const SteeringMaps&) = delete;

  // Makes the maps hold `rules`. What is in both is there all the time.
  void apply(SteeringRules rules);
  SteeringCounters counters() const;

 private:
  enum Map { kScopes, kEndpoints, kPrefixes, kOwn, kCounters, kMaps };
  SteeringMaps() { fds_.fill(-1); }
  void find_maps(int program_fd);
  template <class Filter>
  void add_endpoints(const SteeringRules& rules, Filter is_wanted);
  void remove_others(const SteeringRules& rules);
  void update(Map map, const void* key, const void* value);

  std::array<int, kMaps> fds_;
  SteeringRules applied_;
};

}  // namespace adit
