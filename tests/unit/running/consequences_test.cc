// SPDX-License-Identifier: Apache-2.0
// What a change means for the connections that there are.
#include "running/consequences.h"

#include <gtest/gtest.h>

#include "config/diff.h"
#include "config/parser.h"
#include "running/control_plane.h"
#include "test_dataplane.h"
#include "worker/balancer.h"
#include "worker/worker.h"

namespace adit::consequences_test {
namespace {

constexpr char kPorts[] =
    "ports:\n"
    "  up: {device: \"tap:up0\", addresses: [192.0.2.1/24]}\n"
    "services:\n";
constexpr char kDns[] =
    "  dns: {address: 192.0.2.80, protocol: udp, port: 53, backends: [{address: 192.0.2.13}]}\n";

std::string web(const char* backends) {
  return std::string("  web: {address: 192.0.2.80, port: 80, backends: [") + backends + "]}\n";
}
constexpr char kBoth[] = "{address: 192.0.2.11, port: 8080}, {address: 192.0.2.12}";

class ConsequencesTest : public testing::Test {
 protected:
  void has_connections(const char* service, const char* address, uint16_t port, unsigned active) {
    const BackendId id =
        control_.ids().backends.at({service, "underlay", *parse_ip(address), port});
    dataplane_->worker(0).balancer->loads[id].active.store(active);
  }
  // Each line of the difference, and what it means.
  std::vector<std::string> lines(const std::string& services, const char* more = "") {
    const Config next = parse_config(more + std::string(kPorts) + services, "test");
    const auto means = consequences(touched_backends(*control_.state(), next), *dataplane_);
    std::vector<std::string> out;
    for (const std::string& change : diff_configs(control_.config(), next).changes) {
      out.push_back(change);
      for (const Consequence& each : means)
        if (change.starts_with(each.of)) out.back() += " => " + each.text;
    }
    return out;
  }
  using Lines = std::vector<std::string>;

  TestDataplane dataplane_;
  ControlPlane control_{*dataplane_,
                        parse_config(kPorts + web(kBoth) + kDns, "test"),
                        {*parse_mac("02:00:00:00:00:01")},
                        1'000'000'000};
};

TEST_F(ConsequencesTest, AreToldOfRemovedAndDrainedBackends) {
  has_connections("web", "192.0.2.11", 8080, 812);
  has_connections("web", "192.0.2.12", 0, 1);
  EXPECT_EQ(lines(web(kBoth) + kDns), Lines{});
  EXPECT_EQ(lines(web("{address: 192.0.2.11, port: 8080, weight: 0}") + kDns),
            (Lines{"services.web: backend 192.0.2.12 removed => 1 connection ends",
                   "services.web: backend 192.0.2.11:8080 weight: 1 -> 0 => drain: 812 "
                   "connections kept, and no new ones"}));
  EXPECT_EQ(lines(kDns), (Lines{"services.web: removed => 813 connections end"}));
  EXPECT_EQ(lines(web(kBoth)), (Lines{"services.dns: removed"})) << "it has none";
}

TEST_F(ConsequencesTest, AreThoseOfTheNextConfiguration) {
  has_connections("web", "192.0.2.12", 0, 2);
  const Lines wait =
      lines(web("{address: 192.0.2.11, port: 8080}") + kDns, "balancer: {expire_nodest: false}\n");
  ASSERT_EQ(wait.size(), 2u);
  EXPECT_EQ(wait[1],
            "services.web: backend 192.0.2.12 removed => 2 connections stand still until it is "
            "back, as expire_nodest is false");
}

}  // namespace
}  // namespace adit::consequences_test
