// SPDX-License-Identifier: Apache-2.0
// Ports, routes and neighbours: the part of check_references that is about the underlay.
#include <algorithm>
#include <tuple>

#include "config/references.h"

namespace adit {
namespace {

std::string port_text(const PortDraft& port) {
  return "port '" + port.name + '\'';
}

// What two ports must not have in common. Interface names are one space for all kinds: a TAP
// interface of the name that another port shares would be the same interface.
std::string device_key(const Device& device) {
  switch (device.kind) {
    case DeviceKind::kPci:
      return "pci " + device.argument;
    case DeviceKind::kVdev:
      return "vdev " + device.argument.substr(0, device.argument.find(','));
    case DeviceKind::kTap:
    case DeviceKind::kAfPacket:
    case DeviceKind::kAfXdp:
    case DeviceKind::kBond:
      break;
  }
  return "interface " + device.argument;
}

void check_devices(const ConfigDraft& draft, MistakeList& mistakes) {
  std::unordered_map<std::string, std::pair<const PortDraft*, Place>> users;
  for (const PortDraft& port : draft.ports) {
    if (port.places.is_map && !port.places.has("device") && !port.places.has("bond"))
      mistakes.add(port.places.self, MistakeKind::kReference,
                   "missing key 'device' in " + port_text(port) +
                       ": expected a PCI address, tap:NAME, af_packet:INTERFACE, "
                       "af_xdp:INTERFACE or vdev:DPDK-DEVICE, or 'bond' with several of them");
    for (const Placed<Device>& device : devices_of(port)) {
      const auto [user, fresh] = users.try_emplace(device_key(device.value), &port, device.place);
      if (fresh) continue;
      mistakes.add(device.place, MistakeKind::kReference,
                   "device " + to_string(device.value) + " is already that of " +
                       port_text(*user->second.first) + ", see " +
                       mistakes.at(user->second.second));
    }
  }
}

// An own address with where it stands.
struct OwnSubnet {
  IpPrefix subnet;
  size_t owner;
  const Placed<IpPrefix>* address;
};

// Subnets of different owners must not overlap: the link of a neighbour would be ambiguous.
void check_overlaps(std::vector<OwnSubnet> subnets, const std::vector<Addressed>& owners,
                    MistakeList& mistakes) {
  // In this order an enclosing subnet comes before what is in it, so that those that enclose
  // the current one are a stack.
  std::stable_sort(subnets.begin(), subnets.end(), [](const OwnSubnet& a, const OwnSubnet& b) {
    const IpAddr& left = a.subnet.address;
    const IpAddr& right = b.subnet.address;
    return std::tie(left.family, left.bytes, a.subnet.length) <
           std::tie(right.family, right.bytes, b.subnet.length);
  });
  std::vector<const OwnSubnet*> enclosing;
  for (const OwnSubnet& own : subnets) {
    while (!enclosing.empty() && !enclosing.back()->subnet.contains(own.subnet.address))
      enclosing.pop_back();
    if (!enclosing.empty() && enclosing.back()->owner != own.owner) {
      // The mistake is told at the one that stands later in the file.
      const OwnSubnet* first = enclosing.back();
      const OwnSubnet* second = &own;
      if (first->owner > second->owner) std::swap(first, second);
      mistakes.add(second->address->place, MistakeKind::kReference,
                   to_string(second->address->value) + " of " + owners[second->owner].text +
                       " overlaps " + to_string(first->address->value) + " of " +
                       owners[first->owner].text + ", see " + mistakes.at(first->address->place));
    }
    // Of one owner they may be within each other; what is wrong in its own one is told already.
    for (const OwnSubnet* outer : enclosing) {
      const std::string why = why_no_host_of(outer->subnet, own.address->value.address);
      if (why.empty() || !why_no_host_of(own.subnet, own.address->value.address).empty()) continue;
      mistakes.add(own.address->place, MistakeKind::kReference,
                   "addresses: " + to_string(own.address->value) + ' ' + why);
    }
    enclosing.push_back(&own);
  }
}

}  // namespace

std::vector<Placed<Device>> devices_of(const PortDraft& port) {
  if (port.places.has("bond"))
    return port.places.good("bond") ? port.bond_draft.member_drafts : std::vector<Placed<Device>>();
  if (!port.places.has("device") || !port.places.good("device")) return {};
  return {{port.device, port.places.at("device")}};
}

void check_on_link(const IpAddr& ip, Place place, const std::string& what, const Underlay& underlay,
                   MistakeList& mistakes) {
  if (!underlay.complete) return;
  const std::string why = why_no_neighbour(ip, underlay, mistakes);
  if (!why.empty()) {
    mistakes.add(place, MistakeKind::kReference, what + ": " + to_string(ip) + ' ' + why);
  } else if (underlay.connected.longest(ip) == nullptr) {
    mistakes.add(place, MistakeKind::kReference,
                 what + ": " + to_string(ip) +
                     " is on no port's subnet; expected an address within the 'addresses' of a "
                     "port");
  }
}

Underlay check_addresses(const std::vector<Addressed>& owners, MistakeList& mistakes) {
  Underlay underlay;
  std::vector<OwnSubnet> subnets;
  for (size_t i = 0; i < owners.size(); ++i) {
    if (!owners[i].complete) underlay.complete = false;
    for (const auto& address : *owners[i].addresses) {
      const IpPrefix subnet = subnet_of(address.value);
      const IpAddr& ip = address.value.address;
      const bool is_network = is_network_address(subnet, ip);
      if (is_network || is_broadcast_address(subnet, ip))
        mistakes.add(address.place, MistakeKind::kReference,
                     "addresses: " + to_string(address.value) + " is the " +
                         (is_network ? "network" : "broadcast") +
                         " address of its subnet; expected the address of one host, " +
                         hosts_text(subnet));
      const auto [own, fresh] = underlay.own.emplace(ip, address.place);
      if (!fresh) {
        mistakes.add(address.place, MistakeKind::kReference,
                     "addresses: duplicate address " + to_string(ip) + "; it is already at " +
                         mistakes.at(own->second));
        continue;
      }
      underlay.connected.insert(subnet, i);
      subnets.push_back({subnet, i, &address});
    }
  }
  check_overlaps(std::move(subnets), owners, mistakes);
  return underlay;
}

Underlay check_ports(const ConfigDraft& draft, MistakeList& mistakes) {
  check_devices(draft, mistakes);
  static const std::vector<Placed<IpPrefix>> kNone;
  const auto vrfs = vrfs_of_ports(draft);
  std::vector<Addressed> owners;
  for (size_t i = 0; i < draft.ports.size(); ++i) {
    const PortDraft& port = draft.ports[i];
    owners.push_back(addressed(port));
    if (vrfs[i]) owners.back().addresses = &kNone;
  }
  Underlay underlay = check_addresses(owners, mistakes);
  if (draft.ports.empty()) underlay.complete = false;
  return underlay;
}

Addressed addressed(const PortDraft& port) {
  return {port_text(port), &port.address_drafts, port.places.good("addresses")};
}

void check_reachable(const IpAddr& ip, Place place, const Underlay& underlay,
                     MistakeList& mistakes) {
  if (!underlay.complete) return;
  const std::string what = "address: " + to_string(ip);
  if (underlay.connected.longest(ip) == nullptr && underlay.routes.longest(ip) == nullptr) {
    mistakes.add(place, MistakeKind::kReference,
                 what +
                     " is on no port's subnet and no route leads there; add a route, "
                     "such as {to: " +
                     to_string(ip) + "/" + std::to_string(ip.width_bits()) + ", via: ROUTER}");
    return;
  }
  const std::string why = why_no_neighbour(ip, underlay, mistakes);
  if (!why.empty()) mistakes.add(place, MistakeKind::kReference, what + ' ' + why);
}

void check_routes(const ConfigDraft& draft, Underlay& underlay, MistakeList& mistakes) {
  if (!draft.places.good("routes")) underlay.complete = false;
  for (size_t i = 0; i < draft.routes.size(); ++i) {
    const RouteDraft& route = draft.routes[i];
    const Place place = route.places.at("to");
    const IpPrefix subnet = subnet_of(route.to);
    const std::string text = to_string(subnet);
    if (subnet != route.to)
      mistakes.add(
          place, MistakeKind::kReference,
          "to: " + to_string(route.to) + " has bits beyond its prefix length; write " + text);
    if (const auto* connected = underlay.connected.exact(subnet))
      mistakes.add(place, MistakeKind::kReference,
                   "to: " + text + " is the subnet of " + port_text(draft.ports[connected->value]) +
                       " itself; it takes no route");
    const PrefixTable::Entry& entry = underlay.routes.insert(subnet, i);
    if (entry.value != i)
      mistakes.add(place, MistakeKind::kReference,
                   "to: duplicate route to " + text + "; it is already at " +
                       mistakes.at(draft.routes[entry.value].places.at("to")));
    if (route.via.family != route.to.address.family)
      mistakes.add(route.places.at("via"), MistakeKind::kReference,
                   "via: " + to_string(route.via) + " and " + text +
                       " are of different IP versions; expected a router of the same");
    else
      check_on_link(route.via, route.places.at("via"), "via", underlay, mistakes);
  }
}

void check_neighbours(const std::vector<NeighbourDraft>& neighbours, const Underlay& underlay,
                      MistakeList& mistakes) {
  std::unordered_map<IpAddr, Place, IpHash> seen;
  for (const NeighbourDraft& neighbour : neighbours) {
    const Place place = neighbour.places.at("address");
    const auto [known, fresh] = seen.emplace(neighbour.address, place);
    if (!fresh) {
      mistakes.add(place, MistakeKind::kReference,
                   "address: duplicate neighbour " + to_string(neighbour.address) +
                       "; it is already at " + mistakes.at(known->second));
      continue;
    }
    check_on_link(neighbour.address, place, "address", underlay, mistakes);
  }
}

}  // namespace adit
