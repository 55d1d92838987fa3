// SPDX-License-Identifier: Apache-2.0
#include "machine/eal_args.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/parser.h"

namespace adit {
namespace {

Config config_of(const std::string& yaml) {
  return parse_config(yaml, "f");
}
Config tap_config(const std::string& system = "") {
  return config_of("system: {" + system + "}\nports: {up: {device: 'tap:up0'}}\n");
}

SystemFacts two_cores() {
  SystemFacts facts;
  facts.cpus = {2, 5};
  return facts;
}

SystemFacts with_hugepages(uint64_t free_mb) {
  SystemFacts facts = two_cores();
  facts.hugepage_kb = 2048;
  facts.hugepages_free_mb = free_mb;
  facts.hugetlbfs_mounted = facts.hugetlbfs_ok = true;
  return facts;
}

bool has(const EalArgs& eal, const std::string& arg) {
  return std::find(eal.args.begin(), eal.args.end(), arg) != eal.args.end();
}
// The argument after the given one, or "-".
std::string after(const EalArgs& eal, const std::string& option) {
  const auto found = std::find(eal.args.begin(), eal.args.end(), option);
  return found == eal.args.end() || found + 1 == eal.args.end() ? "-" : *(found + 1);
}

std::vector<std::string> names_of(const EalArgs& eal) {
  std::vector<std::string> names;
  for (const PortDevice& device : eal.devices) names.push_back(device.name);
  return names;
}

TEST(EalArgs, TapWithoutHugepagesIsExactlyThis) {
  const EalArgs eal = eal_args(tap_config("memory_mb: 128"), two_cores(), 42);
  EXPECT_EQ(eal.args, (std::vector<std::string>{"aditd", "--lcores", "0@2,1@5",
                                                "--file-prefix=adit-42", "--no-huge", "-m", "128",
                                                "--log-level=warning", "--no-pci"}));
  EXPECT_EQ(names_of(eal), std::vector<std::string>{"tap:up0"});  // no DPDK device
}

TEST(EalArgs, EveryKindOfPortHasItsNameAndArguments) {
  SystemFacts facts = two_cores();
  facts.cpus = {0, 1, 2};
  facts.interfaces = {{"eth2", true, false, 4}};
  const EalArgs eal = eal_args(config_of(R"(
ports:
  a: {device: 'tap:t0', mac: 02:00:00:00:00:01}
  b: {device: 'af_packet:eth0'}
  c: {device: 'af_packet:eth1'}
  d: {device: 'af_xdp:eth2'}
  e: {device: 'vdev:net_null7,copy=1'}
  f: {device: "0000:0A:00.0"}
  g: {device: "0000:0a:00.1"}
)"),
                               facts, 1);
  EXPECT_EQ(names_of(eal),
            (std::vector<std::string>{"tap:t0", "net_af_packet0", "net_af_packet1", "net_af_xdp0",
                                      "net_null7", "0000:0a:00.0", "0000:0a:00.1"}));
  const std::string sizes = ",qpairs=2,blocksz=65536,framesz=2048,framecnt=1024";
  EXPECT_TRUE(has(eal, "net_af_packet0,iface=eth0" + sizes));
  EXPECT_TRUE(has(eal, "net_af_packet1,iface=eth1" + sizes));
  EXPECT_TRUE(has(eal, "net_af_xdp0,iface=eth2,queue_count=2"));
  EXPECT_TRUE(has(eal, "net_null7,copy=1"));
  EXPECT_TRUE(has(eal, "0000:0a:00.0"));
  EXPECT_TRUE(has(eal, "0000:0a:00.1"));
  EXPECT_FALSE(has(eal, "--no-pci"));
  EXPECT_EQ(std::count(eal.args.begin(), eal.args.end(), "--vdev"), 4);
  EXPECT_EQ(std::count(eal.args.begin(), eal.args.end(), "-a"), 2);
}

TEST(EalArgs, BondsAndTheirMembersAreMadeWhenTheyAreOpened) {
  SystemFacts facts = two_cores();
  facts.interfaces = {{"eth1", true, false, 1}};
  facts.xdp_program = "/proc/self/fd/7";
  const EalArgs eal = eal_args(config_of(R"(
ports:
  a: {device: 'af_packet:eth0'}
  b: {bond: {mode: 802.3ad, members: ['tap:t0', 'af_packet:e0', 'af_xdp:eth1', 'vdev:net_null0', "0000:0a:00.0"]}}
  c: {bond: {members: ['tap:t1']}}
)"),
                               facts, 1);
  EXPECT_EQ(names_of(eal),
            (std::vector<std::string>{"net_af_packet0", "net_bonding0", "net_bonding1"}));
  std::vector<std::string> names, vdevs;
  for (const NamedDevice& member : eal.devices[1].members) {
    names.push_back(member.name);
    vdevs.push_back(member.vdev.substr(0, member.vdev.find(",qpairs")));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"net_tap0", "net_af_packet1", "net_af_xdp0",
                                             "net_null0", "0000:0a:00.0"}));
  // No program: adit gets every packet.
  EXPECT_EQ(vdevs,
            (std::vector<std::string>{"net_tap0,iface=t0", "net_af_packet1,iface=e0",
                                      "net_af_xdp0,iface=eth1,queue_count=1", "net_null0", ""}));
  EXPECT_EQ(std::count(eal.args.begin(), eal.args.end(), "--vdev"), 1);
  EXPECT_TRUE(has(eal, "0000:0a:00.0"));
  EXPECT_FALSE(has(eal, "--no-pci"));
}

TEST(EalArgs, MembersOfABondHaveRingsAndBuffersEach) {
  const std::string member = "'vdev:net_null0'", two = member + ", 'vdev:net_null1'";
  const auto count = [](const std::string& members) {
    return mbuf_count(config_of("ports: {a: {bond: {members: [" + members + "]}}}"), 2);
  };
  EXPECT_EQ(count(two) - count(member), 2 * (1024 + 1024));
}

TEST(EalArgs, SteeredPortsHaveAnXdpProgram) {
  SystemFacts facts = two_cores();
  facts.interfaces = {{"eth1", true, false, 1}, {"eth2", true, false, 1}};
  facts.xdp_program = "/proc/self/fd/7";
  const EalArgs eal = eal_args(config_of("ports:\n  a: {device: 'af_xdp:eth1'}\n"
                                         "  b: {device: 'af_xdp:eth2', steer: all}\n"),
                               facts, 1);
  EXPECT_TRUE(has(eal, "net_af_xdp0,iface=eth1,queue_count=1,xdp_prog=/proc/self/fd/7"));
  EXPECT_TRUE(has(eal, "net_af_xdp1,iface=eth2,queue_count=1"));
}

TEST(EalArgs, OwnNamesStepAsideForTheUsersVdevs) {
  const EalArgs eal = eal_args(config_of("ports:\n  a: {device: 'af_packet:t0'}\n"
                                         "  b: {device: 'vdev:net_af_packet0,iface=x'}\n"
                                         "  c: {device: 'af_packet:t1'}\n"),
                               two_cores(), 1);
  EXPECT_EQ(names_of(eal),
            (std::vector<std::string>{"net_af_packet1", "net_af_packet0", "net_af_packet2"}));
}

TEST(EalArgs, AfPacketFramesHoldThePacketAndFitABuffer) {
  for (const unsigned mtu :
       {576U, 1500U, 1900U, 1946U, 2000U, 4000U, 9000U, 9050U, 9200U, 9600U, 65000U}) {
    const Config config =
        config_of("ports: {a: {device: 'af_packet:x', mtu_bytes: " + std::to_string(mtu) +
                  ", rx_ring: 2048}}");
    const std::string vdev = after(eal_args(config, two_cores(), 1), "--vdev");
    const auto value = [&](const std::string& key) {
      return std::stoul(vdev.substr(vdev.find(key + '=') + key.size() + 1));
    };
    const unsigned long frame = value("framesz"), block = value("blocksz"),
                        count = value("framecnt");
    EXPECT_GE(frame, mtu + 22 + 66) << vdev;  // 66: the kernel's header before the packet
    EXPECT_LE(frame - 32, mbuf_data_room_bytes(config) - 128U) << vdev;  // the driver's check
    EXPECT_EQ(frame % 16, 0U) << vdev;
    EXPECT_EQ(block % 4096, 0U) << vdev;
    EXPECT_EQ(block % frame, 0U) << vdev;  // the driver leaves no rest at the end of a block
    EXPECT_LE(block, std::max(262144UL, 64 * frame)) << vdev;
    EXPECT_EQ(count % (block / frame), 0U) << vdev;  // whole blocks
    EXPECT_GE(count, 2048U) << vdev;
  }
}

TEST(EalArgs, HugepagesWhenEnoughAreFree) {
  const Config config = tap_config("memory_mb: 128");
  EXPECT_FALSE(has(eal_args(config, with_hugepages(128), 1), "--no-huge"));
  EXPECT_TRUE(has(eal_args(config, with_hugepages(128), 1), "--huge-unlink=always"));
  EXPECT_TRUE(has(eal_args(config, with_hugepages(127), 1), "--no-huge"));
  // EAL refuses --huge-unlink and --in-memory beside --no-huge.
  EXPECT_FALSE(has(eal_args(config, with_hugepages(127), 1), "--huge-unlink=always"));
  EXPECT_FALSE(has(eal_args(config, with_hugepages(127), 1), "--in-memory"));
  SystemFacts unmounted = with_hugepages(128);
  unmounted.hugetlbfs_mounted = false;
  EXPECT_TRUE(has(eal_args(config, unmounted, 1), "--no-huge"));
}

TEST(EalArgs, HugepagesHaveNoFilesWhereNoneCanBeMade) {
  SystemFacts facts = with_hugepages(128);
  facts.hugetlbfs_ok = false;
  const EalArgs eal = eal_args(tap_config("memory_mb: 128"), facts, 1);
  EXPECT_TRUE(has(eal, "--in-memory"));
  EXPECT_FALSE(has(eal, "--huge-unlink=always") || has(eal, "--no-huge"));
}

TEST(EalArgs, HugepagesAsConfigured) {
  EXPECT_TRUE(has(eal_args(tap_config("hugepages: no"), with_hugepages(100000), 1), "--no-huge"));
  EXPECT_FALSE(has(eal_args(tap_config("hugepages: yes"), two_cores(), 1), "--no-huge"));
}

TEST(EalArgs, CoresAreControlFirstThenWorkers) {
  SystemFacts facts;
  facts.cpus = {4, 6, 7, 9};
  EXPECT_EQ(after(eal_args(tap_config(), facts, 1), "--lcores"), "0@4,1@6,2@7,3@9");
  EXPECT_EQ(after(eal_args(tap_config("workers: 2"), facts, 1), "--lcores"), "0@4,1@6,2@7");
  EXPECT_EQ(after(eal_args(tap_config("workers: 4"), facts, 1), "--lcores"), "0@4,1@4,2@6,3@7,4@9");
  facts.cpus = {3};
  EXPECT_EQ(after(eal_args(tap_config(), facts, 1), "--lcores"), "0@3,1@3");
}

TEST(EalArgs, UsersArgumentsComeLastAndReplaceOurs) {
  const std::vector<std::vector<std::string>> cases = {
      {"-l", "0-3"},       {"--lcores=0@1"},       {"-m64"},
      {"--socket-mem=64"}, {"--file-prefix", "x"}, {"--log-level=8"}};
  const std::vector<std::string> replaced = {
      "--lcores", "--lcores", "-m", "-m", "--file-prefix=adit-1", "--log-level=warning"};
  for (size_t i = 0; i < cases.size(); ++i) {
    const EalArgs eal = eal_args(tap_config(), two_cores(), 1, cases[i]);
    EXPECT_FALSE(has(eal, replaced[i])) << replaced[i];
    EXPECT_TRUE(std::equal(cases[i].rbegin(), cases[i].rend(), eal.args.rbegin())) << cases[i][0];
  }
  const EalArgs eal = eal_args(tap_config(), two_cores(), 1, {"--main-lcore", "0"});
  for (const std::string& kept : replaced) EXPECT_TRUE(has(eal, kept)) << kept;
}

TEST(EalArgs, WorkersForCores) {
  EXPECT_EQ(worker_count(tap_config(), 1), 1U);
  EXPECT_EQ(worker_count(tap_config(), 2), 1U);
  EXPECT_EQ(worker_count(tap_config(), 5), 4U);
  EXPECT_EQ(worker_count(tap_config(), 200), 64U);
  EXPECT_EQ(worker_count(tap_config("workers: 7"), 2), 7U);
}

TEST(EalArgs, BuffersFillAllRingsAndMore) {
  const Config config = config_of(
      "ports: {a: {device: 'tap:a', rx_ring: 512, tx_ring: 256}, "
      "b: {device: 'tap:b', rx_queues: 3, tx_queues: 2, rx_ring: 64, tx_ring: 64}}");
  const unsigned rings = 2 * (512 + 256) + 3 * 64 + 2 * 64;
  EXPECT_GT(mbuf_count(config, 2), rings);
  EXPECT_EQ(mbuf_count(config, 2) - rings, mbuf_count(tap_config("mbufs: auto"), 2) - 2 * 2048);
  EXPECT_EQ(mbuf_count(tap_config("mbufs: 5000"), 2), 5000U);
}

TEST(EalArgs, BuffersSufficeForSttReassembly) {
  const auto count = [](const std::string& kind) {
    return mbuf_count(config_of("ports: {a: {device: 'tap:a', addresses: [192.0.2.1/24]}}\n"
                                "tunnels: {stt: {reassembly_mb: 17}}\n"
                                "networks: {n: {vni: 1, remotes: [{address: 192.0.2.2, kind: " +
                                kind + "}]}}"),
                      2);
  };
  EXPECT_EQ(count("stt") - count("vxlan"), 2 * ((17u << 20) / (128 + 2048)));
}

TEST(EalArgs, DataRoomHoldsTheLargestFrameOfAnyPort) {
  const auto room = [](unsigned mtu) {
    return mbuf_data_room_bytes(
        config_of("ports: {a: {device: 'tap:a'}, b: {device: 'tap:b', "
                  "mtu_bytes: " +
                  std::to_string(mtu) + "}}"));
  };
  EXPECT_EQ(room(1500), 128 + 2048);
  EXPECT_EQ(room(1898), 128 + 2048);
  EXPECT_EQ(room(1899), 128 + 2112);
  EXPECT_EQ(room(9000), 9280);
  EXPECT_GE(room(65000), 128 + 65000 + 22 + 128);
  EXPECT_EQ(room(65000) % 64, 0);
}

TEST(EalArgs, MemoryGrowsWithBuffers) {
  EXPECT_EQ(memory_mb(tap_config("memory_mb: 77"), 1), 77U);
  const unsigned small = memory_mb(tap_config("mbufs: 1024"), 1);
  EXPECT_GE(memory_mb(tap_config("mbufs: 411648"), 1), small + 850);
}

}  // namespace
}  // namespace adit
