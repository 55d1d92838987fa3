// SPDX-License-Identifier: Apache-2.0
// Services as workers read them, and how their ids go on over reloads.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "balance/schedule.h"
#include "compile/backend_facts.h"
#include "compile/service_addresses.h"
#include "compile/services.h"
#include "compiled_services.h"
#include "health/packet_way.h"

namespace adit::compiled_services {
namespace {

const RouteTarget& target(const Compiled& result, VrfId vrf, const char* address) {
  const Ipv6Key key = address_key(ip(address));
  const bool ipv6 = !ip(address).is_v4();
  return result.snapshot->routes.find(
      vrf, reinterpret_cast<const uint8_t*>(ipv6 ? &key.high : &key.low), ipv6);
}

// What a worker takes for the service of the packet: its name, or nothing.
std::string found(const Compiled& result, VrfId vrf, const char* address, Protocol protocol,
                  uint16_t port) {
  FlowKey key;
  key.destination = address_key(ip(address));
  key.destination_port = be16(port);
  key.protocol = static_cast<uint8_t>(protocol);
  const RouteTarget& to = target(result, vrf, address);
  if (to.kind != RouteTarget::Kind::kVirtual) return "not virtual";
  const ServiceId id = find_service(*result.snapshot, to, key, kNoPort);
  for (const auto& [name, known] : result.ids.services)
    if (known == id) return name;
  return "";
}

TEST(CompileServices, ThePacketsPortSaysTheService) {
  ServiceConfig range = service("range", "192.0.2.80", 8000);
  range.last_port = 8010;
  ServiceConfig udp = service("udp", "192.0.2.80", 53);
  udp.protocol = Protocol::kUdp;
  ServiceConfig tenant = service("tenant", "192.0.2.80", 80);
  tenant.vrf = "blue";
  // The service of all ports is written first, and looked at last.
  const Compiled result =
      compiled(base({service("rest", "192.0.2.80", 0), range, service("web", "192.0.2.80", 80), udp,
                     service("other", "192.0.2.81", 80), tenant}));
  const auto tcp = [&](uint16_t port, const char* address = "192.0.2.80", VrfId vrf = 0) {
    return found(result, vrf, address, Protocol::kTcp, port);
  };
  EXPECT_EQ(tcp(80), "web");
  EXPECT_EQ(tcp(79), "rest");
  EXPECT_EQ(tcp(81), "rest");
  EXPECT_EQ(tcp(7999), "rest");
  EXPECT_EQ(tcp(8000), "range");
  EXPECT_EQ(tcp(8005), "range");
  EXPECT_EQ(tcp(8010), "range");
  EXPECT_EQ(tcp(8011), "rest");
  EXPECT_EQ(tcp(65535), "rest");
  EXPECT_EQ(tcp(80, "192.0.2.81"), "other");
  EXPECT_EQ(tcp(81, "192.0.2.81"), "");
  EXPECT_EQ(found(result, 0, "192.0.2.80", Protocol::kUdp, 53), "udp");
  EXPECT_EQ(found(result, 0, "192.0.2.80", Protocol::kUdp, 54), "")
      << "all ports are those of the protocol";
  EXPECT_EQ(found(result, 0, "192.0.2.80", Protocol::kSctp, 80), "");
  EXPECT_EQ(tcp(80, "192.0.2.80", kBlue), "tenant");
  EXPECT_EQ(tcp(79, "192.0.2.80", kBlue), "");
  EXPECT_EQ(tcp(80, "192.0.2.82"), "not virtual");
  EXPECT_EQ(tcp(80, "192.0.2.81", kBlue), "not virtual");
}

TEST(CompileServices, EveryKeyReachesTheWorker) {
  ServiceConfig web = service("web", "192.0.2.80", 80, {backend("192.0.2.11")});
  web.scheduler = "sh";
  web.scheduler_options = {.hash_port = true, .fallback = true};
  web.forwarding = Forwarding::kTunnel;
  web.wrap = WrapKind::kGue;
  web.gue_port = 7;
  web.unmatched = Unmatched::kReset;
  web.one_packet = true;
  web.client_address = ClientAddress::kProxy;
  web.local_addresses = {ip("10.1.0.200"), ip("fd00:1::200"), ip("10.1.0.201")};
  web.backends[0].port = 8080;
  BackendConfig other = backend("10.1.0.11");
  other.forwarding = Forwarding::kFullNat;
  other.vrf = "blue";
  web.backends.push_back(other);
  Config config = base({service("first", "192.0.2.79", 80, {backend("192.0.2.9")}), web});
  config.balancer.timeouts.udp_s = 7;
  const Compiled result = compiled(config);
  const Snapshot& snapshot = *result.snapshot;
  const ServiceId id = result.ids.services.at("web");
  const ServiceEntry& entry = snapshot.services[id];
  EXPECT_EQ(entry.scheduler, find_scheduler("sh"));
  EXPECT_EQ(entry.options, web.scheduler_options);
  EXPECT_EQ(entry.wrap, WrapKind::kGue);
  EXPECT_EQ(entry.gue_port, 7);
  EXPECT_EQ(entry.unmatched, Unmatched::kReset);
  EXPECT_TRUE(entry.one_packet);
  ASSERT_EQ(entry.locals[0].end - entry.locals[0].begin, 2u);
  EXPECT_EQ(snapshot.local_addresses[entry.locals[0].begin + 1], ip("10.1.0.201"));
  ASSERT_EQ(entry.locals[1].end - entry.locals[1].begin, 1u);
  EXPECT_EQ(snapshot.local_addresses[entry.locals[1].begin], ip("fd00:1::200"));
  EXPECT_EQ(entry.client_address, ClientAddress::kProxy);
  ASSERT_EQ(entry.backends.end - entry.backends.begin, 2u);
  const ServiceBackend& a = snapshot.service_backends[entry.backends.begin];
  EXPECT_EQ(a.id, id_of(result, "web", "192.0.2.11", 8080));
  EXPECT_EQ(a.address, ip("192.0.2.11"));
  EXPECT_EQ(a.port, 8080);
  EXPECT_EQ(a.vrf, 0);
  EXPECT_EQ(a.service, id);
  EXPECT_EQ(a.forwarding, Forwarding::kTunnel);
  const ServiceBackend& b = snapshot.service_backends[entry.backends.begin + 1];
  EXPECT_EQ(b.id, id_of(result, "web", "10.1.0.11", 0, "blue"));
  EXPECT_EQ(b.vrf, kBlue);
  EXPECT_EQ(b.forwarding, Forwarding::kFullNat);
  EXPECT_EQ(snapshot.backend_places[b.id], entry.backends.begin + 2);
  EXPECT_EQ(entry.table.size(), 256u);
  EXPECT_EQ(snapshot.timeouts[ConnectionState::kUdp], 7u);
  EXPECT_EQ(snapshot.timeouts[ConnectionState::kEstablished], 900u);
  EXPECT_EQ(snapshot.balanced_vrfs, (std::vector<uint8_t>{1, 1}));
  EXPECT_EQ(target(result, kBlue, "10.1.0.200").kind, RouteTarget::Kind::kLocal)
      << "replies come to it where the backend of full NAT is";
  EXPECT_NE(target(result, 0, "10.1.0.200").kind, RouteTarget::Kind::kLocal);
}

TEST(CompileServices, VrfsWithoutServicesAreNotBalanced) {
  EXPECT_EQ(compiled(base()).snapshot->balanced_vrfs, (std::vector<uint8_t>{0, 0}));
  EXPECT_FALSE(compiled(base()).snapshot->balances);
  EXPECT_FALSE(balances_underlay(base()));
  ServiceConfig web = service("web", "10.9.0.1", 80, {backend("10.1.0.11")});
  web.vrf = "blue";
  EXPECT_EQ(compiled(base({web})).snapshot->balanced_vrfs, (std::vector<uint8_t>{0, 1}));
  EXPECT_TRUE(compiled(base({web})).snapshot->balances);
  EXPECT_FALSE(balances_underlay(base({web})));
  web.backends[0].vrf = kUnderlayName;
  EXPECT_EQ(compiled(base({web})).snapshot->balanced_vrfs, (std::vector<uint8_t>{1, 1}));
  EXPECT_TRUE(balances_underlay(base({web})));
}

TEST(CompileServices, PortsOfVrfsWithoutServicesHaveTheirLane) {
  const auto lanes = [](const Config& config) {
    const Compiled result = compiled(config);
    const std::vector<PortEntry>& ports = result.snapshot->ports;
    return std::pair(ports[0].has_routed, ports[1].has_routed);
  };
  Config config = base();
  EXPECT_EQ(lanes(config), std::pair(false, true)) << "the underlay has no tunnel of a VRF";
  VrfTunnelConfig tunnel;
  tunnel.name = "t";
  tunnel.address = ip("192.0.2.9");
  tunnel.kind = TunnelKind::kIpip;
  config.vrfs[0].tunnels = {tunnel};
  EXPECT_EQ(lanes(config), std::pair(true, true));
  config.services = {service("web", "10.9.0.1", 80, {backend("10.1.0.11")})};
  config.services[0].vrf = "blue";
  EXPECT_EQ(lanes(config), std::pair(false, false));
}

TEST(CompileServices, WhatStaysKeepsItsIds) {
  const std::vector<BackendConfig> two = {backend("192.0.2.11"), backend("192.0.2.12")};
  const Compiled first =
      compiled(base({service("a", "192.0.2.80", 80, two), service("b", "192.0.2.80", 81, two)}));
  EXPECT_NE(id_of(first, "a", "192.0.2.11"), id_of(first, "b", "192.0.2.11"))
      << "a server of two services is a backend of each";
  // The other order, another address and port of the service, other keys of the backend.
  ServiceConfig a =
      service("a", "192.0.2.90", 90, {backend("192.0.2.12"), backend("192.0.2.11", 7)});
  a.backends[0].forwarding = Forwarding::kDirect;
  const Compiled second = compiled(base({service("b", "192.0.2.80", 81, two), a}), first.ids);
  EXPECT_EQ(second.ids.services, first.ids.services);
  EXPECT_EQ(second.ids.backends.by_name(), first.ids.backends.by_name());
}

TEST(CompileServices, NoIdIsReusedAtOnce) {
  const Compiled first = compiled(base({service("a", "192.0.2.80", 80, {backend("192.0.2.11")})}));
  const Compiled second =
      compiled(base({service("b", "192.0.2.80", 80, {backend("192.0.2.12")})}), first.ids);
  EXPECT_NE(second.ids.services.at("b"), first.ids.services.at("a"));
  EXPECT_NE(id_of(second, "b", "192.0.2.12"), id_of(first, "a", "192.0.2.11"));
  EXPECT_EQ(second.snapshot->services[first.ids.services.at("a")].scheduler, nullptr);
  // Connections to a backend that has gone may last: its id is not taken as long as any other
  // has not been.
  const Compiled third =
      compiled(base({service("b", "192.0.2.80", 80, {backend("192.0.2.13")})}), second.ids);
  EXPECT_GT(id_of(third, "b", "192.0.2.13"), id_of(second, "b", "192.0.2.12"));
  EXPECT_EQ(third.snapshot->backend_places[id_of(first, "a", "192.0.2.11")], 0u);
  EXPECT_EQ(third.snapshot->backend_places[id_of(second, "b", "192.0.2.12")], 0u);
}

TEST(CompileServices, IdsBeginAnewWhenTheLastWasGiven) {
  CompiledIds previous;
  previous.next_backend = kMaxBackends;
  const Compiled result = compiled(
      base({service("a", "192.0.2.80", 80, {backend("192.0.2.11"), backend("192.0.2.12")})}),
      previous);
  EXPECT_EQ(id_of(result, "a", "192.0.2.11"), kMaxBackends);
  EXPECT_EQ(id_of(result, "a", "192.0.2.12"), 1u);
}

// A connection holds the VRFs of both its ends, for longer than a snapshot lasts.
TEST(CompileServices, VrfsKeepTheirIds) {
  Config config = base();
  const auto route_of = [](const Compiled& result, VrfId vrf) {
    return target(result, vrf, "10.1.0.7").kind;
  };
  const Compiled first = compiled(config);
  EXPECT_EQ(first.snapshot->ports[1].vrf, kBlue);
  VrfConfig red;
  red.name = "red";
  config.vrfs.insert(config.vrfs.begin(), red);
  const Compiled second = compiled(config, first.ids);
  EXPECT_EQ(second.ids.vrfs.at("blue"), kBlue) << "though it is the second now";
  EXPECT_EQ(second.snapshot->ports[1].vrf, kBlue);
  EXPECT_EQ(route_of(second, kBlue), RouteTarget::Kind::kConnected);
  const VrfId red_id = second.ids.vrfs.at("red");
  EXPECT_NE(red_id, kBlue);
  EXPECT_EQ(route_of(second, red_id), RouteTarget::Kind::kNone);

  config.vrfs.erase(config.vrfs.begin());
  const Compiled third = compiled(config, second.ids);
  EXPECT_EQ(route_of(third, red_id), RouteTarget::Kind::kNone) << "there is still a table to ask";
  EXPECT_EQ(third.snapshot->balanced_vrfs.size(), red_id + 1u);
  config.vrfs[0].name = "green";
  const Compiled fourth = compiled(config, third.ids);
  EXPECT_GT(fourth.ids.vrfs.at("green"), red_id) << "no id is taken again soon";
  EXPECT_EQ(route_of(fourth, kBlue), RouteTarget::Kind::kNone);
}

TEST(CompileServices, AServiceThatIsGoneLeavesAnEmptyOneForItsConnections) {
  const Compiled first =
      compiled(base({service("a", "192.0.2.80", 80), service("b", "192.0.2.80", 81)}));
  const ServiceId gone = first.ids.services.at("b");
  const Compiled second = compiled(base({service("a", "192.0.2.80", 80)}), first.ids);
  ASSERT_GT(second.snapshot->services.size(), gone);
  EXPECT_EQ(second.snapshot->services[gone].scheduler, nullptr);
}

TEST(CompileServices, BackendsHaveTheirConfiguredWeightsAsFacts) {
  const Config config = base(
      {service("web", "192.0.2.80", 80, {backend("192.0.2.11", 9), backend("192.0.2.12", 0)})});
  const Compiled result = compiled(config);
  const auto facts = backend_facts(config, result.ids);
  ASSERT_EQ(facts.size(), 2u);
  EXPECT_EQ(facts.at(id_of(result, "web", "192.0.2.11")).weight, 9);
  EXPECT_EQ(facts.at(id_of(result, "web", "192.0.2.12")).weight, 0);
  EXPECT_EQ(facts.at(id_of(result, "web", "192.0.2.12")).name.address, ip("192.0.2.12"));
}

TEST(CompileServices, ChecksSpeakToWhatPacketsAreAddressedTo) {
  const auto facts_of = [](Forwarding forwarding, ClientAddress client_address) {
    ServiceConfig web = service("web", "192.0.2.80", 80, {backend("192.0.2.11")});
    web.forwarding = forwarding;
    web.client_address = client_address;
    web.health = HealthOptions{};
    const Config config = base({web});
    return *backend_facts(config, compiled(config).ids).begin()->second->check;
  };
  for (const Forwarding forwarding : {Forwarding::kNat, Forwarding::kFullNat}) {
    const HealthTarget target = facts_of(forwarding, ClientAddress::kProxy);
    EXPECT_EQ(target.to, ip("192.0.2.11"));
    EXPECT_TRUE(target.sends_proxy);
  }
  for (const Forwarding forwarding : {Forwarding::kDirect, Forwarding::kTunnel}) {
    const HealthTarget target = facts_of(forwarding, ClientAddress::kNone);
    EXPECT_EQ(target.to, ip("192.0.2.80"));
    EXPECT_EQ(target.address, ip("192.0.2.11"));
    EXPECT_FALSE(target.sends_proxy);
    EXPECT_NE(backend_of_alias(target.alias), 0u);
  }
}

TEST(CompileServices, WorkersShareThresholds) {
  ServiceConfig web = service("web", "192.0.2.80", 80, {backend("192.0.2.11")});
  const auto thresholds = [&](uint32_t upper, uint32_t lower, unsigned workers) {
    web.backends[0].upper_connections = upper;
    web.backends[0].lower_connections = lower;
    const Compiled result = compiled(base({web}), {}, workers);
    const ServiceBackend& out = result.snapshot->service_backends.at(0);
    return std::pair(out.upper_connections, out.lower_connections);
  };
  EXPECT_EQ(thresholds(0, 0, 4), std::pair(0u, 0u));
  EXPECT_EQ(thresholds(100, 80, 1), std::pair(100u, 80u));
  EXPECT_EQ(thresholds(100, 80, 4), std::pair(25u, 20u));
  EXPECT_EQ(thresholds(10, 0, 4), std::pair(3u, 0u)) << "rounded up";
  EXPECT_EQ(thresholds(1, 1, 64), std::pair(1u, 1u)) << "never none";
  EXPECT_EQ(thresholds(16777216, 16777215, 64), std::pair(262144u, 262144u));
}

bool answers(const std::vector<Ipv6Key>& own, const char* address) {
  return std::find(own.begin(), own.end(), address_key(ip(address))) != own.end();
}

TEST(CompileServices, LinksAnswerForAddressesOfTheirSubnetsAlone) {
  ServiceConfig web = service("web", "10.1.0.80", 80, {backend("10.1.0.11")});
  web.vrf = "blue";
  web.forwarding = Forwarding::kFullNat;
  web.local_addresses = {ip("10.1.0.200"), ip("10.2.0.200")};
  ServiceConfig far = service("far", "10.9.0.80", 80);
  far.vrf = "blue";
  ServiceConfig six = service("six", "fd00:1::80", 80);
  six.vrf = "blue";
  const Compiled result = compiled(base(
      {web, far, six, service("up", "192.0.2.80", 80), service("elsewhere", "10.1.0.81", 80)}));
  const PortEntry& up = result.snapshot->ports[0];
  const PortEntry& blue = result.snapshot->ports[1];
  EXPECT_TRUE(answers(blue.own_ipv4, "10.1.0.254"));
  EXPECT_TRUE(answers(blue.own_ipv4, "10.1.0.80"));
  EXPECT_TRUE(answers(blue.own_ipv4, "10.1.0.200"));
  EXPECT_TRUE(answers(blue.own_ipv6, "fd00:1::80"));
  EXPECT_FALSE(answers(blue.own_ipv4, "10.2.0.200")) << "has to be routed here";
  EXPECT_FALSE(answers(blue.own_ipv4, "10.9.0.80"));
  EXPECT_FALSE(answers(blue.own_ipv4, "10.1.0.81")) << "is of the underlay";
  EXPECT_EQ(blue.own_ipv4.size(), 3u);
  EXPECT_TRUE(answers(up.own_ipv4, "192.0.2.80"));
  EXPECT_EQ(up.own_ipv4.size(), 2u);
  EXPECT_EQ(up.own_ipv6.size(), 0u);
}

TEST(CompileServices, LocalAddressesWithoutFullNatAreNotOurs) {
  ServiceConfig web = service("web", "192.0.2.80", 80, {backend("192.0.2.11")});
  web.local_addresses = {ip("192.0.2.90")};
  const Compiled nat = compiled(base({web}));
  EXPECT_FALSE(answers(nat.snapshot->ports[0].own_ipv4, "192.0.2.90"));
  web.backends[0].forwarding = Forwarding::kFullNat;
  const Compiled fullnat = compiled(base({web}));
  EXPECT_TRUE(answers(fullnat.snapshot->ports[0].own_ipv4, "192.0.2.90"));
}

TEST(CompileServices, TimeoutsOfTheirOwn) {
  ServiceConfig dns = service("dns", "192.0.2.81", 53);
  dns.timeouts.udp_s = 5;
  Config config = base({service("web", "192.0.2.80", 80), dns});
  config.balancer.timeouts.close_s = 77;
  const Compiled result = compiled(config);
  const Snapshot& snapshot = *result.snapshot;
  EXPECT_EQ(snapshot.services[result.ids.services.at("web")].own_timeouts, 0);
  const uint16_t own = snapshot.services[result.ids.services.at("dns")].own_timeouts;
  ASSERT_EQ(own, 1);
  const Timeouts& timeouts = snapshot.own_timeouts[own - 1u];
  EXPECT_EQ(timeouts[ConnectionState::kUdp], 5u);
  EXPECT_EQ(timeouts[ConnectionState::kClose], 77u) << "the balancer's";
  EXPECT_EQ(timeouts[ConnectionState::kEstablished], 900u);
  EXPECT_EQ(snapshot.timeouts[ConnectionState::kUdp], 300u);
}

// Each worker gets its part.
TEST(CompileServices, Limits) {
  ServiceConfig web = service("web", "192.0.2.80", 80);
  web.limits = {.connections_per_s = 1000, .source_connections_per_s = 10};
  const Compiled result = compiled(base({web, service("free", "192.0.2.81", 80)}), {}, 2);
  const auto& services = result.snapshot->services;
  const ServiceEntry& limited = services[result.ids.services.at("web")];
  EXPECT_EQ(limited.new_connections.interval_ns, 2'000'000u);
  EXPECT_EQ(limited.source_connections.interval_ns, 200'000'000u);
  EXPECT_EQ(limited.source_connections.burst_ns, 2'000'000'000u) << "ten connections";
  const ServiceEntry& free = services[result.ids.services.at("free")];
  EXPECT_EQ(free.new_connections.interval_ns, 0u);
  EXPECT_EQ(free.source_connections.interval_ns, 0u);
}

}  // namespace
}  // namespace adit::compiled_services
