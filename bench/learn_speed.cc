// SPDX-License-Identifier: Apache-2.0
// What remotes cost that are learned while a gateway runs.
//   adit-learn-speed [NETWORKS [REMOTES_PER_SECOND [SECONDS]]]    10000 1000 5 where none is given
// New senders come up at that rate, each with one VXLAN frame, over the networks in turn. Shown are
// the CPU time of control's thread and of the thread beside it that compiles, as a share of the
// time that passed, and how long after its frame the next one of the sender would be let in.
#include <rte_mbuf.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "adit/wire.h"
#include "config/parser.h"
#include "machine/eal_session.h"
#include "running/reload.h"
#include "speed_arguments.h"
#include "worker/worker.h"

namespace adit {
namespace {

constexpr unsigned kVlans = 4094;
constexpr MacAddr kUplinkMac = MacAddr::from_u64(0x02'00'00'00'00'02);
constexpr MacAddr kRouterMac = MacAddr::from_u64(0x02'00'00'00'00'03);
constexpr uint64_t kNsPerMs = 1'000'000;

uint64_t clock_ns(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

std::string text_of(unsigned networks, const std::string& file) {
  std::string text =
      "ports:\n  uplink: {device: \"tap:u\", mtu_bytes: 1550, addresses: "
      "[192.0.2.1/24]}\n";
  for (unsigned port = 0; port * kVlans < networks; ++port)
    text += "  rack" + std::to_string(port) + ": {device: \"tap:r" + std::to_string(port) + "\"}\n";
  text +=
      "routes: [{to: 10.0.0.0/8, via: 192.0.2.254}]\n"
      "neighbours: [{address: 192.0.2.254, mac: \"02:00:00:00:00:03\"}]\n"
      "networks:\n";
  for (unsigned i = 0; i < networks; ++i)
    text += "  n" + std::to_string(i) + ": {vni: " + std::to_string(i + 1) +
            ", learn_remotes: true, members: [{port: rack" + std::to_string(i / kVlans) +
            ", vlan: " + std::to_string(i % kVlans + 1) + "}]}\n";
  std::FILE* out = std::fopen(file.c_str(), "w");
  if (out == nullptr || std::fputs(text.c_str(), out) < 0 || std::fclose(out) != 0) std::abort();
  return text;
}

struct Frame {
  EthernetHeader ethernet;
  Ipv4Header ip;
  UdpHeader udp;
  VxlanHeader vxlan;
  EthernetHeader inner;
  std::array<uint8_t, 46> payload = {};
};

be32 address_of(unsigned sender) {
  return be32((10u << 24) + (1u << 16) + sender);
}

Frame frame_of(unsigned sender, unsigned networks) {
  Frame frame = {};
  frame.ethernet = {kUplinkMac, kRouterMac, be16(kEtherTypeIpv4)};
  constexpr unsigned kIpBytes = sizeof frame - sizeof frame.ethernet;
  frame.ip.version_ihl = 0x45;
  frame.ip.total_length = be16(kIpBytes);
  frame.ip.ttl = 64;
  frame.ip.protocol = kUdpProtocol;
  frame.ip.src = address_of(sender);
  frame.ip.dst = be32(192u << 24 | 2u << 8 | 1u);
  std::array<uint16_t, sizeof frame.ip / 2> words;
  std::memcpy(words.data(), &frame.ip, sizeof words);
  uint32_t sum = 0;
  for (const uint16_t word : words) sum += word;
  sum = (sum & 0xffff) + (sum >> 16);
  frame.ip.checksum = be16::from_raw(static_cast<uint16_t>(~(sum + (sum >> 16))));
  frame.udp = {be16(50'000), be16(4789), be16(kIpBytes - sizeof frame.ip), be16(0)};
  frame.vxlan.flags = kVxlanFlagVni;
  frame.vxlan.vni_reserved = be32((sender % networks + 1) << 8);
  frame.inner = {kBroadcastMac, MacAddr::from_u64(0x02'00'01'00'00'00 + sender), be16(0x88b5)};
  return frame;
}

// The uplink. All but `due` is the worker's, or read when it has stopped.
struct Senders {
  unsigned networks = 1;
  std::atomic<unsigned> due = 0;  // how many have come up
  Dataplane* dataplane = nullptr;
  unsigned sent = 0;
  struct Waiting {
    unsigned sender;
    uint64_t since_ns;
  };
  std::deque<Waiting> waiting;
  std::vector<uint64_t> delays_ns;
  uint64_t worker_cpu_ns = 0;

  void look() {
    const Snapshot& snapshot = *dataplane->worker(0).snapshot;
    while (!waiting.empty()) {
      const unsigned sender = waiting.front().sender;
      const SenderKey key{{0, address_of(sender).raw()}, sender % networks + 1};
      if (snapshot.tunnels[tunnel_index(TunnelKind::kVxlan)].senders.find(key) == 0) return;
      delays_ns.push_back(monotonic_ns() - waiting.front().since_ns);
      waiting.pop_front();
    }
  }
  static uint16_t receive(void* context, rte_mbuf** packets, uint16_t n) {
    auto& self = *static_cast<Senders*>(context);
    self.look();
    self.worker_cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    uint16_t count = 0;
    for (; count < n && self.sent < self.due.load(std::memory_order_relaxed); ++count) {
      packets[count] = rte_pktmbuf_alloc(self.dataplane->pool());
      if (packets[count] == nullptr) break;
      const Frame frame = frame_of(self.sent, self.networks);
      std::memcpy(rte_pktmbuf_append(packets[count], sizeof frame), &frame, sizeof frame);
      self.waiting.push_back({self.sent++, monotonic_ns()});
    }
    return count;
  }
};

uint16_t receive_nothing(void*, rte_mbuf**, uint16_t) {
  return 0;
}
uint16_t take(void*, rte_mbuf** packets, uint16_t n) {
  rte_pktmbuf_free_bulk(packets, n);
  return n;
}

double percent(uint64_t part_ns, uint64_t of_ns) {
  return 100 * static_cast<double>(part_ns) / static_cast<double>(of_ns);
}

void measure(unsigned networks, unsigned per_second, unsigned seconds) {
  Senders senders;
  senders.networks = networks;
  const std::string file = "/tmp/adit-learn-speed-" + std::to_string(getpid()) + ".yaml";
  const Config config = check_config(text_of(networks, file), file).config;
  DataplaneOptions options;
  options.mbufs = 4095;
  for (const PortConfig& port : config.ports) {
    PortSpec spec;
    spec.name = port.name;
    spec.mtu_bytes = port.mtu_bytes;
    spec.io = {nullptr, receive_nothing, take};
    if (options.ports.empty()) spec.io = {&senders, Senders::receive, take};
    options.ports.push_back(spec);
  }
  Dataplane dataplane(options);
  senders.dataplane = &dataplane;
  std::vector<MacAddr> macs(config.ports.size(), kUplinkMac);
  ControlPlane control(dataplane, config, macs, monotonic_ns());
  Reloader reloader(control, file);
  dataplane.start();

  const unsigned all = per_second * seconds;
  const uint64_t process_before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  const uint64_t control_before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  const uint64_t began = monotonic_ns();
  const uint64_t end_ns = began + seconds * 1000 * kNsPerMs;
  for (uint64_t now = began; now < end_ns; now = monotonic_ns()) {
    senders.due.store(static_cast<unsigned>((now - began) * per_second / (1000 * kNsPerMs)));
    control.tick(now);
    reloader.tick(now);
    usleep(1000);
  }
  senders.due.store(all);
  const uint64_t wall = monotonic_ns() - began;
  const uint64_t control_cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - control_before;
  const uint64_t process_cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - process_before;
  const uint64_t others = control_cpu + senders.worker_cpu_ns;
  const uint64_t beside = process_cpu - std::min(process_cpu, others);
  // What is still to come.
  for (uint64_t now = monotonic_ns(); now < end_ns + 10'000 * kNsPerMs; now = monotonic_ns()) {
    control.tick(now);
    reloader.tick(now);
    usleep(1000);
  }
  dataplane.stop();
  std::filesystem::remove(file);
  auto& delays = senders.delays_ns;
  std::sort(delays.begin(), delays.end());
  const auto ms = [&](double part) {
    if (delays.empty()) return 0.0;
    const auto at = static_cast<size_t>(part * static_cast<double>(delays.size() - 1));
    return static_cast<double>(delays[at]) / static_cast<double>(kNsPerMs);
  };
  std::printf(
      "%u networks, %u remotes a second for %u s: control %.1f %%, beside it %.1f %% of the time; "
      "used after %.2f ms (median), %.2f (99 %%), %.2f (most); %zu of %u in use; %llu snapshots\n",
      networks, per_second, seconds, percent(control_cpu, wall), percent(beside, wall), ms(0.5),
      ms(0.99), ms(1), delays.size(), all, static_cast<unsigned long long>(control.generation()));
}

}  // namespace
}  // namespace adit

int main(int argc, char** argv) {
  return adit::bench::run_by_arguments(
      argc, argv, "adit-learn-speed [NETWORKS [REMOTES_PER_SECOND [SECONDS]]]",
      [](adit::bench::SpeedArguments& arguments) {
        const unsigned networks = arguments.number("NETWORKS", 10'000, 1, adit::kMaxNetworks);
        const unsigned per_second = arguments.number("REMOTES_PER_SECOND", 1'000, 1, 100'000);
        const unsigned seconds = arguments.number("SECONDS", 5, 1, 3'600);
        arguments.finish();
        const adit::EalSession eal("adit-learn-speed", 256, {"--lcores", "0,1@0-1", "--no-huge"});
        adit::measure(networks, per_second, seconds);
      });
}
