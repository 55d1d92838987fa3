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

Resource resource_of(const Device& device) {
  const std::string& argument = device.argument;
  switch (device.kind) {
    case DeviceKind::kPci:
      return {'p', argument};
    case DeviceKind::kVdev:
      return {'v', argument.substr(0, argument.find(','))};
    case DeviceKind::kTap:
    case DeviceKind::kAfPacket:
    case DeviceKind::kAfXdp:
    case DeviceKind::kBond:
      break;
  }
  return {'i', argument};
}

// A TAP of its own, which another port may go on with.
bool is_tap(const PortConfig& port) {
  return port.device.kind == DeviceKind::kTap;
}

// Rings are for devices of DPDK, and offload is what a TAP has.
bool needs_opening(const PortConfig& former, const PortConfig& next) {
  if (former.device != next.device || former.bond != next.bond ||
      former.mtu_bytes != next.mtu_bytes || former.rx_queues != next.rx_queues ||
      former.tx_queues != next.tx_queues)
    return true;
  if (is_tap(next)) return former.offload != next.offload;
  if (next.bond && former.mac != next.mac) return true;  // that of its members
  if (next.device.kind == DeviceKind::kAfXdp && former.steer != next.steer) return true;
  return former.rx_ring != next.rx_ring || former.tx_ring != next.tx_ring;
}

bool is_on_pci(const Device& device) {
  return device.kind == DeviceKind::kPci;
}

// Of the members that come, the driver can take those while the bond runs that are like others
// which it has: it asks for links or waits for interrupts, and knows MTUs or the kernel does. A
// primary can be changed, and not given up.
bool may_change_members(const PortConfig& former, const PortConfig& next) {
  if (!former.bond || !next.bond) return false;
  BondConfig equal = *next.bond;
  equal.members = former.bond->members;
  equal.primary = former.bond->primary;
  PortConfig rest = next;
  rest.bond = former.bond;
  if (equal != *former.bond || needs_opening(former, rest)) return false;
  if (former.bond->primary && !next.bond->primary) return false;
  for (const BondConfig* bond : {&*former.bond, &*next.bond})
    for (const Device& member : bond->members)
      if (member.kind == DeviceKind::kAfXdp) return false;  // it shares buffers with the others
  const std::vector<Device>& has = former.bond->members;
  return std::ranges::all_of(next.bond->members, [&](const Device& member) {
    if (std::ranges::find(has, member) != has.end()) return true;
    return std::ranges::none_of(
               has, [&](const Device& one) { return resource_of(one) == resource_of(member); }) &&
           std::ranges::any_of(
               has, [&](const Device& one) { return is_on_pci(one) == is_on_pci(member); });
  });
}

// Whether another port is to have a member that goes. It has to be closed before.
bool hands_members_over(const PortConfig& former, const Config& next) {
  for (const PortConfig& port : next.ports)
    if (port.name != former.name)
      for (const Device& device : devices_of(port))
        for (const Device& member : former.bond->members)
          if (resource_of(member) == resource_of(device)) return true;
  return false;
}

// DPDK's driver gives members no MAC address then, so that all but the first drop what is for us.
bool is_lacp(const PortConfig& port) {
  return port.bond && port.bond->mode == BondMode::kLacp;
}

}  // namespace

PortChanges compare_ports(const Config& former, const Config& next) {
  PortChanges changes;
  std::map<Resource, const PortConfig*> free;  // of ports that go or are opened anew
  for (const PortConfig& port : former.ports) {
    const PortConfig* stays = find_port(next, port.name);
    if (stays == nullptr) changes.gone.push_back(port.id);
    if (stays != nullptr && !needs_opening(port, *stays)) continue;
    for (const Device& device : devices_of(port)) free.emplace(resource_of(device), &port);
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
    const bool goes_on =
        was != nullptr && may_change_members(*was, port) && !hands_members_over(*was, next);
    if (goes_on) opening.goes_on_with = port.id;
    for (const Device& device : devices_of(port)) {
      const auto found = free.find(resource_of(device));
      if (found == free.end()) continue;
      const PortConfig& holder = *found->second;
      if (goes_on && holder.name == port.name) continue;
      if (is_tap(holder) && is_tap(port))
        opening.goes_on_with = holder.id;
      else if (std::ranges::find(changes.in_the_way, holder.id) == changes.in_the_way.end())
        changes.in_the_way.push_back(holder.id);
    }
    changes.open.push_back(std::move(opening));
  }
  return changes;
}

std::set<std::string> promiscuous_ports(const Config& config) {
  std::set<std::string> ports;
  for (const PortConfig& port : config.ports)
    if (port.promiscuous || port.mac || has_tap(port) || is_lacp(port)) ports.insert(port.name);
  for (const NetworkConfig& network : config.networks)
    for (const MemberConfig& member : network.members) ports.insert(member.port);
  return ports;
}

MacAddr make_port_mac(const PortConfig& port, const MacAddr& of_device) {
  if (port.mac) return *port.mac;
  if (!has_tap(port)) return of_device;
  std::random_device random;
  const uint64_t bits = uint64_t{random()} << 32 | random();
  constexpr uint64_t kLocallyAdministered = 0x0200'0000'0000;
  return MacAddr::from_u64((bits & 0x00ff'ffff'ffff) | kLocallyAdministered);
}

}  // namespace adit
