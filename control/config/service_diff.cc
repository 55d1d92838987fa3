// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "config/differ.h"
#include "config/timeouts.h"

namespace adit::config_differ {
namespace {

constexpr Takes kTakes = Takes::kReload;

std::string text(Protocol protocol) {
  return name_of(protocol);
}
std::string text(Forwarding forwarding) {
  constexpr const char* kWords[] = {"nat", "direct", "tunnel", "fullnat"};
  return kWords[static_cast<size_t>(forwarding)];
}
std::string text(WrapKind wrap) {
  return wrap == WrapKind::kIpip ? "ipip" : wrap == WrapKind::kGre ? "gre" : "gue";
}
std::string text(Unmatched rule) {
  return rule == Unmatched::kDrop ? "drop" : rule == Unmatched::kReset ? "reset" : "schedule";
}
std::string text(ClientAddress how) {
  return how == ClientAddress::kNone ? "none" : how == ClientAddress::kToa ? "toa" : "proxy";
}

std::string text(WhenFull rule) {
  return rule == WhenFull::kRefuse ? "refuse" : "replace_half_open";
}
std::string text(OnDown rule) {
  return rule == OnDown::kExpire ? "expire" : "keep";
}
std::string text(InitialState state) {
  return state == InitialState::kUp ? "up" : "down";
}
std::string text(Silence silence) {
  return silence == Silence::kUp ? "up" : "down";
}

template <class T>
void word(Differ& out, const std::string& key, T from, T to) {
  if (from != to) out.change(kTakes, key + ": " + text(from) + " -> " + text(to));
}

std::string name_of(const ServiceConfig& service, const BackendConfig& backend) {
  std::string name = to_string(backend.address);
  if (backend.port != 0)
    name = (backend.address.is_v4() ? name : '[' + name + ']') + ':' + std::to_string(backend.port);
  return backend.vrf && *backend.vrf != service.vrf ? name + " in " + *backend.vrf : name;
}

void diff_backend(Differ& out, const std::string& where, const BackendConfig& from,
                  const BackendConfig& to) {
  out.value(kTakes, where + "weight", from.weight, to.weight);
  const auto forwarding = [](const BackendConfig& backend) {
    return backend.forwarding ? text(*backend.forwarding) : std::string("the service's");
  };
  out.value(kTakes, where + "forwarding", forwarding(from), forwarding(to));
  out.value(kTakes, where + "upper_connections", from.upper_connections, to.upper_connections);
  out.value(kTakes, where + "lower_connections", from.lower_connections, to.lower_connections);
}

void diff_backends(Differ& out, const std::string& where, const ServiceConfig& from,
                   const ServiceConfig& to) {
  // A name is that within its own service: with another VRF of the service, they stay.
  std::map<const BackendConfig*, std::string> names;
  for (const ServiceConfig* service : {&from, &to})
    for (const BackendConfig& backend : service->backends)
      names[&backend] = "backend " + name_of(*service, backend);
  const auto name = [&names](const BackendConfig& backend) { return names.at(&backend); };
  const bool reordered = Differ::lists(
      from.backends, to.backends, name,
      [&](const BackendConfig& gone) {
        out.change(kTakes, where + ": " + name(gone) + " removed");
      },
      [&](const BackendConfig& fresh) {
        out.change(kTakes, where + ": " + name(fresh) + " added");
      },
      [&](const BackendConfig& old, const BackendConfig& fresh) {
        diff_backend(out, where + ": " + name(fresh) + ' ', old, fresh);
      });
  if (reordered) out.change(kTakes, where + ": order of backends changed");
}

std::string text_of(DnsType type) {
  for (const DnsTypeInfo& info : kDnsTypes)
    if (info.type == type) return std::string(info.name);
  return {};
}

std::string text_of(const std::vector<StatusRange>& ranges) {
  std::string text;
  for (const StatusRange& range : ranges) {
    text += (text.empty() ? "" : ", ") + std::to_string(range.first);
    if (range.last != range.first) text += '-' + std::to_string(range.last);
  }
  return text;
}

std::string text_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void diff_question(Differ& out, const std::string& in, const CheckQuestion& from,
                   const CheckQuestion& to) {
  out.value(kTakes, in + "port", from.port, to.port, "the backend's");
  out.value(kTakes, in + "device", from.device, to.device);
  out.value(kTakes, in + "source", from.source, to.source, "none");
  out.value(kTakes, in + "http.path", from.http.path, to.http.path);
  out.value(kTakes, in + "http.host", from.http.host, to.http.host);
  out.value(kTakes, in + "http.status", text_of(from.http.status), text_of(to.http.status));
  out.value(kTakes, in + "http.body", from.http.body, to.http.body);
  out.value(kTakes, in + "http.sni", from.http.sni, to.http.sni);
  out.value(kTakes, in + "http.verify", from.http.verify, to.http.verify);
  out.value(kTakes, in + "http.ca_file", from.http.ca_file, to.http.ca_file);
  out.value(kTakes, in + "udp.payload", from.udp.payload, to.udp.payload);
  out.value(kTakes, in + "udp.expect", from.udp.expect, to.udp.expect);
  word(out, in + "udp.silence", from.udp.silence, to.udp.silence);
  out.value(kTakes, in + "dns.name", from.dns.name, to.dns.name);
  out.value(kTakes, in + "dns.type", text_of(from.dns.type), text_of(to.dns.type));
  out.value(kTakes, in + "command", text_of(from.command.argv), text_of(to.command.argv));
  out.value(kTakes, in + "user", from.command.user, to.command.user);
}

void diff_health(Differ& out, const std::string& in, const std::optional<HealthOptions>& from,
                 const std::optional<HealthOptions>& to) {
  const auto kind = [](const std::optional<HealthOptions>& health) {
    return std::string(health ? info_of(health->question.kind).name : "none");
  };
  out.value(kTakes, in + "kind", kind(from), kind(to));
  if (!from || !to) return;
  diff_question(out, in, from->question, to->question);
  out.value(kTakes, in + "interval_ms", from->interval_ms, to->interval_ms);
  out.value(kTakes, in + "timeout_ms", from->timeout_ms, to->timeout_ms);
  const HealthRules &before = from->rules, &after = to->rules;
  out.value(kTakes, in + "rise", before.rise, after.rise);
  out.value(kTakes, in + "fall", before.fall, after.fall);
  word(out, in + "initial", before.initial, after.initial);
  out.value(kTakes, in + "damping.changes", before.damping.changes, after.damping.changes);
  out.value(kTakes, in + "damping.window_s", before.damping.window_s, after.damping.window_s);
  out.value(kTakes, in + "damping.hold_s", before.damping.hold_s, after.damping.hold_s);
  out.value(kTakes, in + "damping.max_hold_s", before.damping.max_hold_s, after.damping.max_hold_s);
}

void diff_sorry(Differ& out, const std::string& key, const ServiceConfig& before,
                const ServiceConfig& after) {
  const auto words = [](const ServiceConfig& service) {
    return service.sorry ? name_of(service, *service.sorry) : std::string("none");
  };
  out.value(kTakes, key, words(before), words(after));
  const auto &from = before.sorry, &to = after.sorry;
  const auto forwarding = [](const std::optional<BackendConfig>& sorry) {
    return sorry && sorry->forwarding ? text(*sorry->forwarding) : std::string("the service's");
  };
  out.value(kTakes, key + ".forwarding", forwarding(from), forwarding(to));
}

void diff_persistence(Differ& out, const std::string& key,
                      const std::optional<PersistenceConfig>& from,
                      const std::optional<PersistenceConfig>& to) {
  if (from.has_value() != to.has_value())
    return out.change(kTakes, key + (to ? ": added" : ": removed"));
  if (!from) return;
  out.value(kTakes, key + ".timeout_s", from->timeout_s, to->timeout_s);
  out.value(kTakes, key + ".netmask_bits", from->netmask_bits, to->netmask_bits);
  out.value(kTakes, key + ".ipv6_prefix_bits", from->ipv6_prefix_bits, to->ipv6_prefix_bits);
  out.value(kTakes, key + ".expire_quiescent_template", from->expire_quiescent_template,
            to->expire_quiescent_template);
}

void diff_service(Differ& out, const ServiceConfig& from, const ServiceConfig& to) {
  if (from == to) return;
  const std::string where = "services." + to.name;
  const std::string in = where + '.';
  out.value(kTakes, in + "vrf", from.vrf, to.vrf);
  out.value(kTakes, in + "address", from.address, to.address);
  word(out, in + "protocol", from.protocol, to.protocol);
  out.value(kTakes, in + "port", from.port, to.port);
  out.value(kTakes, in + "last_port", from.last_port, to.last_port, "none");
  out.value(kTakes, in + "scheduler", from.scheduler, to.scheduler);
  const SchedulerOptions &before = from.scheduler_options, &after = to.scheduler_options;
  out.value(kTakes, in + "scheduler_options.hash_port", before.hash_port, after.hash_port);
  out.value(kTakes, in + "scheduler_options.fallback", before.fallback, after.fallback);
  out.value(kTakes, in + "scheduler_options.table_size", before.table_size, after.table_size);
  word(out, in + "forwarding", from.forwarding, to.forwarding);
  word(out, in + "wrap", from.wrap, to.wrap);
  out.value(kTakes, in + "gue_port", from.gue_port, to.gue_port);
  out.value(kTakes, in + "one_packet", from.one_packet, to.one_packet);
  word(out, in + "unmatched", from.unmatched, to.unmatched);
  word(out, in + "client_address", from.client_address, to.client_address);
  diff_health(out, in + "health.", from.health, to.health);
  word(out, in + "on_down", from.on_down, to.on_down);
  out.value(kTakes, in + "slow_start_s", from.slow_start_s, to.slow_start_s);
  out.value(kTakes, in + "drain_udp_s", from.drain_udp_s, to.drain_udp_s, "udp_s");
  diff_sorry(out, in + "sorry", from, to);
  for (const TimeoutKey& key : kTimeoutKeys)
    out.value(kTakes, in + "timeouts." + key.name, from.timeouts.*key.own, to.timeouts.*key.own,
              "the balancer's");
  const ConnectionLimits &old = from.limits, &limits = to.limits;
  out.value(kTakes, in + "limits.connections", old.connections, limits.connections);
  out.value(kTakes, in + "limits.connections_per_s", old.connections_per_s,
            limits.connections_per_s);
  out.value(kTakes, in + "limits.source_connections_per_s", old.source_connections_per_s,
            limits.source_connections_per_s);
  out.value(kTakes, in + "mark", from.mark, to.mark);
  diff_persistence(out, in + "persistence", from.persistence, to.persistence);
  const auto local_name = [](const IpAddr& local) { return "local address " + to_string(local); };
  out.presence(where, from.local_addresses, to.local_addresses, "local addresses", local_name);
  diff_backends(out, where, from, to);
}

}  // namespace

void diff_balancer(Differ& out, const BalancerConfig& from, const BalancerConfig& to) {
  out.value(Takes::kRestart, "balancer.connections", from.connections, to.connections);
  out.value(Takes::kRestart, "balancer.templates", from.templates, to.templates);
  for (const TimeoutKey& key : kTimeoutKeys)
    out.value(kTakes, std::string("balancer.timeouts.") + key.name, from.timeouts.*key.all,
              to.timeouts.*key.all);
  word(out, "balancer.when_full", from.when_full, to.when_full);
  out.value(kTakes, "balancer.expire_nodest", from.expire_nodest, to.expire_nodest);
}

void diff_services(Differ& out, const std::vector<ServiceConfig>& from,
                   const std::vector<ServiceConfig>& to) {
  const bool reordered = Differ::lists(
      from, to, [](const ServiceConfig& service) { return service.name; },
      [&](const ServiceConfig& gone) { out.change(kTakes, "services." + gone.name + ": removed"); },
      [&](const ServiceConfig& fresh) { out.change(kTakes, "services." + fresh.name + ": added"); },
      [&](const ServiceConfig& old, const ServiceConfig& fresh) { diff_service(out, old, fresh); });
  if (reordered) out.change(kTakes, "services: order changed");
}

}  // namespace adit::config_differ
