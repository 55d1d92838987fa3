// SPDX-License-Identifier: Apache-2.0
// What many services with many backends cost: the time until a gateway serves, its memory, and
// reloads of a file in which little differs.
//   adit-service-speed [SCHEDULER [SERVICES [BACKENDS]]]    mh 10000 10 where none is given
// Each service has its own backends, so that no two have the same table. The worker polls ports
// that nothing comes from, and control ticks each millisecond, as in aditd. Shown are the time that
// passed, and the CPU time of control's thread and of the thread beside it, which other load on the
// machine does not add to.
#include <malloc.h>
#include <rte_mbuf.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adit/dataplane.h"
#include "adit/scheduler_ops.h"
#include "config/limits.h"
#include "config/parser.h"
#include "machine/eal_session.h"
#include "resident_memory.h"
#include "running/reload.h"
#include "speed_arguments.h"

namespace adit {
namespace {

struct Size {
  std::string scheduler = "mh";
  unsigned services = 10'000;
  unsigned backends = 10;
};

// What a reload changes, of the service in the middle.
enum class Change { kNone, kWeight, kAdded };

uint64_t clock_ns(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

double seconds(uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}
double megabytes(uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

std::string address(unsigned network, unsigned number) {
  return std::to_string(network) + '.' + std::to_string(number >> 16) + '.' +
         std::to_string(number >> 8 & 255) + '.' + std::to_string(number & 255);
}

void write_file(const std::string& file, const Size& size, Change change) {
  std::string text =
      "ports:\n"
      "  c0: {device: \"tap:c0\", addresses: [10.4.0.254/24]}\n"
      "  b0: {device: \"tap:b0\", addresses: [10.5.0.254/24]}\n"
      "vrfs: {t: {ports: [c0, b0], routes: [{to: 11.0.0.0/8, via: 10.5.0.1}]}}\n"
      "services:\n";
  for (unsigned i = 0; i < size.services; ++i) {
    const bool here = i == size.services / 2;
    const unsigned backends = size.backends + (here && change == Change::kAdded);
    text += "  s" + std::to_string(i) + ":\n    vrf: t\n    address: " + address(10, 0x640000 + i) +
            "\n    port: 80\n    scheduler: " + size.scheduler + "\n    backends:\n";
    for (unsigned j = 0; j < backends; ++j) {
      text += "      - {address: " + address(11, i * (size.backends + 1) + j + 1);
      text += here && j == 0 && change == Change::kWeight ? ", weight: 2}\n" : "}\n";
    }
  }
  std::FILE* out = std::fopen(file.c_str(), "w");
  if (out == nullptr || std::fputs(text.c_str(), out) < 0 || std::fclose(out) != 0) std::abort();
}

std::atomic<uint64_t> worker_cpu_ns = 0;

uint16_t receive_nothing(void*, rte_mbuf**, uint16_t) {
  worker_cpu_ns.store(clock_ns(CLOCK_THREAD_CPUTIME_ID), std::memory_order_relaxed);
  return 0;
}
uint16_t take(void*, rte_mbuf** packets, uint16_t n) {
  rte_pktmbuf_free_bulk(packets, n);
  return n;
}

// Of all threads but the worker's.
uint64_t control_cpu_ns() {
  const uint64_t all = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  return all - std::min(all, worker_cpu_ns.load(std::memory_order_relaxed));
}

void reload(Reloader& reloader, ControlPlane& control, const char* what) {
  bool accepted = false;
  const uint64_t began = monotonic_ns();
  const uint64_t cpu_before = control_cpu_ns();
  uint64_t longest = 0, applied = 0, applied_cpu = 0;
  reloader.reload("bench", [&](const Reloader::Outcome& outcome) {
    applied = monotonic_ns();
    applied_cpu = control_cpu_ns();
    accepted = !outcome.error && outcome.changes.size() == 1;
    if (outcome.error) std::rethrow_exception(outcome.error);
  });
  while (!reloader.idle()) {
    const uint64_t now = monotonic_ns();
    control.tick(now);
    reloader.tick(now);
    longest = std::max(longest, monotonic_ns() - now);
    usleep(1000);
  }
  if (!accepted) std::abort();
  std::printf(
      "  %-28s applied after %.3f s (%.3f s of CPU), the former state freed after %.3f s (%.3f); "
      "control's longest turn %.1f ms; resident %.0f MB\n",
      what, seconds(applied - began), seconds(applied_cpu - cpu_before),
      seconds(monotonic_ns() - began), seconds(control_cpu_ns() - cpu_before),
      1e3 * seconds(longest), megabytes(bench::resident_bytes()));
}

void measure(const Size& size) {
  const std::string file = "/tmp/adit-service-speed-" + std::to_string(getpid()) + ".yaml";
  write_file(file, size, Change::kNone);
  std::printf("%u services of %u backends by %s, %.1f MB of text\n", size.services, size.backends,
              size.scheduler.c_str(), static_cast<double>(std::filesystem::file_size(file)) / 1e6);
  malloc_trim(0);
  const uint64_t empty = bench::resident_bytes();
  const uint64_t began = monotonic_ns(), cpu_before = control_cpu_ns();
  auto config = std::make_shared<const Config>(check_config_file(file).config);
  const uint64_t read = monotonic_ns();
  DataplaneOptions options;
  options.mbufs = 4095;
  for (const PortConfig& port : config->ports) {
    PortSpec spec;
    spec.name = port.name;
    spec.mtu_bytes = port.mtu_bytes;
    spec.io = {nullptr, receive_nothing, take};
    options.ports.push_back(spec);
  }
  Dataplane dataplane(options);
  std::vector<MacAddr> macs(config->ports.size(), MacAddr::from_u64(0x02'00'00'00'00'02));
  ControlPlane control(dataplane, config, macs, monotonic_ns());
  config.reset();
  malloc_trim(0);  // as aditd
  Reloader reloader(control, file);
  dataplane.start();
  control.tick(monotonic_ns());
  const uint64_t serves = monotonic_ns(), cpu = control_cpu_ns();
  std::printf(
      "  %-28s serves after %.3f s (%.3f s of CPU), of which %.3f s to read and check; resident "
      "%.0f MB and %.0f\n",
      "start", seconds(serves - began), seconds(cpu - cpu_before), seconds(read - began),
      megabytes(empty), megabytes(bench::resident_bytes() - empty));
  for (int round = 0; round < 2; ++round) {
    write_file(file, size, Change::kWeight);
    reload(reloader, control, "reload: a weight");
    write_file(file, size, Change::kNone);
    reload(reloader, control, "reload: the weight as it was");
    write_file(file, size, Change::kAdded);
    reload(reloader, control, "reload: a backend more");
    write_file(file, size, Change::kNone);
    reload(reloader, control, "reload: the backend less");
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("  resident at most %.0f MB\n", static_cast<double>(usage.ru_maxrss) / 1024);
  dataplane.stop();
  std::filesystem::remove(file);
}

Size size_of(bench::SpeedArguments& arguments) {
  constexpr unsigned kMostBackends = ConfigLimits{}.backends - 1;  // a reload adds one
  Size size;
  size.scheduler = arguments.word("SCHEDULER", size.scheduler.c_str(), [](std::string_view name) {
    return find_scheduler(name) != nullptr;
  });
  size.services = arguments.number("SERVICES", size.services, 1, kMaxServices);
  size.backends = arguments.number("BACKENDS", size.backends, 1, kMaxServiceBackends - 1);
  arguments.finish();
  if (size.services * size.backends > kMostBackends)
    throw bench::ArgumentError("SERVICES times BACKENDS: expected at most " +
                               std::to_string(kMostBackends));
  return size;
}

}  // namespace
}  // namespace adit

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::off);
  return adit::bench::run_by_arguments(
      argc, argv, "adit-service-speed [SCHEDULER [SERVICES [BACKENDS]]]",
      [](adit::bench::SpeedArguments& arguments) {
        const adit::Size size = adit::size_of(arguments);
        const adit::EalSession eal("adit-service-speed", 256, {"--lcores", "0,1@0-1", "--no-huge"});
        adit::measure(size);
      });
}
