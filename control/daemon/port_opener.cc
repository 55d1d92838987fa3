// SPDX-License-Identifier: Apache-2.0
#include "daemon/port_opener.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "config/port_ids.h"
#include "config/values.h"
#include "config/yaml/error.h"
#include "machine/preflight.h"
#include "machine/system_facts.h"
#include "steering/steering_program.h"
#include "steering/steering_rules.h"

namespace adit {

PortSpec port_spec(const PortConfig& port, bool is_promiscuous) {
  PortSpec spec;
  spec.name = port.name;
  spec.mtu_bytes = port.mtu_bytes;
  spec.rx_queues = port.rx_queues.value_or(0);
  spec.tx_queues = port.tx_queues.value_or(0);
  spec.rx_ring = port.rx_ring;
  spec.tx_ring = port.tx_ring;
  spec.offload = port.offload == OffloadMode::kAuto;
  spec.promiscuous = is_promiscuous;
  return spec;
}

void put_device(const PortConfig& port, PortDevice device, PortSpec& spec) {
  spec.device_name = std::move(device.name);
  spec.vdev = std::move(device.vdev);
  if (!port.bond) return;
  auto bond = std::make_shared<BondSpec>();
  bond->mode = port.bond->mode;
  bond->hash = port.bond->hash_policy;
  bond->select = port.bond->lacp_select;
  bond->link_check_ms = port.bond->link_check_ms;
  bond->up_delay_ms = port.bond->up_delay_ms;
  bond->down_delay_ms = port.bond->down_delay_ms;
  // The kernel's ends of TAPs have the bond's, and shall not have ours.
  if (!has_tap(port)) bond->mac = port.mac;
  for (size_t i = 0; i < device.members.size(); ++i) {
    const Device& member = port.bond->members[i];
    if (port.bond->primary == member) bond->primary = static_cast<unsigned>(i);
    bond->members.push_back(
        {to_string(member), std::move(device.members[i].name), std::move(device.members[i].vdev)});
  }
  spec.bond = std::move(bond);
}

MachinePortOpener::MachinePortOpener(const DataplaneOptions& started)
    : workers_(started.workers),
      mbufs_(started.mbufs),
      data_room_bytes_(started.mbuf_data_room_bytes) {}

// The pool was made at the start, and stays as it is.
void MachinePortOpener::check_buffers(const Config& next,
                                      std::vector<std::string>& problems) const {
  if (mbuf_data_room_bytes(next) > data_room_bytes_)
    problems.push_back("the largest mtu_bytes of all ports needs packet buffers of " +
                       std::to_string(mbuf_data_room_bytes(next)) +
                       " bytes, and aditd has those of " + std::to_string(data_room_bytes_) +
                       " bytes that it was started with: needs a restart");
  if (const unsigned least = least_mbuf_count(next, workers_); least > mbufs_)
    problems.push_back("the ports' rings and workers need " + std::to_string(least) +
                       " packet buffers, and aditd was started with " + std::to_string(mbufs_) +
                       ": write `mbufs: " + std::to_string(least) +
                       "` in `system`, and restart it");
}

std::vector<PortSpec> MachinePortOpener::specs(const Config& next, const std::vector<PortId>& ports,
                                               std::set<std::string> devices) {
  std::vector<PortSpec> specs;
  if (ports.empty()) return specs;
  std::set<std::string> own;  // interfaces
  for (const std::string& device : devices)
    if (device.starts_with("tap:")) own.insert(device.substr(4));
  SystemFacts facts = gather_facts(next);
  const PreflightReport report = preflight_ports(next, facts, ports, own, workers_);
  std::vector<std::string> problems;
  for (const Finding& finding : report.problems) problems.push_back(to_string(finding));
  check_buffers(next, problems);
  if (!problems.empty()) {
    std::vector<ConfigMistake> mistakes;
    for (std::string& problem : problems) mistakes.push_back({"", 0, 0, std::move(problem)});
    throw ConfigError(std::move(mistakes));
  }
  for (const Finding& finding : report.warnings)
    spdlog::warn("event=preflight {}", to_string(finding));
  facts.xdp_program = steering_program_path();
  const std::set<std::string> promiscuous = promiscuous_ports(next);
  take_vdev_names(next, devices);
  for (const PortId id : ports) {
    const PortConfig& port = *find_port(next, id);
    PortSpec& spec = specs.emplace_back(port_spec(port, promiscuous.contains(port.name)));
    put_device(port, port_device(port, facts, workers_, devices), spec);
  }
  return specs;
}

void MachinePortOpener::give_up(const Config& running) {
  std::set<std::string> steered;
  for (const PortConfig& port : running.ports)
    if (is_steered(port)) steered.insert(port.device.argument);
  release_interfaces_but(steered);
}

void MachinePortOpener::make_way(const PortConfig& port) {
  if (is_steered(port)) clear_steered_interface(port);
}

}  // namespace adit
