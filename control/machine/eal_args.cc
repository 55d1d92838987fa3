// SPDX-License-Identifier: Apache-2.0
#include "machine/eal_args.h"

#include <algorithm>
#include <initializer_list>
#include <numeric>
#include <set>
#include <string_view>

#include "adit/dataplane.h"
#include "config/limits.h"
#include "config/port_ids.h"

namespace adit {
namespace {

constexpr unsigned kHeadroomBytes = 128;      // RTE_PKTMBUF_HEADROOM
constexpr unsigned kFrameOverheadBytes = 22;  // Ethernet header and two 802.1Q tags
constexpr unsigned kEncapRoomBytes = 128;
constexpr unsigned kMinFrameRoomBytes = 2048;
// struct rte_mbuf, mempool object header and its padding.
constexpr unsigned kMbufOverheadBytes = 256;
// Per worker: the mempool's cache at its largest (512 and a half), bursts in hand, clones.
constexpr unsigned kMbufsPerWorker = 2048;
// Packets that wait for a neighbour, rings to control.
constexpr unsigned kMbufsBeside = 4096;
constexpr unsigned kMemoryBesideMb = 64;  // EAL, drivers, rings, telemetry

uint64_t round_up(uint64_t value, uint64_t step) {
  return (value + step - 1) / step * step;
}

// Whether the user gave one of the options: "-m", "-m64", "--lcores", "--lcores=...".
bool gives(const std::vector<std::string>& extra, std::initializer_list<std::string_view> options) {
  return std::any_of(extra.begin(), extra.end(), [&](std::string_view arg) {
    return std::any_of(options.begin(), options.end(), [&](std::string_view option) {
      const bool is_long = option.starts_with("--");
      if (!arg.starts_with(option)) return false;
      return !is_long || arg.size() == option.size() || arg[option.size()] == '=';
    });
  });
}

// Lcore 0 is control on the first core, the workers follow; where there are as many workers
// as cores, control shares the first worker's.
std::string lcores(unsigned workers, const std::vector<unsigned>& cpus) {
  std::string text;
  const unsigned first = workers < cpus.size() ? 1 : 0;  // worker's core
  for (unsigned lcore = 0; lcore <= workers; ++lcore) {
    const size_t core = lcore == 0 ? 0 : lcore - 1 + first;
    const unsigned cpu = cpus.empty() ? 0 : cpus[std::min(core, cpus.size() - 1)];
    if (lcore > 0) text += ',';
    text += std::to_string(lcore) + '@' + std::to_string(cpu);
  }
  return text;
}

bool is_af_xdp(const Device& device) {
  return device.kind == DeviceKind::kAfXdp ||
         (device.kind == DeviceKind::kVdev && device.argument.starts_with("net_af_xdp"));
}

bool uses(const Config& config, TunnelKind kind) {
  const auto is_it = [kind](const auto& remote) { return remote.kind == kind; };
  return std::ranges::any_of(config.networks,
                             [&](const NetworkConfig& network) {
                               return (takes_remotes(network) && network.learn_kind == kind) ||
                                      std::ranges::any_of(network.remotes, is_it);
                             }) ||
         std::ranges::any_of(config.vrfs, [&](const VrfConfig& vrf) {
           return std::ranges::any_of(vrf.tunnels, is_it);
         });
}

// What tunnel kinds may keep, of each worker.
uint64_t kept_bytes(const Config& config) {
  unsigned largest_mtu = 0;
  for (const PortConfig& port : config.ports) largest_mtu = std::max(largest_mtu, port.mtu_bytes);
  uint64_t bytes = 0;
  for (size_t i = 0; i < kTunnelKindCount; ++i) {
    const TunnelKeys& keys = tunnel_keys(i);
    if (keys.kept_bytes != nullptr && uses(config, static_cast<TunnelKind>(i)))
      bytes += keys.kept_bytes(config.tunnels[i].own, largest_mtu);
  }
  return bytes;
}

const char* log_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "info";
    case LogLevel::kInfo:
    case LogLevel::kWarn:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "warning";
}

// Frames of af_packet's ring hold the kernel's header and the packet; the driver refuses a
// frame whose packet would not fit a buffer. It takes the ring for frames one behind the other, so
// that the kernel may leave no rest at the end of a block (packet_mmap.rst): a block is whole
// frames as well as whole pages. Of the sizes that fit, the one with the smallest such block is
// taken.
std::string af_packet_sizes(unsigned mtu_bytes, unsigned ring) {
  constexpr uint64_t kPageBytes = 4096, kBlockBytes = 65536, kLargeBlockBytes = 4 * kBlockBytes;
  constexpr unsigned kHeaderBytes = 96;     // tpacket2_hdr, sockaddr_ll and alignment
  constexpr unsigned kNotPacketBytes = 32;  // what the driver takes off before it compares
  const uint64_t least =
      std::max(kMinFrameRoomBytes, mtu_bytes + kFrameOverheadBytes + kHeaderBytes);
  const uint64_t most =
      std::max(uint64_t{kMinFrameRoomBytes},
               uint64_t{mtu_bytes} + kFrameOverheadBytes + kEncapRoomBytes + kNotPacketBytes);
  // From `least` to `most` there is a multiple of 64.
  uint64_t step = kPageBytes;
  while (step > 64 && round_up(least, step) > most) step /= 2;
  const uint64_t frame = round_up(least, step);
  uint64_t block = std::lcm(frame, kPageBytes);
  // Larger ones where the kernel would round up to a power of two, and lose much of each.
  block *= std::max<uint64_t>(1, (block == kPageBytes ? kBlockBytes : kLargeBlockBytes) / block);
  return ",blocksz=" + std::to_string(block) + ",framesz=" + std::to_string(frame) +
         ",framecnt=" + std::to_string(round_up(ring, block / frame));
}

unsigned interface_queues(const SystemFacts& facts, const std::string& name) {
  for (const InterfaceFacts& interface : facts.interfaces)
    if (interface.name == name) return std::max(1U, interface.rx_queues);
  return 1;
}

// Numbered by kind: net_af_xdp0, net_af_xdp1, ..., past the names that there are.
NamedDevice numbered_vdev(const std::string& driver, const std::string& arguments,
                          std::set<std::string>& taken) {
  std::string name;
  for (unsigned i = 0; !taken.insert(name = driver + std::to_string(i)).second;) ++i;
  return {name, name + arguments};
}

// Whose is a bond's member?
enum class Holder { kPort, kBond };

NamedDevice named_device(const PortConfig& port, const Device& device, Holder holder,
                         const SystemFacts& facts, unsigned workers, std::set<std::string>& taken) {
  const std::string& argument = device.argument;
  // A queue pair is needed for each worker that sends, and each queue that receives.
  const unsigned pairs = std::max(rx_queue_count(port, workers), tx_queue_count(port, workers));
  switch (device.kind) {
    case DeviceKind::kPci:
      return {argument, ""};
    case DeviceKind::kVdev: {
      const std::string name = argument.substr(0, argument.find(','));
      taken.insert(name);
      return {name, argument};
    }
    case DeviceKind::kTap:
      // A port's own is no device of DPDK.
      if (holder == Holder::kPort) return {"tap:" + argument, ""};
      return numbered_vdev("net_tap", ",iface=" + argument, taken);
    case DeviceKind::kAfPacket:
      return numbered_vdev(
          "net_af_packet",
          ",iface=" + argument + ",qpairs=" + std::to_string(pairs) +
              af_packet_sizes(port.mtu_bytes, std::max(port.rx_ring, port.tx_ring)),
          taken);
    case DeviceKind::kAfXdp: {
      // Preflight has refused what needs more than the interface has.
      const unsigned queues = std::min(pairs, interface_queues(facts, argument));
      const bool has_program =
          holder == Holder::kPort && port.steer == Steer::kAuto && !facts.xdp_program.empty();
      return numbered_vdev("net_af_xdp",
                           ",iface=" + argument + ",queue_count=" + std::to_string(queues) +
                               (has_program ? ",xdp_prog=" + facts.xdp_program : ""),
                           taken);
    }
    case DeviceKind::kBond:
      return {numbered_vdev("net_bonding", "", taken).name, ""};  // by functions of the driver
  }
  return {};
}

}  // namespace

void take_vdev_names(const Config& config, std::set<std::string>& taken) {
  for (const PortConfig& port : config.ports)
    for (const Device& device : devices_of(port))
      if (device.kind == DeviceKind::kVdev)
        taken.insert(device.argument.substr(0, device.argument.find(',')));
}

PortDevice port_device(const PortConfig& port, const SystemFacts& facts, unsigned workers,
                       std::set<std::string>& taken) {
  PortDevice device{named_device(port, port.device, Holder::kPort, facts, workers, taken)};
  if (port.bond)
    for (const Device& member : port.bond->members)
      device.members.push_back(named_device(port, member, Holder::kBond, facts, workers, taken));
  return device;
}

EalArgs eal_args(const Config& config, const SystemFacts& facts, int pid,
                 const std::vector<std::string>& extra) {
  EalArgs result;
  std::vector<std::string>& args = result.args;
  const unsigned workers = worker_count(config, facts.cpus.size());
  args.push_back("aditd");
  if (!gives(extra, {"-l", "-c", "-s", "-S", "--lcores"}))
    args.insert(args.end(), {"--lcores", lcores(workers, facts.cpus)});
  if (!gives(extra, {"--file-prefix", "--in-memory"}))
    args.push_back("--file-prefix=adit-" + std::to_string(pid));
  if (!use_hugepages(config, facts)) {
    // With --no-huge, EAL refuses --in-memory and --huge-unlink.
    if (!gives(extra, {"--no-huge", "--in-memory", "--huge-unlink", "--huge-dir"}))
      args.push_back("--no-huge");
  } else if (!gives(extra,
                    {"--no-huge", "--in-memory", "--huge-unlink", "--single-file-segments"})) {
    // Unlinked at once, pages are free again when the process ends, however it ends. Where no
    // file can be made, which takes root, the kernel gives pages without one (memfd).
    args.push_back(facts.hugetlbfs_ok ? "--huge-unlink=always" : "--in-memory");
  }
  if (!gives(extra, {"-m", "--socket-mem"}))
    args.insert(args.end(), {"-m", std::to_string(memory_mb(config, workers))});
  if (!gives(extra, {"--log-level"}))
    args.push_back(std::string("--log-level=") + log_level(config.system.log_level));

  const bool has_pci = std::ranges::any_of(config.ports, [](const PortConfig& port) {
    return std::ranges::any_of(
        devices_of(port), [](const Device& device) { return device.kind == DeviceKind::kPci; });
  });
  if (!has_pci && !gives(extra, {"-a", "--allow", "--no-pci"})) args.push_back("--no-pci");
  std::set<std::string> taken;
  take_vdev_names(config, taken);
  for (const PortConfig& port : config.ports) {
    PortDevice device = port_device(port, facts, workers, taken);
    for (const Device& one : devices_of(port))
      if (one.kind == DeviceKind::kPci) args.insert(args.end(), {"-a", one.argument});
    if (!device.vdev.empty()) args.insert(args.end(), {"--vdev", device.vdev});
    result.devices.push_back(std::move(device));
  }
  args.insert(args.end(), extra.begin(), extra.end());
  return result;
}

unsigned worker_count(const Config& config, size_t cores) {
  if (config.system.workers) return *config.system.workers;
  constexpr size_t kMaxWorkers = 64;
  return static_cast<unsigned>(std::clamp<size_t>(cores, 2, kMaxWorkers + 1) - 1);
}

unsigned rx_queue_count(const PortConfig& port, unsigned workers) {
  return port.rx_queues.value_or(workers);
}

unsigned tx_queue_count(const PortConfig& port, unsigned workers) {
  return port.tx_queues.value_or(workers);
}

namespace {

// Of all members of a bond.
uint64_t ring_entries(const PortConfig& port, unsigned workers) {
  return (uint64_t{rx_queue_count(port, workers)} * port.rx_ring +
          uint64_t{tx_queue_count(port, workers)} * port.tx_ring) *
         devices_of(port).size();
}

// Of all that is not in rings.
uint64_t mbufs_beside_rings(const Config& config, unsigned workers) {
  uint64_t count = kMbufsBeside + uint64_t{kMbufsPerWorker} * workers;
  count += kept_bytes(config) / mbuf_data_room_bytes(config) * workers;
  if (config.reassemble || !config.services.empty())
    count += (uint64_t{config.fragments.memory_mb} << 20) / mbuf_data_room_bytes(config) * workers;
  return count;
}

constexpr uint64_t kMostMbufs = 16777216;

}  // namespace

unsigned mbuf_count(const Config& config, unsigned workers) {
  if (config.system.mbufs) return *config.system.mbufs;
  uint64_t count = mbufs_beside_rings(config, workers);
  for (const PortConfig& port : config.ports) count += ring_entries(port, workers);
  return static_cast<unsigned>(std::min(count, kMostMbufs));
}

unsigned least_mbuf_count(const Config& config, unsigned workers) {
  uint64_t count = 0;
  const auto has_rings = [](const Device& device) {
    return device.kind == DeviceKind::kPci || device.kind == DeviceKind::kVdev;
  };
  for (const PortConfig& port : config.ports)
    if (std::ranges::any_of(devices_of(port), has_rings)) count += ring_entries(port, workers);
  // Who has said how many there shall be may know that less is held beside.
  count += config.system.mbufs ? uint64_t{kMbufsPerWorker} * workers
                               : mbufs_beside_rings(config, workers);
  return static_cast<unsigned>(std::min(count, kMostMbufs));
}

uint16_t mbuf_data_room_bytes(const Config& config) {
  unsigned frame = kMinFrameRoomBytes;
  for (const PortConfig& port : config.ports)
    frame = std::max(frame, port.mtu_bytes + kFrameOverheadBytes + kEncapRoomBytes);
  return static_cast<uint16_t>(round_up(kHeadroomBytes + frame, 64));
}

unsigned mtu_overhead_bytes() {
  return kHeadroomBytes + kFrameOverheadBytes + kEncapRoomBytes;
}

unsigned memory_mb(const Config& config, unsigned workers) {
  if (config.system.memory_mb) return *config.system.memory_mb;
  // Without hugepages a pool's buffer does not cross a page, and most take one for themselves.
  constexpr unsigned kPageBytes = 4096;
  uint64_t count = mbuf_count(config, workers);
  for (const PortConfig& port : config.ports) {
    const auto queues = std::max(rx_queue_count(port, workers), tx_queue_count(port, workers)) *
                        static_cast<unsigned>(std::ranges::count_if(devices_of(port), is_af_xdp));
    if (queues != 0) count += xdp_buffers(queues);
  }
  const uint64_t buffers =
      count * round_up(mbuf_data_room_bytes(config) + kMbufOverheadBytes, kPageBytes);
  return static_cast<unsigned>(kMemoryBesideMb + (buffers >> 20) + 1);
}

bool use_hugepages(const Config& config, const SystemFacts& facts) {
  switch (config.system.hugepages) {
    case HugepageMode::kYes:
      return true;
    case HugepageMode::kNo:
      return false;
    case HugepageMode::kAuto:
      break;
  }
  const unsigned needed_mb = memory_mb(config, worker_count(config, facts.cpus.size()));
  return facts.hugetlbfs_mounted && facts.hugepages_free_mb >= needed_mb;
}

}  // namespace adit
