// SPDX-License-Identifier: Apache-2.0
// What the walker says about services whose values do not fit.
#include <gtest/gtest.h>

#include "adit/scheduler_ops.h"
#include "config_cases.h"
#include "config_services.h"

namespace adit::config_services_test {
namespace {

class ServiceDoesNotFit : public testing::TestWithParam<RefusedCase> {};
TEST_P(ServiceDoesNotFit, WithItsPlace) {
  expect_refused(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Values, ServiceDoesNotFit,
    testing::Values(
        RefusedCase{"NoAddress", web("port: 80"), {"8:8: missing key 'address'"}},
        RefusedCase{"NoPort", web("address: 192.0.2.80"), {"8:8: missing key 'port'"}},
        RefusedCase{"PortTooLarge",
                    web("address: 192.0.2.80, port: 65536"),
                    {"8:36: port: found '65536', which is above the range"}},
        RefusedCase{"GroupAddress",
                    web("address: 224.0.0.1, port: 80"),
                    {"8:18: address: found '224.0.0.1'"}},
        RefusedCase{"SchedulerMisspelt",
                    web("address: 192.0.2.80, port: 80, scheduler: wlcc"),
                    {"8:51: scheduler: found 'wlcc', expected one of " + scheduler_names() +
                     "; did you mean 'wlc'?"}},
        RefusedCase{"UnknownProtocol",
                    web("address: 192.0.2.80, port: 80, protocol: icmp"),
                    {"8:50: protocol: found 'icmp', expected one of tcp, udp, sctp"}},
        RefusedCase{"UnknownForwarding",
                    web("address: 192.0.2.80, port: 80, forwarding: masq"),
                    {"8:52: forwarding: found 'masq', expected one of nat, direct, tunnel, "
                     "fullnat"}},
        RefusedCase{"TableSizeNoPrime",
                    web("address: 192.0.2.80, port: 80, scheduler: mh, scheduler_options: "
                        "{table_size: 1024}"),
                    {"8:87: table_size: found 1024, expected one of the primes 251, 509, 1021, "
                     "2039, 4093, 8191, 16381, 32749, 65521, 65537, 131071"}},
        RefusedCase{"TableSizeTooLarge",
                    web("address: 192.0.2.80, port: 80, scheduler: mh, scheduler_options: "
                        "{table_size: 131072}"),
                    {"8:87: table_size: found '131072', which is above the range"}},
        RefusedCase{"WeightTooLarge",
                    web("address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.11, weight: "
                        "65536}]"),
                    {"8:81: weight: found '65536', which is above the range"}},
        RefusedCase{"TimeoutOfNothing",
                    world("") + "balancer: {timeouts: {udp_s: 0}}\n",
                    {"8:30: udp_s: found '0', which is below the range"}},
        RefusedCase{"TooFewConnections",
                    world("") + "balancer: {connections: 1000}\n",
                    {"8:25: connections: found '1000', which is below the range"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    KeysOfOneService, ServiceDoesNotFit,
    testing::Values(
        RefusedCase{"RangeBackwards",
                    web("address: 192.0.2.80, port: 80, last_port: 79"),
                    {"8:51: last_port: 79 is below port: 80"}},
        RefusedCase{"RangeOfAllPorts",
                    web("address: 192.0.2.80, port: 0, last_port: 79"),
                    {"8:50: last_port: only valid with a 'port' other than 0"}},
        RefusedCase{"HashPortOfRoundRobin",
                    web("address: 192.0.2.80, port: 80, scheduler: rr, scheduler_options: "
                        "{hash_port: true}"),
                    {"8:86: hash_port: scheduler 'rr' does not have this option, only sh, mh"}},
        RefusedCase{"OptionsOfTheDefaultScheduler",
                    web("address: 192.0.2.80, port: 80, scheduler_options: {fallback: false}"),
                    {"8:70: fallback: scheduler 'wlc' does not have this option, only dh, sh, mh"}},
        RefusedCase{"TableSizeOfSourceHash",
                    web("address: 192.0.2.80, port: 80, scheduler: sh, scheduler_options: "
                        "{hash_port: true, table_size: 251}"),
                    {"8:104: table_size: scheduler 'sh' does not have this option, only mh"}},
        RefusedCase{"HashPortOfDestinationHash",
                    web("address: 192.0.2.80, port: 80, scheduler: dh, scheduler_options: "
                        "{hash_port: true, fallback: true}"),
                    {"8:86: hash_port: scheduler 'dh' does not have this option, only sh, mh"}},
        RefusedCase{"WrapWithoutTunnel",
                    web("address: 192.0.2.80, port: 80, wrap: gre"),
                    {"8:46: wrap: only valid with 'forwarding: tunnel', which neither the service "
                     "nor a backend has"}},
        RefusedCase{"GuePortWithoutGue",
                    web("address: 192.0.2.80, port: 80, forwarding: tunnel, gue_port: 6080"),
                    {"8:70: gue_port: only valid with 'wrap: gue'"}},
        RefusedCase{
            "LocalAddressesWithoutFullNat",
            web("address: 192.0.2.80, port: 80, local_addresses: [192.0.2.90]"),
            {"8:57: local_addresses: only valid with 'forwarding: fullnat', which neither"}},
        RefusedCase{"OnePacketOfTcp",
                    web("address: 192.0.2.80, port: 80, forwarding: direct, one_packet: true"),
                    {"8:72: one_packet: only valid with 'protocol: udp'"}},
        RefusedCase{"OnePacketOfNat",
                    web("address: 192.0.2.80, port: 80, protocol: udp, one_packet: true, "
                        "backends: [{address: 192.0.2.11}, {address: 192.0.2.12}]"),
                    {"8:67: one_packet: only valid with 'forwarding: direct' and 'tunnel'; replies "
                     "need a connection, which 'one_packet' does not keep"}},
        RefusedCase{"OnePacketOfNatWithoutBackends",
                    web("address: 192.0.2.80, port: 80, protocol: udp, one_packet: true"),
                    {"8:67: one_packet: only valid with 'forwarding: direct'"}},
        RefusedCase{"OnePacketOfOneFullNatBackend",
                    web("address: 192.0.2.80, port: 80, protocol: udp, one_packet: true, "
                        "forwarding: direct, local_addresses: [192.0.2.90], backends: [{address: "
                        "192.0.2.11}, {address: 192.0.2.12, forwarding: fullnat}]"),
                    {"8:192: one_packet: only valid with 'forwarding: direct'"}},
        RefusedCase{"UnknownClientAddress",
                    web("address: 192.0.2.80, port: 80, client_address: option"),
                    {"8:56: client_address: found 'option', expected one of none, toa, proxy"}},
        RefusedCase{"ClientAddressOfUdp",
                    web("address: 192.0.2.80, port: 80, protocol: udp, client_address: proxy"),
                    {"8:71: client_address: only valid with 'protocol: tcp'"}},
        RefusedCase{"ToaOfNat",
                    web("address: 192.0.2.80, port: 80, client_address: toa, backends: [{address: "
                        "192.0.2.11}, {address: 192.0.2.12}]"),
                    {"8:56: client_address: toa is only valid with 'forwarding: fullnat'; other "
                     "backends see the client's address anyway"}},
        RefusedCase{"ToaOfNothing",
                    web("address: 192.0.2.80, port: 80, client_address: toa"),
                    {"8:56: client_address: toa is only valid with 'forwarding: fullnat'"}},
        RefusedCase{"ToaOfOneBackend",
                    web("address: 192.0.2.80, port: 80, client_address: toa, forwarding: fullnat, "
                        "local_addresses: [192.0.2.90], backends: [{address: 192.0.2.11}, "
                        "{address: 192.0.2.12, forwarding: nat}]"),
                    {"8:181: client_address: toa is only valid with 'forwarding: fullnat'"}},
        RefusedCase{"ProxyOfDirect",
                    web("address: 192.0.2.80, port: 80, client_address: proxy, forwarding: direct, "
                        "backends: [{address: 192.0.2.11}]"),
                    {"8:56: client_address: proxy is only valid with 'forwarding: nat' and "
                     "'fullnat'; replies of other backends do not pass through adit"}},
        RefusedCase{
            "ProxyOfADirectSorryServer",
            web("address: 192.0.2.80, port: 80, client_address: proxy, backends: [{address: "
                "192.0.2.11}], sorry: {address: 192.0.2.12, forwarding: direct}"),
            {"8:139: client_address: proxy is only valid with 'forwarding: nat'"}},
        RefusedCase{"ProxyOfMisspeltForwarding",
                    web("address: 192.0.2.80, port: 80, client_address: toa, forwarding: fulnat, "
                        "backends: [{address: 192.0.2.11}]"),
                    {"8:73: forwarding: found 'fulnat'"}},
        RefusedCase{"UnmatchedOfUdp",
                    web("address: 192.0.2.80, port: 80, protocol: udp, unmatched: drop"),
                    {"8:66: unmatched: only valid with 'protocol: tcp'"}},
        RefusedCase{
            "LowerThresholdAlone",
            web("address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.11, "
                "lower_connections: 5}]"),
            {"8:92: lower_connections: only valid with 'upper_connections', which is not set"}},
        RefusedCase{"ThresholdsBackwards",
                    web("address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.11, "
                        "lower_connections: 5, upper_connections: 4}]"),
                    {"8:92: lower_connections: 5 is more than upper_connections: 4"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Addresses, ServiceDoesNotFit,
    testing::Values(
        RefusedCase{"UnknownVrf",
                    web("address: 192.0.2.80, port: 80, vrf: bleu"),
                    {"8:45: vrf: there is no vrf 'bleu'; did you mean 'blue'?"}},
        RefusedCase{"UnderlayMisspelt",
                    web("address: 192.0.2.80, port: 80, vrf: underly"),
                    {"8:45: vrf: there is no vrf 'underly'; did you mean 'underlay'?"}},
        RefusedCase{"UnknownVrfOfABackend",
                    web("address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.11, vrf: "
                        "red}]"),
                    {"8:78: vrf: there is no vrf 'red'"}},
        RefusedCase{"VrfThatIsCalledUnderlay",
                    "ports: {a: {device: 'tap:a', addresses: [192.0.2.1/24]}}\n"
                    "vrfs: {underlay: {}}\n",
                    {"2:8: a vrf cannot have the name 'underlay', which means no vrf"}},
        RefusedCase{"OwnAddress",
                    web("address: 192.0.2.1, port: 80"),
                    {"8:18: address: 192.0.2.1 is the address of a port, network or tunnel of "
                     "ours, see f:2:39; expected one of its own"}},
        RefusedCase{"OwnAddressOfAPortOfTheVrf",
                    web("address: 10.1.0.254, port: 80, vrf: blue"),
                    {"8:18: address: 10.1.0.254 is the address of a port, network or tunnel of "
                     "ours, see f:3:44"}},
        RefusedCase{"OwnAddressOfAGatewayOfTheVrf",
                    web("address: 10.5.0.254, port: 80, vrf: blue"),
                    {"8:18: address: 10.5.0.254 is the address of a port, network or tunnel of "
                     "ours, see f:6:53"}},
        RefusedCase{"OwnAddressOfATunnelOfTheVrf",
                    web("address: 10.255.0.1, port: 80, vrf: blue"),
                    {"8:18: address: 10.255.0.1 is the address of a port, network or tunnel of "
                     "ours, see f:6:117"}},
        RefusedCase{"BackendIsUs",
                    web("address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.1}]"),
                    {"8:61: address: 192.0.2.1 is the address of a port, network or tunnel of "
                     "ours, see f:2:39; expected a server's"}},
        RefusedCase{"BackendIsTheService",
                    web("address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.80, port: "
                        "81}]"),
                    {"8:61: address: 192.0.2.80 is the address of service 'web', see f:8:18; "
                     "expected a server's"}},
        RefusedCase{"SamePort",
                    world("  a: {address: 192.0.2.80, port: 80}\n"
                          "  b: {address: 192.0.2.80, port: 80}\n"),
                    {"9:34: port: 80 of 192.0.2.80 is already that of service 'a', see f:8:34"}},
        RefusedCase{"AllPortsTwice",
                    world("  a: {address: 192.0.2.80, port: 0}\n"
                          "  b: {address: 192.0.2.80, port: 0}\n"),
                    {"9:34: port: 0 of 192.0.2.80 is already that of service 'a', see f:8:34"}},
        RefusedCase{"PortWithinRange",
                    world("  a: {address: 192.0.2.80, port: 70, last_port: 90}\n"
                          "  b: {address: 192.0.2.80, port: 80}\n"),
                    {"9:34: port: 80 of 192.0.2.80 is already that of service 'a', see f:8:34"}},
        RefusedCase{"RangeAroundPort",
                    world("  a: {address: 192.0.2.80, port: 80}\n"
                          "  b: {address: 192.0.2.80, port: 70, last_port: 90}\n"),
                    {"9:34: port: 80 of 192.0.2.80 is already that of service 'a', see f:8:34"}},
        RefusedCase{"RangesOverlap",
                    world("  a: {address: 192.0.2.80, port: 70, last_port: 90}\n"
                          "  b: {address: 192.0.2.80, port: 90, last_port: 95}\n"),
                    {"9:34: port: 90 of 192.0.2.80 is already that of service 'a', see f:8:34"}},
        RefusedCase{"DuplicateBackend",
                    web("address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.11, port: 1}, "
                        "{address: 192.0.2.11}, {address: 192.0.2.11, vrf: underlay, weight: 5}]"),
                    {"8:116: address: duplicate backend 192.0.2.11; it is already at f:8:83"}},
        RefusedCase{"OtherIpVersion",
                    web("address: 192.0.2.80, port: 80, backends: [{address: 'fd00::1'}, {address: "
                        "'fd00::2', forwarding: tunnel}]"),
                    {"8:61: address: fd00::1 and 192.0.2.80 of the service are of different IP "
                     "versions, which only 'forwarding: fullnat' and 'tunnel' can bridge"}},
        RefusedCase{"OtherIpVersionWithoutLocals",
                    web("address: 192.0.2.80, port: 80, forwarding: fullnat, local_addresses: "
                        "[192.0.2.90], backends: [{address: 192.0.2.11}, {address: 'fd00::1'}]"),
                    {"8:126: forwarding: fullnat needs 'local_addresses' of the service, of the IP "
                     "version of fd00::1"}},
        RefusedCase{"PortOfDirect",
                    web("address: 192.0.2.80, port: 80, forwarding: direct, backends: [{address: "
                        "192.0.2.11, port: 8080}]"),
                    {"8:99: port: 8080 differs from the service's, which 'forwarding: direct' and "
                     "'tunnel' cannot change; leave it out"}},
        RefusedCase{"PortOfATunnelOfARange",
                    web("address: 192.0.2.80, port: 80, last_port: 90, backends: [{address: "
                        "192.0.2.11, port: 80, forwarding: tunnel}]"),
                    {"8:94: port: 80 differs from the service's"}},
        RefusedCase{"FullNatWithoutLocals",
                    web("address: 192.0.2.80, port: 80, forwarding: fullnat, backends: [{address: "
                        "192.0.2.11}]"),
                    {"8:72: forwarding: fullnat needs 'local_addresses' of the service, of the IP "
                     "version of 192.0.2.11"}},
        RefusedCase{"FullNatWithLocalsOfTheOtherVersion",
                    web("address: 192.0.2.80, port: 80, local_addresses: ['fd00::9'], backends: "
                        "[{address: 192.0.2.11, forwarding: fullnat}]"),
                    {"8:115: forwarding: fullnat needs 'local_addresses'"}},
        RefusedCase{"LocalTwice",
                    fullnat("192.0.2.90, 192.0.2.90"),
                    {"8:91: local_addresses: duplicate address 192.0.2.90"}},
        RefusedCase{"LocalIsOurs",
                    fullnat("192.0.2.1"),
                    {"8:79: local_addresses: 192.0.2.1 is the address of a port, network or tunnel "
                     "of ours, see f:2:39; expected one of its own"}},
        RefusedCase{"LocalIsVirtual",
                    fullnat("192.0.2.80"),
                    {"8:79: local_addresses: 192.0.2.80 is the address of service 'web', see "
                     "f:8:18; expected another one"}}),
    case_name);

// Local addresses belong where the backends are.
TEST(Services, LocalAddressesAreLookedAtInTheBackendsVrf) {
  const auto with_local = [](const std::string& local) {
    return mistakes_of(
        web("address: 10.9.0.1, port: 80, vrf: blue, forwarding: fullnat, "
            "local_addresses: [" +
            local + "], backends: [{address: 192.0.2.11, vrf: underlay}]"));
  };
  EXPECT_EQ(with_local("10.1.0.254"), std::vector<std::string>{});
  const auto mistakes = with_local("192.0.2.1");
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_NE(mistakes[0].find("192.0.2.1 is the address of a port"), std::string::npos);
}

// What is wrong causes no further mistakes.
INSTANTIATE_TEST_SUITE_P(
    OneMistakeOfOne, ServiceDoesNotFit,
    testing::Values(
        RefusedCase{"AddressOfTheService",
                    web("address: 192.0.2, port: 80, backends: [{address: 192.0.2.11}]"),
                    {"8:18: address: found '192.0.2'"}},
        RefusedCase{"PortOfTheService",
                    web("address: 192.0.2.80, port: x, forwarding: direct, backends: [{address: "
                        "192.0.2.11, port: 80}]"),
                    {"8:36: port: found 'x'"}},
        RefusedCase{"ForwardingOfTheService",
                    web("address: 192.0.2.80, port: 80, forwarding: masq, wrap: gre, backends: "
                        "[{address: 'fd00::1'}]"),
                    {"8:52: forwarding: found 'masq'"}},
        RefusedCase{"LocalAddress", fullnat("192.0.2"), {"8:79: local_addresses: found '192.0.2'"}},
        RefusedCase{"Scheduler",
                    web("address: 192.0.2.80, port: 80, scheduler: x, scheduler_options: "
                        "{hash_port: true}"),
                    {"8:51: scheduler: found 'x'"}}),
    case_name);

TEST(Services, HaveALimitOfBackendsTogether) {
  const std::string yaml = world(
      "  a: {address: 192.0.2.80, port: 1, backends: [{address: "
      "192.0.2.11}, {address: 192.0.2.12}]}\n"
      "  b: {address: 192.0.2.80, port: 2, backends: [{address: "
      "192.0.2.11}]}\n");
  ConfigLimits limits;
  limits.backends = 3;
  EXPECT_EQ(mistakes_of(yaml, limits), std::vector<std::string>{});
  limits.backends = 2;
  EXPECT_EQ(mistakes_of(yaml, limits),
            std::vector<std::string>{"-: found 3 backends, of all services, expected at most 2"});
}

const std::string kBackendAt = "address: 192.0.2.80, port: 80, backends: [{address: ";
INSTANTIATE_TEST_SUITE_P(
    AddressesOfNoHost, ServiceDoesNotFit,
    testing::Values(
        RefusedCase{
            "VirtualBroadcast",
            web("address: 192.0.2.255, port: 80"),
            {"8:18: address: 192.0.2.255 is the broadcast address of 192.0.2.0/24; expected "
             "one of its hosts, 192.0.2.1 to 192.0.2.254 (the subnet is at f:2:39)"}},
        RefusedCase{"VirtualNetwork",
                    web("address: 192.0.2.0, port: 80"),
                    {"8:18: address: 192.0.2.0 is the network address of 192.0.2.0/24"}},
        RefusedCase{"VirtualInAVrf",
                    web("address: 10.1.0.255, port: 80, vrf: blue"),
                    {"8:18: address: 10.1.0.255 is the broadcast address of 10.1.0.0/24"}},
        RefusedCase{"VirtualOfAGateway",
                    web("address: 10.5.0.255, port: 80, vrf: blue"),
                    {"8:18: address: 10.5.0.255 is the broadcast address of 10.5.0.0/24"}},
        RefusedCase{
            "VirtualOfATunnel",
            web("address: 10.255.0.3, port: 80, vrf: blue"),
            {"8:18: address: 10.255.0.3 is the broadcast address of 10.255.0.0/30; expected "
             "one of its hosts, 10.255.0.1 to 10.255.0.2"}},
        RefusedCase{"Backend",
                    web(kBackendAt + "192.0.2.255}]"),
                    {"8:61: address: 192.0.2.255 is the broadcast address of 192.0.2.0/24"}},
        RefusedCase{"BackendOfAnotherVrf",
                    web(kBackendAt + "10.1.0.0, vrf: blue}]"),
                    {"8:61: address: 10.1.0.0 is the network address of 10.1.0.0/24"}},
        RefusedCase{"Sorry",
                    web("address: 192.0.2.80, port: 80, sorry: {address: 192.0.2.255}"),
                    {"8:57: address: 192.0.2.255 is the broadcast address of 192.0.2.0/24"}},
        RefusedCase{"LocalAddress",
                    fullnat("192.0.2.255"),
                    {"8:79: local_addresses: 192.0.2.255 is the broadcast address of "
                     "192.0.2.0/24"}}),
    case_name);

TEST(ServiceAddresses, AreOfHostsWhereNoSubnetOfOursSaysOtherwise) {
  const auto point_to_point = [](const char* own) {
    return "ports: {up: {device: 'tap:x', addresses: [" + std::string(own) +
           "]}}\nservices: {web: {address: 192.0.2.255, port: 80}}\n";
  };
  EXPECT_EQ(mistakes_of(point_to_point("192.0.2.254/31")), std::vector<std::string>());
  EXPECT_EQ(mistakes_of(point_to_point("192.0.2.254/32")), std::vector<std::string>());
  EXPECT_EQ(mistakes_of(point_to_point("192.0.3.1/23")).size(), 0u) << "within the subnet";
  EXPECT_EQ(mistakes_of(point_to_point("192.0.2.254/30")).size(), 1u);
  // The other VRF's subnet does not count.
  EXPECT_EQ(mistakes_of(web("address: 10.1.0.255, port: 80")), std::vector<std::string>());
}

}  // namespace
}  // namespace adit::config_services_test
