// SPDX-License-Identifier: Apache-2.0
#include "machine/preflight.h"

#include <gtest/gtest.h>

#include <functional>

#include "config/parser.h"

namespace adit {
namespace {

// A machine that lacks nothing.
SystemFacts good_machine() {
  SystemFacts facts;
  facts.is_root = facts.has_net_admin = facts.has_net_raw = facts.has_bpf = true;
  facts.has_tun_device = true;
  facts.has_account = true;
  facts.cpus = {0, 1};
  facts.memory_available_mb = 16000;
  facts.hugepage_kb = 2048;
  facts.hugepages_free_mb = 4096;
  facts.hugetlbfs_mounted = facts.hugetlbfs_ok = true;
  facts.interfaces = {{"lo", true, false, 1},
                      {"eth0", true, true, 1},
                      {"eth1", true, false, 1},
                      {"eth2", true, false, 1}};
  facts.pci_devices = {{"0000:01:00.0", "vfio-pci", {}, "/dev/vfio/12", true},
                       {"0000:01:00.1", "ixgbe", {"eth2"}, "", false},
                       {"0000:02:00.0", "ixgbe", {"eth0"}, "", false},
                       {"0000:03:00.0", "", {}, "", false},
                       {"0000:04:00.0", "mlx5_core", {"eth1"}, "", false}};
  facts.socket_directory = "/run/adit";
  facts.socket_directory_ok = true;
  facts.runtime_directory = "/run";
  facts.runtime_directory_ok = true;
  facts.runtime_free_kb = 2048;
  return facts;
}

struct PreflightCase {
  const char* name;
  std::string system;  // keys of `system:`
  std::string ports;   // entries of `ports:`
  std::function<void(SystemFacts&)> change;
  std::string message;  // part of it; empty: nothing is reported at all
  std::string remedy;
  bool is_warning = false;
};
void PrintTo(const PreflightCase& c, std::ostream* out) {
  *out << c.name;
}

class Preflight : public testing::TestWithParam<PreflightCase> {};

TEST_P(Preflight, SaysWhatIsMissingAndWhatMendsIt) {
  const PreflightCase& c = GetParam();
  const Config config = parse_config("system: {" + c.system + "}\nports: {" + c.ports + "}\n", "f");
  SystemFacts facts = good_machine();
  if (c.change) c.change(facts);
  const PreflightReport report = preflight(config, facts);
  std::string all;
  for (const auto& finding : report.problems) all += "problem: " + to_string(finding) + '\n';
  for (const auto& finding : report.warnings) all += "warning: " + to_string(finding) + '\n';
  const size_t reported = c.message.empty() ? 0 : 1;
  ASSERT_EQ(report.problems.size(), c.is_warning ? 0 : reported) << all;
  ASSERT_EQ(report.warnings.size(), c.is_warning ? reported : 0) << all;
  EXPECT_EQ(report.ok(), report.problems.empty());
  if (reported == 0) return;
  const Finding& finding = c.is_warning ? report.warnings[0] : report.problems[0];
  EXPECT_NE(finding.message.find(c.message), std::string::npos) << all;
  EXPECT_NE(finding.remedy.find(c.remedy), std::string::npos) << all;
}

const std::string kTap = "a: {device: 'tap:t0'}";
const std::string kAfPacket = "a: {device: 'af_packet:eth1'}";
const std::string kAfXdp = "a: {device: 'af_xdp:eth1'}";
const std::string kNic = "a: {device: \"0000:01:00.0\"}";

INSTANTIATE_TEST_SUITE_P(
    All, Preflight,
    testing::Values(
        PreflightCase{"GoodTap", "", kTap, {}, "", ""},
        PreflightCase{"GoodAfPacket", "", kAfPacket, {}, "", ""},
        PreflightCase{"GoodAfXdp", "", kAfXdp, {}, "", ""},
        PreflightCase{"GoodNic", "hugepages: yes", kNic, {}, "", ""},
        PreflightCase{"GoodMellanox", "", "a: {device: \"0000:04:00.0\"}", {}, "", ""},
        PreflightCase{"NullNeedsNoPrivileges", "", "a: {device: 'vdev:net_null0'}",
                      [](SystemFacts& f) {
                        f.is_root = f.has_net_admin = f.has_net_raw = f.has_bpf = false;
                        f.has_tun_device = false;
                      },
                      "", ""},

        PreflightCase{"NoNetAdmin", "", kTap, [](SystemFacts& f) { f.has_net_admin = false; },
                      "need the capability CAP_NET_ADMIN", "run aditd as root"},
        PreflightCase{"NoNetRaw", "", kAfPacket, [](SystemFacts& f) { f.has_net_raw = false; },
                      "need the capability CAP_NET_RAW", "run aditd as root"},
        PreflightCase{"TapNeedsNoNetRaw", "", kTap, [](SystemFacts& f) { f.has_net_raw = false; },
                      "", ""},
        PreflightCase{"NoBpf", "", kAfXdp, [](SystemFacts& f) { f.has_bpf = false; },
                      "need the capability CAP_BPF", "run aditd as root"},
        PreflightCase{"NicNotAsRoot", "", kNic, [](SystemFacts& f) { f.is_root = false; }, "", ""},
        PreflightCase{"NicOfAnotherAccount", "", kNic,
                      [](SystemFacts& f) { f.pci_devices[0].vfio_device_ok = false; },
                      "port 'a': PCI device 0000:01:00.0: this process may not open /dev/vfio/12",
                      "chown its account /dev/vfio/12", true},
        PreflightCase{"MellanoxNotAsRoot", "", "a: {device: \"0000:04:00.0\"}",
                      [](SystemFacts& f) { f.is_root = false; },
                      "with the driver mlx5_core, it usually takes root to open it",
                      "run aditd as root", true},
        PreflightCase{"NoTun", "", kTap, [](SystemFacts& f) { f.has_tun_device = false; },
                      "tap ports need /dev/net/tun", "modprobe tun"},

        PreflightCase{"TooManyWorkers",
                      "workers: 3",
                      kTap,
                      {},
                      "3 workers need as many cores, and control one beside them; this process "
                      "may run on 2",
                      "write `workers: 1`"},
        PreflightCase{"ControlSharesACore",
                      "workers: 2",
                      kTap,
                      {},
                      "control shares a core with a worker: 2 workers",
                      "",
                      true},
        PreflightCase{"OneCoreIsEnoughForOne", "workers: 1", kTap,
                      [](SystemFacts& f) { f.cpus = {0}; },
                      "control shares a core with a worker: 1 worker", "", true},
        PreflightCase{"OneCoreIsNotEnoughForTwo", "workers: 2", kTap,
                      [](SystemFacts& f) { f.cpus = {0}; }, "2 workers need as many cores",
                      "write `workers: 1`"},
        PreflightCase{"BusyOnOneCore", "poll: busy", kTap, [](SystemFacts& f) { f.cpus = {0}; },
                      "leaves control little", "write `poll: adaptive`", true},
        PreflightCase{"UnknownCores", "", kTap, [](SystemFacts& f) { f.cpus = {}; },
                      "cannot find out which cores", ""},

        PreflightCase{"HugepagesWanted", "hugepages: yes, memory_mb: 300", kTap,
                      [](SystemFacts& f) { f.hugepages_free_mb = 299; },
                      "300 MiB are needed, but 299 MiB of hugepages are free",
                      "echo $(($(cat /proc/sys/vm/nr_hugepages) + 1)) > /proc/sys/vm/nr_hugepages"},
        PreflightCase{"LargeHugepagesWanted", "hugepages: yes, memory_mb: 1100", kTap,
                      [](SystemFacts& f) {
                        f.hugepages_free_mb = 0;
                        f.hugepage_kb = 1048576;
                        f.hugetlbfs_mounted = false;
                      },
                      "1100 MiB are needed",
                      "echo $(($(cat /proc/sys/vm/nr_hugepages) + 2)) > "
                      "/proc/sys/vm/nr_hugepages; mkdir -p /dev/hugepages; mount -t "
                      "hugetlbfs nodev /dev/hugepages"},
        PreflightCase{"HugepagesNotMounted", "hugepages: yes", kTap,
                      [](SystemFacts& f) { f.hugetlbfs_mounted = false; },
                      "no hugetlbfs is mounted", "mount -t hugetlbfs"},
        PreflightCase{
            "HugepagesAuto", "memory_mb: 300", kTap,
            [](SystemFacts& f) { f.hugepages_free_mb = 0; },
            "running without hugepages, which is slower: 300 MiB are needed, 0 MiB are free",
            "echo $(($(cat /proc/sys/vm/nr_hugepages) + 150)) > "
            "/proc/sys/vm/nr_hugepages; or write `hugepages: no`",
            true},
        PreflightCase{"HugepagesNotWanted", "hugepages: no", kTap,
                      [](SystemFacts& f) { f.hugepages_free_mb = 0; }, "", ""},
        PreflightCase{"NoMemory", "hugepages: no, memory_mb: 300", kTap,
                      [](SystemFacts& f) { f.memory_available_mb = 299; },
                      "300 MiB of memory are needed, but 299 MiB are available",
                      "lower system.memory_mb"},

        PreflightCase{"TapNameTaken",
                      "",
                      "a: {device: 'tap:eth1'}",
                      {},
                      "port 'a': the interface eth1 that it would create already exists",
                      "another name in `device:`; `ip -d link show eth1` says what eth1 is"},
        PreflightCase{"NoInterface",
                      "",
                      "a: {device: 'af_packet:etth1'}",
                      {},
                      "port 'a': there is no interface 'etth1'; did you mean 'eth1'?",
                      "ip link show"},
        PreflightCase{"NoInterfaceNorNear",
                      "",
                      "a: {device: 'af_xdp:wlan7'}",
                      {},
                      "there is no interface 'wlan7'",
                      ""},
        PreflightCase{"AfPacketOnDefaultRoute",
                      "",
                      "a: {device: 'af_packet:eth0'}",
                      {},
                      "port 'a': the interface eth0 carries the default route",
                      "ip route"},
        PreflightCase{"AfXdpThatTakesAllOnDefaultRoute",
                      "",
                      "a: {device: 'af_xdp:eth0', steer: all}",
                      {},
                      "carries the default route",
                      ""},
        PreflightCase{"AfXdpOfANetworkOnDefaultRoute",
                      "",
                      "a: {device: 'af_xdp:eth0'}}\nnetworks: {red: {vni: 1, members: [{port: a}]}",
                      {},
                      "carries the default route",
                      ""},
        PreflightCase{
            "AfXdpThatSharesTheDefaultRoute", "", "a: {device: 'af_xdp:eth0'}", {}, "", ""},
        PreflightCase{"InterfaceDown", "", kAfPacket,
                      [](SystemFacts& f) { f.interfaces[2].is_up = false; },
                      "the interface eth1 is down", "ip link set eth1 up", true},
        PreflightCase{"AfPacketThatTheKernelForwards", "", kAfPacket,
                      [](SystemFacts& f) { f.interfaces[2].forwards = true; },
                      "the kernel gets the packets of eth1 as well, and forwards them too",
                      "sysctl -w net/ipv4/conf/eth1/forwarding=0", true},
        PreflightCase{"AfPacketOfAnotherMac", "",
                      "a: {device: 'af_packet:eth1', mac: '02:00:00:00:00:01'}",
                      [](SystemFacts& f) { f.interfaces[2].forwards = true; }, "", ""},
        PreflightCase{"AfXdpThatTheKernelForwards", "", "a: {device: 'af_xdp:eth1'}",
                      [](SystemFacts& f) { f.interfaces[2].forwards = true; }, "", ""},
        PreflightCase{"AfXdpJumbo",
                      "",
                      "a: {device: 'af_xdp:eth2', mtu_bytes: 3563}",
                      {},
                      "af_xdp needs buffers of at most one page",
                      "no port's mtu_bytes above 3562"},
        PreflightCase{
            "AfXdpLargest", "", "a: {device: 'af_xdp:eth2', mtu_bytes: 3562}", {}, "", ""},
        PreflightCase{"AfXdpBesideJumbo",
                      "",
                      kAfXdp + ", b: {device: 'vdev:net_null0', mtu_bytes: 9000}",
                      {},
                      "af_xdp needs buffers of at most one page",
                      "af_packet:eth1 instead"},
        PreflightCase{"AfXdpQueues", "workers: 2", kAfXdp,
                      [](SystemFacts& f) {
                        f.cpus = {0, 1, 2};
                      },
                      "the interface eth1 has 1 queues, 2 are needed",
                      "ethtool -L eth1 combined 2, or `workers: 1`"},
        PreflightCase{"AfXdpQueuesThatNobodyReads", "", kAfXdp,
                      [](SystemFacts& f) { f.interfaces[2].all_rx_queues = 4; },
                      "the interface eth1 receives on 4 queues, of which adit would have 1",
                      "ethtool -L eth1 combined 1"},

        PreflightCase{"NoNic",
                      "",
                      "a: {device: \"0000:01:00.2\"}",
                      {},
                      "port 'a': there is no PCI device 0000:01:00.2; did you mean '0000:01:00.0'?",
                      "/usr/libexec/adit/vfio-bind --status lists the network devices"},
        PreflightCase{"NicOfTheKernel",
                      "",
                      "a: {device: \"0000:01:00.1\"}",
                      {},
                      "is bound to the kernel's driver ixgbe, DPDK needs vfio-pci",
                      "ip link set eth2 down; /usr/libexec/adit/vfio-bind 0000:01:00.1 (in the "
                      "sources: scripts/vfio-bind)"},
        PreflightCase{"NicOfNobody",
                      "",
                      "a: {device: \"0000:03:00.0\"}",
                      {},
                      "is bound to no driver",
                      "/usr/libexec/adit/vfio-bind 0000:03:00.0"},
        PreflightCase{"NicOnDefaultRoute",
                      "",
                      "a: {device: \"0000:02:00.0\"}",
                      {},
                      "the interface eth0 carries the default route",
                      ""},
        PreflightCase{"MellanoxOnDefaultRoute", "", "a: {device: \"0000:04:00.0\"}",
                      [](SystemFacts& f) { f.interfaces[2].carries_default_route = true; },
                      "the interface eth1 carries the default route", ""},

        PreflightCase{"SocketDirectory", "", kTap,
                      [](SystemFacts& f) { f.socket_directory_ok = false; },
                      "the socket's directory /run/adit does not exist", "mkdir -p /run/adit"},
        PreflightCase{"AccountIsThere", "user: adit", kTap, nullptr, "", ""},
        PreflightCase{"AccountIsNot", "user: adit", kTap,
                      [](SystemFacts& f) { f.has_account = false; },
                      "system.user: adit: there is no such account", "useradd --system"},
        PreflightCase{"AccountIsOurs", "user: adit", kNic,
                      [](SystemFacts& f) {
                        f.is_account = true;
                        f.is_root = false;
                      },
                      "", ""},
        PreflightCase{"AccountIsAnothers", "user: adit", kTap,
                      [](SystemFacts& f) { f.is_root = false; },
                      "system.user: adit: only root can switch", "run aditd as root"},
        PreflightCase{
            "RootIsNotOurs", "user: root", kTap, [](SystemFacts& f) { f.is_root = false; },
            "system.user: root, but another account has started aditd", "write `user: auto`", true},
        PreflightCase{"RootIsOurs", "user: root", kTap, nullptr, "", ""},
        PreflightCase{"AccountCannotOpenThePorts", "user: adit", "a: {device: 'vdev:net_null0'}",
                      nullptr, "system.user: adit: ports of PCI devices", "`user: root`"},
        PreflightCase{"RuntimeDirectoryFull", "", kTap,
                      [](SystemFacts& f) { f.runtime_free_kb = 2047; },
                      "not enough room in /run for DPDK: 2 MB are needed, 2047 kB are free",
                      "RUNTIME_DIRECTORY="},
        PreflightCase{"RuntimeDirectoryReadOnly", "", kTap,
                      [](SystemFacts& f) { f.runtime_directory_ok = false; },
                      "/run, where DPDK keeps its files, is not writable", "RUNTIME_DIRECTORY="}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(PreflightReport, HasAllProblemsAtOnce) {
  const Config config = parse_config(
      "system: {workers: 9, hugepages: yes}\nports: {a: {device: 'tap:eth1'}, "
      "b: {device: 'af_packet:nope'}}\n",
      "f");
  SystemFacts facts = good_machine();
  facts.hugepages_free_mb = 0;
  facts.has_net_admin = false;
  EXPECT_EQ(preflight(config, facts).problems.size(), 5U);
}

}  // namespace
}  // namespace adit
