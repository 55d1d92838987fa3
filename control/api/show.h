// SPDX-License-Identifier: Apache-2.0
// The running state as JSON rows, for `show`. Reads only. Ids do not appear: everything
// goes by the name that it has in the configuration. Counters count from the start.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/catalogue.h"
#include "base/log_queue.h"
#include "running/control_plane.h"

namespace adit {

// Which part of a long list is wanted. `offset` is 0 or a former answer's next_offset; it
// is a place, not a count of rows, so that rows which come and go meanwhile shift nothing.
struct Window {
  uint64_t offset = 0;
  uint64_t limit = kUsualRows;
};

struct Rows {
  nlohmann::json rows = nlohmann::json::array();
  bool truncated = false;
  uint64_t next_offset = 0;  // if truncated
};

// Everything with this network's name only, where given.
struct FdbFilter {
  std::optional<NetworkId> network;
  std::optional<MacAddr> mac;
};

enum class DropRows { kNonZero, kAll };

// And behind each port, the VLANs of it that VRFs have.
Rows show_ports(const ControlPlane& control, const Window& window);
Rows show_networks(const ControlPlane& control, const Window& window);
Rows show_remotes(const ControlPlane& control, const std::optional<std::string>& network,
                  const Window& window, uint64_t now_ns);
// Tunnels of VRFs; remotes are those of networks.
Rows show_tunnels(const ControlPlane& control, const Window& window, uint64_t now_ns);
// Of VRFs.
Rows show_routes(const ControlPlane& control, const Window& window);
// VRFs that import routes.
Rows show_route_sources(const ControlPlane& control, const Window& window);
Rows show_services(const ControlPlane& control, const Window& window);
Rows show_backends(const ControlPlane& control, const std::optional<std::string>& service,
                   const Window& window, uint64_t now_ns);
// Not const: Dataplane gives its FDB to a writer only.
Rows show_fdb(ControlPlane& control, const FdbFilter& filter, const Window& window,
              uint64_t now_ns);
Rows show_neighbours(const ControlPlane& control, const Window& window, uint64_t now_ns);
Rows show_drops(const ControlPlane& control, DropRows which);
Rows show_workers(const ControlPlane& control);
// One row.
Rows show_status(const ControlPlane& control, const LogStats& log, uint64_t uptime_ns);

// --- parts of the above that need no running dataplane ---

// Where neighbours are: on a port, untagged (0) or in a VLAN of it, or in a network.
struct LinkName {
  std::string port;
  uint16_t vlan = 0;
  std::string network;
};
nlohmann::json neighbour_row(const LinkName& link, const Neighbour& neighbour, uint64_t now_ns);
nlohmann::json drop_rows(std::span<const uint64_t, kDropReasonCount> packets, DropRows which);
nlohmann::json worker_row(unsigned id, unsigned core, const WorkerCounters& counters,
                          uint64_t held_now_total, const Dataplane::FragmentState& fragments);
// `entry` lies behind `where`.
nlohmann::json fdb_row(const Fdb::Entry& entry, bool is_told, const BridgePortName& where,
                       uint32_t last_seen_s, uint64_t now_ns);
// The names of bridge ports, by id; null where there is none.
std::vector<const BridgePortName*> names_by_id(const CompiledIds& ids);

}  // namespace adit
