// SPDX-License-Identifier: Apache-2.0
// What workers on cores of their own do for each other: packets that come to another worker than
// the one that has their connection are handed over.
//   adit-workers-speed [SCENARIO [WORKERS [FOREIGN_PERCENT [FLOWS [SECONDS [LANES]]]]]]
//                      nat       2        50               1000   1        express
// SCENARIO: what clients send, of adit-bench's. FOREIGN_PERCENT: the share of packets that come to
// another worker. Each worker receives as fast as it can, while no more than a few hundred packets
// are on their way, so that none is dropped. Every first packet is compared with what it should be.
#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "errors.h"
#include "flow_table.h"
#include "machine.h"
#include "machine/eal_session.h"
#include "memory_port.h"
#include "output_check.h"
#include "packet/ip_version.h"
#include "running/control_plane.h"
#include "speed_arguments.h"
#include "worker/handover.h"
#include "world_config.h"

namespace adit::bench {
namespace {

constexpr uint16_t kBurst = 32, kFrameBytes = 74;  // of the shortest IPv6 frame
constexpr uint64_t kMostOnTheirWay = 256;          // packets of each worker
constexpr uint8_t kData = kTcpAck | kTcpPsh;

struct Numbers {
  std::string scenario;
  unsigned workers = 2, foreign_percent = 50, flows = 1000, seconds = 1;
  bool express = true;
};

// The port of one worker, which alone writes the counters.
struct alignas(64) WorkerPort {
  const std::deque<WorkerPort>* all = nullptr;
  std::unique_ptr<FlowTable> table;
  std::unique_ptr<MemorySource> source;
  std::atomic<bool> ended = false;  // never
  alignas(64) std::atomic<uint64_t> fed = 0;
  alignas(64) std::atomic<uint64_t> taken = 0;

  static uint64_t sum(const std::deque<WorkerPort>& ports,
                      std::atomic<uint64_t> WorkerPort::*counter) noexcept {
    uint64_t total = 0;
    for (const WorkerPort& port : ports) total += (port.*counter).load(std::memory_order_relaxed);
    return total;
  }
  static void add(std::atomic<uint64_t>& counter, uint64_t n) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  static uint16_t receive(void* context, rte_mbuf** packets, uint16_t n) {
    auto& self = *static_cast<WorkerPort*>(context);
    const uint64_t taken = sum(*self.all, &WorkerPort::taken);
    if (sum(*self.all, &WorkerPort::fed) - taken > kMostOnTheirWay * self.all->size()) return 0;
    const PortIo io = self.source->io();
    n = io.receive(io.context, packets, n);
    add(self.fed, n);
    return n;
  }
  static uint16_t take(void* context, rte_mbuf** packets, uint16_t n) {
    rte_pktmbuf_free_bulk(packets, n);
    add(static_cast<WorkerPort*>(context)->taken, n);
    return n;
  }
  static uint16_t receive_nothing(void*, rte_mbuf**, uint16_t) { return 0; }
};

class WorkersBed {
 public:
  explicit WorkersBed(const Numbers& numbers)
      : numbers_(numbers),
        case_{find_scenario(numbers.scenario), numbers.flows, 1, kFrameBytes},
        world_(case_),
        service_(case_) {
    const Config config = service_.config(std::max(65'536u, 2 * numbers.flows));
    DataplaneOptions options;
    options.workers = numbers.workers;
    options.busy_poll = true;
    options.express = numbers.express;
    options.mbufs = 16'383;
    options.fdb_capacity = 1024;
    options.connections = config.balancer.connections;
    options.persistence_entries = 1024;
    for (const PortConfig& port : config.ports) {
      PortSpec spec;
      spec.name = port.name;
      spec.mtu_bytes = port.mtu_bytes;
      spec.io = {nullptr, WorkerPort::receive_nothing, WorkerPort::take};
      options.ports.push_back(spec);
    }
    dataplane_ = std::make_unique<Dataplane>(options);
    control_ = std::make_unique<ControlPlane>(
        *dataplane_, config, std::vector<MacAddr>{kAccessMac, kUplinkMac}, monotonic_ns());
    establish();
    for (unsigned id = 0; id < numbers.workers; ++id) prepare(id);
  }

  void measure() {
    dataplane_->start();
    usleep(200'000);
    const Sums before = sums();
    usleep(numbers_.seconds * 1'000'000);
    const Sums after = sums();
    dataplane_->stop();
    const auto cycles = static_cast<double>(after.tsc - before.tsc);
    const auto share = [&](uint64_t Sums::*member) {
      return 100 * static_cast<double>(after.*member - before.*member) /
             static_cast<double>(after.taken - before.taken);
    };
    const double packets = static_cast<double>(after.taken - before.taken);
    const double per_second = packets * static_cast<double>(rte_get_tsc_hz()) / cycles;
    std::printf(
        "%s, %u flows, %u workers, %u %% foreign: %.2f M/s, %.0f cycles of a worker for each; %.1f "
        "%% handed over, %.1f %% by lanes, %llu dropped\n",
        numbers_.scenario.c_str(), numbers_.flows, numbers_.workers, numbers_.foreign_percent,
        per_second / 1e6, cycles * numbers_.workers / packets, share(&Sums::handed_over),
        share(&Sums::express), static_cast<unsigned long long>(after.dropped));
    if (dataplane_->connections() != numbers_.flows) throw BenchError("connections were lost");
  }

 private:
  struct Sums {
    uint64_t tsc = 0, taken = 0, handed_over = 0, express = 0, dropped = 0;
  };
  Sums sums() const {
    Sums now;
    now.tsc = rte_rdtsc();
    now.taken = WorkerPort::sum(ports_, &WorkerPort::taken);
    for (unsigned id = 0; id < numbers_.workers; ++id) {
      const WorkerCounters& counters = dataplane_->worker_counters(id);
      now.handed_over += counters.handed_over.get();
      now.express += counters.express.get();
      for (const Counter& drops : counters.drops) now.dropped += drops.get();
    }
    return now;
  }

  // The receive queue of the worker at the port that packets of `from` come in by.
  RxQueue& queue_of(unsigned worker, Side from) {
    for (RxQueue& queue : dataplane_->worker(worker).rx)
      if (queue.port == port_of(from)) return queue;
    throw BenchError("a worker has no queue");
  }

  // One packet of each flow, all by worker 0, and each looked at as it comes out.
  void exchange(Side from, uint8_t flags) {
    std::vector<uint32_t> flows(numbers_.flows);
    for (uint32_t flow = 0; flow < flows.size(); ++flow) flows[flow] = flow;
    const std::unique_ptr<FlowTable> table = table_of(flows, from, flags);
    MemorySource source(*table, kBurst);
    source.use_pool(dataplane_->pool());
    const Side to = from == Side::kClients ? Side::kServers : Side::kClients;
    OutputCheck check(case_, world_, service_, to, flags);
    for (unsigned id = 0; id < numbers_.workers; ++id)
      for (TxQueue& queue : dataplane_->worker(id).tx) queue.io = check.io();
    RxQueue& queue = queue_of(0, from);
    const PortIo former = std::exchange(queue.io, source.io());
    std::atomic<bool> done = false;
    source.arm(table->count() / kBurst + 1, done);
    while (!done) dataplane_->step(monotonic_ns());
    dataplane_->step(monotonic_ns());
    queue.io = former;
    if (check.mistakes() != 0 || check.packets() != source.packets())
      throw BenchError(std::to_string(check.packets()) + " of " + std::to_string(source.packets()) +
                       " packets came out; " + check.mistake());
  }

  void establish() {
    for (unsigned pass = 0; pass < 16; ++pass) {
      dataplane_->step(monotonic_ns());
      control_->tick(monotonic_ns());
    }
    exchange(Side::kClients, kTcpSyn);
    const Forwarding forwarding = case_.scenario->service->forwarding;
    if (forwarding == Forwarding::kNat || forwarding == Forwarding::kFullNat)
      exchange(Side::kServers, kTcpSyn | kTcpAck);
    exchange(Side::kClients, kTcpAck);
    exchange(Side::kClients, kData);
  }

  std::unique_ptr<FlowTable> table_of(const std::vector<uint32_t>& flows, Side from,
                                      uint8_t flags) const {
    const std::size_t rounds = (FlowTable::kPadding + flows.size() - 1) / flows.size();
    auto table = std::make_unique<FlowTable>(flows.size() * rounds, FlowTable::kLargeSlot);
    for (std::size_t i = 0; i < table->count(); ++i) {
      const uint32_t flow = flows[i % flows.size()];
      table->set(i,
                 from == Side::kClients ? service_.from_client(flow, flags, kFrameBytes)
                                        : service_.from_backend(flow, flags, kFrameBytes),
                 kFrameBytes);
    }
    table->finish();
    return table;
  }

  unsigned owner_of_client(uint32_t flow) const {
    const FrameHead head = service_.from_client(flow, kData, kFrameBytes);
    const uint8_t* ip = head.data() + sizeof(EthernetHeader);
    Ipv6Key client;
    be16 port;
    if (case_.scenario->service->ipv6) {
      client = Ipv6::key_at(Ipv6::source(*reinterpret_cast<const Ipv6Header*>(ip)));
      std::memcpy(&port, ip + sizeof(Ipv6Header), sizeof port);
    } else {
      client = Ipv4::key_at(Ipv4::source(*reinterpret_cast<const Ipv4Header*>(ip)));
      std::memcpy(&port, ip + sizeof(Ipv4Header), sizeof port);
    }
    return owner_of(client, port, numbers_.workers);
  }

  // What the worker receives: flows of its own and of others in the share that is wanted.
  void prepare(unsigned id) {
    std::vector<uint32_t> own, foreign, mixed;
    for (uint32_t flow = 0; flow < numbers_.flows; ++flow)
      (owner_of_client(flow) == id ? own : foreign).push_back(flow);
    const auto foreign_until = [&](uint64_t slot) { return slot * numbers_.foreign_percent / 100; };
    for (uint64_t slot = 0; slot < numbers_.flows; ++slot) {
      const uint64_t n = foreign_until(slot);
      const bool is_foreign = foreign_until(slot + 1) != n;
      const std::vector<uint32_t>& from = is_foreign ? foreign : own;
      if (from.empty()) throw BenchError("too few flows for so many workers");
      mixed.push_back(from[(is_foreign ? n : slot - n) % from.size()]);
    }
    WorkerPort& port = ports_.emplace_back();
    port.all = &ports_;
    port.table = table_of(mixed, Side::kClients, kData);
    port.source = std::make_unique<MemorySource>(*port.table, kBurst);
    port.source->use_pool(dataplane_->pool());
    port.source->arm(UINT64_MAX, port.ended);
    Worker& worker = dataplane_->worker(id);
    const PortIo io = {&port, WorkerPort::receive, WorkerPort::take};
    for (TxQueue& queue : worker.tx) queue.io = io;
    queue_of(id, Side::kClients).io = io;
  }

  const Numbers numbers_;
  const Case case_;
  const World world_;
  ServiceWorld service_;
  std::unique_ptr<Dataplane> dataplane_;
  std::unique_ptr<ControlPlane> control_;
  std::deque<WorkerPort> ports_;
};

// Worker n on the n-th processor that this process may use; the main thread sleeps.
std::string lcores_of(unsigned workers) {
  const std::vector<unsigned> cores = allowed_cores();
  if (cores.size() < workers)
    throw ArgumentError("WORKERS '" + std::to_string(workers) + "': there are " +
                        std::to_string(cores.size()) + " processors");
  std::string lcores = "0@" + std::to_string(cores[0]);
  for (unsigned id = 0; id < workers; ++id)
    lcores += "," + std::to_string(id + 1) + "@" + std::to_string(cores[id]);
  return lcores;
}

void run(SpeedArguments& arguments) {
  Numbers numbers;
  numbers.scenario = arguments.word("SCENARIO", "nat", [](std::string_view name) {
    const Scenario* scenario = find_scenario(name);
    return scenario != nullptr && scenario->service && scenario->from == Side::kClients &&
           !scenario->service->connects;
  });
  numbers.workers = arguments.number("WORKERS", 2, 1, 16);
  numbers.foreign_percent = arguments.number("FOREIGN_PERCENT", 50, 0, 100);
  numbers.flows = arguments.number("FLOWS", 1000, 64, 4'000'000);
  numbers.seconds = arguments.number("SECONDS", 1, 1, 600);
  numbers.express = arguments.word("LANES", "express", [](std::string_view word) {
    return word == "express" || word == "no-express";
  }) == "express";
  arguments.finish();
  if (numbers.workers == 1 && numbers.foreign_percent != 0)
    throw ArgumentError("FOREIGN_PERCENT: with one worker there are no others, so 0");
  const EalSession eal("adit-workers-speed", 256,
                       {"--lcores", lcores_of(numbers.workers), "--no-huge"});
  WorkersBed(numbers).measure();
}

}  // namespace
}  // namespace adit::bench

int main(int argc, char** argv) {
  return adit::bench::run_by_arguments(
      argc, argv,
      "adit-workers-speed [SCENARIO [WORKERS [FOREIGN_PERCENT [FLOWS [SECONDS [LANES]]]]]]",
      adit::bench::run);
}
