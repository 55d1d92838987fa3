// SPDX-License-Identifier: Apache-2.0
// `show` for the load balancer: services and their backends.
#include <algorithm>
#include <cmath>
#include <map>

#include "api/show.h"
#include "api/show_parts.h"
#include "config/values.h"
#include "config/words.h"

namespace adit {
namespace {

using nlohmann::json;

json ports_of(const ServiceConfig& service) {
  if (service.port == 0) return "all";
  if (!service.last_port) return std::to_string(service.port);
  return std::to_string(service.port) + '-' + std::to_string(*service.last_port);
}

void put_state(json& row, const Dataplane::BackendState& state) {
  row["active"] = state.active;
  row["inactive"] = state.inactive;
  row["connections"] = state.connections;
  put(row, state.traffic);
  row["announced"] = state.client_info_sent;
  row["unannounced"] = state.client_info_omitted;
}

void put_rates(json& row, const TrafficRates& rates) {
  const auto rounded = [](double rate) { return std::round(rate * 10) / 10; };
  row["connections_per_s"] = rounded(rates.connections);
  row["rx_packets_per_s"] = rounded(rates.rx_packets);
  row["rx_bytes_per_s"] = rounded(rates.rx_bytes);
  row["tx_packets_per_s"] = rounded(rates.tx_packets);
  row["tx_bytes_per_s"] = rounded(rates.tx_bytes);
}

// What services and their VRFs may have of the connection table
// (dataplane/worker/connection_shares.h).
class ShareView {
 public:
  explicit ShareView(const ControlPlane& control) : control_(control) {
    for (const VrfConfig& vrf : control.config().vrfs)
      if (vrf.connections != 0) limits_[vrf.name] = vrf.connections;
  }

  // `share`: connections that the service may have, as things are.
  void put(json& row, const ServiceConfig& service) const {
    const Dataplane& dataplane = control_.dataplane();
    const uint64_t capacity = dataplane.connection_capacity();
    const uint64_t free = capacity - std::min(capacity, dataplane.connections());
    const bool shared = control_.config().balancer.when_full == WhenFull::kReplaceHalfOpen;
    const auto most = [&](uint64_t limit, bool alone, unsigned factor) {
      if (limit != 0) return std::min(limit, capacity);
      return alone || !shared ? capacity : std::min(factor * free, capacity);
    };
    const auto found = control_.ids().vrfs.find(service.vrf);
    const VrfId vrf = found == control_.ids().vrfs.end() ? VrfId{0} : found->second;
    const Snapshot& snapshot = control_.snapshot();
    const VrfShare& share = snapshot.vrf_shares.at(vrf);
    const auto limit = limits_.find(service.vrf);
    const uint64_t of_vrf = most(limit == limits_.end() ? 0 : limit->second,
                                 snapshot.vrfs_with_services < 2, kVrfShareFactor);
    row["share"] =
        std::min(of_vrf, most(service.limits.connections, share.services < 2, kServiceShareFactor));
    row["vrf_share"] = of_vrf;
    row["vrf_connections"] = dataplane.connections_of_vrf(vrf);
  }

 private:
  const ControlPlane& control_;
  std::map<std::string, uint32_t> limits_;
};

const char* state_name(const BackendStatus& status, const BackendTracker::State& state) {
  if (!status.up) return state.up && state.is_unreachable ? "unreachable" : "down";
  if (status.weight == 0) return "drained";
  return state.starting_ns ? "starting" : "up";
}

// "packets", "host", "host (eth0)"
std::string way_of(const HealthView& health) {
  std::string way = word_of(health.way);
  if (!health.device.empty()) way += " (" + health.device + ')';
  if (health.lacks_way) way += " (no way of packets: see event=checks_by_host)";
  return way;
}

// The last result of a check, as far as there is one.
void put_check(json& row, const std::optional<HealthView>& health) {
  const bool checked = health && health->checks != 0;
  std::string text;
  if (checked) {
    if (health->last_verdict == Verdict::kUnknown) text = "unknown: ";
    text += health->last_detail;
    if (health->phase == HealthPhase::kHeld) text += "; held down, because it flaps";
  }
  row["check"] = checked ? json(text) : json(nullptr);
  row["check_way"] = health ? json(way_of(*health)) : json(nullptr);
  row["latency_ms"] =
      checked ? json(std::round(health->last_latency_ms * 100) / 100) : json(nullptr);
}

json backend_row(const ControlPlane& control, const ServiceConfig& service,
                 const BackendConfig& backend, BackendId id, uint64_t now_ns) {
  const BackendStatus status = control.dataplane().backend_status().load(id);
  const BackendTracker::State& state = control.backends().state(id);
  const bool sorry = service.sorry && backend == *service.sorry;
  json row = {{"service", service.name},
              {"address", to_string(backend.address)},
              {"port", backend.port != 0 ? json(backend.port) : json(nullptr)},
              {"vrf", backend.vrf.value_or(service.vrf)},
              {"forwarding", word_of(backend.forwarding.value_or(service.forwarding))},
              {"weight", status.weight},
              {"state", sorry ? "sorry" : state_name(status, state)},
              {"since_s", (now_ns - state.since_ns) / 1'000'000'000}};
  const uint32_t path_mtu = control.dataplane().path_mtus().of_backend(
      id, address_key(backend.address), static_cast<uint32_t>(now_ns / 1'000'000'000));
  row["path_mtu_bytes"] = path_mtu != 0 ? json(path_mtu) : json(nullptr);
  put_check(row, control.backends().health(id));
  put_state(row, control.dataplane().backend_state(id));
  put_rates(row, control.rates().of(id));
  return row;
}

}  // namespace

Rows show_services(const ControlPlane& control, const Window& window) {
  const auto& services = control.config().services;
  const ShareView shares(control);
  Rows out;
  for (uint64_t i = window.offset; i < services.size(); ++i) {
    if (out.rows.size() == window.limit) {
      out.truncated = true;
      out.next_offset = i;
      break;
    }
    const ServiceConfig& service = services[i];
    Dataplane::BackendState sum;
    TrafficRates rates;
    unsigned up = 0;
    const BackendIds::ListPtr& ids = control.ids().backends.of(service.name);
    auto known = ids->begin();
    for_all_backends(service, [&](const BackendConfig& backend) {
      const BackendId id = (known++)->id;
      const auto state = control.dataplane().backend_state(id);
      sum.active += state.active;
      sum.inactive += state.inactive;
      sum.connections += state.connections;
      add(sum.traffic, state.traffic);
      rates += control.rates().of(id);
      sum.client_info_sent += state.client_info_sent;
      sum.client_info_omitted += state.client_info_omitted;
      const bool sorry = service.sorry && backend == *service.sorry;
      // As workers see it: what is down, or drained, takes no new clients.
      const BackendStatus status = control.dataplane().backend_status().load(id);
      up += !sorry && status.up && status.weight != 0;
    });
    const bool by_fwmark = service.fwmark != 0;
    json row = {{"name", service.name},
                {"vrf", service.vrf},
                {"address", by_fwmark ? json(nullptr) : json(to_string(service.address))},
                {"protocol", by_fwmark ? json(nullptr) : json(word_of(service.protocol))},
                {"port", by_fwmark ? json(nullptr) : ports_of(service)},
                {"mark", by_fwmark ? json(service.fwmark) : json(nullptr)},
                {"scheduler", service.scheduler},
                {"persistence_s",
                 service.persistence ? json(service.persistence->timeout_s) : json(nullptr)},
                {"templates",
                 control.dataplane().persistence_entries(control.ids().services.at(service.name))},
                {"backends", service.backends.size()},
                {"backends_up", up}};
    shares.put(row, service);
    put_state(row, sum);
    put_rates(row, rates);
    out.rows.push_back(std::move(row));
  }
  return out;
}

Rows show_backends(const ControlPlane& control, const std::optional<std::string>& wanted,
                   const Window& window, uint64_t now_ns) {
  Rows out;
  uint64_t place = 0;
  for (const ServiceConfig& service : control.config().services) {
    if (wanted && service.name != *wanted) continue;
    const size_t count = service.backends.size() + service.sorry.has_value();
    if (place + count <= window.offset) {
      place += count;
      continue;
    }
    const BackendIds::ListPtr& ids = control.ids().backends.of(service.name);
    auto known = ids->begin();
    for (const BackendConfig& backend : all_backends(service)) {
      const BackendId id = (known++)->id;
      if (place++ < window.offset) continue;
      if (out.rows.size() == window.limit) {
        out.truncated = true;
        out.next_offset = place - 1;
        return out;
      }
      out.rows.push_back(backend_row(control, service, backend, id, now_ns));
    }
  }
  return out;
}

}  // namespace adit
