#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/hugepages and scripts/vfio-bind on a made-up /proc and /sys, with a stand-in for what a kernel
does when these are written to; and what scripts/package makes of the tree.

usage: machine_test.py SOURCE_ROOT
"""
import contextlib
import os
import pathlib
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))
POOL = "sys/kernel/mm/hugepages/hugepages-2048kB"


class Machine(unittest.TestCase):
    script = ""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="adit-machine-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, place, text):
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")

    def read(self, place):
        return (self.root / place).read_text(encoding="utf-8").strip()

    def link(self, place, target):
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def run_script(self, *words, code=0):
        done = subprocess.run([ROOT / "scripts" / self.script, "--root", self.root, *words], text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def refuses(self, words, why, code=1):
        self.assertIn(why, self.run_script(*words, code=code))


class Hugepages(Machine):
    script = "hugepages"

    def setUp(self):
        super().setUp()
        self.write("proc/meminfo", "MemTotal: 100 kB\nHugepagesize:       2048 kB")
        self.write("proc/mounts", "none /dev/hugepages hugetlbfs rw 0 0")
        self.pool(number=10, free=4)

    def pool(self, number, free, reserved=0, place=POOL):
        self.write(f"{place}/nr_hugepages", number)
        self.write(f"{place}/free_hugepages", free)
        self.write(f"{place}/resv_hugepages", reserved)

    def test_only_missing_pages_are_added(self):
        self.assertIn("32 pages of 2048 kB are free: 28 added to the 10 there were", self.run_script("64M"))
        self.assertEqual(self.read(f"{POOL}/nr_hugepages"), "38")
        self.pool(number=38, free=32)
        self.assertIn("0 added", self.run_script("64M"))
        self.assertEqual(self.read(f"{POOL}/nr_hugepages"), "38")

    def test_more_than_enough_is_not_lowered(self):
        self.pool(number=1000, free=900)
        self.run_script("2M")
        self.assertEqual(self.read(f"{POOL}/nr_hugepages"), "1000")
        self.assertIn("nothing is left", self.run_script("--undo"))
        self.assertEqual(self.read(f"{POOL}/nr_hugepages"), "1000")

    def test_promised_pages_are_not_free(self):
        self.pool(number=10, free=4, reserved=3)
        self.run_script("8M")
        self.assertEqual(self.read(f"{POOL}/nr_hugepages"), "13")

    def test_undo_takes_back_what_was_added_and_no_more(self):
        self.run_script("64M")
        self.pool(number=38, free=32)
        self.run_script("1G")  # 480 more
        self.assertIn("508 added", self.run_script("--status"))
        self.pool(number=528, free=520)  # ten more, of somebody else
        self.run_script("--undo")
        self.assertEqual(self.read(f"{POOL}/nr_hugepages"), "20")
        self.assertIn(" 0 added", self.run_script("--status"))
        self.run_script("--undo")
        self.assertEqual(self.read(f"{POOL}/nr_hugepages"), "20")

    def test_undo_leaves_pages_in_use(self):
        self.run_script("64M")
        self.pool(number=38, free=20)
        self.refuses(["--undo"], "8 of the pages are in use")
        self.assertEqual(self.read(f"{POOL}/nr_hugepages"), "18")
        self.pool(number=18, free=8)
        self.run_script("--undo")
        self.assertEqual(self.read(f"{POOL}/nr_hugepages"), "10")

    def test_a_node_has_a_pool_of_its_own(self):
        node = "sys/devices/system/node/node1/hugepages/hugepages-2048kB"
        self.write(f"{node}/nr_hugepages", 0)
        self.write(f"{node}/free_hugepages", 0)
        self.run_script("--node", "1", "3M")
        self.assertEqual(self.read(f"{node}/nr_hugepages"), "2")
        self.assertEqual(self.read(f"{POOL}/nr_hugepages"), "10")
        self.refuses(["--node", "2", "3M"], "is there a NUMA node 2?")

    def test_hugetlbfs_is_mounted_where_it_is_nowhere(self):
        self.assertNotIn("mounted", self.run_script("2M"))
        self.write("proc/mounts", "proc /proc proc rw 0 0")
        self.assertIn("hugetlbfs is not mounted", self.run_script("--status"))
        self.assertIn("mounted hugetlbfs at /dev/hugepages", self.run_script("2M"))
        self.assertIn("unmounted /dev/hugepages", self.run_script("--undo"))

    def test_memory_that_is_not_available_is_not_taken(self):
        self.write("proc/meminfo", "MemAvailable: 57345 kB\nHugepagesize: 2048 kB")
        self.run_script("64M")
        self.write("proc/meminfo", "MemAvailable: 57344 kB\nHugepagesize: 2048 kB")
        self.pool(number=10, free=4)
        self.refuses(["64M"], "56 MiB more are needed, and 56 MiB of memory are available")
        self.assertEqual(self.read(f"{POOL}/nr_hugepages"), "10")

    def test_a_kernel_without_hugepages(self):
        self.write("proc/meminfo", "MemTotal: 100 kB")
        self.refuses(["2M"], "this kernel has no hugepages")

    def test_wrong_usage(self):
        for words, why in ((["1T"], "'1T' is no size"), (["0G"], "is no size"), ([], "SIZE is missing"),
                           (["--many"], "no option --many"), (["--undo", "1G"], "--undo takes no SIZE"),
                           (["--node", "x", "1G"], "--node takes a number"), (["1G", "2G"], "one SIZE")):
            self.refuses(words, why, code=2)
        self.assertIn("usage: hugepages", self.run_script("--help"))


class Kernel(threading.Thread):
    """Binds and unbinds drivers, as writes to its files tell it."""

    def __init__(self, root, knows):
        super().__init__(daemon=True)
        self.pci, self.knows = root / "sys/bus/pci", knows
        self.instead = {}  # of a driver that fails, the one that takes the device
        self.away = {}  # interfaces that go with their driver
        self.selector, self.closing = selectors.DefaultSelector(), os.pipe()
        self.selector.register(self.closing[0], selectors.EVENT_READ, None)
        self.listen(self.pci / "drivers_probe", self.probe)
        for driver in {*knows.values(), "vfio-pci"}:
            (self.pci / "drivers" / driver).mkdir(parents=True)
            self.listen(self.pci / "drivers" / driver / "unbind", self.unbind)

    def listen(self, path, act):
        os.mkfifo(path)
        self.selector.register(os.open(path, os.O_RDWR | os.O_NONBLOCK), selectors.EVENT_READ, act)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    return
                for address in os.read(key.fd, 4096).decode().split():
                    key.data(self.pci / "devices" / address)

    def stop(self):
        os.write(self.closing[1], b"x")
        self.join()
        for key in list(self.selector.get_map().values()):
            os.close(key.fd)
        os.close(self.closing[1])
        self.selector.close()

    def probe(self, device):
        override = (device / "driver_override").read_text().strip()
        driver = override or self.knows.get(device.name)
        driver = self.instead.get(driver, driver)
        if not driver or (device / "driver").is_symlink():
            return
        if not override and device.name in self.away:
            (device / "net" / self.away.pop(device.name)).mkdir()
        (device / "driver").symlink_to(f"../../drivers/{driver}")

    def unbind(self, device):
        with contextlib.suppress(FileNotFoundError):
            (device / "driver").unlink()
        for interface in (device / "net").iterdir():
            self.away[device.name] = interface.name
            shutil.rmtree(interface)


class VfioBind(Machine):
    script = "vfio-bind"
    route = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"

    def setUp(self):
        super().setUp()
        self.drivers = {"0000:01:00.0": "ixgbe", "0000:01:00.1": "ixgbe", "0000:02:00.0": "e1000e"}
        for number, address in enumerate(self.drivers):
            self.device(address, f"eth{number}", group=10 + number)
        self.write("proc/net/route", self.route + "eth2\t00000000\t010200C0\t0003\t0\t0\t0\t00000000")
        self.write("proc/net/ipv6_route", "")
        self.kernel = Kernel(self.root, self.drivers)
        self.kernel.start()
        self.addCleanup(self.kernel.stop)

    def device(self, address, interface, group, kind="0x020000", flags="0x1002"):
        place = f"sys/bus/pci/devices/{address}"
        self.write(f"{place}/class", kind)
        self.write(f"{place}/driver_override", "(null)")
        self.write(f"{place}/net/{interface}/mtu", 1500)
        self.write(f"sys/class/net/{interface}/flags", flags)
        self.link(f"{place}/driver", f"../../drivers/{self.drivers.get(address, 'snd')}")
        self.link(f"{place}/iommu_group", f"../../../../kernel/iommu_groups/{group}")
        self.link(f"sys/kernel/iommu_groups/{group}/devices/{address}", f"../../../../bus/pci/devices/{address}")

    def up(self, interface):
        self.write(f"sys/class/net/{interface}/flags", "0x1003")

    def driver(self, address):
        link = self.root / "sys/bus/pci/devices" / address / "driver"
        return os.path.basename(os.readlink(link)) if link.is_symlink() else None

    def test_bound_and_given_back(self):
        self.assertIn("0000:01:00.0: bound to vfio-pci, formerly ixgbe (eth0)", self.run_script("0000:01:00.0"))
        self.assertEqual(self.driver("0000:01:00.0"), "vfio-pci")
        self.assertIn("vfio-pci, IOMMU group 10, formerly ixgbe of eth0", self.run_script("--status"))
        self.assertIn("vfio-pci has it already", self.run_script("01:00.0"))
        self.assertIn("given back to ixgbe (eth0: set it up again)", self.run_script("--undo", "0000:01:00.0"))
        self.assertEqual(self.driver("0000:01:00.0"), "ixgbe")
        self.assertEqual(self.read("sys/bus/pci/devices/0000:01:00.0/driver_override"), "")

    def test_one_that_had_no_driver(self):
        self.device("0000:04:00.0", "eth4", group=14)
        (self.root / "sys/bus/pci/devices/0000:04:00.0/driver").unlink()
        shutil.rmtree(self.root / "sys/bus/pci/devices/0000:04:00.0/net/eth4")
        self.assertIn("bound to vfio-pci, formerly no driver", self.run_script("0000:04:00.0"))
        self.assertIn("0000:04:00.0: driver vfio-pci, IOMMU group 14, formerly no driver\n", self.run_script("--status"))
        self.assertIn("given back to no driver", self.run_script("--undo"))
        self.assertIsNone(self.driver("0000:04:00.0"))

    def test_a_shared_iommu_group_is_taken_and_given_back_as_a_whole(self):
        self.link("sys/kernel/iommu_groups/10/devices/0000:01:00.1", "../../../../bus/pci/devices/0000:01:00.1")
        self.refuses(["eth0"], "shares IOMMU group 10 with 0000:01:00.1, which ixgbe drives: name both")
        self.run_script("eth0", "eth1")
        self.assertEqual([self.driver(f"0000:01:00.{n}") for n in (0, 1)], ["vfio-pci", "vfio-pci"])
        self.run_script("--undo")
        self.assertEqual([self.driver(f"0000:01:00.{n}") for n in (0, 1)], ["ixgbe", "ixgbe"])

    def test_what_would_do_harm_is_refused(self):
        self.up("eth1")
        self.device("0000:03:00.0", "eth3", group=13, kind="0x040300")
        (self.root / "sys/bus/pci/devices/0000:01:00.0/iommu_group").unlink()
        self.device("0000:04:00.0", "eth4", group=14)
        said = self.run_script("eth4", "eth2", "eth1", "0000:03:00.0", "0000:01:00.0", code=1)
        for why in ("0000:02:00.0: its interface eth2 carries the default route",
                    "0000:01:00.1: its interface eth1 is up: ip link set eth1 down",
                    "0000:03:00.0: is no network device", "0000:01:00.0: has no IOMMU", "nothing was changed"):
            self.assertIn(why, said)
        self.assertNotIn("0000:04:00.0", said)
        self.refuses(["0000:09:00.0"], "there is no PCI device 0000:09:00.0")
        self.refuses(["eth9"], "neither a PCI address nor the interface")
        self.assertEqual([self.driver(f"0000:0{n}:00.0") for n in range(1, 5)], ["ixgbe", "e1000e", "snd", "snd"])

    def test_force(self):
        self.up("eth2")
        self.assertIn("done nevertheless (--force)", self.run_script("--force", "eth2"))
        self.assertEqual(self.driver("0000:02:00.0"), "vfio-pci")

    def test_the_default_route_by_a_vlan_on_a_bond(self):
        self.write("proc/net/route", self.route + "bond0.5\t00000000\t010200C0\t0003\t0\t0\t0\t00000000")
        self.write("sys/class/net/bond0/lower_eth1/x", "")
        self.write("sys/class/net/bond0.5/lower_bond0/x", "")
        self.refuses(["eth1"], "eth1 carries the default route")

    def test_the_default_route_of_ipv6(self):
        zero = "0" * 32
        self.write("proc/net/route", self.route)
        self.write("proc/net/ipv6_route",
                   f"{zero} 00 {zero} 00 fe80{zero[4:]} 00000400 00000001 00000000 00000003 eth0\n"
                   f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200 lo")
        self.refuses(["eth0"], "eth0 carries the default route")

    def test_a_driver_that_fails_is_undone(self):
        self.kernel.instead["vfio-pci"] = "e1000e"
        self.refuses(["eth0"], "vfio-pci did not take it")
        self.assertEqual(self.driver("0000:01:00.0"), "ixgbe")
        self.assertFalse((self.root / "run/adit-setup/vfio/0000:01:00.0").exists())

    def test_one_in_use_is_not_given_back(self):
        self.run_script("eth0")
        self.write("proc/77/comm", "aditd")
        self.link("proc/77/fd/5", "/dev/vfio/10")
        self.refuses(["--undo"], "is in use by 77 (aditd)")
        self.assertEqual(self.driver("0000:01:00.0"), "vfio-pci")

    def test_the_device_for_an_account(self):
        self.write("dev/vfio/10", "")
        name = subprocess.run(["id", "-un"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        self.assertIn(f"/dev/vfio/10 is {name}'s", self.run_script("--user", name, "eth0"))
        self.refuses(["--user", "nobody-of-that-name", "eth1"], "there is no account")

    def test_wrong_usage(self):
        for words, why in (([], "which NIC?"), (["--all"], "no option --all"), (["--status", "eth0"], "takes no NIC"),
                           (["--undo", "--user", "adit"], "--user belongs to binding")):
            self.refuses(words, why, code=2)
        self.assertIn("usage: vfio-bind", self.run_script("--help"))


class Package(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="adit-tree-")
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name) / "adit"

    def run_script(self, *words, code=0, script="package"):
        done = subprocess.run([ROOT / "scripts" / script, *words], text=True, timeout=60, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    @unittest.skipUnless(shutil.which("dpkg-parsechangelog"), "dpkg-dev is not installed")
    def test_the_tree_is_one_that_dpkg_understands(self):
        self.run_script("--tree", self.tree)
        done = subprocess.run(["dpkg-parsechangelog", "-l", self.tree / "debian/changelog", "-S", "Version"],
                              stdout=subprocess.PIPE, text=True, check=True)
        self.assertRegex(done.stdout, r"^\d+\.\d+\.\d+(~[0-9a-z.]+)?$")
        self.assertTrue(os.access(self.tree / "debian/rules", os.X_OK))
        self.assertEqual(list(self.tree.glob("build*")), [])

    def test_wrong_usage(self):
        self.tree.mkdir()
        for words, why in ((("--version", "x"), "is no version"), (("--tree", self.tree), "does not exist"),
                           (("--fast",), "no option --fast"), (("a", "b"), "one FOLDER")):
            self.assertIn(why, self.run_script(*words, code=2))
        self.assertIn("usage: scripts/try-package", self.run_script(code=2, script="try-package"))
        self.assertIn("no option", self.run_script("--fast", code=2, script="try-package"))
        self.assertIn("there is no file", self.run_script("/nowhere/adit.deb", code=1, script="try-package"))


if __name__ == "__main__":
    unittest.main(verbosity=0)
