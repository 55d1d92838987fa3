// SPDX-License-Identifier: Apache-2.0
// What a new configuration asks of ports: which to open, and what is in the way of that.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "config/parser.h"
#include "config/port_ids.h"
#include "running/port_changes.h"

namespace adit::compare_ports_test {
namespace {

Config config_of(const std::string& ports) {
  return parse_config("ports: {" + ports + "}\n", "t");
}

struct Compared {
  std::string name, former, next;
  std::vector<PortId> open, gone, in_the_way;
  std::map<PortId, PortId> taps;  // port to open -> whose TAP it goes on with
};
class ComparePorts : public testing::TestWithParam<Compared> {};

TEST_P(ComparePorts, TellsWhatToOpen) {
  const Config former = config_of(GetParam().former);
  Config next = config_of(GetParam().next);
  take_port_ids(next, former);
  const PortChanges changes = compare_ports(former, next);
  EXPECT_EQ(changes.ids_to_open(), GetParam().open);
  EXPECT_EQ(changes.gone, GetParam().gone);
  EXPECT_EQ(changes.in_the_way, GetParam().in_the_way);
  std::map<PortId, PortId> taps;
  for (const PortOpening& opening : changes.open)
    if (opening.goes_on_with) taps[opening.id] = *opening.goes_on_with;
  EXPECT_EQ(taps, GetParam().taps);
}

constexpr char kTap[] = "a: {device: \"tap:t\"}", kXdp[] = "a: {device: \"af_xdp:e\"}";
INSTANTIATE_TEST_SUITE_P(
    , ComparePorts,
    testing::Values(
        Compared{"nothing", kTap, kTap, {}, {}, {}, {}},
        Compared{"added", kTap, "b: {device: \"tap:u\"}, a: {device: \"tap:t\"}", {1}, {}, {}, {}},
        Compared{
            "removed", "a: {device: \"tap:t\"}, b: {device: \"tap:u\"}", kTap, {}, {1}, {}, {}},
        Compared{
            "mtu_of_tap", kTap, "a: {device: \"tap:t\", mtu_bytes: 1400}", {0}, {}, {}, {{0, 0}}},
        Compared{"offload_of_tap",
                 kTap,
                 "a: {device: \"tap:t\", offload: \"off\"}",
                 {0},
                 {},
                 {},
                 {{0, 0}}},
        Compared{
            "queues_of_tap", kTap, "a: {device: \"tap:t\", rx_queues: 4}", {0}, {}, {}, {{0, 0}}},
        Compared{"rings_of_tap", kTap, "a: {device: \"tap:t\", rx_ring: 64}", {}, {}, {}, {}},
        Compared{
            "addresses", kTap, "a: {device: \"tap:t\", addresses: [10.0.0.1/24]}", {}, {}, {}, {}},
        Compared{"other_tap", kTap, "a: {device: \"tap:u\"}", {0}, {}, {}, {}},
        Compared{"renamed", kTap, "b: {device: \"tap:t\"}", {1}, {0}, {}, {{1, 0}}},
        Compared{"swapped",
                 "a: {device: \"tap:t\"}, b: {device: \"tap:u\"}",
                 "a: {device: \"tap:u\"}, b: {device: \"tap:t\"}",
                 {0, 1},
                 {},
                 {},
                 {{0, 1}, {1, 0}}},
        Compared{
            "mtu_of_xdp", kXdp, "a: {device: \"af_xdp:e\", mtu_bytes: 1400}", {0}, {}, {0}, {}},
        Compared{"steer", kXdp, "a: {device: \"af_xdp:e\", steer: all}", {0}, {}, {0}, {}},
        Compared{
            "offload_of_xdp", kXdp, "a: {device: \"af_xdp:e\", offload: \"off\"}", {}, {}, {}, {}},
        Compared{"kind", kXdp, "a: {device: \"af_packet:e\"}", {0}, {}, {0}, {}},
        Compared{"kind_and_name", kXdp, "b: {device: \"af_packet:e\"}", {1}, {0}, {0}, {}},
        Compared{"tap_no_more", kTap, "b: {device: \"af_packet:t\"}", {1}, {0}, {0}, {}},
        Compared{"rings_of_vdev",
                 "a: {device: \"vdev:net_null0\"}",
                 "a: {device: \"vdev:net_null0\", tx_ring: 64}",
                 {0},
                 {},
                 {0},
                 {}},
        Compared{"bond",
                 "a: {device: \"af_packet:e\"}",
                 "a: {bond: {members: [\"af_packet:e\", \"af_packet:f\"]}}",
                 {0},
                 {},
                 {0},
                 {}},
        Compared{"bond_of_a_tap", kTap, "b: {bond: {members: [\"tap:t\"]}}", {1}, {0}, {0}, {}},
        Compared{"bond_no_more",
                 "a: {bond: {members: [\"tap:t\", \"tap:u\"]}}",
                 "b: {device: \"tap:t\"}, c: {device: \"tap:u\"}",
                 {1, 2},
                 {0},
                 {0},
                 {}},
        Compared{"mode_of_bond",
                 "a: {bond: {members: [\"tap:t\", \"tap:u\"]}}",
                 "a: {bond: {mode: balance, members: [\"tap:t\", \"tap:u\"]}}",
                 {0},
                 {},
                 {0},
                 {}},
        Compared{"member_of_bond",
                 "a: {bond: {members: [\"tap:t\", \"tap:u\"]}}",
                 "a: {bond: {members: [\"tap:u\", \"af_packet:e\"]}}",
                 {0},
                 {},
                 {},
                 {{0, 0}}},
        Compared{"member_of_another_kind",
                 "a: {bond: {members: [\"tap:t\"]}}",
                 "a: {bond: {members: [\"tap:t\", \"0000:01:00.0\"]}}",
                 {0},
                 {},
                 {0},
                 {}},
        Compared{"member_from_another_port",
                 "a: {bond: {members: [\"tap:t\"]}}, b: {device: \"af_packet:e\"}",
                 "a: {bond: {members: [\"tap:t\", \"af_packet:e\"]}}",
                 {0},
                 {1},
                 {1},
                 {{0, 0}}},
        Compared{"member_to_another_port",
                 "a: {bond: {members: [\"tap:t\", \"af_packet:e\"]}}",
                 "a: {bond: {members: [\"tap:t\"]}}, b: {device: \"af_packet:e\"}",
                 {0, 1},
                 {},
                 {0},
                 {}},
        Compared{"arguments_of_member",
                 "a: {bond: {members: [\"vdev:net_null0\", \"tap:t\"]}}",
                 "a: {bond: {members: [\"vdev:net_null0,copy=1\", \"tap:t\"]}}",
                 {0},
                 {},
                 {0},
                 {}},
        Compared{"another_primary_of_bond",
                 "a: {bond: {members: [\"tap:t\", \"tap:u\"]}}",
                 "a: {bond: {members: [\"tap:t\", \"tap:u\"], primary: \"tap:u\"}}",
                 {0},
                 {},
                 {},
                 {{0, 0}}},
        Compared{"no_primary_of_bond",
                 "a: {bond: {members: [\"tap:t\", \"tap:u\"], primary: \"tap:u\"}}",
                 "a: {bond: {members: [\"tap:t\", \"tap:u\"]}}",
                 {0},
                 {},
                 {0},
                 {}},
        Compared{"mac_of_bond",
                 "a: {bond: {members: [\"af_packet:t\"]}}",
                 "a: {bond: {members: [\"af_packet:t\"]}, mac: \"02:00:00:00:00:01\"}",
                 {0},
                 {},
                 {0},
                 {}},
        Compared{"arguments_of_vdev",
                 "a: {device: \"vdev:net_null0\"}",
                 "a: {device: \"vdev:net_null0,copy=1\"}",
                 {0},
                 {},
                 {0},
                 {}}),
    [](const auto& info) { return info.param.name; });

TEST(ComparedPorts, TellsWhereOnlyForeignMacsAreTakenOrNot) {
  const std::string ports =
      "ports: {a: {device: \"af_packet:e\"}, b: {device: \"tap:t\"}, c: {device: "
      "\"af_packet:f\"}}\n";
  const auto former = parse_config(ports + "networks: {n: {vni: 1, members: [{port: c}]}}\n", "t");
  const auto next =
      parse_config(ports + "networks: {n: {vni: 1, members: [{port: a}, {port: b}]}}\n", "t");
  const PortChanges changes = compare_ports(former, next);
  EXPECT_TRUE(changes.open.empty());
  ASSERT_EQ(changes.promiscuity.size(), 2u);
  EXPECT_EQ(changes.promiscuity[0].id, 0);
  EXPECT_TRUE(changes.promiscuity[0].is_on);
  EXPECT_EQ(changes.promiscuity[1].id, 2);
  EXPECT_FALSE(changes.promiscuity[1].is_on);
}

}  // namespace
}  // namespace adit::compare_ports_test
