// SPDX-License-Identifier: Apache-2.0
#include "api/methods.h"

#include <rte_version.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "api/show.h"
#include "api/show_connections.h"
#include "base/log.h"
#include "base/nearest_name.h"
#include "config/yaml/error.h"
#include "config/yaml/mistakes_json.h"
#include "running/control_plane.h"
#include "running/reload.h"

namespace adit {
namespace {

using nlohmann::json;

// Runs what may find a configuration wrong.
template <class Function>
auto or_refuse(Function function) {
  try {
    return function();
  } catch (const ConfigError& error) {
    json mistakes = to_json(error.mistakes());
    const std::string count = std::to_string(mistakes.size());
    throw ApiError(kConfigRefused,
                   "configuration refused: " + count + (count == "1" ? " mistake" : " mistakes"),
                   {{"mistakes", std::move(mistakes)}});
  } catch (const WorkerStalled& error) {
    throw ApiError(kWorkerStalled, error.what());
  }
}

std::optional<std::string> string_param(const json& params, const char* name) {
  const auto found = params.find(name);
  if (found == params.end()) return std::nullopt;
  return found->get<std::string>();
}

Window window_param(const json& params) {
  Window window;
  window.offset = params.value("offset", window.offset);
  window.limit = params.value("limit", window.limit);
  if (window.limit < 1 || window.limit > kMaxWindow)
    throw ApiError(kInvalidParams, "parameter 'limit': expected 1.." + std::to_string(kMaxWindow) +
                                       ", found " + std::to_string(window.limit));
  return window;
}

// The name of a network that there is.
std::optional<std::string> network_param(const ApiContext& context, const json& params) {
  auto name = string_param(params, "network");
  const auto& networks = context.control_plane->ids().networks;
  if (!name || networks.contains(*name)) return name;
  std::vector<std::string_view> names;
  for (const auto& [known, id] : networks) names.push_back(known);
  throw ApiError(kInvalidParams,
                 "there is no network " + adit::in_quotes(*name) + did_you_mean(*name, names));
}

// The same of a service.
std::optional<std::string> service_param(const ApiContext& context, const json& params) {
  auto name = string_param(params, "service");
  const auto& services = context.control_plane->ids().services;
  if (!name || services.contains(*name)) return name;
  std::vector<std::string_view> names;
  for (const auto& [known, id] : services) names.push_back(known);
  throw ApiError(kInvalidParams,
                 "there is no service " + adit::in_quotes(*name) + did_you_mean(*name, names));
}

std::optional<MacAddr> mac_param(const json& params) {
  const auto text = string_param(params, "mac");
  if (!text) return std::nullopt;
  const auto mac = parse_mac(*text);
  if (!mac)
    throw ApiError(kInvalidParams,
                   "parameter 'mac': expected 02:00:00:00:00:01, found " + adit::in_quotes(*text));
  return mac;
}

json to_json(Rows&& rows) {
  json result = {{"rows", std::move(rows.rows)}, {"truncated", rows.truncated}};
  if (rows.truncated) result["next_offset"] = rows.next_offset;
  return result;
}

// The answer to what the reloader does, once it has.
class ReloadAnswer {
 public:
  Reloader::Done done() const {
    return [place = outcome_](Reloader::Outcome outcome) { *place = std::move(outcome); };
  }
  // `make` says what of the outcome is the answer.
  template <class Make>
  LaterAnswer when(bool accepted, Make make) const {
    if (!accepted)
      throw ApiError(kBusy, std::to_string(Reloader::kMaxWaiting) +
                                " reloads and checks wait for their turn already; try again");
    return [place = outcome_, make]() -> std::optional<std::string> {
      if (!*place) return std::nullopt;
      return or_refuse([&] {
        if ((*place)->error) std::rethrow_exception((*place)->error);
        // Names in messages may be no UTF-8; an answer must be.
        return make(**place).dump(-1, ' ', false, json::error_handler_t::replace);
      });
    };
  }

 private:
  std::shared_ptr<std::optional<Reloader::Outcome>> outcome_ =
      std::make_shared<std::optional<Reloader::Outcome>>();
};

// Text, not a path: the daemon may read what its caller may not.
LaterAnswer check(ApiContext& context, const json& params, const Caller&) {
  const ReloadAnswer answer;
  const bool accepted = context.reloader->check(string_param(params, "text"),
                                                params.value("file_name", "text"), answer.done());
  return answer.when(accepted, [](const Reloader::Outcome& outcome) {
    return json{{"changes", outcome.changes},
                {"needs_restart", outcome.needs_restart},
                {"warnings", to_json(outcome.warnings)}};
  });
}

LaterAnswer reload(ApiContext& context, const json&, const Caller& caller) {
  const ReloadAnswer answer;
  const bool accepted = context.reloader->reload(to_string(caller), answer.done());
  return answer.when(accepted, [](const Reloader::Outcome& outcome) {
    return json{{"generation", outcome.generation}, {"changes", outcome.changes}};
  });
}

json drain(ApiContext& context, const json& params, const Caller&) {
  const auto service = service_param(context, params);
  std::optional<IpAddr> address;
  if (const auto text = string_param(params, "backend")) {
    address = parse_ip(*text);
    if (!address)
      throw ApiError(kInvalidParams, "parameter 'backend': expected an IP address, found " +
                                         adit::in_quotes(*text));
  }
  const unsigned count =
      context.control_plane->backends().move_udp(service, address, context.now_ns());
  if (count == 0)
    throw ApiError(kInvalidParams,
                   "there is no such backend of weight 0; set its weight to 0 and reload first");
  return {{"backends", count}};
}

// Rows that control makes at a time: of those that take longest, some milliseconds.
constexpr uint64_t kSlice = 250;

// The rows of a window, so many at a time that control's other work can wait for it. `rows` gives
// those of a smaller one. Where the configuration changes meanwhile, what follows is of the new
// one.
template <class GetRows>
LaterAnswer in_slices(Window window, GetRows rows) {
  std::string text = R"({"rows":[)";
  return [window, rows, text]() mutable -> std::optional<std::string> {
    const uint64_t limit = std::min<uint64_t>(window.limit, kSlice);
    const Rows slice = rows({.offset = window.offset, .limit = limit});
    for (const json& row : slice.rows) {
      if (text.back() != '[') text += ',';
      text += row.dump(-1, ' ', false, json::error_handler_t::replace);
    }
    window.limit -= slice.rows.size();  // a slice may end where it has looked for long enough
    if (slice.truncated && window.limit != 0) {
      window.offset = slice.next_offset;
      return std::nullopt;
    }
    text += R"(],"truncated":)" + std::string(slice.truncated ? "true" : "false");
    if (slice.truncated) text += R"(,"next_offset":)" + std::to_string(slice.next_offset);
    return text + '}';
  };
}

LaterAnswer ports(ApiContext& context, const json&, const Caller&) {
  return in_slices({.limit = UINT64_MAX},
                   [&control = *context.control_plane](const Window& window) {
                     return show_ports(control, window);
                   });
}

LaterAnswer networks(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params), [&control = *context.control_plane](const Window& window) {
    return show_networks(control, window);
  });
}

LaterAnswer remotes(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params),
                   [&context, network = network_param(context, params)](const Window& window) {
                     return show_remotes(*context.control_plane, network, window, context.now_ns());
                   });
}

LaterAnswer tunnels(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params), [&context](const Window& window) {
    return show_tunnels(*context.control_plane, window, context.now_ns());
  });
}

LaterAnswer routes(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params), [&control = *context.control_plane](const Window& window) {
    return show_routes(control, window);
  });
}

LaterAnswer services(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params), [&control = *context.control_plane](const Window& window) {
    return show_services(control, window);
  });
}

LaterAnswer backends(ApiContext& context, const json& params, const Caller&) {
  const auto service = service_param(context, params);
  return in_slices(window_param(params), [&context, service](const Window& window) {
    return show_backends(*context.control_plane, service, window, context.now_ns());
  });
}

LaterAnswer fdb(ApiContext& context, const json& params, const Caller&) {
  FdbFilter filter;
  if (const auto network = network_param(context, params))
    filter.network = context.control_plane->ids().networks.at(*network);
  filter.mac = mac_param(params);
  return in_slices(window_param(params), [&context, filter](const Window& window) {
    return show_fdb(*context.control_plane, filter, window, context.now_ns());
  });
}

LaterAnswer neighbours(ApiContext& context, const json& params, const Caller&) {
  return in_slices(window_param(params), [&context](const Window& window) {
    return show_neighbours(*context.control_plane, window, context.now_ns());
  });
}

json drops(ApiContext& context, const json& params, const Caller&) {
  const DropRows which = params.value("all", false) ? DropRows::kAll : DropRows::kNonZero;
  return to_json(show_drops(*context.control_plane, which));
}

json workers(ApiContext& context, const json&, const Caller&) {
  return to_json(show_workers(*context.control_plane));
}

json status(ApiContext& context, const json&, const Caller&) {
  return to_json(
      show_status(*context.control_plane, log_stats(), context.now_ns() - context.started_ns));
}

json version(ApiContext& context, const json&, const Caller&) {
  return {{"version", ADIT_VERSION},
          {"dpdk", rte_version()},
          {"generation", context.control_plane->generation()},
          {"config", context.config_path}};
}

json help(ApiContext&, const json&, const Caller&) {
  json rows = json::array();
  for (const Method& method : api_methods()) {
    json parameters = json::array();
    for (const Parameter& parameter : method.parameters)
      parameters.push_back({{"name", parameter.name},
                            {"type", to_string(parameter.type)},
                            {"required", parameter.presence == Presence::kRequired},
                            {"help", parameter.help}});
    rows.push_back({{"name", method.name},
                    {"changes", method.effect == Effect::kChanges},
                    {"help", method.help},
                    {"parameters", std::move(parameters)}});
  }
  return {{"rows", std::move(rows)}, {"truncated", false}};
}

constexpr auto kOptional = Presence::kOptional;
constexpr Parameter kLimit = {"limit", ParameterType::kUnsigned, kOptional,
                              "most rows to answer with, 1..20000; 10000 if not given"};
constexpr Parameter kOffset = {"offset", ParameterType::kUnsigned, kOptional,
                               "where to go on: next_offset of the former answer"};
constexpr Parameter kNetwork = {"network", ParameterType::kString, kOptional,
                                "only what belongs to this network"};

constexpr Parameter kCheckParameters[] = {
    {"text", ParameterType::kString, kOptional, "YAML text; the daemon's own file if not given"},
    {"file_name", ParameterType::kString, kOptional, "what to call the text in messages"},
};
constexpr Parameter kWindowParameters[] = {kLimit, kOffset};
constexpr Parameter kRemotesParameters[] = {kNetwork, kLimit, kOffset};
constexpr Parameter kBackendsParameters[] = {
    {"service", ParameterType::kString, kOptional, "only those of this service"},
    kLimit,
    kOffset,
};
constexpr Parameter kDrainParameters[] = {
    {"service", ParameterType::kString, kOptional, "only those of this service"},
    {"backend", ParameterType::kString, kOptional, "only those of this address"},
};
constexpr Parameter kConnectionsParameters[] = {
    {"service", ParameterType::kString, kOptional, "only those of this service: name or address"},
    {"backend", ParameterType::kString, kOptional, "only those with a backend of this address"},
    {"client", ParameterType::kString, kOptional, "only those of this address or prefix"},
    {"state", ParameterType::kString, kOptional, "only those in this state"},
    {"vrf", ParameterType::kString, kOptional, "only those of clients in this VRF"},
    {"count", ParameterType::kBoolean, kOptional, "how many, by backend and state"},
    {"limit", ParameterType::kUnsigned, kOptional,
     "most rows to answer with, 1..10000; 100 if not given, 10000 of counts"},
};
constexpr Parameter kFdbParameters[] = {
    kNetwork,
    {"mac", ParameterType::kString, kOptional, "only this address"},
    kLimit,
    kOffset,
};
constexpr Parameter kDropsParameters[] = {
    {"all", ParameterType::kBoolean, kOptional, "also reasons that dropped nothing"},
};

constexpr Method kMethods[] = {
    {"check", Effect::kReads, "says what a reload would change, or what is wrong", kCheckParameters,
     nullptr, check},
    {"reload",
     Effect::kChanges,
     "makes the daemon's file the running configuration",
     {},
     nullptr,
     reload},
    {"drain", Effect::kChanges, "lets UDP flows leave backends of weight 0 now", kDrainParameters,
     drain},
    {"show.ports", Effect::kReads, "ports with link and counters", {}, nullptr, ports},
    {"show.networks", Effect::kReads, "networks with counters", kWindowParameters, nullptr,
     networks},
    {"show.remotes", Effect::kReads, "remotes with next hop and counters", kRemotesParameters,
     nullptr, remotes},
    {"show.tunnels", Effect::kReads, "tunnels of VRFs with next hop and counters",
     kWindowParameters, nullptr, tunnels},
    {"show.routes", Effect::kReads, "routes of VRFs", kWindowParameters, nullptr, routes},
    {"show.services", Effect::kReads, "virtual services with connections and counters",
     kWindowParameters, nullptr, services},
    {"show.backends", Effect::kReads, "backends with state, connections and counters",
     kBackendsParameters, nullptr, backends},
    {"show.connections", Effect::kReads, "balanced connections, as the workers have them",
     kConnectionsParameters, nullptr, show_connections},
    {"show.fdb", Effect::kReads, "the MAC table", kFdbParameters, nullptr, fdb},
    {"show.neighbours", Effect::kReads, "next hops with MAC and state", kWindowParameters, nullptr,
     neighbours},
    {"show.drops", Effect::kReads, "dropped packets by reason", kDropsParameters, drops},
    {"show.workers", Effect::kReads, "workers with their counters", {}, workers},
    {"show.status",
     Effect::kReads,
     "the daemon itself: its log, and whether all workers run",
     {},
     status},
    {"version", Effect::kReads, "versions, and the generation of the configuration", {}, version},
    {"help", Effect::kReads, "this table", {}, help},
};

}  // namespace

MethodTable api_methods() noexcept {
  return kMethods;
}

}  // namespace adit
