// SPDX-License-Identifier: Apache-2.0
#include "machine/system_facts.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "base/unix_socket.h"
#include "machine/privileges.h"
#include "machine/runtime_files.h"

namespace adit {
namespace {

namespace fs = std::filesystem;

// Linux's capability numbers, linux/capability.h.
constexpr unsigned kCapNetAdmin = 12;
constexpr unsigned kCapNetRaw = 13;
constexpr unsigned kCapSysAdmin = 21;
constexpr unsigned kCapBpf = 39;

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

uint64_t number_of(std::string_view text, int base = 10) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// The value of "Name:   value" of a file such as /proc/meminfo.
std::string value_of(const std::vector<std::string>& lines, std::string_view name) {
  for (const std::string& line : lines) {
    const auto words = words_of(line);
    if (words.size() >= 2 && words[0].size() == name.size() + 1 && words[0].starts_with(name))
      return words[1];
  }
  return {};
}

void gather_privileges(const fs::path& proc, SystemFacts& facts) {
  const auto status = lines_of(proc / "self/status");
  for (const std::string& line : status) {
    const auto words = words_of(line);
    if (words.size() > 2 && words[0] == "Uid:") facts.is_root = words[2] == "0";
  }
  const uint64_t effective = number_of(value_of(status, "CapEff"), 16);
  const auto has = [&](unsigned capability) { return (effective >> capability & 1) != 0; };
  facts.has_net_admin = has(kCapNetAdmin);
  facts.has_net_raw = has(kCapNetRaw);
  facts.has_bpf = has(kCapBpf) || has(kCapSysAdmin);
}

bool can_make_files(const std::string& directory) {
  std::error_code error;
  return fs::is_directory(directory, error) && eaccess(directory.c_str(), W_OK | X_OK) == 0;
}

void gather_memory(const std::string& root, SystemFacts& facts) {
  const fs::path proc = root + "/proc";
  const auto meminfo = lines_of(proc / "meminfo");
  facts.memory_available_mb = number_of(value_of(meminfo, "MemAvailable")) >> 10;
  facts.hugepage_kb = number_of(value_of(meminfo, "Hugepagesize"));
  facts.hugepages_free_mb =
      number_of(value_of(meminfo, "HugePages_Free")) * facts.hugepage_kb >> 10;
  for (const std::string& line : lines_of(proc / "mounts")) {
    const auto words = words_of(line);
    if (words.size() < 3 || words[2] != "hugetlbfs") continue;
    const bool can_use = can_make_files(root + words[1]);
    facts.hugetlbfs_ok = can_use && (facts.hugetlbfs_ok || !facts.hugetlbfs_mounted);
    facts.hugetlbfs_mounted = true;
  }
}

std::vector<unsigned> allowed_cpus() {
  std::vector<unsigned> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

// Interfaces that a default route names, of either family.
std::set<std::string> default_route_interfaces(const fs::path& proc) {
  constexpr uint64_t kRouteUp = 1;
  constexpr uint64_t kRouteReject = 0x200;
  std::set<std::string> names;
  for (const std::string& line : lines_of(proc / "net/route")) {
    // Iface Destination Gateway Flags RefCnt Use Metric Mask ...
    const auto words = words_of(line);
    if (words.size() > 7 && words[1] == "00000000" && words[7] == "00000000" &&
        (number_of(words[3], 16) & kRouteUp) != 0)
      names.insert(words[0]);
  }
  for (const std::string& line : lines_of(proc / "net/ipv6_route")) {
    // Destination Length Source Length NextHop Metric RefCnt Use Flags Iface. The kernel
    // always lists a default route that rejects, on lo.
    const auto words = words_of(line);
    if (words.size() > 9 && words[1] == "00" && words[0] == std::string(32, '0') &&
        (number_of(words[8], 16) & (kRouteUp | kRouteReject)) == kRouteUp)
      names.insert(words[9]);
  }
  return names;
}

// Adds what lies beneath: the ports of a bridge or bond, the device of a VLAN.
void add_lower_interfaces(const fs::path& net, std::set<std::string>& names) {
  std::vector<std::string> pending(names.begin(), names.end());
  while (!pending.empty()) {
    const std::string upper = pending.back();
    pending.pop_back();
    for (const std::string& entry : names_in(net / upper)) {
      constexpr std::string_view kLower = "lower_";
      if (!entry.starts_with(kLower)) continue;
      const std::string lower = entry.substr(kLower.size());
      if (names.insert(lower).second) pending.push_back(lower);
    }
  }
}

// What DPDK's AF_XDP driver can use: queues that receive and transmit. A driver that has none such,
// as veth's, has one for it, however many others.
unsigned combined_queues(const std::string& interface) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 1;
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&channels);
  const bool known = ioctl(fd, SIOCETHTOOL, &request) == 0;
  close(fd);
  return known ? std::max(1U, channels.combined_count) : 1;
}

void gather_interfaces(const fs::path& proc, const fs::path& net, SystemFacts& facts) {
  std::set<std::string> carriers = default_route_interfaces(proc);
  add_lower_interfaces(net, carriers);
  for (const std::string& name : names_in(net)) {
    std::error_code error;
    if (!fs::is_directory(net / name, error)) continue;  // bonding_masters is a file
    InterfaceFacts interface;
    interface.name = name;
    interface.carries_default_route = carriers.contains(name);
    const auto flags = lines_of(net / name / "flags");
    constexpr uint64_t kIffUp = 1;
    if (!flags.empty() && flags[0].starts_with("0x"))
      interface.is_up = (number_of(std::string_view(flags[0]).substr(2), 16) & kIffUp) != 0;
    const auto queues = names_in(net / name / "queues");
    const auto count = std::count_if(queues.begin(), queues.end(), [](const std::string& queue) {
      return queue.starts_with("rx-");
    });
    interface.rx_queues = std::max(1U, static_cast<unsigned>(count));
    interface.all_rx_queues = interface.rx_queues;
    for (const char* version : {"ipv4", "ipv6"}) {
      const auto forwarding = lines_of(proc / "sys/net" / version / "conf" / name / "forwarding");
      interface.forwards = interface.forwards || (!forwarding.empty() && forwarding[0] == "1");
    }
    facts.interfaces.push_back(std::move(interface));
  }
}

void gather_pci(const std::string& root, SystemFacts& facts) {
  const fs::path pci = root + "/sys/bus/pci/devices";
  for (const std::string& address : names_in(pci)) {
    PciFacts device;
    device.address = address;
    std::error_code error;
    const fs::path driver = fs::read_symlink(pci / address / "driver", error);
    if (!error) device.driver = driver.filename();
    const fs::path group = fs::read_symlink(pci / address / "iommu_group", error);
    if (!error && device.driver == "vfio-pci") {
      device.vfio_device = "/dev/vfio/" + group.filename().string();
      device.vfio_device_ok = eaccess((root + device.vfio_device).c_str(), R_OK | W_OK) == 0;
    }
    // PCI Code and ID Assignment Specification, base class 02h: network controllers.
    if (std::string device_class; std::ifstream(pci / address / "class") >> device_class)
      device.is_network = device_class.starts_with("0x02");
    device.interfaces = names_in(pci / address / "net");
    // Virtio has its interfaces one step below.
    for (const std::string& below : names_in(pci / address))
      if (below.starts_with("virtio"))
        for (const std::string& name : names_in(pci / address / below / "net"))
          device.interfaces.push_back(name);
    facts.pci_devices.push_back(std::move(device));
  }
}

// The directory itself or, where it is still to be made, its nearest parent that is there.
std::string nearest_directory(const std::string& root, fs::path directory) {
  std::error_code error;
  while (!fs::exists(root + directory.string(), error) && directory.has_relative_path())
    directory = directory.parent_path();
  return root + directory.string();
}

void gather_socket(const std::string& root, const std::string& socket, SystemFacts& facts) {
  const fs::path directory = fs::path(socket).parent_path();
  facts.socket_directory = directory;
  facts.socket_directory_ok = can_make_files(nearest_directory(root, directory));
  try {
    facts.socket_taken = socket_answers(root + socket);
  } catch (const std::runtime_error&) {
    // Cannot be told; to listen there will say why.
  }
}

void gather_runtime(const std::string& root, SystemFacts& facts) {
  const std::string base = dpdk_runtime_base();
  facts.runtime_directory = base == "/var/run" ? "/run" : base;
  const std::string nearest = nearest_directory(root, fs::path(base) / "dpdk");
  facts.runtime_directory_ok = can_make_files(nearest);
  struct statvfs status;
  // Without blocks it is a file system that counts none.
  if (statvfs(nearest.c_str(), &status) != 0 || status.f_blocks == 0)
    facts.runtime_free_kb = UINT64_MAX;
  else
    facts.runtime_free_kb =
        (geteuid() == 0 ? status.f_bfree : status.f_bavail) * status.f_frsize >> 10;
}

}  // namespace

SystemFacts gather_facts(const Config& config, const std::string& root) {
  SystemFacts facts;
  const fs::path proc = root + "/proc";
  gather_privileges(proc, facts);
  gather_memory(root, facts);
  gather_interfaces(proc, root + "/sys/class/net", facts);
  if (root.empty())
    for (InterfaceFacts& interface : facts.interfaces)
      interface.rx_queues = std::min(interface.rx_queues, combined_queues(interface.name));
  gather_pci(root, facts);
  gather_socket(root, config.system.socket, facts);
  gather_runtime(root, facts);
  facts.has_tun_device = eaccess((root + "/dev/net/tun").c_str(), R_OK | W_OK) == 0;
  const auto account = find_account(config.system.user);
  facts.has_account = config.system.user == kAutoUser || account;
  facts.is_account = account && account->uid == geteuid();
  facts.cpus = allowed_cpus();
  return facts;
}

}  // namespace adit
