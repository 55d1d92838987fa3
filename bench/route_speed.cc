// SPDX-License-Identifier: Apache-2.0
// What routes cost that come from outside while a gateway runs.
//   adit-route-speed [ROUTES]        100000 where none is given
// Shown are, for prefixes as in tables of the Internet (/24 and /48, some shorter), the CPU time to
// take all of them, the memory, the CPU time of one change, of one of the default route, which
// covers all others, and of a reload; then, as root, the time until all are read from the kernel of
// a network namespace of its own.
#include <rte_mbuf.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "config/parser.h"
#include "machine/eal_session.h"
#include "netlink/kernel_routes.h"
#include "resident_memory.h"
#include "running/control_plane.h"
#include "speed_arguments.h"

namespace adit {
namespace {

constexpr char kConfig[] =
    "ports: {edge: {device: \"tap:e\", addresses: [10.9.0.254/16, \"fd09::fe/64\"]}}\n"
    "vrfs: {tenant: {ports: [edge], kernel_routes: {table: 100, limit: 1048576}}}\n";
constexpr unsigned kGateways = 100;

uint64_t cpu_ns() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

uint16_t receive_nothing(void*, rte_mbuf**, uint16_t) {
  return 0;
}
uint16_t take(void*, rte_mbuf** packets, uint16_t n) {
  for (uint16_t i = 0; i < n; ++i) rte_pktmbuf_free(packets[i]);
  return n;
}

IpAddr gateway_of(bool ipv6, unsigned number) {
  const std::string last = std::to_string(number % kGateways + 1);
  return *parse_ip(ipv6 ? "fd09::" + last : "10.9.0." + last);
}

// Half of them in blocks of neighbours, as providers have them.
std::vector<IpPrefix> prefixes(bool ipv6, unsigned count) {
  std::mt19937 random(1);
  std::set<IpPrefix> all;
  while (all.size() < count) {
    IpPrefix to;
    auto& bytes = to.address.bytes;
    to.address.family = ipv6 ? IpFamily::kV6 : IpFamily::kV4;
    for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
    const unsigned shorter = random() % 4 == 0 ? random() % 8 : 0;
    if (ipv6) {
      bytes[0] = 0x20 | (bytes[0] & 1), bytes[1] &= 0x0f;
      to.length = static_cast<uint8_t>(48 - shorter);
    } else {
      bytes[0] = static_cast<uint8_t>(11 + bytes[0] % 89);
      to.length = static_cast<uint8_t>(24 - shorter);
    }
    const unsigned neighbours = random() % 16 == 0 ? 16 : 1;
    for (unsigned i = 0; i < neighbours && all.size() < count; ++i) {
      bytes[ipv6 ? 5 : 2] = static_cast<uint8_t>(bytes[ipv6 ? 5 : 2] + 1);
      all.insert(subnet_of(to));
    }
  }
  std::vector<IpPrefix> list(all.begin(), all.end());
  std::shuffle(list.begin(), list.end(), random);
  return list;
}

struct World {
  Config config = parse_config(kConfig, "bench");
  std::unique_ptr<Dataplane> dataplane;
  std::unique_ptr<ControlPlane> control;
  World() {
    DataplaneOptions options;
    options.mbufs = 4095;
    PortSpec spec;
    spec.name = "edge";
    spec.io = {nullptr, receive_nothing, take};
    options.ports.push_back(spec);
    dataplane = std::make_unique<Dataplane>(options);
    control = std::make_unique<ControlPlane>(
        *dataplane, config, std::vector{MacAddr::from_u64(0x02'0000'0000'01)}, monotonic_ns());
    dataplane->start();
  }
  ~World() { dataplane->stop(); }
  void set(const IpPrefix& to, unsigned gateway) {
    ImportedRoute route;
    route.gateways = {{gateway_of(!to.address.is_v4(), gateway)}};
    control->routes().set("tenant", {to, 0}, std::move(route), monotonic_ns());
  }
  void tick() { control->tick(monotonic_ns()); }
};

void measure(bool ipv6, unsigned count) {
  World world;
  const std::vector<IpPrefix> all = prefixes(ipv6, count);
  const uint64_t resident = bench::resident_bytes();
  uint64_t begun = cpu_ns();
  for (unsigned i = 0; i < count; ++i) {
    world.set(all[i], i);
    if (i % 1000 == 0) world.tick();
  }
  const double all_ms = static_cast<double>(cpu_ns() - begun) / 1e6;
  const uint64_t grown = bench::resident_bytes() - resident;

  std::vector<uint64_t> changes;
  for (unsigned i = 0; i < 10'000; ++i) {
    begun = cpu_ns();
    world.set(all[i * 7919ull % count], i + 1);
    changes.push_back(cpu_ns() - begun);
    if (i % 100 == 0) world.tick();
  }
  std::ranges::sort(changes);

  const IpPrefix whole{ipv6 ? *parse_ip("::") : *parse_ip("0.0.0.0"), 0};
  world.set(whole, 1);
  begun = cpu_ns();
  world.set(whole, 2);
  const double default_ms = static_cast<double>(cpu_ns() - begun) / 1e6;

  Config next = world.config;
  next.vrfs[0].mss_clamp = true;
  begun = cpu_ns();
  world.control->apply(next, monotonic_ns());
  const double reload_ms = static_cast<double>(cpu_ns() - begun) / 1e6;
  std::printf(
      "IPv%d, %u routes: taken in %.0f ms; %.1f MB, of these the trie %.1f; one change %.1f us "
      "(median), %.1f (99 %%); of the default route %.2f ms; a reload %.0f ms\n",
      ipv6 ? 6 : 4, count, all_ms, static_cast<double>(grown) / 1e6,
      static_cast<double>(world.control->routes().table_bytes()) / 1e6,
      static_cast<double>(changes[changes.size() / 2]) / 1e3,
      static_cast<double>(changes[changes.size() * 99 / 100]) / 1e3, default_ms, reload_ms);
}

// False: this machine or account cannot.
bool fill_kernel(bool ipv6, const std::vector<IpPrefix>& all) {
  const std::string file = "/tmp/adit-route-speed-" + std::to_string(getpid());
  std::FILE* out = std::fopen(file.c_str(), "w");
  if (out == nullptr) return false;
  const auto print = [out](const std::string& line) { std::fputs((line + "\n").c_str(), out); };
  if (!ipv6) {  // comes first
    print("link add v0 type veth peer name v1");
    print("addr add 10.9.0.200/16 dev v0");
    print("link set v0 up");
    print("link set v1 up");
  }
  for (unsigned i = 0; i < all.size(); ++i) {
    const IpAddr gateway = gateway_of(ipv6, i);
    print("route add " + to_string(all[i]) + " via " + to_string(gateway) +
          " dev v0 onlink table 100");
  }
  std::fclose(out);
  const int status = std::system(("ip -batch " + file).c_str());
  unlink(file.c_str());
  return status == 0;
}

void measure_kernel(bool ipv6, unsigned count) {
  const std::vector<IpPrefix> all = prefixes(ipv6, count);
  if (!fill_kernel(ipv6, all)) {
    std::printf("IPv%d: the kernel's routes cannot be set here\n", ipv6 ? 6 : 4);
    return;
  }
  World world;
  KernelRoutes kernel(world.control->routes());
  const uint64_t begun = monotonic_ns(), cpu_begun = cpu_ns();
  uint64_t longest = 0;
  kernel.configure(world.config, begun);
  while (world.control->routes().of("tenant")->size() < count ||
         !world.control->routes().source_of("tenant")->is_complete) {
    const uint64_t before = cpu_ns();
    kernel.tick(monotonic_ns());
    world.tick();
    longest = std::max(longest, cpu_ns() - before);
    usleep(1000);
  }
  std::printf(
      "IPv%d, %u routes of the kernel: read in %.0f ms, of these control was busy %.0f ms, "
      "%.1f ms at a time at most\n",
      ipv6 ? 6 : 4, count, static_cast<double>(monotonic_ns() - begun) / 1e6,
      static_cast<double>(cpu_ns() - cpu_begun) / 1e6, static_cast<double>(longest) / 1e6);
}

}  // namespace
}  // namespace adit

int main(int argc, char** argv) {
  return adit::bench::run_by_arguments(
      argc, argv, "adit-route-speed [ROUTES]", [](adit::bench::SpeedArguments& arguments) {
        const unsigned count = arguments.number("ROUTES", 100'000, 1, 1'000'000);
        arguments.finish();
        const bool has_namespace = unshare(CLONE_NEWNET) == 0;
        const adit::EalSession eal("adit-route-speed", 256, {"--lcores", "0,1@0-1", "--no-huge"});
        for (const bool ipv6 : {false, true}) adit::measure(ipv6, count);
        if (has_namespace)
          for (const bool ipv6 : {false, true}) adit::measure_kernel(ipv6, count);
        else
          std::printf("without root the kernel is left out\n");
      });
}
