// SPDX-License-Identifier: Apache-2.0
#include "machine/preflight.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/nearest_name.h"
#include "config/port_ids.h"
#include "machine/eal_args.h"
#include "machine/privileges.h"

namespace adit {
namespace {

// Where packages have it.
constexpr char kVfioBind[] = "/usr/libexec/adit/vfio-bind";
constexpr char kOfSources[] = " (in the sources: scripts/vfio-bind)";

class Preflight {
 public:
  Preflight(const Config& config, const SystemFacts& facts, unsigned workers)
      : config_(config), facts_(facts), workers_(workers), needed_mb_(memory_mb(config, workers_)) {
    for (const PortConfig& port : config.ports) ports_.push_back(&port);
  }

  PreflightReport run() {
    check_privileges();
    check_user();
    check_cores();
    check_memory();
    for (const PortConfig* port : ports_) check_port(*port);
    check_socket();
    check_runtime_directory();
    return std::move(report_);
  }

  PreflightReport run_ports(const std::vector<PortId>& ports, const std::set<std::string>& own) {
    std::erase_if(ports_, [&ports](const PortConfig* port) {
      return std::ranges::find(ports, PortId{port->id}) == ports.end();
    });
    own_ = own;
    as_root_ = "restart aditd: at its start it gives up what its ports do not need";
    check_privileges();
    for (const PortConfig* port : ports_) check_port(*port);
    return std::move(report_);
  }

 private:
  void problem(std::string message, std::string remedy) {
    report_.problems.push_back({std::move(message), std::move(remedy)});
  }
  void warning(std::string message, std::string remedy) {
    report_.warnings.push_back({std::move(message), std::move(remedy)});
  }

  bool any_port(std::initializer_list<DeviceKind> kinds) const {
    return std::ranges::any_of(ports_, [&](const PortConfig* port) {
      return std::ranges::any_of(devices_of(*port), [&](const Device& device) {
        return std::ranges::find(kinds, device.kind) != kinds.end();
      });
    });
  }

  void check_privileges() {
    if (any_port({DeviceKind::kTap, DeviceKind::kAfPacket, DeviceKind::kAfXdp})) {
      if (!facts_.has_net_admin)
        problem("the ports need the capability CAP_NET_ADMIN, which this process lacks", as_root_);
      if (!facts_.has_net_raw && any_port({DeviceKind::kAfPacket, DeviceKind::kAfXdp}))
        problem(
            "af_packet and af_xdp ports need the capability CAP_NET_RAW, which this process "
            "lacks",
            as_root_);
    }
    if (any_port({DeviceKind::kAfXdp}) && !facts_.has_bpf)
      problem("af_xdp ports need the capability CAP_BPF or CAP_SYS_ADMIN, which this process lacks",
              as_root_);
    if (any_port({DeviceKind::kTap}) && !facts_.has_tun_device)
      problem("tap ports need /dev/net/tun, which does not exist or is not accessible",
              "modprobe tun; mkdir -p /dev/net; [ -e /dev/net/tun ] || mknod -m 600 /dev/net/tun c "
              "10 200");
  }

  void check_user() {
    const std::string& user = config_.system.user;
    if (user == kAutoUser || facts_.is_account) return;
    if (user == "root") {
      if (!facts_.is_root)
        warning("system.user: root, but another account has started aditd, and it stays that",
                "write `user: auto`, or run aditd as root");
      return;
    }
    const std::string what = "system.user: " + user;
    if (!facts_.has_account)
      problem(what + ": there is no such account",
              "useradd --system --no-create-home --shell /usr/sbin/nologin " + user);
    else if (!ports_allow_other_accounts(config_))
      problem(what + ": ports of PCI devices, af_xdp and vdev need root's account",
              "write `user: root`, or use tap or af_packet ports");
    else if (!facts_.is_root)
      problem(what + ": only root can switch to another account", "run aditd as root");
  }

  void check_cores() {
    const size_t cores = facts_.cpus.size();
    if (cores == 0) {
      problem("cannot find out which cores this process may run on", "see taskset -p $$");
      return;
    }
    if (workers_ > cores)
      problem(
          "system.workers: " + std::to_string(workers_) +
              " workers need as many cores, and control one beside them; this process may run on " +
              std::to_string(cores),
          "write `workers: " + std::to_string(std::max<size_t>(1, cores - 1)) +
              "` or `workers: auto`, or allow more cores (taskset, CPUAffinity=)");
    else if (workers_ == cores)
      warning("control shares a core with a worker: " + std::to_string(workers_) +
                  (workers_ == 1 ? " worker" : " workers") + " on as many cores" +
                  (config_.system.poll == PollMode::kBusy
                       ? ", and `poll: busy` leaves control little time on it"
                       : ""),
              config_.system.poll == PollMode::kBusy ? "write `poll: adaptive`" : "");
  }

  std::string hugepage_commands() const {
    const uint64_t page_kb = facts_.hugepage_kb == 0 ? 2048 : facts_.hugepage_kb;
    const uint64_t pages = (uint64_t{needed_mb_} * 1024 + page_kb - 1) / page_kb;
    const uint64_t free_pages = facts_.hugepages_free_mb * uint64_t{1024} / page_kb;
    std::string commands;
    // Added to those that are there: others may have them in use, or count on them.
    if (free_pages < pages)
      commands = "echo $(($(cat /proc/sys/vm/nr_hugepages) + " +
                 std::to_string(pages - free_pages) + ")) > /proc/sys/vm/nr_hugepages";
    if (!facts_.hugetlbfs_mounted)
      commands += std::string(commands.empty() ? "" : "; ") +
                  "mkdir -p /dev/hugepages; mount -t hugetlbfs nodev /dev/hugepages";
    return commands;
  }

  void check_memory() {
    const std::string needed = std::to_string(needed_mb_) + " MiB";
    if (use_hugepages(config_, facts_)) {
      if (facts_.hugepages_free_mb < needed_mb_)
        problem("`hugepages: yes`, and " + needed + " are needed, but " +
                    std::to_string(facts_.hugepages_free_mb) + " MiB of hugepages are free",
                hugepage_commands());
      else if (!facts_.hugetlbfs_mounted)
        problem("`hugepages: yes`, but no hugetlbfs is mounted", hugepage_commands());
      return;
    }
    if (facts_.memory_available_mb < needed_mb_)
      problem(needed + " of memory are needed, but " + std::to_string(facts_.memory_available_mb) +
                  " MiB are available",
              "lower system.memory_mb, system.mbufs or the ports' rings and queues");
    if (config_.system.hugepages == HugepageMode::kAuto)
      warning("running without hugepages, which is slower: " + needed + " are needed, " +
                  std::to_string(facts_.hugepages_free_mb) + " MiB are free" +
                  (facts_.hugetlbfs_mounted ? "" : ", and no hugetlbfs is mounted"),
              hugepage_commands() + "; or write `hugepages: no`");
  }

  const InterfaceFacts* find_interface(const std::string& name) const {
    const auto found = std::find_if(facts_.interfaces.begin(), facts_.interfaces.end(),
                                    [&](const auto& interface) { return interface.name == name; });
    return found == facts_.interfaces.end() ? nullptr : &*found;
  }

  static std::string port_text(const PortConfig& port) { return "port '" + port.name + "': "; }

  // A member is looked at as if the port had nothing else, and is not steered.
  void check_bond(const PortConfig& port) {
    for (const Device& device : port.bond->members) {
      PortConfig member = port;
      member.device = device;
      member.bond.reset();
      member.steer = Steer::kAll;
      check_port(member);
    }
  }

  void check_port(const PortConfig& port) {
    switch (port.device.kind) {
      case DeviceKind::kBond:
        check_bond(port);
        break;
      case DeviceKind::kTap:
        check_tap(port);
        break;
      case DeviceKind::kAfPacket:
      case DeviceKind::kAfXdp:
        check_shared_interface(port);
        break;
      case DeviceKind::kPci:
        check_pci(port);
        break;
      case DeviceKind::kVdev:  // only its driver knows what it needs
        break;
    }
  }

  void check_tap(const PortConfig& port) {
    const std::string& name = port.device.argument;
    if (find_interface(name) != nullptr && !own_.contains(name))
      problem(
          port_text(port) + "the interface " + name + " that it would create already exists",
          "another name in `device:`; `ip -d link show " + name + "` says what " + name + " is");
  }

  void check_shared_interface(const PortConfig& port) {
    const std::string& name = port.device.argument;
    if (own_.contains(name))
      return problem(port_text(port) + "the interface " + name + " is a TAP of adit's own",
                     "tap:" + name + ", or another interface");
    const InterfaceFacts* interface = find_interface(name);
    if (interface == nullptr) {
      std::vector<std::string_view> names;
      for (const InterfaceFacts& known : facts_.interfaces) names.push_back(known.name);
      problem(
          port_text(port) + "there is no interface " + in_quotes(name) + did_you_mean(name, names),
          "ip link show lists the interfaces");
      return;
    }
    if (interface->carries_default_route && !leaves_kernel_its_own(port))
      return refuse_default_route(port, name);
    if (!interface->is_up)
      warning(port_text(port) + "the interface " + name + " is down",
              "ip link set " + name + " up");
    if (port.device.kind == DeviceKind::kAfXdp) return check_af_xdp(port, *interface);
    // What is for another MAC than the device's it does not take for its own.
    if (interface->forwards && !port.mac)
      warning(port_text(port) + "the kernel gets the packets of " + name +
                  " as well, and forwards them too",
              "sysctl -w net/ipv4/conf/" + name + "/forwarding=0 net/ipv6/conf/" + name +
                  "/forwarding=0, or keep them from the kernel by nftables as "
                  "docs/configuration.md says under \"Devices\"");
  }

  // Untagged frames at least, which are a network's where the port is its member.
  bool leaves_kernel_its_own(const PortConfig& port) const {
    const auto takes_all = [&](const NetworkConfig& network) {
      return std::find(network.members.begin(), network.members.end(),
                       MemberConfig{port.name, std::nullopt}) != network.members.end();
    };
    return port.device.kind == DeviceKind::kAfXdp && port.steer == Steer::kAuto &&
           std::none_of(config_.networks.begin(), config_.networks.end(), takes_all);
  }

  void check_af_xdp(const PortConfig& port, const InterfaceFacts& interface) {
    // The kernel wants a buffer within one page: 4096 bytes less what DPDK has beside it.
    constexpr unsigned kMaxRoomBytes = 3840;
    const unsigned room = mbuf_data_room_bytes(config_);
    if (room > kMaxRoomBytes)
      problem(port_text(port) +
                  "af_xdp needs buffers of at most one page, but the largest mtu_bytes of all "
                  "ports needs larger ones",
              "no port's mtu_bytes above " + std::to_string(kMaxRoomBytes - mtu_overhead_bytes()) +
                  ", or af_packet:" + interface.name + " instead");
    const unsigned wanted = std::max(port.rx_queues.value_or(1), tx_queue_count(port, workers_));
    const unsigned used =
        std::min(std::max(rx_queue_count(port, workers_), tx_queue_count(port, workers_)),
                 interface.rx_queues);
    if (wanted > interface.rx_queues)
      problem(port_text(port) + "the interface " + interface.name + " has " +
                  std::to_string(interface.rx_queues) + " queues, " + std::to_string(wanted) +
                  " are needed: each worker sends on its own queue",
              "ethtool -L " + interface.name + " combined " + std::to_string(wanted) +
                  ", or `workers: " + std::to_string(interface.rx_queues) + '`');
    else if (used < interface.all_rx_queues)
      problem(port_text(port) + "the interface " + interface.name + " receives on " +
                  std::to_string(interface.all_rx_queues) + " queues, of which adit would have " +
                  std::to_string(used) + ": packets on the others would never reach it",
              "ethtool -L " + interface.name + " combined " + std::to_string(used) + " (or rx " +
                  std::to_string(used) + ", where queues are not combined)");
  }

  void refuse_default_route(const PortConfig& port, const std::string& interface) {
    problem(port_text(port) + "the interface " + interface +
                " carries the default route; to take it could cut this machine off",
            "use another device, or move the default route first (ip route)");
  }

  void check_pci(const PortConfig& port) {
    const std::string& address = port.device.argument;
    const auto device =
        std::find_if(facts_.pci_devices.begin(), facts_.pci_devices.end(),
                     [&](const PciFacts& known) { return known.address == address; });
    if (device == facts_.pci_devices.end()) {
      // Of the many that are no network devices, none is meant.
      std::vector<std::string_view> names;
      for (const PciFacts& known : facts_.pci_devices)
        if (known.is_network) names.push_back(known.address);
      problem(port_text(port) + "there is no PCI device " + address + did_you_mean(address, names),
              std::string(kVfioBind) + " --status lists the network devices" + kOfSources);
      return;
    }
    for (const std::string& name : device->interfaces) {
      const InterfaceFacts* interface = find_interface(name);
      if (interface != nullptr && interface->carries_default_route)
        return refuse_default_route(port, name);
    }
    // Mellanox's drivers share the device with the kernel's; all others need it alone.
    static constexpr std::array<std::string_view, 5> kDrivers = {
        "vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core", "mlx4_core"};
    if (std::find(kDrivers.begin(), kDrivers.end(), device->driver) != kDrivers.end())
      return check_access(port, *device);
    std::string down;
    for (const std::string& name : device->interfaces) down += "ip link set " + name + " down; ";
    problem(port_text(port) + "PCI device " + address + " is bound to " +
                (device->driver.empty() ? "no driver" : "the kernel's driver " + device->driver) +
                ", DPDK needs vfio-pci",
            down + kVfioBind + ' ' + address + kOfSources);
  }

  void check_access(const PortConfig& port, const PciFacts& device) {
    const std::string what = port_text(port) + "PCI device " + device.address;
    if (!device.vfio_device.empty() && !device.vfio_device_ok)
      warning(what + ": this process may not open " + device.vfio_device,
              "chown its account " + device.vfio_device + " (vfio-bind --user does it), or run " +
                  "aditd as root");
    else if (device.vfio_device.empty() && !facts_.is_root)
      warning(what + ": with the driver " + device.driver + ", it usually takes root to open it",
              "run aditd as root");
  }

  void check_socket() {
    if (facts_.socket_taken)
      problem("another daemon answers at the socket " + config_.system.socket,
              "stop it, or give this one its own `socket:`");
    if (!facts_.socket_directory_ok)
      problem("the socket's directory " + facts_.socket_directory +
                  " does not exist and cannot be made, or this account may not write to it",
              "mkdir -p " + facts_.socket_directory + ", as root, or another `socket:`");
  }

  // DPDK maps its files before it fills them: without room the process would die of SIGBUS.
  void check_runtime_directory() {
    constexpr uint64_t kNeededKb = 2048;
    const std::string& directory = facts_.runtime_directory;
    if (!facts_.runtime_directory_ok)
      problem(directory + ", where DPDK keeps its files, is not writable",
              "as root, or another directory: RUNTIME_DIRECTORY=/path");
    else if (facts_.runtime_free_kb < kNeededKb)
      problem("not enough room in " + directory + " for DPDK: 2 MB are needed, " +
                  std::to_string(facts_.runtime_free_kb) + " kB are free",
              "df " + directory +
                  " tells how full it is; or another directory: "
                  "RUNTIME_DIRECTORY=/path");
  }

  const Config& config_;
  const SystemFacts& facts_;
  const unsigned workers_;
  const unsigned needed_mb_;
  std::vector<const PortConfig*> ports_;  // those that are looked at
  std::set<std::string> own_;
  const char* as_root_ = "run aditd as root (systemctl start adit, or sudo aditd)";
  PreflightReport report_;
};

}  // namespace

std::string to_string(const Finding& finding) {
  if (finding.remedy.empty()) return finding.message;
  return finding.message + " (remedy: " + finding.remedy + ')';
}

PreflightReport preflight(const Config& config, const SystemFacts& facts) {
  return Preflight(config, facts, worker_count(config, facts.cpus.size())).run();
}

PreflightReport preflight_ports(const Config& config, const SystemFacts& facts,
                                const std::vector<PortId>& ports, const std::set<std::string>& own,
                                unsigned workers) {
  return Preflight(config, facts, workers).run_ports(ports, own);
}

}  // namespace adit
