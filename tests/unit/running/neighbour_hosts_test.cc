// SPDX-License-Identifier: Apache-2.0
// Hosts on the subnets of routed links, and their shares of the table.
#include "neighbours_test.h"

namespace adit {
namespace {

// Hosts on the subnet of a routed port, which packets came by for.
struct HostsTest : NeighboursTest {
  HostsTest() {
    config.vrfs.resize(1);
    config.vrfs[0].ports = {"blue0"};
    config.ports[1].name = "blue0";
    config.ports[1].addresses = {{*parse_ip("10.1.0.254"), 24}, {*parse_ip("fd01::fe"), 64}};
    neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  }
  AdjacencyId found(const char* ip = "10.1.0.1") {
    const IpAddr address = *parse_ip(ip);
    return dataplane->hosts().find(1, address_key(address), !address.is_v4());
  }
  bool usable(const char* ip = "10.1.0.1") {
    return found(ip) != 0 && dataplane->adjacencies().load(found(ip)) != 0;
  }
  void want(const char* ip = "10.1.0.1") { neighbours.host_wanted(1, *parse_ip(ip), now_ns); }
  void answer(const char* ip = "10.1.0.1") { neighbours.seen(1, *parse_ip(ip), kPeer, now_ns); }
};

TEST_F(HostsTest, AreAskedForWhenWantedAndUsableWhenTheyAnswer) {
  for (const char* ip : {"10.1.0.1", "fd01::1"}) {
    EXPECT_EQ(found(ip), 0u);
    want(ip);
    EXPECT_EQ(found(ip), 0u) << "who has not answered takes no place";
    answer(ip);
    EXPECT_TRUE(usable(ip));
  }
}

TEST_F(HostsTest, AreNobodyOutsideOfTheSubnetsOfRoutedPorts) {
  for (const char* ip : {"10.2.0.1", "10.1.0.254", "fd02::1"}) {
    want(ip);
    EXPECT_EQ(found(ip), 0u) << ip;
  }
  neighbours.host_wanted(0, *parse_ip("192.0.2.77"), now_ns);
  EXPECT_EQ(neighbours.all().size(), 1u);
}

TEST_F(HostsTest, ThatNeverAnswerAreForgotten) {
  want();
  EXPECT_EQ(neighbours.all().size(), 2u);
  run_to(now_ns + 5 * kSecond);
  EXPECT_EQ(neighbours.all().size(), 1u);
  answer();
  EXPECT_EQ(found(), 0u);
  want();
  EXPECT_EQ(neighbours.all().size(), 2u);
}

TEST_F(HostsTest, StayWhileTheyAnswerAndGoWhenTheyStop) {
  want();
  answer();
  for (int i = 0; i < 5; ++i) {
    run_to(now_ns + 20 * kSecond);
    EXPECT_TRUE(usable());
    answer();
  }
  run_to(now_ns + 40 * kSecond);
  EXPECT_EQ(found(), 0u);
}

TEST_F(HostsTest, KeepTheirStateOverAReloadAndGoWithTheirSubnet) {
  want();
  answer();
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_TRUE(usable());
  config.ports[1].addresses = {{*parse_ip("10.9.0.254"), 24}};
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_EQ(found(), 0u);
  EXPECT_EQ(neighbours.all().size(), 1u);
}

TEST_F(HostsTest, ThatBecomeNextHopsKeepTheirMac) {
  want();
  answer();
  ids.adjacencies[{1, *parse_ip("10.1.0.1")}] = 2;
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_EQ(found(), 2u);
  EXPECT_TRUE(usable());
  ids.adjacencies.erase({1, *parse_ip("10.1.0.1")});
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_EQ(found(), 0u);
}

// Beside the port of the same tenant, which has the same subnet as another's network.
struct NetworkHostsTest : HostsTest {
  NetworkHostsTest() {
    config.networks.resize(1);
    config.networks[0].name = "red";
    config.networks[0].vni = 7;
    ids.networks["red"] = 9;
    set_gateway("10.1.0.254");
  }
  void set_gateway(const char* address) {
    config.vrfs.resize(2);
    config.vrfs[1].networks = {{"red", {{*parse_ip(address), 24}}}};
    neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  }
  AdjacencyId in_network() {
    return dataplane->hosts().find(network_link(9), address_key(kHost), false);
  }
  const IpAddr kHost = *parse_ip("10.1.0.1");
};

TEST_F(NetworkHostsTest, AreOthersThanThoseOnAPort) {
  neighbours.host_wanted(network_link(9), kHost, now_ns);
  want();
  neighbours.seen(network_link(9), kHost, kPeer, now_ns);
  EXPECT_NE(dataplane->adjacencies().load(in_network()), 0u);
  EXPECT_EQ(found(), 0u);
  answer();
  EXPECT_TRUE(usable());
  EXPECT_NE(in_network(), found());
}

TEST_F(NetworkHostsTest, StayWithTheGatewayAndGoWithIt) {
  neighbours.host_wanted(network_link(9), kHost, now_ns);
  neighbours.seen(network_link(9), kHost, kPeer, now_ns);
  want();
  answer();
  set_gateway("10.1.0.253");
  EXPECT_NE(in_network(), 0u) << "its subnet stayed";
  config.vrfs.resize(1);
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_EQ(in_network(), 0u);
  EXPECT_TRUE(usable()) << "the port's host is another";
  neighbours.host_wanted(network_link(9), kHost, now_ns);
  EXPECT_EQ(in_network(), 0u) << "a report that is older than the configuration";
}

TEST_F(HostsTest, OfAVlanAreOthersThanThoseOfItsPortAndGoWithIt) {
  const IpAddr host = *parse_ip("10.1.0.1");
  config.vrfs.resize(2);
  config.vrfs[1].vlans = {{config.ports[1].name, 20, {{*parse_ip("10.1.0.254"), 24}}}};
  ids.subinterfaces[{config.ports[1].name, 20}] = 7;
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  const auto in_vlan = [&] {
    return dataplane->hosts().find(subinterface_link(7), address_key(host), false);
  };
  neighbours.host_wanted(subinterface_link(7), host, now_ns);
  want();
  answer();
  EXPECT_TRUE(usable());
  EXPECT_EQ(in_vlan(), 0u);
  neighbours.seen(subinterface_link(7), host, kPeer, now_ns);
  EXPECT_NE(dataplane->adjacencies().load(in_vlan()), 0u);
  config.vrfs.resize(1);
  ids.subinterfaces.clear();
  neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  EXPECT_EQ(in_vlan(), 0u);
  EXPECT_TRUE(usable()) << "the port's host is another";
}

// Packets may still be held for the one that had it before.
TEST_F(HostsTest, DoNotGetAnAdjacencyThatWasJustGivenBack) {
  want();
  answer();
  const AdjacencyId first = found();
  ASSERT_NE(first, 0u);
  while (found() != 0) run_to(now_ns + kSecond);
  want("10.1.0.2");
  answer("10.1.0.2");
  EXPECT_NE(found("10.1.0.2"), first);
}

// On a subnet in which there is room for a scan.
struct LargeSubnetTest : HostsTest {
  LargeSubnetTest() {
    config.ports[1].addresses = {{*parse_ip("10.1.0.254"), 16}};
    neighbours.configure(config, ids, {kOwn, kOwn}, now_ns);
  }
  static IpAddr host(uint32_t i) { return IpAddr::v4(be32(0x0a010000 + 256 + i)); }
};

TEST_F(LargeSubnetTest, ScanEvictsNobodyThatSpeaksAndIsBounded) {
  want("10.1.0.1");
  answer("10.1.0.1");
  for (uint32_t i = 1; i < 9000; ++i) neighbours.host_wanted(1, host(i), now_ns);
  EXPECT_EQ(neighbours.all().size(), 2u + 1024u);
  EXPECT_TRUE(usable("10.1.0.1"));
  // Whoever is new on the scanned subnet itself is asked for, and found.
  want("10.1.0.2");
  answer("10.1.0.2");
  EXPECT_TRUE(usable("10.1.0.2"));
  EXPECT_EQ(neighbours.all().size(), 3u + 1023u);
  run_to(now_ns + 5 * kSecond);
  EXPECT_EQ(neighbours.all().size(), 3u);
}

TEST_F(LargeSubnetTest, HostsThatAnswerAreBoundedOnEachPort) {
  for (uint32_t i = 1; i < 9000; ++i) {
    neighbours.host_wanted(1, host(i), now_ns);
    neighbours.seen(1, host(i), kPeer, now_ns);
  }
  size_t known = 0;
  for (uint32_t i = 1; i < 9000; ++i)
    known += dataplane->hosts().find(1, address_key(host(i)), false) != 0;
  EXPECT_EQ(known, 8192u);
}

TEST(Shares, EachKeepsItsPartOfOneHalfAndTheOtherIsForWhoeverComes) {
  Shares shares;
  shares.configure(100, 5);
  unsigned red = 0, blue = 0;
  while (shares.may_take(red)) shares.take(red++);
  EXPECT_EQ(red, 60u);
  while (shares.may_take(blue)) shares.take(blue++);
  EXPECT_EQ(blue, 10u);
  shares.give_back(red--);
  EXPECT_TRUE(shares.may_take(blue));
  shares.take(blue++);
  EXPECT_FALSE(shares.may_take(red));
  EXPECT_TRUE(shares.may_take(0));
  shares.configure(100, 1);
  for (red = 0; shares.may_take(red);) shares.take(red++);
  EXPECT_EQ(red, 100u);
}

}  // namespace
}  // namespace adit
