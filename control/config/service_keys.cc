// SPDX-License-Identifier: Apache-2.0
#include "config/service_keys.h"

#include <algorithm>

#include "base/nearest_name.h"
#include "config/fwmark_rule_keys.h"
#include "config/health_keys.h"
#include "config/limits.h"
#include "config/shared_keys.h"
#include "config/timeouts.h"
#include "config/words.h"

namespace adit {
namespace {

constexpr const char* kVrfName = "the name of a VRF, or underlay";
constexpr uint64_t kMostSeconds = 86400;
constexpr uint64_t kMostPerSecond = 100'000'000;
constexpr uint64_t kMostPersistentSeconds = 31 * 86400;

Parsed<std::string> parse_scheduler(std::string_view text) {
  if (find_scheduler(text) != nullptr) return {std::string(text), {}};
  std::vector<std::string_view> names;
  std::string all;
  for (const SchedulerOps* scheduler : scheduler_registry()) {
    names.push_back(scheduler->name);
    all += (all.empty() ? "" : ", ") + std::string(scheduler->name);
  }
  return {{}, "expected one of " + all + did_you_mean(text, names)};
}

constexpr const char* kForwardingHelp =
    "nat: the destination becomes the backend's address and port, and replies return through adit; "
    "direct: the unchanged packet is sent to the backend's MAC; tunnel: the unchanged packet is "
    "encapsulated; fullnat: as nat, with one of 'local_addresses' as source.";

// `member`: which of a TimeoutKey's leads to T's.
template <class T, class M>
Section<T> timeouts_section(M TimeoutKey::*member) {
  Section<T> s;
  for (const TimeoutKey& key : kTimeoutKeys)
    s.number(key.name, key.*member, 1, kMostSeconds, key.help).absent("the balancer's");
  return s;
}

void check_backend(Reader& reader, BackendDraft& backend) {
  const Places& at = backend.places;
  if (!at.good("upper_connections") || !at.good("lower_connections")) return;
  if (backend.lower_connections == 0) return;
  if (backend.upper_connections == 0)
    reader.misfit(at.at("lower_connections"),
                  "lower_connections: only valid with 'upper_connections', which is not set");
  else if (backend.lower_connections > backend.upper_connections)
    reader.misfit(
        at.at("lower_connections"),
        "lower_connections: " + std::to_string(backend.lower_connections) +
            " is more than upper_connections: " + std::to_string(backend.upper_connections));
}

Section<BackendDraft> backend_section() {
  using B = BackendConfig;
  Section<BackendDraft> s;
  s.text("address", &B::address, parse_host_address, kHostAddress, "Address of the backend.")
      .required();
  s.number("port", &B::port, 0, 65535,
           "Port of the backend; 0: the port that the client connects to.");
  s.number("weight", &B::weight, 0, 65535,
           "Weight for the scheduler; 0: the backend keeps its connections and gets no new ones.");
  s.word("forwarding", &B::forwarding,
         "Forwarding mode of this backend; default: that of the service.")
      .absent("the service's");
  s.text("vrf", &B::vrf, parse_name, kVrfName,
         "VRF of the backend's address; default: that of the service.");
  s.number("upper_connections", &B::upper_connections, 0, 16777216,
           "Number of connections, over all workers, at which the backend gets no new ones; 0: no "
           "threshold.");
  s.number("lower_connections", &B::lower_connections, 0, 16777216,
           "Number of connections below which it gets new ones again; 0: three quarters of "
           "'upper_connections'.");
  s.check(check_backend);
  return s;
}

Section<BackendDraft> sorry_section() {
  using B = BackendConfig;
  Section<BackendDraft> s;
  s.text("address", &B::address, parse_host_address, kHostAddress, "Address of the server.")
      .required();
  s.number("port", &B::port, 0, 65535,
           "Port of the server; 0: the port that the client connects to.");
  s.word("forwarding", &B::forwarding,
         "Forwarding mode of the server; default: that of the service.")
      .absent("the service's");
  s.text("vrf", &B::vrf, parse_name, kVrfName,
         "VRF of the server's address; default: that of the service.")
      .absent("the service's");
  return s;
}

// The schedulers that go by an option: "sh, mh".
std::string takers_of(bool SchedulerOps::Takes::*option) {
  std::string names;
  for (const SchedulerOps* scheduler : scheduler_registry())
    if (scheduler->takes.*option)
      names += (names.empty() ? "" : ", ") + std::string(scheduler->name);
  return names;
}

void check_options(Reader& reader, const ServiceDraft& service) {
  using Takes = SchedulerOps::Takes;
  const SchedulerOptionsDraft& options = service.option_drafts;
  constexpr std::pair<const char*, bool Takes::*> kOptions[] = {{"hash_port", &Takes::hash_port},
                                                                {"fallback", &Takes::fallback},
                                                                {"table_size", &Takes::table_size}};
  for (const auto& [name, takes] : kOptions)
    if (options.places.has(name) && !(find_scheduler(service.scheduler)->takes.*takes))
      reader.misfit(options.places.at(name),
                    std::string(name) + ": scheduler '" + service.scheduler +
                        "' does not have this option, only " + takers_of(takes));
  if (options.table_size && !is_maglev_size(*options.table_size))
    reader.misfit(options.places.at("table_size"),
                  "table_size: found " + std::to_string(*options.table_size) +
                      ", expected one of the primes " + maglev_sizes());
}

Section<PersistenceConfig> persistence_section() {
  using P = PersistenceConfig;
  Section<P> s;
  s.number(
      "timeout_s", &P::timeout_s, 1, kMostPersistentSeconds,
      "Seconds after the start of a client's last connection in which its next one goes to the "
      "same backend. If the client still has connections when they end, they start again.");
  s.number("netmask_bits", &P::netmask_bits, 1, 32,
           "Prefix length by which IPv4 clients are grouped: addresses with the same prefix count "
           "as one client.");
  s.number("ipv6_prefix_bits", &P::ipv6_prefix_bits, 1, 128,
           "Prefix length by which IPv6 clients are grouped.");
  s.flag(
      "expire_quiescent_template", &P::expire_quiescent_template,
      "true: clients of a drained backend (weight 0) get another one; false: they stay with it.");
  return s;
}

// A service has an address and port, or a fwmark.
void check_what_it_takes(Reader& reader, const ServiceDraft& service) {
  const Places& at = service.places;
  const bool by_fwmark = at.has("mark");
  for (const char* key : {"address", "port"})
    if (!by_fwmark && !at.has(key))
      reader.mistake(at.self, "missing key '" + std::string(key) +
                                  "': a service has an address and port, or a 'mark'");
  for (const char* key : {"address", "protocol", "port", "last_port"})
    if (by_fwmark && at.has(key))
      reader.misfit(at.at(key), std::string(key) +
                                    ": not valid with 'mark': the entries of 'classifier' say "
                                    "which packets are the service's");
}

// What does not go together within a service.
void check_service(Reader& reader, ServiceDraft& service) {
  const Places& at = service.places;
  check_what_it_takes(reader, service);
  if (service.one_packet && at.has("persistence"))
    reader.misfit(
        at.at("persistence"),
        "persistence: not valid with 'one_packet: true', which schedules each packet on its own");
  if (service.last_port && at.good("port") && *service.last_port < service.port)
    reader.misfit(at.at("last_port"), "last_port: " + std::to_string(*service.last_port) +
                                          " is below port: " + std::to_string(service.port) +
                                          "; the lower one is 'port'");
  if (service.last_port && service.port == 0)
    reader.misfit(at.at("last_port"),
                  "last_port: only valid with a 'port' other than 0, which means all ports");
  if (service.one_packet && at.good("protocol") && service.protocol != Protocol::kUdp)
    reader.misfit(at.at("one_packet"), "one_packet: only valid with 'protocol: udp'");
  if (at.has("gue_port") && at.good("wrap") && service.wrap != WrapKind::kGue)
    reader.misfit(at.at("gue_port"), "gue_port: only valid with 'wrap: gue'");
  if (at.has("unmatched") && at.good("protocol") && service.protocol != Protocol::kTcp)
    reader.misfit(at.at("unmatched"),
                  "unmatched: only valid with 'protocol: tcp'; with other protocols any packet "
                  "begins a connection");
  if (at.good("client_address") && service.client_address != ClientAddress::kNone &&
      at.good("protocol") && service.protocol != Protocol::kTcp)
    reader.misfit(at.at("client_address"), "client_address: only valid with 'protocol: tcp'");
  if (at.good("scheduler") && at.good("scheduler_options")) check_options(reader, service);
  service.scheduler_options = service.option_drafts;
}

}  // namespace

std::string backend_name(const BackendConfig& backend) {
  std::string name = to_string(backend.address);
  if (backend.port != 0)
    name = (backend.address.is_v4() ? name : '[' + name + ']') + ':' + std::to_string(backend.port);
  return backend.vrf ? name + " in " + *backend.vrf : name;
}

Section<BalancerConfig> balancer_section() {
  using B = BalancerConfig;
  Section<B> s;
  s.number("connections", &B::connections, 1024, 16777216,
           "Size of the connection table, over all workers.")
      .restart();
  s.number("templates", &B::persistence_entries, 1024, 16777216,
           "Number of persistence entries, one for each client of a persistent service, over all "
           "workers.")
      .restart();
  s.section("timeouts", &B::timeouts, timeouts_section<TimeoutsConfig>(&TimeoutKey::all),
            "Idle timeouts of connections, by state.");
  s.word("when_full", &B::when_full,
         "What happens to a new connection when the table, or the share of its service or VRF, is "
         "full. refuse: it is dropped; replace_half_open: it replaces the oldest connection that "
         "is half-open or closed.");
  s.flag("expire_nodest", &B::expire_nodest,
         "true: connections of a removed backend end, so that their clients can connect again at "
         "once; false: their packets are dropped until the backend is configured again or they "
         "expire.");
  return s;
}

Section<ServiceDraft> service_section() {
  using S = ServiceConfig;
  using D = ServiceDraft;
  Section<D> s;
  s.text("vrf", &S::vrf, parse_name, kVrfName, "VRF of the virtual address.");
  s.text("address", &S::address, parse_host_address, kHostAddress,
         "Virtual address that clients connect to.")
      .fallback("");
  s.word("protocol", &S::protocol, "Protocol.");
  s.number("port", &S::port, 0, 65535,
           "Virtual port; 0: all ports for which the address has no other service.")
      .range_end("last_port")
      .fallback("")
      .written_if([](const S& service) { return service.fwmark == 0; });
  s.number("last_port", &S::last_port, 1, 65535, "Last port of a range that begins at 'port'.");
  s.text("scheduler", &S::scheduler, parse_scheduler, "the name of a scheduler",
         "Scheduler, which selects the backend of a new connection: rr, wrr, lc, wlc, lblc, lblcr, "
         "dh, sh, sed, nq, mh, fo or ovf; see scheduler.md.");
  s.section(
      "scheduler_options", &D::option_drafts, &S::scheduler_options,
      [] {
        using O = SchedulerOptions;
        Section<SchedulerOptionsDraft> options;
        options.flag("hash_port", &O::hash_port, "sh, mh: hash the client's port too.");
        options.flag("fallback", &O::fallback,
                     "sh, dh, mh: use another backend if the selected one takes no connections.");
        options.number("table_size", &O::table_size, 251, 131071,
                       "mh: number of slots of the look-up table, a prime; auto: by the number of "
                       "backends.",
                       KeyType::kNumberOrAuto);
        return options;
      }(),
      "Options of some schedulers.");
  s.word("forwarding", &S::forwarding, kForwardingHelp);
  s.word("wrap", &S::wrap, "Encapsulation of 'forwarding: tunnel'.");
  s.number("gue_port", &S::gue_port, 1, 65535, "UDP destination port for 'wrap: gue'.");
  s.flag("one_packet", &S::one_packet, "UDP: schedule each packet on its own.");
  s.word("unmatched", &S::unmatched,
         "What happens to TCP packets that match no connection and do not begin one. drop: they "
         "are dropped; reset: they are answered with a RST; schedule: the scheduler selects a "
         "backend, which suits mh and sh.");
  s.word("client_address", &S::client_address,
         "TCP: how backends learn the client's address and port. toa, with fullnat: from TCP "
         "option 254; proxy, with nat and fullnat: from a PROXY protocol header of version 2, "
         "which backends have to expect.");
  s.texts("local_addresses", &D::local_address_drafts, &S::local_addresses, parse_host_address,
          kHostAddress, "fullnat: source addresses of packets to backends.", "A source address.")
      .each("local address", "local addresses");
  s.list("backends", &D::backend_drafts, &S::backends, backend_section(),
         {.noun = "backend", .plural = "backends", .name = backend_name}, kMaxServiceBackends,
         "Servers of the service.");
  s.section(
      "health", &D::health_draft, [](const S& service) { return draft_of(service.health); },
      health_section(), "Health checks of the backends; see health.md.");
  s.word("on_down", &S::on_down,
         "What happens to connections of a backend that goes down. expire: they end at their next "
         "packet; keep: they continue.");
  s.number("slow_start_s", &S::slow_start_s, 0, 3600,
           "Seconds in which the weight of a backend grows from a tenth to its full value after it "
           "comes up, or is added to a running service; 0: no slow start.");
  s.number("drain_udp_s", &S::drain_udp_s, 0, kMostSeconds,
           "Seconds after a backend's weight becomes 0 from which its UDP flows move to other "
           "backends, each at its next packet; 0: they stay; default: 'udp_s' of 'timeouts'.")
      .absent("udp_s");
  s.section("sorry", &D::sorry_draft, &S::sorry, sorry_section(),
            "Server that takes new connections while no backend does.");
  s.section(
      "timeouts", &S::timeouts, timeouts_section<ServiceTimeoutsConfig>(&TimeoutKey::own),
      "Timeouts of this service, instead of those of 'balancer'. They apply to new connections.");
  s.section(
      "limits", &S::limits,
      [] {
        using L = ConnectionLimits;
        Section<L> limits;
        limits.number(
            "connections", &L::connections, 0, 16777216,
            "Maximum number of connections, over all workers; 0: a share of what is free.");
        limits.number("connections_per_s", &L::connections_per_s, 0, kMostPerSecond,
                      "Maximum number of new connections a second, over all workers; 0: no limit.");
        limits.number("source_connections_per_s", &L::source_connections_per_s, 0, kMostPerSecond,
                      "Maximum number of new connections a second of one client, which is an IPv4 "
                      "address or an IPv6 /64; 0: no limit.");
        return limits;
      }(),
      "Limits of connections. New connections above a limit are dropped; established ones are not "
      "affected.");
  s.number("mark", &S::fwmark, 1, UINT32_MAX,
           "Firewall mark of the service, instead of address, protocol and port. The service takes "
           "the connections to which 'classifier' gives this mark.")
      .fallback("");
  s.section(
      "persistence", &D::persistence_draft, &S::persistence, persistence_section(),
      "All connections of a client, to all ports and addresses of the service, go to one backend.");
  s.check(check_service);
  return s;
}

}  // namespace adit
