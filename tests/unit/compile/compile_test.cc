// SPDX-License-Identifier: Apache-2.0
#include "compile/compile.h"

#include <gtest/gtest.h>

#include "adit/tunnel_ops.h"
#include "adit/wire.h"
#include "compile/routing.h"
#include "packet/checksum.h"
#include "tunnel/stt_limits.h"

namespace adit::compile_test {
namespace {

IpAddr ip(const char* text) {
  return *parse_ip(text);
}

constexpr uint8_t kVxlan = tunnel_index(TunnelKind::kVxlan);

Config base() {
  Config config;
  config.ports.resize(2);
  config.ports[1].id = {1};
  config.ports[0].name = "uplink";
  config.ports[0].mtu_bytes = 1600;
  config.ports[0].addresses = {{ip("192.0.2.1"), 24}, {ip("198.51.100.1"), 25}};
  config.ports[1].name = "access";
  config.routes = {{{ip("203.0.113.0"), 24}, ip("192.0.2.254")},
                   {{ip("0.0.0.0"), 0}, ip("198.51.100.9")}};
  config.tunnels[kVxlan].ttl = 61;
  config.tunnels[kVxlan].dscp = 46;
  NetworkConfig red;
  red.name = "red";
  red.vni = 0xabcdef;
  red.members = {{"access", std::nullopt}, {"access", 10}};
  red.remotes = {{ip("192.0.2.2")}, {ip("203.0.113.5")}};
  config.networks = {red};
  return config;
}

const std::vector<PortTraits> kTraits = {{*parse_mac("02:00:00:00:00:01"), true},
                                         {*parse_mac("02:00:00:00:00:02"), true}};

Compiled compiled(const Config& config, const CompiledIds& previous = {}) {
  return compile(config, kTraits, previous, 1, 1);
}

TEST(Routing, ConnectedThenLongestRoute) {
  const Config config = base();
  const Routing routing(config);
  EXPECT_EQ(routing.find(ip("192.0.2.77"))->address, ip("192.0.2.77"));
  EXPECT_EQ(routing.find(ip("203.0.113.5"))->address, ip("192.0.2.254"));
  EXPECT_EQ(routing.find(ip("8.8.8.8"))->address, ip("198.51.100.9"));
  EXPECT_EQ(routing.source_for({0, ip("198.51.100.9")}), ip("198.51.100.1"));
}

TEST(Compile, VxlanTemplateIsAWholeHeaderButForWhatWorkersFillIn) {
  const Compiled result = compiled(base());
  const auto& info = result.ids.bridge_ports.at(RemoteName{"red", ip("203.0.113.5")});
  const BridgePort& remote = result.snapshot->bridge_ports[info.id];
  ASSERT_EQ(remote.kind, BridgePortKind::kTunnel);
  ASSERT_EQ(remote.header_len, 50);
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(remote.header.data());
  EXPECT_EQ(ethernet->src, kTraits[0].mac);
  EXPECT_EQ(ethernet->ether_type, be16(kEtherTypeIpv4));
  const auto* outer = reinterpret_cast<const Ipv4Header*>(ethernet + 1);
  EXPECT_EQ(outer->src, ip("192.0.2.1").as_v4());
  EXPECT_EQ(outer->dst, ip("203.0.113.5").as_v4());
  EXPECT_EQ(outer->ttl, 61);
  EXPECT_EQ(outer->tos, 46 << 2);
  EXPECT_EQ(outer->fragment, be16(kIpv4DontFragment));
  EXPECT_EQ(remote.checksum_base, fold_sum(sum_words(outer, sizeof *outer)));
  const auto* udp = reinterpret_cast<const UdpHeader*>(outer + 1);
  EXPECT_EQ(udp->dst_port, be16(4789));
  EXPECT_EQ(udp->checksum, be16(0));
  const auto* vxlan = reinterpret_cast<const VxlanHeader*>(udp + 1);
  EXPECT_EQ(vxlan->flags, 8);
  EXPECT_EQ(vxlan->vni_reserved, be32(0xabcdef00));
  EXPECT_EQ(remote.max_frame_bytes, 1600u + 14 - 50);
}

TEST(Compile, EveryPlaceOfANetworkIsFoundByWorkers) {
  const Compiled result = compiled(base());
  const Snapshot& snapshot = *result.snapshot;
  const NetworkId red = result.ids.networks.at("red");
  const PortEntry& access = snapshot.ports[1];
  EXPECT_EQ(snapshot.bridge_ports[access.untagged].network, red);
  EXPECT_EQ(snapshot.bridge_ports[access.by_vlan[10]].vlan_id, 10);
  EXPECT_EQ(access.by_vlan[11], 0u);
  EXPECT_TRUE(snapshot.ports[0].is_underlay);
  EXPECT_EQ(snapshot.ports[0].untagged, 0u);
  const TunnelTables& vxlan = snapshot.tunnels[kVxlan];
  const Ipv6Key sender = address_key(ip("192.0.2.2"));
  EXPECT_EQ(snapshot.bridge_ports[vxlan.senders.find({sender, 0xabcdef})].network, red);
  EXPECT_EQ(vxlan.senders.find({sender, 1}), 0u);
  EXPECT_EQ(vxlan.ids.find(0xabcdef), red);
  EXPECT_EQ(snapshot.networks[red].flood.members().size(), 4u);
  // Access ports come first, so that the last copy, the original, needs no tag.
  const auto first = snapshot.networks[red].flood.members()[0];
  EXPECT_EQ(snapshot.bridge_ports[first].kind, BridgePortKind::kAccess);
}

TEST(Compile, RemotesOfAnyKindAreFoundByTheIdOnTheWire) {
  Config config = base();
  config.ports[0].addresses.push_back({ip("2001:db8::1"), 64});
  const auto remote = [&](const char* address, TunnelKind kind, std::optional<uint64_t> id) {
    config.networks[0].remotes.push_back({ip(address), kind, id});
  };
  remote("192.0.2.10", TunnelKind::kGre, std::nullopt);
  remote("192.0.2.11", TunnelKind::kGre, 0);
  remote("192.0.2.12", TunnelKind::kNvgre, 0x1234);
  remote("2001:db8::13", TunnelKind::kGeneve, 9);
  const Compiled result = compiled(config);
  const Snapshot& snapshot = *result.snapshot;
  const auto found = [&](const char* address, TunnelKind kind, uint64_t wire_id) {
    return snapshot.tunnels[tunnel_index(kind)].senders.find({address_key(ip(address)), wire_id});
  };
  const auto id_of = [&](const char* address) {
    return result.ids.bridge_ports.at(RemoteName{"red", ip(address)}).id;
  };
  EXPECT_EQ(found("192.0.2.10", TunnelKind::kGre, 0), id_of("192.0.2.10"));
  EXPECT_EQ(found("192.0.2.11", TunnelKind::kGre, uint64_t{1} << 32), id_of("192.0.2.11"));
  EXPECT_EQ(found("192.0.2.12", TunnelKind::kNvgre, 0x1234), id_of("192.0.2.12"));
  EXPECT_EQ(found("2001:db8::13", TunnelKind::kGeneve, 9), id_of("2001:db8::13"));
  // GRE takes in what NVGRE sends; both kinds of UDP have their port.
  EXPECT_EQ(snapshot.ip_protocols[47], tunnel_index(TunnelKind::kGre) + 1);
  EXPECT_EQ(snapshot.udp_tunnels.size(), 2u);
  EXPECT_NE(snapshot.local_ipv6.find(address_key(ip("2001:db8::1"))), 0u);
  // By default one mesh for each kind.
  const auto group = [&](const char* address) {
    return snapshot.bridge_ports[id_of(address)].split_group;
  };
  EXPECT_EQ(group("192.0.2.10"), group("192.0.2.11"));
  EXPECT_NE(group("192.0.2.10"), group("192.0.2.12"));
  EXPECT_EQ(group("192.0.2.2"), group("203.0.113.5"));
}

TEST(Compile, WhatStaysKeepsItsIdAndNoIdIsReusedAtOnce) {
  Config config = base();
  const Compiled first = compiled(config);
  config.networks[0].remotes = {{ip("192.0.2.3")}, {ip("203.0.113.5")}};
  NetworkConfig blue;
  blue.name = "blue";
  blue.vni = 2;
  config.networks.insert(config.networks.begin(), blue);
  const Compiled second = compiled(config, first.ids);

  EXPECT_EQ(second.ids.networks.at("red"), first.ids.networks.at("red"));
  const BridgePortName stays = RemoteName{"red", ip("203.0.113.5")};
  EXPECT_EQ(second.ids.bridge_ports.at(stays).id, first.ids.bridge_ports.at(stays).id);
  const auto gone = first.ids.bridge_ports.at(RemoteName{"red", ip("192.0.2.2")}).id;
  const auto fresh = second.ids.bridge_ports.at(RemoteName{"red", ip("192.0.2.3")}).id;
  EXPECT_NE(fresh, gone);
  EXPECT_EQ(second.snapshot->bridge_ports[gone].kind, BridgePortKind::kNone);

  // One generation later it is free.
  config.networks[1].remotes.push_back({ip("192.0.2.4")});
  const Compiled third = compiled(config, second.ids);
  EXPECT_EQ(third.ids.bridge_ports.at(RemoteName{"red", ip("192.0.2.4")}).id, gone);
}

TEST(Compile, ARemoteThatSpeaksOtherwiseIsAnother) {
  Config config = base();
  const BridgePortName name = RemoteName{"red", ip("192.0.2.2")};
  const BridgePortName other = RemoteName{"red", ip("203.0.113.5")};
  RemoteConfig& remote = config.networks[0].remotes[0];
  config.networks[0].remotes[1].id = 5;
  Compiled before = compiled(config);
  const auto changes = [&] {
    Compiled after = compiled(config, before.ids);
    const BridgePortId id = after.ids.bridge_ports.at(name).id;
    const bool differs = id != before.ids.bridge_ports.at(name).id;
    EXPECT_EQ(after.snapshot->bridge_ports[id].kind, BridgePortKind::kTunnel);
    EXPECT_EQ(after.ids.bridge_ports.at(other).id, before.ids.bridge_ports.at(other).id);
    before = std::move(after);
    return differs;
  };
  EXPECT_FALSE(changes());
  remote.tunnel.ttl = 9;
  EXPECT_FALSE(changes());
  remote.id = config.networks[0].vni;  // says what was so
  EXPECT_FALSE(changes());
  remote.id = 7;
  EXPECT_TRUE(changes());
  remote.kind = TunnelKind::kGeneve;
  EXPECT_TRUE(changes());
  remote.kind = TunnelKind::kGre;
  EXPECT_TRUE(changes());
  remote.checksum = true;
  EXPECT_FALSE(changes());
  remote.id.reset();
  EXPECT_TRUE(changes());
  remote.id = 0;  // a key of 0 is not no key
  EXPECT_TRUE(changes());
  remote.kind = TunnelKind::kStt;
  remote.id.reset();
  EXPECT_TRUE(changes());
  config.networks[0].vni = 99;  // the id of remotes that have none
  EXPECT_TRUE(changes());
}

TEST(Compile, ATunnelThatSpeaksOtherwiseIsAnother) {
  Config config = base();
  VrfTunnelConfig tunnel;
  tunnel.name = "site";
  tunnel.address = ip("192.0.2.3");
  VrfConfig blue;
  blue.name = "blue";
  blue.tunnels = {tunnel};
  config.vrfs = {blue};
  Compiled before = compiled(config);
  const auto changed = [&] {
    Compiled after = compiled(config, before.ids);
    unsigned count = 0;
    for (const uint8_t version : {uint8_t{4}, uint8_t{6}}) {
      const BridgePortName name = VrfTunnelName{"blue", "site", version, tunnel.address};
      count += after.ids.bridge_ports.at(name).id != before.ids.bridge_ports.at(name).id;
    }
    before = std::move(after);
    return count;
  };
  EXPECT_EQ(changed(), 0u);
  config.vrfs[0].tunnels[0].sequence = true;
  EXPECT_EQ(changed(), 0u);
  config.vrfs[0].tunnels[0].id = 7;
  EXPECT_EQ(changed(), 2u);
  config.vrfs[0].tunnels[0] = tunnel;
  config.vrfs[0].tunnels[0].kind = TunnelKind::kIpip;
  EXPECT_EQ(changed(), 2u);
}

TEST(Compile, RemotesBehindOneGatewayShareTheirNextHop) {
  Config config = base();
  config.networks[0].remotes = {{ip("203.0.113.5")}, {ip("203.0.113.6")}};
  const Compiled result = compiled(config);
  EXPECT_EQ(result.ids.adjacencies.size(), 1u);
}

TEST(Compile, SttLimitsAreBytesAndNanoseconds) {
  Config config = base();
  constexpr uint8_t kStt = tunnel_index(TunnelKind::kStt);
  const auto limits = [&] { return stt_limits(compiled(config).snapshot->tunnels[kStt].settings); };
  EXPECT_EQ(limits(), SttLimits{});
  config.tunnels[kStt].own = {1024, 3, 60000};
  EXPECT_EQ(limits(), (SttLimits{1024u << 20, 3u << 20, 60'000'000'000}));
}

Config with_gateway() {
  Config config = base();
  config.vrfs.resize(1);
  config.vrfs[0].name = "one";
  config.vrfs[0].networks = {{"red", {{ip("10.1.0.254"), 24}, {ip("fd01::fe"), 64}}}};
  return config;
}

TEST(Compile, GatewayIsAPlaceOfItsNetworkToWhichNothingIsFlooded) {
  const Compiled result = compiled(with_gateway());
  const Snapshot& snapshot = *result.snapshot;
  const NetworkId red = result.ids.networks.at("red");
  const GatewayEntry* gateway = gateway_of(snapshot, red);
  ASSERT_NE(gateway, nullptr);
  EXPECT_EQ(gateway->mac, *parse_mac("02:ad:17:ab:cd:ef"));
  EXPECT_EQ(snapshot.networks[red].gateway_key, fdb_key(red, gateway->mac));
  EXPECT_EQ(gateway->vrf, 1);
  const BridgePort& place = snapshot.bridge_ports[gateway->bridge_port];
  EXPECT_EQ(place.kind, BridgePortKind::kGateway);
  EXPECT_EQ(place.network, red);
  const NetworkEntry& entry = snapshot.networks[red];
  EXPECT_EQ(entry.flood.members().size(), 4u);
  for (const BridgePortId id : entry.flood.members()) {
    EXPECT_NE(id, gateway->bridge_port);
    EXPECT_TRUE(snapshot.bridge_ports[id].flags & BridgePort::kHasGateway);
  }
  const RouteTarget& host = snapshot.routes.find(1, ip("10.1.0.1").bytes.data(), false);
  EXPECT_EQ(host.kind, RouteTarget::Kind::kConnected);
  EXPECT_EQ(host.link, network_link(red));
  EXPECT_EQ(host.max_bytes, 1500u) << "of the access port; VXLAN takes 1550";
  EXPECT_EQ(snapshot.routes.find(1, ip("fd01::fe").bytes.data(), true).kind,
            RouteTarget::Kind::kLocal);
}

TEST(Compile, GatewayHasAnMtuThatFits) {
  const auto mtu = [](const Config& config) {
    return compiled(config).snapshot->routes.find(1, ip("10.1.0.1").bytes.data(), false).max_bytes;
  };
  Config config = with_gateway();
  config.vrfs[0].networks[0].mtu_bytes = 1400;
  EXPECT_EQ(mtu(config), 1400u);
  config.vrfs[0].networks[0].mtu_bytes = 9000;
  EXPECT_EQ(mtu(config), 1500u);
  config.networks[0].carry_vlans = true;
  EXPECT_EQ(mtu(config), 1500u);
  config.networks[0].members.clear();
  EXPECT_EQ(mtu(config), 1546u) << "VXLAN, and room for a tag";
}

// Coming, changing and going, it leaves the ids of all others alone.
TEST(Compile, GatewayThatGoesTakesNothingWithIt) {
  const Compiled with = compiled(with_gateway());
  const Compiled without = compiled(base(), with.ids);
  const NetworkId red = with.ids.networks.at("red");
  EXPECT_EQ(gateway_of(*without.snapshot, red), nullptr);
  EXPECT_EQ(interface_of(*without.snapshot, network_link(red)), nullptr);
  EXPECT_EQ(without.ids.bridge_ports.size() + 1, with.ids.bridge_ports.size());
  for (const auto& [name, info] : without.ids.bridge_ports) {
    EXPECT_EQ(info.id, with.ids.bridge_ports.at(name).id);
    EXPECT_FALSE(without.snapshot->bridge_ports[info.id].flags & BridgePort::kHasGateway);
  }
  EXPECT_EQ(without.ids.adjacencies, with.ids.adjacencies);
}

// VLAN 100 of the uplink and VLAN 9 of the access port, in VRFs with equal addresses.
Config with_vlans() {
  Config config = with_gateway();
  config.vrfs[0].vlans = {{config.ports[0].name, 100, {{ip("10.9.0.254"), 24}}}};
  config.vrfs.resize(2);
  config.vrfs[1].name = "two";
  config.vrfs[1].vlans = {{config.ports[1].name, 9, {{ip("10.9.0.254"), 24}}, 1400}};
  return config;
}

TEST(Compile, VlanOfAVrfIsALinkOfItsPort) {
  const Config config = with_vlans();
  const Compiled result = compiled(config);
  const Snapshot& snapshot = *result.snapshot;
  for (size_t i = 0; i < 2; ++i) {
    const VlanConfig& vlan = config.vrfs[i].vlans[0];
    const SubinterfaceId id = result.ids.subinterfaces.at({vlan.port, vlan.vlan});
    EXPECT_EQ(snapshot.ports[i].subinterface_by_vlan.at(vlan.vlan), id);
    EXPECT_EQ(snapshot.ports[i].subinterface_by_vlan.at(vlan.vlan + 1u), 0);
    const SubinterfaceEntry* link = subinterface_of(snapshot, id);
    ASSERT_NE(link, nullptr);
    EXPECT_EQ(interface_of(snapshot, subinterface_link(id)), link);
    EXPECT_EQ(link->mac, snapshot.ports[i].mac);
    EXPECT_EQ(link->port, i);
    EXPECT_EQ(link->vlan_id, vlan.vlan);
    EXPECT_EQ(link->vrf, result.ids.vrfs.at(config.vrfs[i].name));
    EXPECT_EQ(snapshot.bridge_ports[link->bridge_port].kind, BridgePortKind::kSubinterface);
    const RouteTarget& host = snapshot.routes.find(link->vrf, ip("10.9.0.1").bytes.data(), false);
    EXPECT_EQ(host.kind, RouteTarget::Kind::kConnected);
    EXPECT_EQ(host.link, subinterface_link(id));
    EXPECT_EQ(host.max_bytes, i == 0 ? config.ports[0].mtu_bytes : 1400u);
  }
}

TEST(Compile, VlanThatComesOrGoesLeavesAllOthersAlone) {
  const Compiled with = compiled(with_vlans());
  Config config = with_vlans();
  config.vrfs[1].vlans.clear();
  const Compiled without = compiled(config, with.ids);
  const SubinterfaceName first{config.ports[0].name, 100}, second{config.ports[1].name, 9};
  EXPECT_EQ(without.ids.subinterfaces.at(first), with.ids.subinterfaces.at(first));
  EXPECT_EQ(subinterface_of(*without.snapshot, with.ids.subinterfaces.at(second)), nullptr);
  EXPECT_EQ(interface_of(*without.snapshot, subinterface_link(with.ids.subinterfaces.at(second))),
            nullptr);
  EXPECT_TRUE(without.snapshot->ports[1].subinterface_by_vlan.empty());
  EXPECT_EQ(without.ids.bridge_ports.size() + 1, with.ids.bridge_ports.size());
  for (const auto& [name, info] : without.ids.bridge_ports)
    EXPECT_EQ(info.id, with.ids.bridge_ports.at(name).id);
  EXPECT_EQ(without.ids.vrfs, with.ids.vrfs);
  EXPECT_EQ(without.ids.adjacencies, with.ids.adjacencies);
  // Who comes back has an id that no worker holds a packet for.
  const Compiled again = compiled(with_vlans(), without.ids);
  EXPECT_EQ(again.ids.subinterfaces.at(first), with.ids.subinterfaces.at(first));
  EXPECT_NE(again.ids.subinterfaces.at(second), with.ids.subinterfaces.at(second));
}

TEST(Compile, WorkersShareTheFloodLimits) {
  Config config = base();
  config.networks[0].broadcast_pps = 1000;
  const Compiled result = compile(config, kTraits, {}, 1, 4);
  const NetworkEntry& red = result.snapshot->networks[result.ids.networks.at("red")];
  EXPECT_EQ(red.broadcast.interval_ns, 4'000'000u);
  EXPECT_EQ(red.multicast.interval_ns, 0u);
}

}  // namespace
}  // namespace adit::compile_test
