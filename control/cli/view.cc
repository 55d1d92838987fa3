// SPDX-License-Identifier: Apache-2.0
#include "cli/view.h"

#include <map>
#include <stdexcept>

namespace adit::cli {
namespace {

using nlohmann::json;

constexpr Column kPortColumns[] = {
    {"name", "PORT"},
    {"vlan", "VLAN", Format::kNumber},
    {"vrf", "VRF"},
    {"device", "DEVICE"},
    {"mac", "MAC"},
    {"mtu_bytes", "MTU", Format::kNumber},
    {"link", "LINK"},
    {"speed_mbps", "MBIT/S", Format::kNumber},
    {"addresses", "ADDRESSES"},
    {"rx_packets", "RX-PACKETS", Format::kCount},
    {"rx_bytes", "RX-BYTES", Format::kBytes},
    {"tx_packets", "TX-PACKETS", Format::kCount},
    {"tx_bytes", "TX-BYTES", Format::kBytes},
    {"rx_missed", "RX-MISSED", Format::kCount},
};
constexpr Column kNetworkColumns[] = {
    {"name", "NETWORK"},
    {"vni", "VNI", Format::kNumber},
    {"members", "MEMBERS", Format::kNumber},
    {"remotes", "REMOTES", Format::kNumber},
    {"macs", "MACS", Format::kNumber},
    {"learning", "LEARNING"},
    {"vrf", "VRF"},
    {"gateway", "GATEWAY"},
    {"rx_packets", "RX-PACKETS", Format::kCount},
    {"rx_bytes", "RX-BYTES", Format::kBytes},
    {"tx_packets", "TX-PACKETS", Format::kCount},
    {"tx_bytes", "TX-BYTES", Format::kBytes},
};
constexpr Column kRemoteColumns[] = {
    {"network", "NETWORK"},
    {"kind", "KIND"},
    {"id", "ID", Format::kNumber},
    {"address", "REMOTE"},
    {"next_hop", "NEXT-HOP"},
    {"next_hop_mac", "NEXT-HOP-MAC"},
    {"reachable", "REACHABLE"},
    {"learned", "LEARNED"},
    {"last_seen_s", "SEEN-S", Format::kSeconds},
    {"path_mtu_bytes", "PATH-MTU", Format::kNumber},
    {"rx_packets", "RX-PACKETS", Format::kCount},
    {"rx_bytes", "RX-BYTES", Format::kBytes},
    {"tx_packets", "TX-PACKETS", Format::kCount},
    {"tx_bytes", "TX-BYTES", Format::kBytes},
    {"errors", "ERRORS"},
};
constexpr Column kTunnelColumns[] = {
    {"vrf", "VRF"},
    {"name", "TUNNEL"},
    {"kind", "KIND"},
    {"id", "ID", Format::kNumber},
    {"address", "REMOTE"},
    {"next_hop", "NEXT-HOP"},
    {"next_hop_mac", "NEXT-HOP-MAC"},
    {"reachable", "REACHABLE"},
    {"last_seen_s", "SEEN-S", Format::kSeconds},
    {"path_mtu_bytes", "PATH-MTU", Format::kNumber},
    {"rx_packets", "RX-PACKETS", Format::kCount},
    {"rx_bytes", "RX-BYTES", Format::kBytes},
    {"tx_packets", "TX-PACKETS", Format::kCount},
    {"tx_bytes", "TX-BYTES", Format::kBytes},
    {"errors", "ERRORS"},
};
constexpr Column kRouteColumns[] = {
    {"vrf", "VRF"},         {"to", "TO"},         {"source", "SOURCE"},
    {"via", "VIA"},         {"port", "PORT"},     {"vlan", "VLAN", Format::kNumber},
    {"network", "NETWORK"}, {"tunnel", "TUNNEL"},
};
constexpr Column kServiceColumns[] = {
    {"name", "SERVICE"},
    {"vrf", "VRF"},
    {"address", "ADDRESS"},
    {"protocol", "PROTOCOL"},
    {"port", "PORT"},
    {"mark", "MARK", Format::kNumber},
    {"scheduler", "SCHEDULER"},
    {"persistence_s", "PERSISTS-S", Format::kNumber},
    {"templates", "TEMPLATES", Format::kNumber},
    {"backends", "BACKENDS", Format::kNumber},
    {"backends_up", "UP", Format::kNumber},
    {"active", "ACTIVE", Format::kNumber},
    {"inactive", "INACTIVE", Format::kNumber},
    {"share", "SHARE", Format::kNumber},
    {"connections", "CONNECTIONS", Format::kCount},
    {"connections_per_s", "CONN/S", Format::kNumber},
    {"rx_packets", "RX-PACKETS", Format::kCount},
    {"rx_bytes", "RX-BYTES", Format::kBytes},
    {"tx_packets", "TX-PACKETS", Format::kCount},
    {"tx_bytes", "TX-BYTES", Format::kBytes},
};
constexpr Column kBackendColumns[] = {
    {"service", "SERVICE"},
    {"address", "BACKEND"},
    {"port", "PORT", Format::kNumber},
    {"vrf", "VRF"},
    {"forwarding", "FORWARDING"},
    {"weight", "WEIGHT", Format::kNumber},
    {"state", "STATE"},
    {"since_s", "SINCE-S", Format::kSeconds},
    {"check", "CHECK"},
    {"latency_ms", "MS", Format::kNumber},
    {"path_mtu_bytes", "PATH-MTU", Format::kNumber},
    {"active", "ACTIVE", Format::kNumber},
    {"inactive", "INACTIVE", Format::kNumber},
    {"connections", "CONNECTIONS", Format::kCount},
    {"connections_per_s", "CONN/S", Format::kNumber},
    {"rx_packets", "RX-PACKETS", Format::kCount},
    {"rx_bytes", "RX-BYTES", Format::kBytes},
    {"tx_packets", "TX-PACKETS", Format::kCount},
    {"tx_bytes", "TX-BYTES", Format::kBytes},
    {"announced", "ANNOUNCED", Format::kCount},
    {"unannounced", "UNANNOUNCED", Format::kCount},
};
constexpr Column kConnectionColumns[] = {
    {"vrf", "VRF"},
    {"protocol", "PROTOCOL"},
    {"expires_s", "EXPIRES-S", Format::kSeconds},
    {"state", "STATE"},
    {"client", "CLIENT", Format::kEndpoint},
    {"virtual", "VIRTUAL", Format::kEndpoint},
    {"local", "LOCAL", Format::kEndpoint},
    {"backend", "BACKEND", Format::kEndpoint},
    {"backend_vrf", "BACKEND-VRF"},
    {"service", "SERVICE"},
    {"forwarding", "FORWARDING"},
    {"worker", "WORKER", Format::kNumber},
};
constexpr Column kConnectionCountColumns[] = {
    {"service", "SERVICE"},
    {"backend", "BACKEND", Format::kEndpoint},
    {"backend_vrf", "BACKEND-VRF"},
    {"state", "STATE"},
    {"connections", "CONNECTIONS", Format::kNumber},
};
constexpr Column kFdbColumns[] = {
    {"network", "NETWORK"},
    {"mac", "MAC"},
    {"kind", "KIND"},
    {"port", "PORT"},
    {"vlan", "VLAN", Format::kNumber},
    {"remote", "REMOTE"},
    {"static", "STATIC"},
    {"age_s", "AGE-S", Format::kSeconds},
};
constexpr Column kNeighbourColumns[] = {
    {"port", "PORT"},
    {"vlan", "VLAN", Format::kNumber},
    {"network", "NETWORK"},
    {"address", "ADDRESS"},
    {"mac", "MAC"},
    {"state", "STATE"},
    {"age_s", "AGE-S", Format::kSeconds},
};
constexpr Column kDropColumns[] = {
    {"reason", "REASON"},
    {"packets", "PACKETS", Format::kCount},
    {"help", "MEANING"},
};
constexpr Column kWorkerColumns[] = {
    {"id", "WORKER", Format::kNumber},
    {"core", "CORE", Format::kNumber},
    {"state", "STATE"},
    {"received", "RECEIVED", Format::kCount},
    {"sent", "SENT", Format::kCount},
    {"copied", "COPIED", Format::kCount},
    {"consumed", "CONSUMED", Format::kCount},
    {"originated", "ORIGINATED", Format::kCount},
    {"dropped", "DROPPED", Format::kCount},
    {"handed_over", "HANDED-OVER", Format::kCount},
    {"held_now_total", "HELD-NOW-ALL", Format::kNumber},
    {"fragmented_now", "FRAGMENTED", Format::kNumber},
    {"fragment_bytes_now", "FRAGMENT-BYTES", Format::kNumber},
    {"arp_requests_answered", "ARP-ANSWERED", Format::kCount},
    {"echo_requests_answered", "ECHO-ANSWERED", Format::kCount},
    {"events_lost", "EVENTS-LOST", Format::kCount},
    {"loops", "LOOPS", Format::kCount},
    {"busy_percent", "BUSY-%", Format::kPercent},
    {"cycles_per_packet", "CYCLES/PACKET", Format::kNumber},
};

constexpr Column kStatusColumns[] = {
    {"uptime_s", "UPTIME-S", Format::kSeconds},
    {"generation", "GENERATION", Format::kNumber},
    {"workers", "WORKERS", Format::kNumber},
    {"workers_stalled", "STALLED", Format::kNumber},
    {"log_written", "LOG-WRITTEN", Format::kCount},
    {"log_lost", "LOG-LOST", Format::kCount},
    {"log_waiting", "LOG-WAITING", Format::kNumber},
    {"log_stuck", "LOG-STUCK"},
};

constexpr std::string_view kByName[] = {"name"};
constexpr std::string_view kByPort[] = {"name", "vlan"};
constexpr std::string_view kByRemote[] = {"network", "address"};
constexpr std::string_view kByTunnel[] = {"vrf", "name"};
constexpr std::string_view kByRoute[] = {"vrf", "to"};
constexpr std::string_view kByBackend[] = {"service", "vrf", "address", "port"};
constexpr std::string_view kByClient[] = {"vrf",         "protocol", "client",
                                          "client_port", "virtual",  "virtual_port"};
constexpr std::string_view kByBackendAndState[] = {"service", "backend", "backend_port",
                                                   "backend_vrf", "state"};
constexpr std::string_view kByMac[] = {"network", "mac"};
constexpr std::string_view kByNextHop[] = {"port", "vlan", "network", "address"};
constexpr std::string_view kByReason[] = {"reason"};
constexpr std::string_view kById[] = {"id"};

constexpr View kViews[] = {
    {"show.ports", kPortColumns, kByPort},
    {"show.networks", kNetworkColumns, kByName},
    {"show.remotes", kRemoteColumns, kByRemote},
    {"show.tunnels", kTunnelColumns, kByTunnel},
    {"show.routes", kRouteColumns, kByRoute},
    {"show.services", kServiceColumns, kByName},
    {"show.backends", kBackendColumns, kByBackend},
    {"show.connections", kConnectionColumns, kByClient},
    {"show.connections.count", kConnectionCountColumns, kByBackendAndState},
    {"show.fdb", kFdbColumns, kByMac},
    {"show.neighbours", kNeighbourColumns, kByNextHop},
    {"show.drops", kDropColumns, kByReason},
    {"show.workers", kWorkerColumns, kById},
    {"show.status", kStatusColumns, {}},
};

bool grows(const Column& column) {
  return column.format == Format::kCount || column.format == Format::kBytes;
}

std::string id_of(const View& view, const json& row) {
  std::string id;
  for (const std::string_view key : view.id) {
    const auto value = row.find(key);
    if (value != row.end()) id += value->dump();
    id += '/';
  }
  return id;
}

// The growth of a counter, or null.
json growth(const json& before, const json& now, std::string_view key) {
  const auto old = before.find(key);
  const auto fresh = now.find(key);
  if (old == before.end() || fresh == now.end()) return nullptr;
  if (!old->is_number_unsigned() || !fresh->is_number_unsigned()) return nullptr;
  if (fresh->get<uint64_t>() < old->get<uint64_t>()) return nullptr;
  return fresh->get<uint64_t>() - old->get<uint64_t>();
}

// Ratios of counters are those of the interval, not since the start.
void put_ratio(json& row, std::string_view key, const json& part, const json& whole,
               double factor) {
  if (!row.contains(key)) return;
  const bool known = part.is_number() && whole.is_number() && whole.get<double>() > 0;
  row[std::string(key)] =
      known ? json(factor * part.get<double>() / whole.get<double>()) : json(nullptr);
}

}  // namespace

const View& view_of(std::string_view method) {
  for (const View& view : kViews)
    if (view.method == method) return view;
  throw std::out_of_range("no view of " + std::string(method));
}

std::vector<Column> rate_columns(const View& view) {
  // Titles are views of text that has to stay: every title with /s, made once.
  static const std::map<std::string_view, std::string> kTitles = [] {
    std::map<std::string_view, std::string> titles;
    for (const View& each : kViews)
      for (const Column& column : each.columns)
        titles.emplace(column.title, std::string(column.title) + "/S");
    return titles;
  }();
  std::vector<Column> columns(view.columns.begin(), view.columns.end());
  for (Column& column : columns)
    if (grows(column)) column.title = kTitles.at(column.title);
  return columns;
}

json rates(const View& view, const json& before, const json& now, double elapsed_s) {
  std::map<std::string, const json*> old;
  for (const json& row : before) old.emplace(id_of(view, row), &row);
  json out = json::array();
  static const json kNothing = json::object();
  for (const json& row : now) {
    const auto found = old.find(id_of(view, row));
    const json& former = found == old.end() ? kNothing : *found->second;
    json rated = row;
    for (const Column& column : view.columns) {
      if (!grows(column)) continue;
      const json more = growth(former, row, column.key);
      rated[std::string(column.key)] = more.is_null() ? more : json(more.get<double>() / elapsed_s);
    }
    const json busy = growth(former, row, "busy_cycles");
    put_ratio(rated, "busy_percent", busy, growth(former, row, "cycles"), 100);
    put_ratio(rated, "cycles_per_packet", busy, growth(former, row, "received"), 1);
    out.push_back(std::move(rated));
  }
  return out;
}

}  // namespace adit::cli
