// SPDX-License-Identifier: Apache-2.0
// Facts are read from a made-up /proc and /sys.
#include "machine/system_facts.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "config/parser.h"

namespace adit {
namespace {

namespace fs = std::filesystem;

class Facts : public testing::Test {
 protected:
  Facts() {
    std::string pattern = testing::TempDir() + "adit_facts_XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    root_ = pattern;
  }
  ~Facts() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ + path).substr(0, (root_ + path).rfind('/')));
    std::ofstream(root_ + path) << text;
  }
  void link(const std::string& path, const std::string& target) {
    fs::create_directories((root_ + path).substr(0, (root_ + path).rfind('/')));
    fs::create_symlink(target, root_ + path);
  }
  void interface(const std::string& name, const std::string& flags = "0x1003") {
    write("/sys/class/net/" + name + "/flags", flags + "\n");
    fs::create_directories(root_ + "/sys/class/net/" + name + "/queues/rx-0");
    fs::create_directories(root_ + "/sys/class/net/" + name + "/queues/tx-0");
  }
  SystemFacts gather(const std::string& socket = "/run/adit/adit.sock") {
    const Config config =
        parse_config("system: {socket: '" + socket + "'}\nports: {a: {device: 'tap:a'}}", "f");
    return gather_facts(config, root_);
  }
  InterfaceFacts interface_of(const SystemFacts& facts, const std::string& name) {
    const auto found = std::find_if(facts.interfaces.begin(), facts.interfaces.end(),
                                    [&](const auto& known) { return known.name == name; });
    return found == facts.interfaces.end() ? InterfaceFacts{} : *found;
  }

  std::string root_;
};

TEST_F(Facts, NothingIsThere) {
  const SystemFacts facts = gather();
  EXPECT_FALSE(facts.is_root || facts.has_net_admin || facts.has_net_raw || facts.has_bpf);
  EXPECT_FALSE(facts.has_tun_device || facts.hugetlbfs_mounted);
  EXPECT_EQ(facts.hugepages_free_mb, 0U);
  EXPECT_TRUE(facts.interfaces.empty() && facts.pci_devices.empty());
  EXPECT_FALSE(facts.cpus.empty());  // not from a file
}

TEST_F(Facts, Privileges) {
  write("/proc/self/status", "Name:\tx\nUid:\t1000\t0\t1000\t1000\nCapEff:\t0000000000001000\n");
  SystemFacts facts = gather();
  EXPECT_TRUE(facts.is_root);  // the effective one counts
  EXPECT_TRUE(facts.has_net_admin);
  EXPECT_FALSE(facts.has_net_raw || facts.has_bpf);
  write("/proc/self/status", "Uid:\t0\t1000\t0\t0\nCapEff:\t0000008000002000\n");
  facts = gather();
  EXPECT_FALSE(facts.is_root || facts.has_net_admin);
  EXPECT_TRUE(facts.has_net_raw && facts.has_bpf);
  write("/proc/self/status", "CapEff:\t0000000000200000\n");
  EXPECT_TRUE(gather().has_bpf);  // CAP_SYS_ADMIN
}

TEST_F(Facts, MemoryAndHugepages) {
  write("/proc/meminfo",
        "MemTotal: 100 kB\nMemAvailable:    2097152 kB\nHugePages_Total: 9\nHugePages_Free:  7\n"
        "Hugepagesize:       2048 kB\n");
  write("/proc/mounts", "proc /proc proc rw 0 0\nnodev /dev/hugepages hugetlbfs rw 0 0\n");
  const SystemFacts facts = gather();
  EXPECT_EQ(facts.memory_available_mb, 2048U);
  EXPECT_EQ(facts.hugepages_free_mb, 14U);
  EXPECT_EQ(facts.hugepage_kb, 2048U);
  EXPECT_TRUE(facts.hugetlbfs_mounted);
  EXPECT_FALSE(facts.hugetlbfs_ok);
  fs::create_directories(root_ + "/dev/hugepages");
  EXPECT_TRUE(gather().hugetlbfs_ok);
  // DPDK may take either.
  write("/proc/mounts",
        "nodev /mnt/huge hugetlbfs rw 0 0\nnodev /dev/hugepages hugetlbfs rw 0 0\n");
  EXPECT_FALSE(gather().hugetlbfs_ok);
}

TEST_F(Facts, Interfaces) {
  interface("eth0");
  interface("eth1", "0x1002");
  fs::create_directories(root_ + "/sys/class/net/eth1/queues/rx-1");
  write("/sys/class/net/bonding_masters", "\n");  // a file, not an interface
  const SystemFacts facts = gather();
  ASSERT_EQ(facts.interfaces.size(), 2U);
  EXPECT_TRUE(interface_of(facts, "eth0").is_up);
  EXPECT_FALSE(interface_of(facts, "eth1").is_up);
  EXPECT_EQ(interface_of(facts, "eth0").rx_queues, 1U);
  EXPECT_EQ(interface_of(facts, "eth1").rx_queues, 2U);
}

constexpr const char* kRouteHeader =
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n";

TEST_F(Facts, DefaultRouteOfEitherFamily) {
  for (const char* name : {"eth0", "eth1", "eth2", "lo"}) interface(name);
  write("/proc/net/route", std::string(kRouteHeader) +
                               "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
                               "eth2\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
  const std::string zero(32, '0');
  write("/proc/net/ipv6_route",
        zero + " 00 " + zero +
            " 00 fe800000000000000000000000000001 00000400 00000001 00000000 "
            "00000003     eth1\n" +
            zero + " 00 " + zero + " 00 " + zero +
            " ffffffff 00000001 00000000 00200200       lo\n" +
            "fe800000000000000000000000000000 40 " + zero + " 00 " + zero +
            " 00000100 00000001 00000000 00000001     eth2\n");
  const SystemFacts facts = gather();
  EXPECT_TRUE(interface_of(facts, "eth0").carries_default_route);
  EXPECT_TRUE(interface_of(facts, "eth1").carries_default_route);
  EXPECT_FALSE(interface_of(facts, "eth2").carries_default_route);
  EXPECT_FALSE(interface_of(facts, "lo").carries_default_route);
}

TEST_F(Facts, DefaultRouteOverBridgeAndVlanIsThatOfTheNic) {
  for (const char* name : {"eth0", "eth1", "eth0.5", "br0"}) interface(name);
  link("/sys/class/net/br0/lower_eth0.5", "../eth0.5");
  link("/sys/class/net/eth0.5/lower_eth0", "../eth0");
  write("/proc/net/route",
        std::string(kRouteHeader) + "br0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
  const SystemFacts facts = gather();
  EXPECT_TRUE(interface_of(facts, "eth0").carries_default_route);
  EXPECT_FALSE(interface_of(facts, "eth1").carries_default_route);
}

TEST_F(Facts, InterfacesByWhichTheKernelForwards) {
  for (const char* name : {"eth0", "eth1", "eth0.5", "eth2"}) interface(name);
  write("/proc/sys/net/ipv4/conf/eth0/forwarding", "0\n");
  write("/proc/sys/net/ipv6/conf/eth0/forwarding", "0\n");
  write("/proc/sys/net/ipv4/conf/eth1/forwarding", "1\n");
  write("/proc/sys/net/ipv6/conf/eth0.5/forwarding", "1\n");
  const SystemFacts facts = gather();
  EXPECT_FALSE(interface_of(facts, "eth0").forwards);
  EXPECT_TRUE(interface_of(facts, "eth1").forwards);
  EXPECT_TRUE(interface_of(facts, "eth0.5").forwards);
  EXPECT_FALSE(interface_of(facts, "eth2").forwards);
}

TEST_F(Facts, PciDevices) {
  const std::string pci = "/sys/bus/pci/devices/";
  fs::create_directories(root_ + pci + "0000:01:00.0/net/eth7");
  link(pci + "0000:01:00.0/driver", "../../../bus/pci/drivers/ixgbe");
  fs::create_directories(root_ + pci + "0000:02:00.0/virtio3/net/eth8");
  fs::create_directories(root_ + pci + "0000:03:00.0");
  write(pci + "0000:02:00.0/class", "0x020000\n");
  write(pci + "0000:03:00.0/class", "0x060000\n");
  const SystemFacts facts = gather();
  ASSERT_EQ(facts.pci_devices.size(), 3U);
  EXPECT_EQ(facts.pci_devices[0].driver, "ixgbe");
  EXPECT_EQ(facts.pci_devices[0].interfaces, std::vector<std::string>{"eth7"});
  EXPECT_EQ(facts.pci_devices[1].interfaces, std::vector<std::string>{"eth8"});
  EXPECT_EQ(facts.pci_devices[2].driver, "");
  EXPECT_TRUE(facts.pci_devices[0].is_network) << "its class is not known";
  EXPECT_TRUE(facts.pci_devices[1].is_network);
  EXPECT_FALSE(facts.pci_devices[2].is_network) << "a bridge";
}

TEST_F(Facts, DevicesOfVfioPci) {
  const std::string device = "/sys/bus/pci/devices/0000:01:00.0";
  link(device + "/iommu_group", "../../../../kernel/iommu_groups/12");
  link(device + "/driver", "../../../bus/pci/drivers/ixgbe");
  ASSERT_EQ(gather().pci_devices.size(), 1U);
  EXPECT_EQ(gather().pci_devices[0].vfio_device, "");
  fs::remove(root_ + device + "/driver");
  link(device + "/driver", "../../../bus/pci/drivers/vfio-pci");
  EXPECT_EQ(gather().pci_devices[0].vfio_device, "/dev/vfio/12");
  EXPECT_FALSE(gather().pci_devices[0].vfio_device_ok);
  write("/dev/vfio/12", "");
  EXPECT_TRUE(gather().pci_devices[0].vfio_device_ok);
}

TEST_F(Facts, SocketDirectoryIsThereOrCanBeMade) {
  fs::create_directories(root_ + "/run");
  EXPECT_TRUE(gather("/run/x.sock").socket_directory_ok);
  EXPECT_TRUE(gather("/run/a/b/x.sock").socket_directory_ok);
  EXPECT_EQ(gather("/run/a/b/x.sock").socket_directory, "/run/a/b");
  write("/run/file", "");
  EXPECT_FALSE(gather("/run/file/x.sock").socket_directory_ok);
}

TEST_F(Facts, TunDevice) {
  EXPECT_FALSE(gather().has_tun_device);
  write("/dev/net/tun", "");
  EXPECT_TRUE(gather().has_tun_device);
}

}  // namespace
}  // namespace adit
