// SPDX-License-Identifier: Apache-2.0
#include "replay/report.h"

#include <map>

#include "base/drops_json.h"

namespace adit::replay {
namespace {

Json traffic(const Dataplane::Traffic& traffic) {
  return {{"rx_packets", traffic.rx_packets},
          {"rx_bytes", traffic.rx_bytes},
          {"tx_packets", traffic.tx_packets},
          {"tx_bytes", traffic.tx_bytes}};
}

Json named(Json entry, const Dataplane::Traffic& counts) {
  entry.update(traffic(counts));
  return entry;
}

void add(Dataplane::Traffic& sum, const Dataplane::Traffic& part) {
  sum.rx_packets += part.rx_packets;
  sum.rx_bytes += part.rx_bytes;
  sum.tx_packets += part.tx_packets;
  sum.tx_bytes += part.tx_bytes;
}

std::string_view name_of(DropReason reason) {
  return kDropReasons[static_cast<std::size_t>(reason)].name;
}

uint64_t total_drops(const Dataplane& dataplane) {
  uint64_t total = 0;
  for (std::size_t i = 0; i < kDropReasonCount; ++i)
    total += dataplane.drops(static_cast<DropReason>(i));
  return total;
}

Json ports(const Replay& replay) {
  Json list = Json::array();
  for (PortId id = 0; id < replay.ports().size(); ++id)
    list.push_back(
        named({{"name", replay.ports()[id]->name()}}, replay.dataplane().port_traffic(id)));
  return list;
}

// A network's traffic is that of its bridge ports: members and remotes.
Json networks(const Replay& replay) {
  std::map<std::string, Dataplane::Traffic> sums;
  for (const auto& [name, info] : replay.control().ids().bridge_ports)
    std::visit(
        [&, id = info.id](const auto& of) {
          if constexpr (requires { of.network; })
            add(sums[of.network], replay.dataplane().bridge_port_traffic(id));
        },
        name);
  Json list = Json::array();
  for (const NetworkConfig& network : replay.control().config().networks)
    list.push_back(named({{"name", network.name}, {"vni", network.vni}}, sums[network.name]));
  return list;
}

// A remote's or tunnel's traffic and drops: those of its bridge ports.
Json with_counters(Json row, const Replay& replay, const std::vector<BridgePortName>& names) {
  Dataplane::Traffic traffic;
  Json errors = Json::object();
  for (const BridgePortName& name : names) {
    const BridgePortId id = replay.control().ids().bridge_ports.at(name).id;
    add(traffic, replay.dataplane().bridge_port_traffic(id));
    add_drops(errors, replay.dataplane().bridge_port_drops(id));
  }
  row = named(std::move(row), traffic);
  row["errors"] = std::move(errors);
  return row;
}

Json remotes(const Replay& replay) {
  Json list = Json::array();
  for (const NetworkConfig& network : replay.control().config().networks)
    for (const RemoteConfig& remote : network.remotes)
      list.push_back(with_counters({{"network", network.name},
                                    {"kind", info_of(remote.kind).name},
                                    {"address", to_string(remote.address)}},
                                   replay, {RemoteName{network.name, remote.address}}));
  return list;
}

// Those of VRFs.
Json tunnels(const Replay& replay) {
  Json list = Json::array();
  for (const VrfConfig& vrf : replay.control().config().vrfs)
    for (const VrfTunnelConfig& tunnel : vrf.tunnels)
      list.push_back(with_counters({{"vrf", vrf.name},
                                    {"name", tunnel.name},
                                    {"kind", info_of(tunnel.kind).name},
                                    {"address", to_string(tunnel.address)}},
                                   replay,
                                   {VrfTunnelName{vrf.name, tunnel.name, 4, tunnel.address},
                                    VrfTunnelName{vrf.name, tunnel.name, 6, tunnel.address}}));
  return list;
}

using WorkerCounter = decltype(WorkerCounters::sent) WorkerCounters::*;

uint64_t sum(const Dataplane& dataplane, WorkerCounter counter) {
  uint64_t total = 0;
  for (unsigned id = 0; id < dataplane.worker_count(); ++id)
    total += (dataplane.worker_counters(id).*counter).get();
  return total;
}

// Of all workers.
Json worker(const Dataplane& dataplane) {
  const auto of = [&](WorkerCounter counter) { return sum(dataplane, counter); };
  return {{"received", of(&WorkerCounters::received)},
          {"sent", of(&WorkerCounters::sent)},
          {"dropped", total_drops(dataplane)},
          {"copied", of(&WorkerCounters::copied)},
          {"consumed", of(&WorkerCounters::consumed)},
          {"originated", of(&WorkerCounters::originated)},
          {"express", of(&WorkerCounters::express)},
          {"flooded", of(&WorkerCounters::flooded)},
          {"held", of(&WorkerCounters::held)},
          {"handed_over", of(&WorkerCounters::handed_over)},
          {"arp_requests_answered", of(&WorkerCounters::arp_requests_answered)},
          {"echo_requests_answered", of(&WorkerCounters::echo_requests_answered)},
          {"events_lost", of(&WorkerCounters::events_lost)}};
}

// Held packets are in use and no leak.
uint64_t buffers_leaked(const Dataplane& dataplane) {
  return dataplane.buffers_in_use() - dataplane.held_now();
}

uint64_t packets_out(const Replay& replay) {
  uint64_t sent = 0;
  for (const auto& port : replay.ports()) sent += port->transmitted();
  return sent;
}

}  // namespace

Json make_report(const Replay& replay) {
  const Dataplane& dataplane = replay.dataplane();
  Json report = {{"version", ADIT_VERSION},
                 {"packets_in", sum(dataplane, &WorkerCounters::received)},
                 {"packets_out", packets_out(replay)},
                 {"buffers_leaked", buffers_leaked(dataplane)},
                 {"ports", ports(replay)},
                 {"networks", networks(replay)},
                 {"remotes", remotes(replay)},
                 {"tunnels", tunnels(replay)},
                 {"worker", worker(dataplane)}};

  Json& counts = report["drop_counts"] = Json::object();
  for (std::size_t i = 0; i < kDropReasonCount; ++i)
    if (const uint64_t count = dataplane.drops(static_cast<DropReason>(i)); count > 0)
      counts[std::string(kDropReasons[i].name)] = count;

  Json& drops = report["drops"] = Json::array();
  for (const auto& [packet, reason] : replay.drops()) {
    Json drop = {{"port", nullptr}, {"packet", packet.number}, {"reason", name_of(reason)}};
    if (packet.number > 0) drop["port"] = replay.ports()[packet.port]->name();
    drops.push_back(std::move(drop));
  }

  Json& notes = report["notes"] = Json::array();
  for (const Note& note : replay.notes().all())
    notes.push_back({{"port", note.port},
                     {"packet", note.first_packet},
                     {"packets", note.packets},
                     {"note", note.text}});
  return report;
}

std::vector<std::string> find_imbalances(const Replay& replay) {
  const Dataplane& dataplane = replay.dataplane();
  const auto of = [&](WorkerCounter counter) { return sum(dataplane, counter); };
  std::vector<std::string> found;
  if (const uint64_t leaked = buffers_leaked(dataplane); leaked != 0)
    found.push_back(std::to_string(leaked) + " buffers leaked");

  const uint64_t in =
      of(&WorkerCounters::received) + of(&WorkerCounters::copied) + of(&WorkerCounters::originated);
  const uint64_t out = of(&WorkerCounters::sent) + total_drops(dataplane) +
                       of(&WorkerCounters::consumed) + dataplane.held_now();
  if (in != out)
    found.push_back("received + copied + originated is " + std::to_string(in) +
                    ", sent + dropped + consumed + held is " + std::to_string(out));
  if (of(&WorkerCounters::sent) != packets_out(replay))
    found.push_back("the worker counts " + std::to_string(of(&WorkerCounters::sent)) +
                    " packets sent, the ports " + std::to_string(packets_out(replay)));
  if (total_drops(dataplane) != replay.drops().size())
    found.push_back("the worker counts " + std::to_string(total_drops(dataplane)) +
                    " drops and named " + std::to_string(replay.drops().size()));
  return found;
}

std::string summary(const Json& report) {
  std::string text = "packets in " + report["packets_in"].dump() + ", out " +
                     report["packets_out"].dump() + ", dropped " +
                     report["worker"]["dropped"].dump();
  std::string reasons;
  for (const auto& [name, count] : report["drop_counts"].items())
    reasons += (reasons.empty() ? " (" : ", ") + name + ' ' + count.dump();
  return text + reasons + (reasons.empty() ? "" : ")");
}

}  // namespace adit::replay
