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
    "nat: the backend's address and port replace the virtual ones, and replies come back through "
    "here; direct: the packet goes unchanged to the backend's MAC; tunnel: it goes wrapped whole; "
    "fullnat: nat, with one of 'local_addresses' as source.";

// `member`: which of a TimeoutKey's leads to T's.
template <class T, class M>
Section<T> timeouts_section(M TimeoutKey::*member) {
  Section<T> s;
  for (const TimeoutKey& key : kTimeoutKeys)
    s.number(key.name, key.*member, 1, kMostSeconds, key.help).absent("the balancer's");
  return s;
}

// "192.0.2.11:8080 in blue"
std::string name_of(const BackendConfig& backend) {
  std::string name = to_string(backend.address);
  if (backend.port != 0)
    name = (backend.address.is_v4() ? name : '[' + name + ']') + ':' + std::to_string(backend.port);
  return backend.vrf ? name + " in " + *backend.vrf : name;
}

void check_backend(Reader& reader, BackendDraft& backend) {
  const Places& at = backend.places;
  if (!at.good("upper_connections") || !at.good("lower_connections")) return;
  if (backend.lower_connections == 0) return;
  if (backend.upper_connections == 0)
    reader.misfit(at.at("lower_connections"),
                  "lower_connections: goes with 'upper_connections', which is not set");
  else if (backend.lower_connections > backend.upper_connections)
    reader.misfit(
        at.at("lower_connections"),
        "lower_connections: " + std::to_string(backend.lower_connections) +
            " is more than upper_connections: " + std::to_string(backend.upper_connections));
}

Section<BackendDraft> backend_section() {
  using B = BackendConfig;
  Section<BackendDraft> s;
  s.text("address", &B::address, parse_host_address, kHostAddress, "The backend's address.")
      .required();
  s.number("port", &B::port, 0, 65535, "The backend's port; 0: that which the client asked for.");
  s.number("weight", &B::weight, 0, 65535,
           "Its share of new connections; 0: it keeps those it has, and gets none.");
  s.word("forwarding", &B::forwarding,
         "How packets reach this backend; default: that of the service.")
      .absent("the service's");
  s.text("vrf", &B::vrf, parse_name, kVrfName,
         "Where the backend's address is; default: the service's VRF.");
  s.number("upper_connections", &B::upper_connections, 0, 16777216,
           "From so many connections on it gets no new ones, over all workers; 0: no threshold.");
  s.number("lower_connections", &B::lower_connections, 0, 16777216,
           "Below so many it gets new ones again; 0: three quarters of 'upper_connections'.");
  s.check(check_backend);
  return s;
}

Section<BackendDraft> sorry_section() {
  using B = BackendConfig;
  Section<BackendDraft> s;
  s.text("address", &B::address, parse_host_address, kHostAddress, "The server's address.")
      .required();
  s.number("port", &B::port, 0, 65535, "Its port; 0: that which the client asked for.");
  s.word("forwarding", &B::forwarding, "How packets reach it; default: as the service's.")
      .absent("the service's");
  s.text("vrf", &B::vrf, parse_name, kVrfName, "Where its address is; default: the service's VRF.")
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
      reader.misfit(options.places.at(name), std::string(name) + ": scheduler '" +
                                                 service.scheduler + "' has no such option, " +
                                                 takers_of(takes) + " alone");
  if (!is_maglev_size(options.table_size))
    reader.misfit(options.places.at("table_size"),
                  "table_size: found " + std::to_string(options.table_size) +
                      ", expected one of the primes " + maglev_sizes());
}

Section<PersistenceConfig> persistence_section() {
  using P = PersistenceConfig;
  Section<P> s;
  s.number(
      "timeout_s", &P::timeout_s, 1, kMostPersistentSeconds,
      "Seconds after the beginning of a client's last connection in which the next one goes to "
      "the same backend; while it has one, they begin anew when they are over.");
  s.number("netmask_bits", &P::netmask_bits, 1, 32,
           "Clients whose IPv4 addresses have so many first bits in common are one.");
  s.number("ipv6_prefix_bits", &P::ipv6_prefix_bits, 1, 128, "The same of IPv6 addresses.");
  s.flag("expire_quiescent_template", &P::expire_quiescent_template,
         "true: clients of a drained backend go to another one; false: they stay with it.");
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
                                    ": does not go with 'mark': the entries of 'classifier' say "
                                    "which packets are the service's");
}

// What does not go together within a service.
void check_service(Reader& reader, ServiceDraft& service) {
  const Places& at = service.places;
  check_what_it_takes(reader, service);
  if (service.one_packet && at.has("persistence"))
    reader.misfit(at.at("persistence"),
                  "persistence: goes with no 'one_packet: true', which lets no packet have to do "
                  "with another");
  if (service.last_port && at.good("port") && *service.last_port < service.port)
    reader.misfit(at.at("last_port"), "last_port: " + std::to_string(*service.last_port) +
                                          " is below port: " + std::to_string(service.port));
  if (service.last_port && service.port == 0)
    reader.misfit(at.at("last_port"),
                  "last_port: goes with a 'port' other than 0, which means all ports");
  if (service.one_packet && at.good("protocol") && service.protocol != Protocol::kUdp)
    reader.misfit(at.at("one_packet"), "one_packet: goes with 'protocol: udp' alone");
  if (at.has("gue_port") && at.good("wrap") && service.wrap != WrapKind::kGue)
    reader.misfit(at.at("gue_port"), "gue_port: goes with 'wrap: gue' alone");
  if (at.has("unmatched") && at.good("protocol") && service.protocol != Protocol::kTcp)
    reader.misfit(at.at("unmatched"),
                  "unmatched: goes with 'protocol: tcp' alone; any packet begins the others");
  if (at.good("client_address") && service.client_address != ClientAddress::kNone &&
      at.good("protocol") && service.protocol != Protocol::kTcp)
    reader.misfit(at.at("client_address"), "client_address: goes with 'protocol: tcp' alone");
  if (at.good("scheduler") && at.good("scheduler_options")) check_options(reader, service);
  service.scheduler_options = service.option_drafts;
}

}  // namespace

Section<BalancerConfig> balancer_section() {
  using B = BalancerConfig;
  Section<B> s;
  s.number("connections", &B::connections, 1024, 16777216,
           "Connections at one time, over all workers.")
      .restart();
  s.number("templates", &B::persistence_entries, 1024, 16777216,
           "Persistence entries, one for each client of a persistent service, over all workers.")
      .restart();
  s.section("timeouts", &B::timeouts, timeouts_section<TimeoutsConfig>(&TimeoutKey::all),
            "When silent connections are forgotten, by their state.");
  s.word("when_full", &B::when_full,
         "A new connection for which there is no place, or which is beyond its service's or VRF's "
         "share: dropped; or it takes the place of the oldest that is not established, or over.");
  s.flag("expire_nodest", &B::expire_nodest,
         "Connections of a backend that was removed end, and a client may begin anew at once; "
         "without, their packets are dropped until it comes back or they expire.");
  return s;
}

Section<ServiceDraft> service_section() {
  using S = ServiceConfig;
  using D = ServiceDraft;
  Section<D> s;
  s.text("vrf", &S::vrf, parse_name, kVrfName, "Where the virtual address is.");
  s.text("address", &S::address, parse_host_address, kHostAddress,
         "The virtual address that clients connect to.")
      .fallback("");
  s.word("protocol", &S::protocol, "The protocol.");
  s.number("port", &S::port, 0, 65535,
           "The port; 0: all ports for which the address has no other service.")
      .fallback("")
      .written_if([](const S& service) { return service.fwmark == 0; });
  s.number("last_port", &S::last_port, 1, 65535, "The last port of a range that begins at 'port'.");
  s.text(
      "scheduler", &S::scheduler, parse_scheduler, "the name of a scheduler",
      "Which backend takes a new connection: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, mh, "
      "fo or ovf; see scheduler.md.");
  s.section(
      "scheduler_options", &D::option_drafts, &S::scheduler_options,
      [] {
        using O = SchedulerOptions;
        Section<SchedulerOptionsDraft> options;
        options.flag("hash_port", &O::hash_port, "sh, mh: the client's port counts too.");
        options.flag("fallback", &O::fallback,
                     "sh, dh, mh: another backend where the chosen one takes no connections.");
        options.number("table_size", &O::table_size, 251, 131071,
                       "mh: slots of its table, a prime.");
        return options;
      }(),
      "What some of the schedulers let one choose.");
  s.word("forwarding", &S::forwarding, kForwardingHelp);
  s.word("wrap", &S::wrap, "How 'forwarding: tunnel' wraps a packet.");
  s.number("gue_port", &S::gue_port, 1, 65535, "UDP destination port of 'wrap: gue'.");
  s.flag("one_packet", &S::one_packet, "UDP: each packet goes where the scheduler says anew.");
  s.word("unmatched", &S::unmatched,
         "TCP packets that belong to no known connection and begin none: dropped; answered with a "
         "reset; or given to the backend that the scheduler says, which is right with mh and sh.");
  s.word("client_address", &S::client_address,
         "TCP: how backends are told the client's address and port. toa, with fullnat: by TCP "
         "option 254; proxy, with nat and fullnat: by the PROXY protocol, version 2, which they "
         "have to expect.");
  s.texts("local_addresses", &D::local_address_drafts, &S::local_addresses, parse_host_address,
          kHostAddress, "fullnat: addresses of ours that backends see as the clients'.",
          "One of them.")
      .each("local address", "local addresses");
  s.list("backends", &D::backend_drafts, &S::backends, backend_section(),
         {.noun = "backend", .plural = "backends", .name = name_of}, kMaxServiceBackends,
         "The servers behind the service.");
  s.section(
      "health", &D::health_draft, [](const S& service) { return draft_of(service.health); },
      health_section(), "How to find out whether backends are up; see health.md.");
  s.word("on_down", &S::on_down,
         "Connections of a backend that goes down: forgotten at their next packet, or kept.");
  s.number("slow_start_s", &S::slow_start_s, 0, 3600,
           "Seconds in which the weight of a backend that comes up, or new to a running service, "
           "grows from a tenth to its full; 0: at once.");
  s.number(
       "drain_udp_s", &S::drain_udp_s, 0, kMostSeconds,
       "Seconds after which UDP flows leave a backend of weight 0 at their next packet; 0: they "
       "stay; default: 'udp_s' of 'timeouts'.")
      .absent("udp_s");
  s.section("sorry", &D::sorry_draft, &S::sorry, sorry_section(),
            "A server that takes new connections as long as no backend does.");
  s.section("timeouts", &S::timeouts, timeouts_section<ServiceTimeoutsConfig>(&TimeoutKey::own),
            "Its own ones of the balancer's 'timeouts', for connections that begin from now on.");
  s.section(
      "limits", &S::limits,
      [] {
        using L = ConnectionLimits;
        Section<L> limits;
        limits.number("connections", &L::connections, 0, 16777216,
                      "Connections at one time, over all workers; 0: a share of what is free.");
        limits.number("connections_per_s", &L::connections_per_s, 0, kMostPerSecond,
                      "New connections a second, over all workers; 0: no limit.");
        limits.number("source_connections_per_s", &L::source_connections_per_s, 0, kMostPerSecond,
                      "The same of one client: an IPv4 address, or the /64 of an IPv6 one; 0: no "
                      "limit.");
        return limits;
      }(),
      "What is more than that is dropped; established connections go on.");
  s.number("mark", &S::fwmark, 1, UINT32_MAX,
           "The firewall mark of the service, instead of address, protocol and port: it takes the "
           "connections to which 'classifier' gives this mark.")
      .fallback("");
  s.section("persistence", &D::persistence_draft, &S::persistence, persistence_section(),
            "The connections of a client go to one backend, all ports and addresses of the service "
            "together.");
  s.check(check_service);
  return s;
}

}  // namespace adit
