// SPDX-License-Identifier: Apache-2.0
// The handlers of `show`: from parameters to rows.
#include <optional>

#include "api/params.h"
#include "api/rows_answer.h"
#include "base/log.h"
#include "running/control_plane.h"
#include "running/reload.h"

namespace adit {
namespace {

using nlohmann::json;

std::optional<MacAddr> mac_param(const json& params) {
  const auto text = string_param(params, "mac");
  if (!text) return std::nullopt;
  const auto mac = parse_mac(*text);
  if (!mac)
    throw ApiError(kInvalidParams,
                   "parameter 'mac': expected 02:00:00:00:00:01, found " + in_quotes(*text));
  return mac;
}

}  // namespace

LaterAnswer begin_ports(ApiContext& context, const json&, const Caller&) {
  return in_slices({.limit = UINT64_MAX},
                   [&control = *context.control_plane](const Window& window) {
                     return show_ports(control, window);
                   });
}

LaterAnswer begin_networks(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params), [&control = *context.control_plane](const Window& window) {
    return show_networks(control, window);
  });
}

LaterAnswer begin_remotes(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params),
                   [&context, network = network_param(context, params)](const Window& window) {
                     return show_remotes(*context.control_plane, network, window, context.now_ns());
                   });
}

LaterAnswer begin_tunnels(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params), [&context](const Window& window) {
    return show_tunnels(*context.control_plane, window, context.now_ns());
  });
}

LaterAnswer begin_routes(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params), [&control = *context.control_plane](const Window& window) {
    return show_routes(control, window);
  });
}

LaterAnswer begin_route_sources(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params), [&control = *context.control_plane](const Window& window) {
    return show_route_sources(control, window);
  });
}

LaterAnswer begin_services(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params), [&control = *context.control_plane](const Window& window) {
    return show_services(control, window);
  });
}

LaterAnswer begin_backends(ApiContext& context, const json& params, const Caller&) {
  const auto service = service_param(context, params);
  return in_slices(window_param(params), [&context, service](const Window& window) {
    return show_backends(*context.control_plane, service, window, context.now_ns());
  });
}

LaterAnswer begin_fdb(ApiContext& context, const json& params, const Caller&) {
  FdbFilter filter;
  if (const auto network = network_param(context, params))
    filter.network = context.control_plane->ids().networks.at(*network);
  filter.mac = mac_param(params);
  return in_slices(window_param(params), [&context, filter](const Window& window) {
    return show_fdb(*context.control_plane, filter, window, context.now_ns());
  });
}

LaterAnswer begin_neighbours(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params), [&context](const Window& window) {
    return show_neighbours(*context.control_plane, window, context.now_ns());
  });
}

json answer_drops(ApiContext& context, const json& params, const Caller&) {
  const DropRows which = params.value("all", false) ? DropRows::kAll : DropRows::kNonZero;
  return to_json(show_drops(*context.control_plane, which));
}

json answer_workers(ApiContext& context, const json&, const Caller&) {
  return to_json(show_workers(*context.control_plane));
}

json answer_status(ApiContext& context, const json&, const Caller&) {
  const uint64_t now_ns = context.now_ns();
  Rows out = show_status(*context.control_plane, log_stats(), now_ns - context.started_ns);
  const Reloader& reloader = *context.reloader;
  const RevisionHistory& history = reloader.history();
  const auto reverts_in_s = reloader.reverts_in_s(now_ns);
  json& row = out.rows.front();
  row["revision"] = history.running() != 0 ? json(history.running()) : json(nullptr);
  row["reverts_in_s"] = reverts_in_s ? json(*reverts_in_s) : json(nullptr);
  const std::string& why = history.is_kept() ? reloader.not_kept_why() : history.why_none();
  row["history_error"] = why.empty() ? json(nullptr) : json(why);
  return to_json(std::move(out));
}

}  // namespace adit
