// SPDX-License-Identifier: Apache-2.0
#include "steering/steering.h"

#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "base/log.h"
#include "steering/steering_program.h"

namespace adit {
namespace {

constexpr uint64_t kLookEveryNs = 1'000'000'000;

std::optional<IpAddr> address_of(const sockaddr& from) {
  IpAddr address;
  if (from.sa_family == AF_INET) {
    address.family = IpFamily::kV4;
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in&>(from).sin_addr, 4);
    return address;
  }
  if (from.sa_family != AF_INET6) return std::nullopt;
  address.family = IpFamily::kV6;
  std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, 16);
  return address;
}

// Other addresses of the loopback interface are the host's by every interface.
bool is_loopback(const IpAddr& address) {
  return address.is_v4() ? address.bytes[0] == 127 : address == *parse_ip("::1");
}

// The kernel's VLAN interfaces: interface below and VLAN. Lines "NAME | VLAN | INTERFACE".
std::set<std::pair<std::string, uint16_t>> read_vlans() {
  std::set<std::pair<std::string, uint16_t>> vlans;
  std::ifstream file("/proc/net/vlan/config");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name, bar, interface;
    uint16_t vlan = 0;
    if (words >> name >> bar >> vlan >> bar >> interface) vlans.emplace(interface, vlan);
  }
  return vlans;
}

}  // namespace

std::optional<Steering::Host> Steering::read_host() const {
  Host host;
  // `host:` gives these adit's own addresses.
  std::set<std::string> ours;
  const auto add = [&ours](const std::optional<HostConfig>& one) {
    if (one && !one->network_namespace) ours.insert(one->interface);
  };
  add(config_->host);
  for (const VrfConfig& vrf : config_->vrfs) add(vrf.host);
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return std::nullopt;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || ours.contains(one->ifa_name)) continue;
    if (one->ifa_addr->sa_family == AF_PACKET) {
      const auto* link = reinterpret_cast<const sockaddr_ll*>(one->ifa_addr);
      if (link->sll_halen == sizeof(MacAddr))
        std::memcpy(host.macs[one->ifa_name].bytes.data(), link->sll_addr, sizeof(MacAddr));
    } else if (const auto address = address_of(*one->ifa_addr); address && !is_loopback(*address)) {
      host.addresses.insert(*address);
    }
  }
  freeifaddrs(first);
  host.vlans = read_vlans();
  return host;
}

SteeringHost Steering::host_of(const SteeredPort& port) const {
  SteeringHost host{host_.addresses, {}};
  for (const auto& [interface, vlan] : host_.vlans)
    if (interface == port.config->device.argument) host.vlans.insert(vlan);
  return host;
}

void Steering::warn_of_conflicts(const SteeredPort& port, const SteeringRules& rules,
                                 const SteeringHost& host) const {
  const PortConfig& config = *port.config;
  const auto warn = [&](const IpAddr& address, const std::string& why) {
    spdlog::warn("event=steering_conflict port={} address={} why={}", log_value(config.name),
                 to_string(address), log_value(why));
  };
  for (const IpAddr& address : taken_from_host(rules, host))
    warn(address,
         "an address of the kernel's is adit's own as well, and the kernel gets nothing "
         "for it by this port: use another one in one of both places");
  // Neighbours would send what is for the kernel to adit's MAC, where the kernel does not take it.
  const auto device = host_.macs.find(config.device.argument);
  if (device == host_.macs.end() || device->second == macs_[config.id]) return;
  for (const ServiceConfig& service : config_->services)
    if (host.addresses.contains(service.address))
      warn(service.address, "service '" + service.name +
                                "' is at an address of the kernel's, and `mac` of the port is "
                                "another than the device's: leave it out");
}

void Steering::configure(std::shared_ptr<const Config> config, const std::vector<MacAddr>& macs,
                         uint64_t now_ns) {
  config_ = std::move(config);
  macs_ = macs;
  is_new_ = true;
  std::vector<SteeredPort> former = std::exchange(ports_, {});
  for (const PortConfig& port : config_->ports) {
    if (!is_steered(port)) continue;
    const auto found = std::ranges::find_if(former, [&port](const SteeredPort& one) {
      return one.state.port == port.name && one.interface == port.device.argument;
    });
    if (found == former.end()) {
      SteeredPort& made = ports_.emplace_back();
      made.interface = port.device.argument;
      made.state = {port.name, "not looked yet", false, {}};
    } else {
      ports_.push_back(std::move(*found));
      former.erase(found);
    }
    ports_.back().config = &port;
  }
  std::set<std::string> interfaces;
  for (const SteeredPort& port : ports_) interfaces.insert(port.interface);
  release_interfaces_but(interfaces);
  if (!ports_.empty()) look();
  look_ns_ = now_ns + kLookEveryNs;
}

void Steering::tick(uint64_t now_ns, bool may_look) {
  for (SteeredPort& port : ports_) {
    if (!port.announcements) continue;
    port.announcements->take([&](std::span<const uint8_t> frame) {
      ++port.state.announcements;
      sink_(port.config->id, frame);
    });
  }
  if (ports_.empty() || !may_look || now_ns < look_ns_) return;
  look();
  look_ns_ = now_ns + kLookEveryNs;
}

void Steering::look() {
  std::optional<Host> host = read_host();
  // Without them, adit would take what is the kernel's: the maps stay as they are.
  if (!host) {
    spdlog::error("event=steering_failed why=\"cannot read the kernel's addresses: {}\"",
                  std::strerror(errno));
    return;
  }
  const bool rules_changed = is_new_ || *host != host_;
  host_ = *std::move(host);
  is_new_ = false;
  for (SteeredPort& port : ports_) {
    std::string why;
    try {
      look_at(port, rules_changed);
    } catch (const std::exception& error) {
      why = error.what();
    }
    if (!why.empty() && why != port.state.why)
      spdlog::error("event=steering_failed port={} why={}", log_value(port.state.port),
                    log_value(why));
    port.state.why = why;
  }
}

void Steering::look_at(SteeredPort& port, bool rules_changed) {
  const PortConfig& config = *port.config;
  const unsigned if_index = if_nametoindex(config.device.argument.c_str());
  if (if_index == 0) throw std::runtime_error("there is no interface " + config.device.argument);
  const XdpProgram program = find_xdp_program(if_index);
  if (!program.is_ours)
    throw std::runtime_error(
        program.id == 0 ? "the interface " + config.device.argument + " has no XDP program any more"
                        : "the XDP program '" + program.name + "' was put in the place of adit's");
  if (program.id != port.program_id) {
    port.maps = std::make_unique<SteeringMaps>(program.id);
    port.announcements = std::make_unique<Announcements>(if_index);
    port.program_id = program.id;
    port.state.is_generic = program.is_generic;
    port.is_up_to_date = false;
    if (program.is_generic)
      spdlog::warn("event=steering port={} mode=generic why={}", log_value(config.name),
                   log_value("the driver of " + config.device.argument +
                             " has no XDP: each packet takes the kernel longer"));
    else
      spdlog::info("event=steering port={} mode=native", log_value(config.name));
  }
  if (port.is_up_to_date && !rules_changed) return;
  port.is_up_to_date = false;  // as long as it is not done
  const SteeringHost host = host_of(port);
  SteeringRules rules = steering_rules(*config_, config, macs_[config.id], host);
  if (rules_changed) warn_of_conflicts(port, rules, host);
  port.maps->apply(std::move(rules));
  port.is_up_to_date = true;
}

std::vector<Steering::State> Steering::states() const {
  std::vector<State> states;
  for (const SteeredPort& port : ports_) {
    State state = port.state;
    if (port.maps != nullptr) {
      try {
        state.counters = port.maps->counters();
      } catch (const std::exception& error) {
        state.why = error.what();
      }
    }
    states.push_back(std::move(state));
  }
  return states;
}

}  // namespace adit
