// SPDX-License-Identifier: Apache-2.0
// Ports that come, go or change with a new configuration.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "config/config.h"

namespace adit {

// A port whose device has to be opened: a new one, or one that changes.
struct PortOpening {
  PortId id = 0;
  bool is_new = false;
  bool keeps_device = false;  // it is opened anew with other settings
  // The port, perhaps itself, whose TAP interface or bond it goes on with.
  std::optional<PortId> goes_on_with = {};
  PortSpec spec = {};                 // of PortOpener
  std::shared_ptr<Port> former = {};  // the device of `goes_on_with`
  std::shared_ptr<OpenedPort> opened = {};
  bool is_attached = false;
};

struct PortChanges {
  // Their devices are in the way of those to open; they are detached before.
  std::vector<PortId> in_the_way = {};
  std::vector<PortOpening> open = {};
  std::vector<PortId> gone = {};
  struct Promiscuity {
    PortId id;
    bool is_on;
  };
  std::vector<Promiscuity> promiscuity = {};  // of ports that stay as they are else
  // What those in the way were.
  struct Former {
    PortId id;
    PortSpec spec;
    PortFacts facts;
  };
  std::vector<Former> former = {};

  std::vector<PortId> ids_to_open() const {
    std::vector<PortId> ids;
    for (const PortOpening& opening : open) ids.push_back(opening.id);
    return ids;
  }
};

// `next` has its ports' ids (port_ids.h).
PortChanges compare_ports(const Config& former, const Config& next);

// The names of ports that receive frames for any MAC: a bridge takes them, and a MAC of our own
// choice is not in the NIC.
std::set<std::string> promiscuous_ports(const Config& config);

// The MAC address that adit uses at a port: the configured one, else the device's. A TAP's own
// belongs to the kernel's end of it, so ours is another one, made up.
MacAddr make_port_mac(const PortConfig& port, const MacAddr& of_device);

// What opening ports of a running aditd takes of the machine. Called by another thread than
// control's.
class PortOpener {
 public:
  virtual ~PortOpener() = default;
  // The specs of `ports` of `next`, perhaps none. `devices`: the names of those that there are.
  // Throws ConfigError where one cannot be opened while aditd runs.
  virtual std::vector<PortSpec> specs(const Config& next, const std::vector<PortId>& ports,
                                      std::set<std::string> devices) = 0;
  // Just before the port is opened. Throws std::runtime_error with its name.
  virtual void make_way(const PortConfig& port) = 0;
  // After all, nothing of that is wanted but what the running configuration has.
  virtual void give_up(const Config& running) = 0;
};

}  // namespace adit
