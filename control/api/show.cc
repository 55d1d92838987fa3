// SPDX-License-Identifier: Apache-2.0
#include "api/show.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "api/show_parts.h"
#include "config/values.h"

namespace adit {
namespace {

using nlohmann::json;

// A look through a table of 16 million slots would keep the control thread for too long.
constexpr uint64_t kMaxSlotsPerCall = 1 << 17;

json texts_of(const std::vector<IpPrefix>& addresses) {
  json texts = json::array();
  for (const IpPrefix& own : addresses) texts.push_back(to_string(own));
  return texts;
}

// `vrf`: its name; null: it is in none.
json port_row(const ControlPlane& control, const PortConfig& port, const std::string* vrf) {
  const PortId id = port.id;
  const Dataplane& dataplane = control.dataplane();
  const PortFacts& facts = dataplane.port_facts(id);
  const LinkState link = dataplane.link_state(id);
  json row = {{"name", port.name},
              {"vlan", nullptr},
              {"vrf", vrf == nullptr ? json(nullptr) : json(*vrf)},
              {"device", to_string(port.device)},
              {"driver", facts.driver},
              {"mac", to_string(control.port_macs()[id])},
              {"mtu_bytes", port.mtu_bytes},
              {"link", to_string(link.status)},
              {"speed_mbps", link.speed_mbps},
              {"underlay", vrf == nullptr && !port.addresses.empty()},
              {"router_advertisements", port.router_advertisements.has_value()},
              {"addresses", texts_of(port.addresses)},
              {"rx_queues", facts.rx_queues},
              {"tx_queues", facts.tx_queues},
              {"rx_missed", dataplane.device_rx_missed(id)}};
  put(row, dataplane.port_traffic(id));
  return row;
}

// A VLAN of the port that a VRF has; of the port's row, what a VLAN has of its own.
json vlan_row(const ControlPlane& control, const PortConfig& port, const VrfConfig& vrf,
              const VlanConfig& vlan) {
  json row = {{"name", vlan.port},
              {"vlan", vlan.vlan},
              {"vrf", vrf.name},
              {"mac", to_string(control.port_macs()[port.id])},
              {"mtu_bytes", vlan.mtu_bytes.value_or(port.mtu_bytes)},
              {"link", to_string(control.dataplane().link_state(port.id).status)},
              {"underlay", false},
              {"router_advertisements", vlan.router_advertisements.has_value()},
              {"addresses", texts_of(vlan.addresses)}};
  const auto place =
      control.ids().bridge_ports.find(VrfSubinterfaceName{vrf.name, vlan.port, vlan.vlan});
  if (place != control.ids().bridge_ports.end())
    put(row, control.dataplane().bridge_port_traffic(place->second.id));
  return row;
}

// The gateways of networks, by the network's name, and the VRF that each is in.
using Gateways = std::unordered_map<std::string, std::pair<const VrfConfig*, const GatewayConfig*>>;

Gateways gateways_of(const Config& config) {
  Gateways gateways;
  for (const VrfConfig& vrf : config.vrfs)
    for (const GatewayConfig& gateway : vrf.networks) gateways[gateway.name] = {&vrf, &gateway};
  return gateways;
}

void put_gateway(json& row, const NetworkConfig& network, const Gateways& gateways) {
  row["vrf"] = nullptr;
  row["gateway_mac"] = nullptr;
  row["router_advertisements"] = false;
  row["gateway"] = json::array();
  if (const auto found = gateways.find(network.name); found != gateways.end()) {
    const auto& [vrf, gateway] = found->second;
    row["vrf"] = vrf->name;
    row["gateway_mac"] = to_string(gateway_mac(network, *gateway));
    row["router_advertisements"] = gateway->router_advertisements.has_value();
    row["gateway"] = texts_of(gateway->addresses);
  }
}

json network_row(const ControlPlane& control, const NetworkConfig& network,
                 const Gateways& gateways) {
  const CompiledIds& ids = control.ids();
  Dataplane::Traffic traffic;
  const auto add_all_from = [&](auto first) {
    using Name = decltype(first);
    for (auto it = ids.bridge_ports.lower_bound(first); it != ids.bridge_ports.end(); ++it) {
      const auto* name = std::get_if<Name>(&it->first);
      if (name == nullptr || name->network != network.name) break;
      add(traffic, control.dataplane().bridge_port_traffic(it->second.id));
    }
  };
  add_all_from(MemberName{network.name, {}, 0});
  add_all_from(RemoteName{network.name, {}});
  add_all_from(GatewayName{network.name, {}});
  const auto id = ids.networks.find(network.name);
  const uint32_t learned = id == ids.networks.end() ? 0 : control.fdb().learned(id->second);
  const RemoteLearner::Learned* remotes = control.remote_learner().of(network.name);
  const size_t learned_remotes = remotes == nullptr ? 0 : remotes->all.size();
  json row = {{"name", network.name},
              {"vni", network.vni},
              {"members", network.members.size()},
              {"remotes", network.remotes.size() + learned_remotes},
              {"macs", learned + network.static_macs.size()},
              {"learning", network.learning}};
  put_gateway(row, network, gateways);
  put(row, traffic);
  return row;
}

uint64_t dropped(const WorkerCounters& counters) {
  uint64_t sum = 0;
  for (const Counter& drops : counters.drops) sum += drops.get();
  return sum;
}

// A slot's row, or nothing where it is free or not wanted.
void put_slot(json& rows, const ControlPlane& control, uint32_t slot, const FdbFilter& filter,
              const std::vector<const BridgePortName*>& names, uint64_t now_ns) {
  const Fdb& fdb = control.dataplane().fdb();
  const Fdb::Entry entry = fdb.at(slot);
  if (entry.key == 0) return;
  if (filter.network && fdb_key_network(entry.key) != *filter.network) return;
  if (filter.mac && fdb_key_mac(entry.key) != *filter.mac) return;
  const BridgePortName* where =
      entry.bridge_port < names.size() ? names[entry.bridge_port] : nullptr;
  if (where == nullptr) return;  // its bridge port has just gone
  rows.push_back(
      fdb_row(entry, control.fdb().is_told(entry), *where, fdb.last_seen_s(slot), now_ns));
}

}  // namespace

Rows show_ports(const ControlPlane& control, const Window& window) {
  const Config& config = control.config();
  std::unordered_map<std::string, std::vector<std::pair<const VrfConfig*, const VlanConfig*>>>
      vlans;
  for (const VrfConfig& vrf : config.vrfs)
    for (const VlanConfig& vlan : vrf.vlans) vlans[vlan.port].emplace_back(&vrf, &vlan);
  const auto vrfs = vrfs_of_ports(config);
  Rows out;
  uint64_t place = 0;
  const auto is_wanted = [&] {
    if (place++ < window.offset || out.truncated) return false;
    out.truncated = out.rows.size() == window.limit;
    if (out.truncated) out.next_offset = place - 1;
    return !out.truncated;
  };
  for (size_t i = 0; i < config.ports.size() && !out.truncated; ++i) {
    const PortConfig& port = config.ports[i];
    if (is_wanted())
      out.rows.push_back(port_row(control, port, vrfs[i] ? &config.vrfs[*vrfs[i]].name : nullptr));
    for (const auto& [vrf, vlan] : vlans[port.name])
      if (is_wanted()) out.rows.push_back(vlan_row(control, port, *vrf, *vlan));
  }
  return out;
}

Rows show_networks(const ControlPlane& control, const Window& window) {
  const auto& networks = control.config().networks;
  const Gateways gateways = gateways_of(control.config());
  Rows out;
  for (uint64_t i = window.offset; i < networks.size(); ++i) {
    if (out.rows.size() == window.limit) {
      out.truncated = true;
      out.next_offset = i;
      break;
    }
    out.rows.push_back(network_row(control, networks[i], gateways));
  }
  return out;
}

Rows show_fdb(ControlPlane& control, const FdbFilter& filter, const Window& window,
              uint64_t now_ns) {
  const Fdb& fdb = control.dataplane().fdb();
  const auto names = names_by_id(control.ids());
  Rows out;
  if (filter.network && filter.mac) {
    const auto entry = fdb.find(fdb_key(*filter.network, *filter.mac));
    if (entry && entry->slot >= window.offset)
      put_slot(out.rows, control, entry->slot, filter, names, now_ns);
    return out;
  }
  for (uint64_t slot = window.offset; slot < fdb.slot_count(); ++slot) {
    if (out.rows.size() == window.limit || slot - window.offset == kMaxSlotsPerCall) {
      out.truncated = true;
      out.next_offset = slot;
      break;
    }
    put_slot(out.rows, control, static_cast<uint32_t>(slot), filter, names, now_ns);
  }
  return out;
}

Rows show_neighbours(const ControlPlane& control, const Window& window, uint64_t now_ns) {
  std::unordered_map<LinkId, LinkName> names;
  for (const auto& [name, id] : control.ids().networks) names[network_link(id)].network = name;
  for (const auto& [name, id] : control.ids().subinterfaces)
    names[subinterface_link(id)] = {name.first, name.second, {}};
  for (const PortConfig& port : control.config().ports) names[port.id].port = port.name;
  Rows out;
  uint64_t place = 0;
  for (const auto& [hop, neighbour] : control.neighbours().all()) {
    if (place++ < window.offset) continue;
    if (out.rows.size() == window.limit) {
      out.truncated = true;
      out.next_offset = place - 1;
      break;
    }
    out.rows.push_back(neighbour_row(names[hop.link], neighbour, now_ns));
  }
  return out;
}

Rows show_drops(const ControlPlane& control, DropRows which) {
  std::array<uint64_t, kDropReasonCount> packets;
  for (size_t i = 0; i < packets.size(); ++i)
    packets[i] = control.dataplane().drops(static_cast<DropReason>(i));
  Rows out;
  out.rows = drop_rows(packets, which);
  return out;
}

Rows show_workers(const ControlPlane& control) {
  const Dataplane& dataplane = control.dataplane();
  Rows out;
  const WorkerWatch& watch = control.worker_watch();
  for (unsigned id = 0; id < dataplane.worker_count(); ++id) {
    json row = worker_row(id, dataplane.worker_core(id), dataplane.worker_counters(id),
                          dataplane.held_now(), dataplane.fragment_state(id));
    row["state"] = watch.stalled(id) ? "stalled" : "running";
    row["without_pass_ms"] = watch.without_pass_ns(id) / 1'000'000;
    out.rows.push_back(std::move(row));
  }
  return out;
}

Rows show_status(const ControlPlane& control, const LogStats& log, uint64_t uptime_ns) {
  unsigned stalled = 0;
  const unsigned workers = control.dataplane().worker_count();
  for (unsigned id = 0; id < workers; ++id) stalled += control.worker_watch().stalled(id) ? 1 : 0;
  Rows out;
  out.rows.push_back({{"uptime_s", uptime_ns / kNsPerSecond},
                      {"generation", control.generation()},
                      {"workers", workers},
                      {"workers_stalled", stalled},
                      {"log_written", log.written},
                      {"log_lost", log.lost},
                      {"log_waiting", log.waiting},
                      {"log_stuck", log.stuck}});
  return out;
}

json neighbour_row(const LinkName& link, const Neighbour& neighbour, uint64_t now_ns) {
  json row = {{"port", text_or_null(link.port)},
              {"vlan", number_or_null(link.vlan)},
              {"network", text_or_null(link.network)},
              {"address", to_string(neighbour.hop.address)},
              {"mac", nullptr},
              {"state", to_string(neighbour.state)},
              {"origin", nullptr},
              {"age_s", nullptr}};
  if (neighbour.mac.is_zero()) return row;
  row["mac"] = to_string(neighbour.mac);
  const bool is_static = neighbour.state == NeighbourState::kStatic;
  row["origin"] = neighbour.is_told ? "netlink" : is_static ? "file" : "learned";
  // Since the last answer; the static ones are never asked.
  if (!is_static) row["age_s"] = seconds_since(neighbour.confirmed_ns, now_ns);
  return row;
}

json drop_rows(std::span<const uint64_t, kDropReasonCount> packets, DropRows which) {
  json rows = json::array();
  for (size_t i = 0; i < kDropReasonCount; ++i)
    if (packets[i] != 0 || which == DropRows::kAll)
      rows.push_back({{"reason", kDropReasons[i].name},
                      {"packets", packets[i]},
                      {"help", kDropReasons[i].help}});
  return rows;
}

json worker_row(unsigned id, unsigned core, const WorkerCounters& counters, uint64_t held_now_total,
                const Dataplane::FragmentState& fragments) {
  const uint64_t cycles = counters.cycles.get();
  const uint64_t busy_cycles = counters.busy_cycles.get();
  const uint64_t received = counters.received.get();
  json row = {{"id", id},
              {"core", core},
              {"loops", counters.loops.get()},
              {"busy_loops", counters.busy_loops.get()},
              {"cycles", cycles},
              {"busy_cycles", busy_cycles},
              {"received", received},
              {"sent", counters.sent.get()},
              {"copied", counters.copied.get()},
              {"consumed", counters.consumed.get()},
              {"originated", counters.originated.get()},
              {"express", counters.express.get()},
              {"flooded", counters.flooded.get()},
              {"dropped", dropped(counters)},
              {"held", counters.held.get()},
              {"handed_over", counters.handed_over.get()},
              {"held_now_total", held_now_total},
              {"fragmented_now", fragments.datagrams},
              {"fragment_bytes_now", fragments.bytes},
              {"arp_requests_answered", counters.arp_requests_answered.get()},
              {"echo_requests_answered", counters.echo_requests_answered.get()},
              {"events_lost", counters.events_lost.get()},
              {"busy_percent", nullptr},
              {"cycles_per_packet", nullptr}};
  const auto ratio = [](uint64_t a, uint64_t b) {
    return static_cast<double>(a) / static_cast<double>(b);
  };
  if (cycles != 0) row["busy_percent"] = 100 * ratio(busy_cycles, cycles);
  if (received != 0) row["cycles_per_packet"] = ratio(busy_cycles, received);
  return row;
}

json fdb_row(const Fdb::Entry& entry, bool is_told, const BridgePortName& where,
             uint32_t last_seen_s, uint64_t now_ns) {
  json row = {{"mac", to_string(fdb_key_mac(entry.key))}};
  if (const auto* member = std::get_if<MemberName>(&where)) {
    row["network"] = member->network;
    row["kind"] = "access";
    row["port"] = member->port;
    row["vlan"] = nullptr;
    if (member->vlan != 0) row["vlan"] = member->vlan;
  } else if (const auto* remote = std::get_if<RemoteName>(&where)) {
    row["network"] = remote->network;
    row["kind"] = "remote";
    row["remote"] = to_string(remote->address);
  }
  row["static"] = entry.is_static;
  row["origin"] = to_string(is_told           ? RemoteOrigin::kNetlink
                            : entry.is_static ? RemoteOrigin::kFile
                                              : RemoteOrigin::kLearned);
  row["age_s"] = nullptr;
  if (!entry.is_static && !is_told)
    row["age_s"] = seconds_since(uint64_t{last_seen_s} * kNsPerSecond, now_ns);
  return row;
}

std::vector<const BridgePortName*> names_by_id(const CompiledIds& ids) {
  std::vector<const BridgePortName*> names;
  for (const auto& [name, info] : ids.bridge_ports) {
    if (info.id >= names.size()) names.resize(info.id + 1);
    names[info.id] = &name;
  }
  return names;
}

}  // namespace adit
