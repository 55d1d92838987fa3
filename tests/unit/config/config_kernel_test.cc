// SPDX-License-Identifier: Apache-2.0
// What the walker refuses of the keys that name interfaces of the kernel.
#include <gtest/gtest.h>

#include "config_cases.h"

namespace adit::config_kernel_test {
namespace {

std::string with_port(const std::string& rest) {
  return "ports: {up: {device: 'tap:up0'}}\n" + rest;
}
std::string network(const std::string& keys) {
  return with_port("networks:\n  red: {vni: 1, " + keys + "}\n");
}

class Kernel : public testing::TestWithParam<RefusedCase> {};
TEST_P(Kernel, WithPlaceAndRemedy) {
  expect_refused(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Keys, Kernel,
    testing::Values(
        RefusedCase{"KernelFdbWithoutInterface",
                    network("kernel_fdb: {}"),
                    {"3:29: missing key 'interface' in 'kernel_fdb': expected the name of an "
                     "interface of the host"}},
        RefusedCase{"KernelFdbOfTooLongAName",
                    network("kernel_fdb: {interface: abcdefghijklmnop}"),
                    {"3:41: interface: found 'abcdefghijklmnop'"}},
        RefusedCase{"KernelFdbWithoutRoom",
                    network("kernel_fdb: {interface: vx1, limit: 0}"),
                    {"3:53: limit: found '0', which is below the range; expected a number from 1 "
                     "to 65536"}},
        RefusedCase{"KernelFdbThatAnnouncesByTooLongAName",
                    network("kernel_fdb: {interface: vx1, announce: abcdefghijklmnop}"),
                    {"3:56: announce: found 'abcdefghijklmnop'"}},
        RefusedCase{"TwoNetworksThatAnnounceByOneInterface",
                    with_port("networks:\n"
                              "  red: {vni: 1, kernel_fdb: {interface: vx1, announce: a1}}\n"
                              "  blue: {vni: 2, kernel_fdb: {interface: vx2, announce: a1}}\n"
                              "  green: {vni: 3, kernel_fdb: {interface: vx2, announce: a1, "
                              "namespace: other}}\n"),
                    {"4:30: announce: a1 is already that of network 'red', see f:3:29; expected an "
                     "interface for each network"}},
        RefusedCase{
            "AnnouncedByAVxlanInterface",
            with_port("networks:\n"
                      "  red: {vni: 1, kernel_fdb: {interface: vx1, announce: vx2}}\n"
                      "  blue: {vni: 2, kernel_fdb: {interface: vx2}}\n"),
            {"3:29: announce: vx2 is the VXLAN interface of network 'blue'; expected another "
             "port of the bridge"}},
        RefusedCase{"KernelNeighboursWithoutInterfaces",
                    with_port("kernel_neighbours: {}\n"),
                    {"2:20: missing key 'interfaces' in 'kernel_neighbours': expected a list"}},
        RefusedCase{"KernelNeighboursOfNoInterface",
                    with_port("kernel_neighbours: {interfaces: []}\n"),
                    {"2:33: interfaces: expected at least one interface"}},
        RefusedCase{"KernelNeighboursOfTooLongAName",
                    with_port("kernel_neighbours: {interfaces: [abcdefghijklmnop]}\n"),
                    {"2:34: interfaces: found 'abcdefghijklmnop', expected the name of an"}},
        RefusedCase{"KernelNeighboursTwiceOfOne",
                    with_port("kernel_neighbours: {interfaces: [eth1, eth1]}\n"),
                    {"2:40: interfaces: duplicate interface 'eth1'"}},
        RefusedCase{"KernelNeighboursWithoutRoom",
                    with_port("kernel_neighbours: {interfaces: [eth1], limit: 0}\n"),
                    {"2:48: limit: found '0', which is below the range; expected a number from 1 "
                     "to 1048576"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    OfAnotherKind, Kernel,
    testing::Values(RefusedCase{
        "OfAnotherKind",
        with_port("networks: {red: {vni: 1, learn_kind: nvgre, kernel_fdb: {interface: vx1}}}\n"),
        {"2:38: learn_kind: found nvgre; expected vxlan, as remotes of 'kernel_fdb' (f:2:57) are "
         "all "
         "VXLAN"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(Hosts, Kernel,
                         testing::Values(RefusedCase{
                             "OfOverlappingSubnetsInOneNamespace",
                             "ports:\n"
                             "  a: {device: 'tap:a', addresses: [10.1.0.254/24]}\n"
                             "  b: {device: 'tap:b', addresses: [10.1.0.1/16]}\n"
                             "  c: {device: 'tap:c', addresses: [10.1.0.2/16]}\n"
                             "vrfs:\n"
                             "  red: {ports: [a], host: {interface: h1}}\n"
                             "  blue: {ports: [b], host: {interface: h2}}\n"
                             "  green: {ports: [c], host: {interface: h3, namespace: green}}\n",
                             {"6:39: host: 10.1.0.254/24 of vrf 'red' and 10.1.0.1/16 of vrf "
                              "'blue' overlap, and the host "
                              "interface of the latter (f:7:40) is in the same network namespace; "
                              "expected a 'namespace' "
                              "for each"}}),
                         case_name);

}  // namespace
}  // namespace adit::config_kernel_test
