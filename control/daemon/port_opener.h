// SPDX-License-Identifier: Apache-2.0
// Opens ports while aditd runs: what the machine must have for them, and what DPDK is told.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "machine/eal_args.h"
#include "running/port_changes.h"

namespace adit {

// What DPDK is told of a port, but for the name of its device.
PortSpec port_spec(const PortConfig& port, bool is_promiscuous);

// And the rest: the device, or the bond and its members.
void put_device(const PortConfig& port, PortDevice device, PortSpec& spec);

class MachinePortOpener : public PortOpener {
 public:
  // `started`: what the running aditd was started with.
  explicit MachinePortOpener(const DataplaneOptions& started);

  std::vector<PortSpec> specs(const Config& next, const std::vector<PortId>& ports,
                              std::set<std::string> devices) override;
  void make_way(const PortConfig& port) override;
  void give_up(const Config& running) override;

 private:
  void check_buffers(const Config& next, std::vector<std::string>& problems) const;

  unsigned workers_;
  uint32_t mbufs_;
  uint32_t data_room_bytes_;
};

}  // namespace adit
