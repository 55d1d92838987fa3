// SPDX-License-Identifier: Apache-2.0
// Services whose addresses are somebody else's, and what sorry servers may have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_cases.h"
#include "config_services.h"

namespace adit::config_services_test {
namespace {

// adit answers ARP and ND for the addresses of services: it would take over somebody else's.
TEST(ServiceAddresses, AreOfNobodyElse) {
  const auto said = [](const std::string& more, const std::string& service) {
    const auto mistakes = mistakes_of(
        "ports:\n"
        "  up: {device: 'tap:x', addresses: [192.0.2.1/24]}\n"
        "  in: {device: 'tap:y', addresses: [10.0.0.1/24]}\n" +
        more + "services:\n  web: {port: 80, " + service + "}\n");
    return mistakes.empty() ? std::string() : mistakes.front();
  };
  using testing::HasSubstr;
  const std::string at = "address: 192.0.2.80";
  EXPECT_EQ(said("", at), "");
  EXPECT_THAT(said("routes: [{to: 10.9.0.0/16, via: 192.0.2.80}]\n", at),
              HasSubstr("address: 192.0.2.80 is that of a router, see "));
  EXPECT_THAT(said("neighbours: [{address: 192.0.2.80, mac: '02:00:00:00:00:02'}]\n", at),
              HasSubstr("is that of a static neighbour"));
  EXPECT_THAT(said("networks: {a: {vni: 1, remotes: [{address: 192.0.2.80}]}}\n", at),
              HasSubstr("is that of a remote"));
  EXPECT_THAT(said("vrfs: {v: {tunnels: {t: {address: 192.0.2.80}}}}\n", at),
              HasSubstr("is that of the other end of a tunnel"));
  const std::string full = at + ", forwarding: fullnat, backends: [{address: 192.0.2.11}], ";
  EXPECT_EQ(said("", full + "local_addresses: [192.0.2.90]"), "");
  EXPECT_THAT(said("", full + "local_addresses: [192.0.2.11]"),
              HasSubstr("local_addresses: 192.0.2.11 is that of a backend, see "));
  EXPECT_THAT(said("routes: [{to: 10.9.0.0/16, via: 192.0.2.90}]\n",
                   full + "local_addresses: [192.0.2.90]"),
              HasSubstr("is that of a router"));
  // In another VRF it is another address.
  EXPECT_EQ(said("vrfs: {v: {ports: [in], routes: [{to: 10.9.0.0/16, via: 10.0.0.80}]}}\n",
                 "address: 10.0.0.80"),
            "");
  EXPECT_THAT(said("vrfs: {v: {ports: [in], routes: [{to: 10.9.0.0/16, via: 10.0.0.80}]}}\n",
                   "vrf: v, address: 10.0.0.80"),
              HasSubstr("is that of a router"));
}

TEST(SorryServers, MayAloneUseWhatOneWayOfForwardingTakes) {
  const std::string by_nat = "address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.11}], ";
  EXPECT_EQ(mistakes_of(web(by_nat + "local_addresses: [192.0.2.90], "
                                     "sorry: {address: 192.0.2.12, forwarding: fullnat}")),
            std::vector<std::string>());
  EXPECT_EQ(mistakes_of(web(by_nat + "wrap: gre, "
                                     "sorry: {address: 192.0.2.12, forwarding: tunnel}")),
            std::vector<std::string>());
  EXPECT_EQ(mistakes_of(web(by_nat + "local_addresses: [192.0.2.1], "
                                     "sorry: {address: 192.0.2.12, forwarding: fullnat}"))
                .size(),
            1u)
      << "an address of ours";
}

}  // namespace
}  // namespace adit::config_services_test
