// SPDX-License-Identifier: Apache-2.0
// `show.connections`: the workers' balanced connections, with filters, or how many there are.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "adit/wire.h"
#include "api/method.h"
#include "api/show_parts.h"
#include "base/nearest_name.h"
#include "config/values.h"
#include "config/words.h"
#include "running/connection_query.h"
#include "running/control_plane.h"

namespace adit {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& message) {
  throw ApiError(kInvalidParams, message);
}

// What is asked, as far as it takes more than a question to the workers.
struct Wish {
  uint64_t limit = kUsualConnectionRows;
  bool count = false;
  std::vector<BackendId> groups = {0};  // whose the counts are; 0: all others
  std::string unknown;                  // what is wrong with the filters if nothing matches
};

// --- parameters

template <class Names>
std::string near(const std::string& wanted, const Names& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  return did_you_mean(wanted, views);
}

AddressMatch exactly(const IpAddr& address) {
  return AddressMatch({address, static_cast<uint8_t>(address.width_bits())});
}

void read_client(const std::string& text, ConnectionFilter& filter) {
  if (const auto address = parse_ip(text))
    filter.client = exactly(*address);
  else if (const auto prefix = parse_route_prefix(text).value)
    filter.client = AddressMatch(*prefix);
  else
    refuse("parameter 'client': expected an address or ADDRESS/LENGTH, found " + in_quotes(text));
}

void read_state(std::string text, ConnectionFilter& filter) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  filter.states = 0;
  std::set<std::string_view> names;
  for (unsigned state = 0; state < kConnectionStates; ++state) {
    const std::string_view name = kConnectionStateFacts[state].name;
    names.insert(name);
    if (name == text) filter.states |= 1u << state;
  }
  if (filter.states != 0) return;
  std::string message = "there is no state " + in_quotes(text) + near(text, names);
  const char* separator = "; one of: ";
  for (const std::string_view name : names) {
    message += separator + std::string(name);
    separator = ", ";
  }
  refuse(message);
}

void read_vrf(const std::string& name, const CompiledIds& ids, ConnectionFilter& filter) {
  if (name == kUnderlayName) {
    filter.vrf = VrfId{0};
    return;
  }
  const auto found = ids.vrfs.find(name);
  if (found != ids.vrfs.end()) {
    filter.vrf = found->second;
    return;
  }
  std::set<std::string> names = {kUnderlayName};
  for (const auto& [known, id] : ids.vrfs) names.insert(known);
  refuse("there is no VRF " + in_quotes(name) + near(name, names));
}

// By its name, or its address. Connections may outlive a service's configuration, and services by
// mark have no address, so an address that nobody has is a mistake only if nothing has it.
void read_service(const std::string& text, const ControlPlane& control, ConnectionFilter& filter,
                  Wish& wish) {
  std::set<std::string> names, addresses;
  for (const ServiceConfig& service : control.config().services) {
    names.insert(service.name);
    if (service.fwmark == 0) addresses.insert(to_string(service.address));
  }
  if (names.contains(text)) {
    filter.grouped_only = true;
    return;
  }
  const auto address = parse_ip(text);
  if (!address) refuse("there is no service " + in_quotes(text) + near(text, names));
  filter.virtual_address = exactly(*address);
  if (!addresses.contains(to_string(*address)))
    wish.unknown = "there is no service " + in_quotes(text) + near(text, addresses);
}

void read_backend(const std::string& text, const CompiledIds& ids, ConnectionFilter& filter,
                  Wish& wish) {
  const auto address = parse_ip(text);
  if (!address) refuse("parameter 'backend': expected its address, found " + in_quotes(text));
  filter.backend = exactly(*address);
  bool is_known = false;
  ids.backends.for_each([&](const std::string&, const BackendIds::Entry& entry) {
    is_known = is_known || entry.address == *address;
  });
  if (is_known) return;
  std::set<std::string> addresses;
  ids.backends.for_each([&](const std::string&, const BackendIds::Entry& entry) {
    addresses.insert(to_string(entry.address));
  });
  wish.unknown = "there is no backend " + in_quotes(text) + near(text, addresses);
}

// Backends that connections are to be told apart by; all services' if `service` is not one.
std::vector<uint32_t> group_backends(const CompiledIds& ids, const std::string& service,
                                     Wish& wish) {
  std::vector<uint32_t> group_of;
  const auto wanted = service.empty() ? ids.backends.by_name() : ids.backends.by_name_of(service);
  for (const auto& [name, id] : wanted) {
    if (id >= group_of.size()) group_of.resize(id + 1);
    group_of[id] = static_cast<uint32_t>(wish.groups.size());
    wish.groups.push_back(id);
  }
  return group_of;
}

ConnectionQuestion read_params(const ControlPlane& control, const json& params, Wish& wish) {
  ConnectionQuestion question;
  ConnectionFilter& filter = question.filter;
  wish.count = params.value("count", false);
  wish.limit = params.value("limit", wish.count ? kMaxConnectionRows : kUsualConnectionRows);
  const auto given = [&](const char* name) { return params.value(name, std::string()); };
  if (params.contains("client")) read_client(given("client"), filter);
  if (params.contains("state")) read_state(given("state"), filter);
  if (params.contains("vrf")) read_vrf(given("vrf"), control.ids(), filter);
  if (params.contains("service")) read_service(given("service"), control, filter, wish);
  if (params.contains("backend")) read_backend(given("backend"), control.ids(), filter, wish);
  std::vector<uint32_t> group_of;
  if (wish.count || filter.grouped_only)
    group_of = group_backends(control.ids(), filter.grouped_only ? given("service") : "", wish);
  question.group_of = std::make_shared<const std::vector<uint32_t>>(std::move(group_of));
  if (wish.count)
    question.groups = static_cast<uint32_t>(wish.groups.size());
  else
    question.rows = static_cast<uint32_t>(wish.limit);
  return question;
}

// --- the answer

// What is left of a backend's configuration.
struct KnownBackend {
  std::string service;
  IpAddr address;
  uint16_t port = 0;
  std::string vrf;
};

// A row that is to be written: of a worker its place, or of a group a state with its count.
struct Place {
  uint32_t worker_or_group = 0;
  uint32_t row_or_state = 0;
  uint64_t connections = 0;
};

// From the question to the last row. Names are those of when the workers had answered: until the
// last row is written, a reload may take them away.
struct Call {
  Call(Dataplane& dataplane, ConnectionQuestion question, Wish wished, uint64_t now_ns)
      : query(dataplane, std::move(question), now_ns), wish(std::move(wished)) {}

  ConnectionQuery query;
  const Wish wish;
  bool answered = false;
  uint64_t total = 0;
  bool truncated = false;
  std::vector<Place> places;
  std::map<BackendId, KnownBackend> backends;
  std::map<VrfId, std::string> vrfs = {{VrfId{0}, kUnderlayName}};
  size_t written = 0;  // of the places
  std::string rows;    // as JSON text
};

std::string text_of(const Ipv6Key& key, bool ipv6) {
  IpAddr address;
  address.family = ipv6 ? IpFamily::kV6 : IpFamily::kV4;
  const uint64_t words[] = {ipv6 ? key.high : key.low, ipv6 ? key.low : 0};
  std::memcpy(address.bytes.data(), words, ipv6 ? 16 : 4);
  return to_string(address);
}

json protocol_of(uint8_t protocol) {
  if (protocol == kIpProtocolTcp) return word_of(Protocol::kTcp);
  if (protocol == kIpProtocolUdp) return word_of(Protocol::kUdp);
  if (protocol == kIpProtocolSctp) return word_of(Protocol::kSctp);
  return std::to_string(protocol);
}

json vrf_of(const Call& call, VrfId id) {
  const auto found = call.vrfs.find(id);
  return found == call.vrfs.end() ? json(nullptr) : json(found->second);
}

json connection_row(const Call& call, const Place& place) {
  const ConnectionRow& row = call.query.dumps()[place.worker_or_group]->rows[place.row_or_state];
  const auto backend = call.backends.find(row.backend_id);
  const bool full_nat = row.forwarding == Forwarding::kFullNat;
  json written = {
      {"vrf", vrf_of(call, row.vrf)},
      {"protocol", protocol_of(row.protocol)},
      {"expires_s", row.left_s},
      {"state", state_name(row.state)},
      {"client", text_of(row.client, row.ipv6)},
      {"client_port", row.client_port.host()},
      {"virtual", text_of(row.virtual_address, row.ipv6)},
      {"virtual_port", row.virtual_port.host()},
      {"local", full_nat ? json(text_of(row.local, row.backend_ipv6)) : json(nullptr)},
      {"local_port", full_nat ? json(row.local_port.host()) : json(nullptr)},
      {"backend", text_of(row.backend, row.backend_ipv6)},
      {"backend_port", row.backend_port.host()},
      {"backend_vrf", vrf_of(call, row.backend_vrf)},
      {"service", backend == call.backends.end() ? json(nullptr) : json(backend->second.service)},
      {"forwarding", row.forwarding ? json(word_of(*row.forwarding)) : json(nullptr)},
      {"worker", place.worker_or_group}};
  if (!row.forwarding) written["owner"] = row.owner;
  return written;
}

json count_row(const Call& call, const Place& place) {
  json row = {{"service", nullptr},
              {"backend", nullptr},
              {"backend_port", nullptr},
              {"backend_vrf", nullptr},
              {"state", kConnectionStateFacts[place.row_or_state].name},
              {"connections", place.connections}};
  const auto found = call.backends.find(call.wish.groups[place.worker_or_group]);
  if (found == call.backends.end()) return row;
  const KnownBackend& backend = found->second;
  row["service"] = backend.service;
  row["backend"] = to_string(backend.address);
  if (backend.port != 0) row["backend_port"] = backend.port;
  row["backend_vrf"] = backend.vrf;
  return row;
}

std::set<BackendId> place_rows(Call& call) {
  std::set<BackendId> backends;
  for (uint32_t worker = 0; worker < call.query.dumps().size(); ++worker) {
    const ConnectionDump& dump = *call.query.dumps()[worker];
    for (uint32_t i = 0; i < dump.row_count && call.places.size() < call.wish.limit; ++i) {
      call.places.push_back({worker, i, 0});
      backends.insert(dump.rows[i].backend_id);
    }
  }
  call.truncated = call.places.size() < call.total;
  return backends;
}

// What is left of backends that have gone comes last.
std::set<BackendId> place_counts(Call& call) {
  std::set<BackendId> backends;
  const std::vector<BackendId>& groups = call.wish.groups;
  for (size_t i = 1; i <= groups.size(); ++i) {
    const auto group = static_cast<uint32_t>(i % groups.size());
    for (uint32_t state = 0; state < kConnectionStates; ++state) {
      uint64_t sum = 0;
      for (const auto& dump : call.query.dumps()) sum += dump->counts[group][state];
      if (sum == 0) continue;
      call.truncated = call.places.size() == call.wish.limit;
      if (call.truncated) return backends;
      call.places.push_back({group, state, sum});
      backends.insert(groups[group]);
    }
  }
  return backends;
}

// All workers have answered.
void take_answers(Call& call, const CompiledIds& ids) {
  for (const auto& dump : call.query.dumps()) call.total += dump->matched;
  if (call.total == 0 && !call.wish.unknown.empty()) refuse(call.wish.unknown);
  const std::set<BackendId> backends = call.wish.count ? place_counts(call) : place_rows(call);
  ids.backends.for_each([&](const std::string& service, const BackendIds::Entry& entry) {
    if (backends.contains(entry.id))
      call.backends[entry.id] = {service, entry.address, entry.port, entry.vrf};
  });
  for (const auto& [name, id] : ids.vrfs) call.vrfs[id] = name;
}

// A part of the rows: thousands at once would keep the control thread for too long.
std::optional<std::string> write_some(Call& call) {
  constexpr size_t kRowsPerTurn = 100;
  const size_t end = std::min(call.places.size(), call.written + kRowsPerTurn);
  for (; call.written < end; ++call.written) {
    const Place& place = call.places[call.written];
    const json row = call.wish.count ? count_row(call, place) : connection_row(call, place);
    if (call.written != 0) call.rows += ',';
    call.rows += row.dump();
  }
  if (call.written < call.places.size()) return std::nullopt;
  return R"({"rows":[)" + call.rows + R"(],"total":)" + std::to_string(call.total) +
         R"(,"truncated":)" + (call.truncated ? "true}" : "false}");
}

}  // namespace

LaterAnswer begin_connections(ApiContext& context, const json& params, const Caller&) {
  ControlPlane& control = *context.control_plane;
  Wish wish;
  ConnectionQuestion question = read_params(control, params, wish);
  const auto call = std::make_shared<Call>(control.dataplane(), std::move(question),
                                           std::move(wish), context.now_ns());
  return [&control, now_ns = context.now_ns, call]() -> std::optional<std::string> {
    if (call->answered) return write_some(*call);
    const ConnectionQuery::State state = call->query.poll(now_ns());
    const std::string worker = "worker " + std::to_string(call->query.silent_worker());
    switch (state) {
      case ConnectionQuery::State::kWaiting:
        break;
      case ConnectionQuery::State::kDone:
        take_answers(*call, control.ids());
        call->answered = true;
        return write_some(*call);
      case ConnectionQuery::State::kSilent:
        throw ApiError(kNoAnswer,
                       worker + " does not answer; `show workers` tells whether it runs");
      case ConnectionQuery::State::kBusy:
        throw ApiError(kNoAnswer, worker + " is still busy with other calls; try again");
    }
    return std::nullopt;
  };
}

}  // namespace adit
