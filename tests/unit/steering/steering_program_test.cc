// SPDX-License-Identifier: Apache-2.0
// The XDP program itself, run by the kernel on frames (BPF_PROG_RUN), with rules of a
// configuration. There is no socket: a packet of adit's is counted, and passed.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <steering.skel.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/parser.h"
#include "steering/steering_maps.h"

namespace adit::steering_program_test {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr char kConfig[] = R"(
ports:
  edge: {device: "af_xdp:eth0", addresses: [10.1.0.1/24, "2001:db8::1/64"], router_advertisements: {}}
  other: {device: "tap:t0", addresses: [10.2.0.1/24]}
vrfs:
  red: {ports: [edge, other], vlans: [{port: edge, vlan: 9, addresses: [10.9.0.1/24]}], routes: [{to: "2001:db8:9::/48", via: "2001:db8::9"}]}
networks:
  blue: {vni: 101, members: [{port: edge, vlan: 7}]}
services:
  web: {vrf: red, address: 10.1.0.80, port: 80, backends: [{address: 10.1.0.7, port: 8080}, {address: 10.1.0.8}]}
)";
const MacAddr kMac = MacAddr::from_u64(0x0200'0000'0001);

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes be16_of(unsigned value) {
  return {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}
Bytes ip(const std::string& text) {
  const IpAddr address = *parse_ip(text);
  return {address.bytes.begin(), address.bytes.begin() + (address.is_v4() ? 4 : 16)};
}
Bytes ethernet(unsigned type, const Bytes& rest, MacAddr to = kMac) {
  return Bytes(to.bytes.begin(), to.bytes.end()) + Bytes{2, 0, 0, 0, 0, 9} + be16_of(type) + rest;
}
Bytes vlan(unsigned id, unsigned type, const Bytes& rest) {
  return ethernet(0x8100, be16_of(id) + be16_of(type) + rest);
}
Bytes ports(unsigned from, unsigned to) {
  return be16_of(from) + be16_of(to) + Bytes(16, 0);
}
Bytes ipv4(const std::string& from, const std::string& to, uint8_t protocol, const Bytes& rest,
           unsigned fragment = 0) {
  return Bytes{0x45, 0} + be16_of(20 + static_cast<unsigned>(rest.size())) + Bytes{0, 1} +
         be16_of(fragment) + Bytes{64, protocol, 0, 0} + ip(from) + ip(to) + rest;
}
Bytes ipv6(const std::string& from, const std::string& to, uint8_t next, const Bytes& rest) {
  return Bytes{0x60, 0, 0, 0} + be16_of(static_cast<unsigned>(rest.size())) + Bytes{next, 255} +
         ip(from) + ip(to) + rest;
}
Bytes arp(const std::string& target) {
  return Bytes{0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9} + ip("10.1.0.9") + Bytes(6, 0) +
         ip(target);
}
Bytes solicitation(const std::string& target) {
  return Bytes{135, 0, 0, 0, 0, 0, 0, 0} + ip(target);
}

class SteeringProgram : public testing::Test {
 protected:
  void SetUp() override {
    libbpf_set_print([](libbpf_print_level level, const char* format, va_list arguments) {
      return level == LIBBPF_WARN ? vfprintf(stderr, format, arguments) : 0;
    });
    skeleton_.reset(steering_bpf__open());
    ASSERT_TRUE(skeleton_);
    const int error = steering_bpf__load(skeleton_.get());
    if (error == -EPERM || error == -EACCES)
      GTEST_SKIP() << "no privilege to load BPF programs: CAP_BPF and CAP_NET_ADMIN";
    ASSERT_EQ(error, 0);
    program_ = bpf_program__fd(skeleton_->progs.adit_steering);
    maps_.emplace(SteeringMaps::of_program(program_));
  }

  void apply(const std::string& yaml, const std::set<IpAddr>& host = {}) {
    const Config config = parse_config(yaml, "f");
    maps_->apply(steering_rules(config, config.ports[0], kMac, {host, {}}));
  }

  // The reason that was counted for the frame.
  std::string decision(Bytes frame) {
    static const std::array<std::string, STEERING_NO_SOCKET> kNames = {
        "network", "neighbour", "address", "service", "reply", "route", "kernel"};
    frame.resize(std::max<size_t>(frame.size(), 60));
    const SteeringCounters before = maps_->counters();
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = frame.data();
    options.data_size_in = static_cast<uint32_t>(frame.size());
    options.repeat = 1;
    EXPECT_EQ(bpf_prog_test_run_opts(program_, &options), 0) << std::strerror(errno);
    EXPECT_EQ(options.retval, static_cast<uint32_t>(XDP_PASS));
    const SteeringCounters after = maps_->counters();
    std::string found;
    for (unsigned reason = 0; reason < STEERING_NO_SOCKET; ++reason)
      if (after[reason] != before[reason]) found += (found.empty() ? "" : "+") + kNames[reason];
    const bool no_socket = after[STEERING_NO_SOCKET] != before[STEERING_NO_SOCKET];
    EXPECT_EQ(no_socket, found != "kernel");
    return found;
  }
  std::string v4(const std::string& from, const std::string& to, uint8_t protocol, Bytes rest) {
    return decision(ethernet(0x0800, ipv4(from, to, protocol, rest)));
  }

  struct Destroy {
    void operator()(steering_bpf* skeleton) const { steering_bpf__destroy(skeleton); }
  };
  std::unique_ptr<steering_bpf, Destroy> skeleton_;
  int program_ = -1;
  std::optional<SteeringMaps> maps_;
};

TEST_F(SteeringProgram, LeavesAllToTheKernelBeforeItHasRules) {
  EXPECT_EQ(v4("10.1.0.9", "10.1.0.1", 17, ports(1, 4789)), "kernel");
  EXPECT_EQ(decision(vlan(7, 0x0800, ipv4("10.1.0.9", "10.1.0.1", 17, ports(1, 2)))), "kernel");
}

TEST_F(SteeringProgram, TakesVlansOfNetworks) {
  apply(kConfig);
  EXPECT_EQ(decision(vlan(7, 0x1234, {})), "network");
  EXPECT_EQ(decision(vlan(8, 0x1234, {})), "kernel");
  const Bytes tagged = be16_of(7) + be16_of(0x1234);  // behind a priority tag, and before it
  EXPECT_EQ(decision(vlan(0, 0x8100, tagged)), "network");
  EXPECT_EQ(decision(vlan(9, 0x8100, be16_of(0) + be16_of(0x0806) + arp("10.9.0.1"))), "neighbour");
  EXPECT_EQ(decision(vlan(9, 0x8100, be16_of(7) + be16_of(0x0806) + arp("10.9.0.1"))), "kernel");
  EXPECT_EQ(decision(ethernet(0x1234, {})), "kernel");
}

TEST_F(SteeringProgram, TakesArpAndSolicitationsOfItsAddresses) {
  apply(kConfig);
  const MacAddr all = kBroadcastMac;
  EXPECT_EQ(decision(ethernet(0x0806, arp("10.1.0.1"), all)), "neighbour");
  EXPECT_EQ(decision(ethernet(0x0806, arp("10.1.0.80"), all)), "neighbour");
  EXPECT_EQ(decision(ethernet(0x0806, arp("10.1.0.2"), all)), "kernel");
  EXPECT_EQ(decision(vlan(9, 0x0806, arp("10.9.0.1"))), "neighbour");
  EXPECT_EQ(decision(vlan(9, 0x0806, arp("10.9.0.2"))), "kernel");
  const auto icmp = [&](const std::string& to, const Bytes& message) {
    return decision(ethernet(0x86dd, ipv6("fe80::9", to, 58, message)));
  };
  EXPECT_EQ(icmp("ff02::1:ff00:1", solicitation("2001:db8::1")), "neighbour");
  EXPECT_EQ(icmp("ff02::1:ff00:1", solicitation("2001:db8:1::1")), "kernel");
  // The router's own address, that of its MAC, is not the kernel's to answer for; else it may be.
  EXPECT_EQ(icmp("ff02::1:ff00:1", solicitation("fe80::ff:fe00:1")), "neighbour");
  EXPECT_EQ(icmp("fe80::ff:fe00:1", Bytes{128, 0, 0, 0}), "address");
  apply(kConfig, {*parse_ip("fe80::ff:fe00:1")});
  EXPECT_EQ(icmp("ff02::1:ff00:1", solicitation("fe80::ff:fe00:1")), "neighbour");
  EXPECT_EQ(icmp("fe80::ff:fe00:1", Bytes{128, 0, 0, 0}), "kernel");
  EXPECT_EQ(icmp("ff02::2", Bytes{133, 0, 0, 0, 0, 0, 0, 0}), "neighbour");
  EXPECT_EQ(icmp("2001:db8::1", Bytes{136, 0, 0, 0}), "address");
  EXPECT_EQ(icmp("ff02::1", Bytes{136, 0, 0, 0}), "kernel");
}

TEST_F(SteeringProgram, TakesWhatIsForItsAddresses) {
  apply(kConfig);
  EXPECT_EQ(v4("10.1.0.9", "10.1.0.1", 17, ports(1, 4789)), "address");
  EXPECT_EQ(v4("10.1.0.9", "10.1.0.1", 47, Bytes(8, 0)), "address");
  EXPECT_EQ(v4("10.1.0.9", "10.1.0.80", 6, ports(1000, 22)), "address");
  EXPECT_EQ(v4("10.1.0.9", "10.1.0.2", 6, ports(1000, 22)), "kernel");
  EXPECT_EQ(decision(ethernet(0x86dd, ipv6("fe80::9", "2001:db8::1", 17, ports(1, 4789)))),
            "address");
  EXPECT_EQ(decision(vlan(0, 0x0800, ipv4("10.1.0.9", "10.1.0.1", 17, ports(1, 2)))), "address");
}

TEST_F(SteeringProgram, TakesWhatIsRoutedAndToItsMac) {
  apply(kConfig, {*parse_ip("10.2.0.77")});
  EXPECT_EQ(v4("10.1.0.9", "10.2.0.9", 1, {8, 0, 0, 0}), "route");
  EXPECT_EQ(v4("10.1.0.9", "10.2.0.77", 1, {8, 0, 0, 0}), "kernel");
  EXPECT_EQ(v4("10.1.0.9", "10.1.0.77", 1, {8, 0, 0, 0}), "kernel");
  EXPECT_EQ(decision(ethernet(0x86dd, ipv6("fe80::9", "2001:db8:9::1", 58, {128, 0, 0, 0}))),
            "route");
  const MacAddr other = MacAddr::from_u64(0x0200'0000'0002);
  EXPECT_EQ(decision(ethernet(0x0800, ipv4("10.1.0.9", "10.2.0.9", 1, {8, 0}), other)), "kernel");
}

TEST_F(SteeringProgram, TakesRepliesOfNatAndErrorsAboutIt) {
  apply(kConfig, {*parse_ip("10.1.0.200")});
  EXPECT_EQ(v4("10.1.0.7", "192.0.2.9", 6, ports(8080, 1000)), "reply");
  EXPECT_EQ(v4("10.1.0.7", "192.0.2.9", 6, ports(22, 1000)), "kernel");
  EXPECT_EQ(v4("10.1.0.7", "192.0.2.9", 17, ports(8080, 1000)), "kernel");
  EXPECT_EQ(v4("10.1.0.8", "192.0.2.9", 6, ports(99, 1000)), "reply");  // any port
  EXPECT_EQ(v4("10.1.0.7", "10.1.0.200", 6, ports(8080, 1000)), "kernel");
  const auto fragment = [&](const std::string& to) {
    return decision(ethernet(0x0800, ipv4("10.1.0.7", to, 6, Bytes(32, 0), 100)));
  };
  EXPECT_EQ(fragment("192.0.2.9"), "reply");
  EXPECT_EQ(fragment("10.1.0.200"), "kernel");
  const Bytes quoted = ipv4("192.0.2.9", "10.1.0.7", 6, ports(1000, 8080));
  EXPECT_EQ(v4("10.1.0.254", "192.0.2.9", 1, Bytes{3, 4, 0, 0, 0, 0, 0, 0} + quoted), "reply");
  EXPECT_EQ(v4("10.1.0.254", "192.0.2.9", 1, Bytes{8, 0, 0, 0, 0, 0, 0, 0} + quoted), "kernel");
}

TEST_F(SteeringProgram, TakesOnlyTheServiceAtAnAddressOfTheHost) {
  apply(kConfig, {*parse_ip("10.1.0.80")});
  EXPECT_EQ(v4("10.1.0.9", "10.1.0.80", 6, ports(1000, 80)), "service");
  EXPECT_EQ(v4("10.1.0.9", "10.1.0.80", 6, ports(1000, 22)), "kernel");
  EXPECT_EQ(v4("10.1.0.9", "10.1.0.80", 17, ports(1000, 80)), "kernel");
  EXPECT_EQ(decision(ethernet(0x0806, arp("10.1.0.80"), kBroadcastMac)), "kernel");
  // Errors about what the service sent, not about what the host sent.
  const Bytes error = {3, 4, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(
      v4("10.1.0.9", "10.1.0.80", 1, error + ipv4("10.1.0.80", "10.1.0.9", 6, ports(80, 1000))),
      "service");
  EXPECT_EQ(
      v4("10.1.0.9", "10.1.0.80", 1, error + ipv4("10.1.0.80", "10.1.0.9", 6, ports(22, 1000))),
      "kernel");
  // Later fragments have no ports.
  EXPECT_EQ(decision(ethernet(0x0800, ipv4("10.1.0.9", "10.1.0.80", 6, ports(1000, 80), 100))),
            "kernel");
}

TEST_F(SteeringProgram, ReadsPastExtensionHeaders) {
  apply(kConfig);
  const Bytes options = {58, 0, 1, 4, 0, 0, 0, 0};
  EXPECT_EQ(decision(ethernet(0x86dd, ipv6("fe80::9", "ff02::1:ff00:1", 0,
                                           options + solicitation("2001:db8::1")))),
            "neighbour");
  Bytes endless;
  for (unsigned i = 0; i < 8; ++i) endless = endless + Bytes{60, 255, 1, 4, 0, 0, 0, 0};
  EXPECT_EQ(decision(ethernet(0x86dd, ipv6("fe80::9", "2001:db8:7::1", 0, endless))), "kernel");
}

TEST_F(SteeringProgram, LeavesWhatIsCutShortToTheKernel) {
  apply(kConfig);
  const Bytes whole = ethernet(0x0800, ipv4("10.1.0.7", "192.0.2.9", 6, ports(8080, 1000)));
  for (size_t length = 14; length < whole.size(); ++length) {
    Bytes frame(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = frame.data();
    options.data_size_in = static_cast<uint32_t>(frame.size());
    options.repeat = 1;
    const SteeringCounters before = maps_->counters();
    ASSERT_EQ(bpf_prog_test_run_opts(program_, &options), 0) << length;
    const SteeringCounters after = maps_->counters();
    EXPECT_EQ(after[STEERING_KERNEL] - before[STEERING_KERNEL], length < 38 ? 1U : 0U) << length;
    EXPECT_EQ(after[STEERING_REPLY] - before[STEERING_REPLY], length < 38 ? 0U : 1U) << length;
  }
}

TEST_F(SteeringProgram, FollowsAnotherConfiguration) {
  apply(kConfig);
  apply(R"(
ports:
  edge: {device: "af_xdp:eth0", addresses: [10.1.0.2/24]}
vrfs:
  red: {ports: [edge]}
)");
  EXPECT_EQ(v4("10.1.0.9", "10.1.0.1", 17, ports(1, 4789)), "kernel");
  EXPECT_EQ(v4("10.1.0.9", "10.1.0.2", 17, ports(1, 4789)), "address");
  EXPECT_EQ(v4("10.1.0.9", "10.2.0.9", 1, {8, 0, 0, 0}), "kernel");
  EXPECT_EQ(v4("10.1.0.7", "192.0.2.9", 6, ports(8080, 1000)), "kernel");
  EXPECT_EQ(decision(vlan(7, 0x1234, {})), "kernel");
}

}  // namespace
}  // namespace adit::steering_program_test
