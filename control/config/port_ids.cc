// SPDX-License-Identifier: Apache-2.0
#include "config/port_ids.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace adit {

void take_port_ids(Config& config, const Config& former) {
  std::unordered_map<std::string_view, PortId> known;
  std::vector<bool> taken(kMaxPorts);
  for (const PortConfig& port : former.ports) {
    known.emplace(port.name, port.id);
    taken[port.id] = true;
  }
  size_t next = 0;
  for (PortConfig& port : config.ports) {
    if (const auto found = known.find(port.name); found != known.end()) {
      port.id = {found->second};
      continue;
    }
    while (next < taken.size() && taken[next]) ++next;
    if (next == taken.size())
      throw std::length_error("the ports that go and those that come are more than " +
                              std::to_string(kMaxPorts) + " together: change them in two reloads");
    port.id = {static_cast<PortId>(next++)};
  }
}

const PortConfig* find_port(const Config& config, PortId id) noexcept {
  // Mostly where it would be in a file that nobody changed.
  if (id < config.ports.size() && config.ports[id].id == id) return &config.ports[id];
  const auto found = std::ranges::find_if(
      config.ports, [id](const PortConfig& port) { return PortId{port.id} == id; });
  return found == config.ports.end() ? nullptr : &*found;
}

const PortConfig* find_port(const Config& config, std::string_view name) noexcept {
  const auto found = std::ranges::find(config.ports, name, &PortConfig::name);
  return found == config.ports.end() ? nullptr : &*found;
}

PortId end_of_port_ids(const Config& config) noexcept {
  PortId end = 0;
  for (const PortConfig& port : config.ports) end = std::max(end, static_cast<PortId>(port.id + 1));
  return end;
}

std::vector<Device> devices_of(const PortConfig& port) {
  return port.bond ? port.bond->members : std::vector<Device>{port.device};
}

bool has_tap(const PortConfig& port) {
  const auto is_tap = [](const Device& device) { return device.kind == DeviceKind::kTap; };
  return port.bond ? std::ranges::any_of(port.bond->members, is_tap) : is_tap(port.device);
}

}  // namespace adit
