// SPDX-License-Identifier: Apache-2.0
// Keeps the XDP programs of steered ports in step with the configuration.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "steering/announcements.h"
#include "steering/steering_maps.h"

namespace adit {

class Steering {
 public:
  struct State {
    std::string port;
    std::string why;  // it does not work; empty: it does
    bool is_generic = false;
    SteeringCounters counters{};
    uint64_t announcements = 0;  // of neighbours, that the kernel got and adit as well
  };
  // Takes a frame that the kernel has received by the port, valid during the call.
  using FrameSink = std::function<void(PortId, std::span<const uint8_t>)>;

  explicit Steering(FrameSink sink) : sink_(std::move(sink)) {}

  // What a configuration that runs now says; `macs`: of the ports, by PortId.
  void configure(std::shared_ptr<const Config> config, const std::vector<MacAddr>& macs,
                 uint64_t now_ns);
  // To be called often: looks once a second for programs and host addresses that are others; not
  // while devices are opened, whose driver's descriptors are told from ours by when they come
  // (io/driver_descriptors.h).
  void tick(uint64_t now_ns, bool may_look);
  std::vector<State> states() const;

 private:
  struct SteeredPort {
    const PortConfig* config = nullptr;  // in config_
    std::string interface;
    uint32_t program_id = 0;  // whose maps these are; 0: none
    std::unique_ptr<SteeringMaps> maps;
    std::unique_ptr<Announcements> announcements;
    bool is_up_to_date = false;
    State state;
  };
  // What the kernel has in this network namespace.
  struct Host {
    std::set<IpAddr> addresses;
    std::map<std::string, MacAddr> macs;               // by interface
    std::set<std::pair<std::string, uint16_t>> vlans;  // interface below, VLAN
    friend bool operator==(const Host&, const Host&) = default;
  };
  // None: the kernel does not tell.
  std::optional<Host> read_host() const;
  SteeringHost host_of(const SteeredPort& port) const;
  void warn_of_conflicts(const SteeredPort& port, const SteeringRules& rules,
                         const SteeringHost& host) const;
  void look();
  void look_at(SteeredPort& port, bool rules_changed);

  const FrameSink sink_;
  std::shared_ptr<const Config> config_;
  std::vector<MacAddr> macs_;
  std::vector<SteeredPort> ports_;
  Host host_;
  bool is_new_ = false;  // configuration
  uint64_t look_ns_ = 0;
};

}  // namespace adit
