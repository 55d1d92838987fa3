// SPDX-License-Identifier: Apache-2.0
#include "steering/steering.h"

#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "base/log.h"

namespace adit {
namespace {

constexpr uint64_t kLookEveryNs = 1'000'000'000;

}  // namespace

Steering::Host Steering::read_host() {
  Host host;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return host;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || (one->ifa_flags & IFF_LOOPBACK) != 0) continue;
    IpAddr address;
    if (one->ifa_addr->sa_family == AF_INET) {
      address.family = IpFamily::kV4;
      std::memcpy(address.bytes.data(),
                  &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr, 4);
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      address.family = IpFamily::kV6;
      std::memcpy(address.bytes.data(),
                  &reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr, 16);
    } else {
      const auto* link = reinterpret_cast<const sockaddr_ll*>(one->ifa_addr);
      if (one->ifa_addr->sa_family == AF_PACKET && link->sll_halen == sizeof(MacAddr))
        std::memcpy(host.macs[one->ifa_name].bytes.data(), link->sll_addr, sizeof(MacAddr));
      continue;
    }
    host.addresses.insert(address);
  }
  freeifaddrs(first);
  return host;
}

// Neighbours would send what is for the kernel to adit's MAC, where the kernel does not take it.
void Steering::warn_of_macs(const SteeredPort& port) const {
  const PortConfig& config = config_->ports[port.index];
  const auto device = host_.macs.find(config.device.argument);
  if (device == host_.macs.end() || device->second == macs_[port.index]) return;
  for (const ServiceConfig& service : config_->services)
    if (host_.addresses.contains(service.address))
      spdlog::warn("event=steering_conflict port={} service={} why={}", log_value(config.name),
                   log_value(service.name),
                   log_value(to_string(service.address) +
                             " is an address of the kernel's, and `mac` of the port another than "
                             "the device's: leave it out"));
}

void Steering::configure(std::shared_ptr<const Config> config, const std::vector<MacAddr>& macs,
                         uint64_t now_ns) {
  config_ = std::move(config);
  macs_ = macs;
  is_new_ = true;
  // Ports stay until a restart.
  if (ports_.empty())
    for (size_t i = 0; i < config_->ports.size(); ++i)
      if (is_steered(config_->ports[i]))
        ports_.push_back(
            {i, 0, nullptr, false, {config_->ports[i].name, "not looked yet", false, {}}});
  if (!ports_.empty()) look();
  look_ns_ = now_ns + kLookEveryNs;
}

void Steering::tick(uint64_t now_ns) {
  if (ports_.empty() || now_ns < look_ns_) return;
  look();
  look_ns_ = now_ns + kLookEveryNs;
}

void Steering::look() {
  Host host = read_host();
  const bool rules_changed = is_new_ || host != host_;
  host_ = std::move(host);
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
  const PortConfig& config = config_->ports[port.index];
  const unsigned if_index = if_nametoindex(config.device.argument.c_str());
  if (if_index == 0) throw std::runtime_error("there is no interface " + config.device.argument);
  const XdpProgram program = find_xdp_program(if_index);
  if (!program.is_ours)
    throw std::runtime_error(
        program.id == 0 ? "the interface " + config.device.argument + " has no XDP program any more"
                        : "the XDP program '" + program.name + "' was put in the place of adit's");
  if (program.id != port.program_id) {
    port.maps = std::make_unique<SteeringMaps>(program.id);
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
  warn_of_macs(port);
  port.maps->apply(steering_rules(*config_, port.index, macs_[port.index], host_.addresses),
                   static_cast<uint32_t>(getpid()));
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
