// SPDX-License-Identifier: Apache-2.0
#include "host/host_interfaces.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/time_units.h"

namespace adit {
namespace {

constexpr uint64_t kRetryNs = 5 * kNsPerSecond;
// Packets that programs send by one interface in a second, and how many of it are taken before
// others of control's duties.
constexpr RateLimit kMostOfInterface = RateLimit::per_second(20'000);
constexpr unsigned kInterfaceTurn = 64;

void add(HostInterface::Wanted& wanted, const std::vector<IpPrefix>& addresses) {
  wanted.addresses.insert(addresses.begin(), addresses.end());
}

// A packet of a VRF fits all its links.
void fit(HostInterface::Wanted& wanted, unsigned mtu_bytes) {
  wanted.mtu_bytes = wanted.mtu_bytes == 0 ? mtu_bytes : std::min(wanted.mtu_bytes, mtu_bytes);
}

struct WantedHost {
  HostConfig config;
  VrfId vrf = 0;
  HostInterface::Wanted wanted;
};

std::map<std::string, WantedHost> wanted_hosts(const Config& config,
                                               const std::map<std::string, VrfId>& vrfs) {
  std::map<std::string, WantedHost> all;
  if (config.host) all[kUnderlayName] = {*config.host, 0, {{}, 0}};
  for (const VrfConfig& vrf : config.vrfs)
    if (vrf.host) all[vrf.name] = {*vrf.host, vrfs.at(vrf.name), {{}, 0}};
  const auto vrf_of = vrfs_of_ports(config);
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const PortConfig& port = config.ports[i];
    const auto found = all.find(vrf_of[i] ? config.vrfs[*vrf_of[i]].name : kUnderlayName);
    if (found == all.end() || port.addresses.empty()) continue;
    add(found->second.wanted, port.addresses);
    fit(found->second.wanted, port.mtu_bytes);
  }
  for (const VrfConfig& vrf : config.vrfs) {
    const auto found = all.find(vrf.name);
    if (found == all.end()) continue;
    HostInterface::Wanted& wanted = found->second.wanted;
    for (const VlanConfig& vlan : vrf.vlans) {
      add(wanted, vlan.addresses);
      if (vlan.mtu_bytes) fit(wanted, *vlan.mtu_bytes);
    }
    for (const GatewayConfig& gateway : vrf.networks) {
      add(wanted, gateway.addresses);
      if (gateway.mtu_bytes) fit(wanted, *gateway.mtu_bytes);
    }
    for (const VrfTunnelConfig& tunnel : vrf.tunnels) add(wanted, tunnel.addresses);
  }
  // IPv6 needs 1280 (RFC 8200 section 5). What is longer than its way is cut, or told to its
  // sender.
  constexpr unsigned kLeast = 1280, kUsual = 1500;
  for (auto& [name, host] : all)
    host.wanted.mtu_bytes = std::clamp(host.wanted.mtu_bytes, kLeast, kUsual);
  return all;
}

// To a group or within a link: what a kernel sends on its own. A VRF's routes do not lead there.
bool stays_on_link(std::span<const uint8_t> packet) {
  if (packet.empty()) return true;
  if (packet[0] >> 4 == 4) return packet.size() < 20 || packet[16] >= 224;
  constexpr size_t kTo = 24;
  return packet.size() < 40 || packet[kTo] == 0xff ||
         (packet[kTo] == 0xfe && (packet[kTo + 1] & 0xc0) == 0x80);
}

}  // namespace

void HostInterfaces::configure(const Config& config, const std::map<std::string, VrfId>& vrfs,
                               uint64_t now_ns) {
  std::map<std::string, WantedHost> wanted = wanted_hosts(config, vrfs);
  by_vrf_.clear();
  // First, so that a name that moves to another VRF is free.
  std::erase_if(entries_, [&](const auto& each) {
    const auto found = wanted.find(each.first);
    return found == wanted.end() || found->second.config != each.second->config;
  });
  for (auto& [name, host] : wanted) {
    auto& entry = entries_[name];
    if (!entry) entry = std::make_shared<Entry>(io_, host.config);
    entry->vrf = host.vrf;
    if (host.vrf >= by_vrf_.size()) by_vrf_.resize(host.vrf + 1u);
    by_vrf_[host.vrf] = entry.get();
    entry->wanted = std::move(host.wanted);
    entry->retry_ns = 0;
    apply(name, entry, now_ns);
  }
}

void HostInterfaces::apply(const std::string& vrf, const std::shared_ptr<Entry>& entry,
                           uint64_t now_ns) {
  const std::string former = std::exchange(entry->why, "");
  const bool is_new = !entry->interface;
  try {
    if (is_new)
      entry->interface = std::make_unique<HostInterface>(entry->config, entry->wanted);
    else
      entry->interface->set(entry->wanted);
  } catch (const std::exception& error) {
    entry->why = error.what();
  }
  if (entry->interface && is_new) {
    entry->reader.assign(entry->interface->descriptor());
    wait(entry);
  }
  const std::string space = entry->config.network_namespace.value_or("");
  if (!entry->why.empty()) {
    entry->retry_ns = now_ns + kRetryNs;
    if (entry->why != former)
      spdlog::error("event=host_interface_failed vrf={} interface={} namespace={} error={}",
                    log_value(vrf), log_value(entry->config.interface), log_value(space),
                    log_value(entry->why));
  } else if (is_new || !former.empty()) {
    spdlog::info("event=host_interface vrf={} interface={} namespace={} addresses={} mtu_bytes={}",
                 log_value(vrf), log_value(entry->config.interface), log_value(space),
                 entry->wanted.addresses.size(), entry->wanted.mtu_bytes);
  }
}

void HostInterfaces::tick(uint64_t now_ns) {
  for (const auto& [vrf, entry] : entries_)
    if (!entry->why.empty() && now_ns >= entry->retry_ns) apply(vrf, entry, now_ns);
}

void HostInterfaces::wait(const std::shared_ptr<Entry>& entry) {
  entry->reader.async_wait(
      boost::asio::posix::descriptor_base::wait_read,
      [this, weak = std::weak_ptr<Entry>(entry)](const boost::system::error_code& error) {
        const std::shared_ptr<Entry> still = weak.lock();
        if (error || !still) return;
        take(*still);
        wait(still);
      });
}

void HostInterfaces::take(Entry& entry) {
  const uint64_t now_ns = now_ns_();
  for (unsigned i = 0; i < kInterfaceTurn; ++i) {
    const ssize_t n = read(entry.interface->descriptor(), packet_.data(), packet_.size());
    if (n <= 0) return;
    const std::span<const uint8_t> packet(packet_.data(), static_cast<size_t>(n));
    if (stays_on_link(packet)) continue;
    if (entry.meter.allow(kMostOfInterface, now_ns) && send_(entry.vrf, packet))
      ++entry.counters.from_host;
    else
      ++entry.counters.dropped;
  }
}

void HostInterfaces::receive(VrfId vrf, std::span<const uint8_t> packet) {
  Entry* entry = vrf < by_vrf_.size() ? by_vrf_[vrf] : nullptr;
  if (entry == nullptr || !entry->interface) return;
  if (write(entry->interface->descriptor(), packet.data(), packet.size()) >= 0)
    ++entry->counters.to_host;
  else
    ++entry->counters.dropped;
  errno = 0;
}

std::vector<HostInterfaces::State> HostInterfaces::states() const {
  std::vector<State> all;
  for (const auto& [vrf, entry] : entries_)
    all.push_back({vrf, entry->config, entry->interface ? "" : entry->why, entry->counters});
  return all;
}

}  // namespace adit
