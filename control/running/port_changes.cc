// SPDX-License-Identifier: Apache-2.0
#include "running/port_changes.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "config/port_ids.h"

namespace adit {
namespace {

// What two ports cannot have at one time: a PCI device, an interface, or DPDK's name of a device.
using Resource = std::pair<char, std::string>;

Resource resource_of(const PortConfig& port) {
  const std::string& argument = port.device.argument;
  switch (port.device.kind) {
    case DeviceKind::kPci:
      return {'p', argument};
    case DeviceKind::kVdev:
      return {'v', argument.substr(0, argument.find(','))};
    case DeviceKind::kTap:
    case DeviceKind::kAfPacket:
    case DeviceKind::kAfXdp:
      break;
  }
  return {'i', argument};
}

bool is_tap(const PortConfig& port) {
  return port.device.kind == DeviceKind::kTap;
}

// Rings are for devices of DPDK, and offload is what a TAP has.
bool needs_opening(const PortConfig& former, const PortConfig& next) {
  if (former.device != next.device || former.mtu_bytes != next.mtu_bytes ||
      former.rx_queues != next.rx_queues || former.tx_queues != next.tx_queues)
    return true;
  if (is_tap(next)) return former.offload != next.offload;
  if (next.device.kind == DeviceKind::kAfXdp && former.steer != next.steer) return true;
  return former.rx_ring != next.rx_ring || former.tx_ring != next.tx_ring;
}

}  // namespace

PortChanges compare_ports(const Config& former, const Config& next) {
  PortChanges changes;
  std::map<Resource, const PortConfig*> free;  // of ports that go or are opened anew
  for (const PortConfig& port : former.ports) {
    const PortConfig* stays = find_port(next, port.name);
    if (stays == nullptr) changes.gone.push_back(port.id);
    if (stays == nullptr || needs_opening(port, *stays)) free.emplace(resource_of(port), &port);
  }
  const auto was_promiscuous = promiscuous_ports(former), promiscuous = promiscuous_ports(next);
  for (const PortConfig& port : next.ports) {
    const PortConfig* was = find_port(former, port.name);
    if (was != nullptr && !needs_opening(*was, port)) {
      const bool is_on = promiscuous.contains(port.name);
      if (is_on != was_promiscuous.contains(port.name))
        changes.promiscuity.push_back({port.id, is_on});
      continue;
    }
    PortOpening opening{.id = port.id,
                        .is_new = was == nullptr,
                        .keeps_device = was != nullptr && was->device == port.device};
    if (const auto found = free.find(resource_of(port)); found != free.end()) {
      if (is_tap(*found->second) && is_tap(port))
        opening.tap_of = found->second->id;
      else
        changes.in_the_way.push_back(found->second->id);
    }
    changes.open.push_back(std::move(opening));
  }
  return changes;
}

std::set<std::string> promiscuous_ports(const Config& config) {
  std::set<std::string> ports;
  for (const PortConfig& port : config.ports)
    if (port.promiscuous || port.mac || is_tap(port)) ports.insert(port.name);
  for (const NetworkConfig& network : config.networks)
    for (const MemberConfig& member : network.members) ports.insert(member.port);
  return ports;
}

MacAddr make_port_mac(const PortConfig& port, const MacAddr& of_device) {
  if (port.mac) return *port.mac;
  if (!is_tap(port)) return of_device;
  std::random_device random;
  const uint64_t bits = uint64_t{random()} << 32 | random();
  constexpr uint64_t kLocallyAdministered = 0x0200'0000'0000;
  return MacAddr::from_u64((bits & 0x00ff'ffff'ffff) | kLocallyAdministered);
}

}  // namespace adit
