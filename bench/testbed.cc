// SPDX-License-Identifier: Apache-2.0
#include "testbed.h"

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <random>

#include "errors.h"
#include "output_check.h"
#include "pipeline.h"
#include "run_loop.h"
#include "world_config.h"

namespace adit::bench {
namespace {

constexpr uint32_t kMbufs = 8192;
constexpr uint64_t kPacketsLookedAt = 200'000;
constexpr uint64_t kSettlingPasses = 16;

// Some are free: the index is no fuller than it is meant to be.
uint32_t connections_of(uint32_t flows) noexcept {
  return std::max<uint32_t>(65'536, flows + flows / 4);
}

uint32_t data_room(const Case& the_case) noexcept {
  return std::max<uint32_t>(RTE_MBUF_DEFAULT_BUF_SIZE, RTE_PKTMBUF_HEADROOM + the_case.size +
                                                           kMostHeaderBytes + kVlanTagBytes);
}

std::vector<std::string> differences(
    std::initializer_list<std::tuple<const char*, uint64_t, uint64_t>> pairs) {
  std::vector<std::string> lines;
  for (const auto& [what, found, right] : pairs)
    if (found != right)
      lines.push_back(std::string(what) + " " + std::to_string(found) + " instead of " +
                      std::to_string(right));
  return lines;
}

// What stands behind the head of a frame is zero, as STT's checksum has it.
void clear_buffers(rte_mempool* pool) {
  std::vector<rte_mbuf*> all;
  while (rte_mbuf* mbuf = rte_pktmbuf_alloc(pool)) {
    std::memset(mbuf->buf_addr, 0, mbuf->buf_len);
    all.push_back(mbuf);
  }
  rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));
}

uint64_t sum_drops(const Dataplane& dataplane) {
  uint64_t sum = 0;
  for (std::size_t i = 0; i < kDropReasonCount; ++i)
    sum += dataplane.drops(static_cast<DropReason>(i));
  return sum;
}

std::string drop_names(const Dataplane& dataplane) {
  std::string names;
  for (std::size_t i = 0; i < kDropReasonCount; ++i)
    if (const uint64_t count = dataplane.drops(static_cast<DropReason>(i)))
      names += " " + std::string(kDropReasons[i].name) + "=" + std::to_string(count);
  return names;
}

}  // namespace

std::vector<uint32_t> shuffled(uint32_t flows) {
  std::vector<uint32_t> order(flows);
  std::iota(order.begin(), order.end(), 0u);
  std::mt19937_64 random(1);
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

unsigned memory_mb(const Case& the_case) {
  const uint64_t buffers = uint64_t{kMbufs} * (data_room(the_case) + 320);
  // Keys, buckets, free slots and the queue of the deferred in rte_hash; powers of two.
  const uint64_t fdb = uint64_t{fdb_capacity(the_case)} * 160;
  return static_cast<unsigned>(96 + (buffers + fdb) / (1 << 20));
}

Testbed::Testbed(const Case& the_case, uint16_t burst, bool express)
    : case_(the_case), burst_(burst), qsbr_(nullptr, rte_free) {
  if (case_.scenario->service)
    service_ = std::make_unique<ServiceWorld>(case_);
  else
    make_frames();
  source_ = std::make_unique<MemorySource>(table_, burst);
  in_ = port_of(case_.scenario->from);
  out_ = port_of(case_.scenario->to);

  const Config config =
      service_ ? service_->config(connections_of(case_.flows)) : make_config(case_, world_);
  DataplaneOptions options;
  options.busy_poll = true;
  options.express = express;
  options.mbufs = kMbufs;
  options.mbuf_data_room_bytes = data_room(case_);
  options.fdb_capacity = config.system.fdb_capacity;
  options.connections = config.balancer.connections;
  options.persistence_entries = config.balancer.persistence_entries;
  for (PortId port = 0; port < config.ports.size(); ++port) {
    PortSpec spec;
    spec.name = config.ports[port].name;
    spec.mtu_bytes = config.ports[port].mtu_bytes;
    spec.io = port == in_ ? source_->io() : sink_.io();
    options.ports.push_back(spec);
  }
  try {
    dataplane_ = std::make_unique<Dataplane>(options);
    std::vector<MacAddr> port_macs = {kAccessMac, kUplinkMac, kOtherAccessMac};
    port_macs.resize(config.ports.size());  // the third one is there for `bridge` only
    control_ =
        std::make_unique<ControlPlane>(*dataplane_, config, std::move(port_macs), monotonic_ns());
  } catch (const std::exception& error) {
    throw BenchError(error.what());
  }
  // Whatever a port gives, it goes to the sink.
  for (TxQueue& queue : worker().tx) queue.io = sink_.io();
  source_->use_pool(dataplane_->pool());
  qsbr_.reset(static_cast<rte_rcu_qsbr*>(
      rte_zmalloc("adit_bench_qsbr", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE)));
  if (!qsbr_ || rte_rcu_qsbr_init(qsbr_.get(), 1) != 0) throw BenchError("no memory for RCU");
  worker().stopping = &stop_;
  if (!service_) fill_fdb();
  settle();
  if (service_) establish();
}

Testbed::~Testbed() = default;

void Testbed::make_frames() {
  const Scenario& scenario = *case_.scenario;
  if (scenario.from == Side::kNone) return;
  const bool tunnelled = scenario.from == Side::kUplink;
  const std::vector<uint32_t> order = shuffled(case_.flows);
  const uint64_t least = case_.size == kImix ? 12 * FlowTable::kPadding : FlowTable::kPadding;
  const uint64_t rounds = (least + case_.flows - 1) / case_.flows;
  const unsigned slot_bytes =
      tunnelled ? FlowTable::slot_for(case_.tunnel->header_bytes() + kInnerHeadBytes)
                : FlowTable::kSmallSlot;
  table_ = FlowTable(case_.flows * rounds, slot_bytes);
  for (std::size_t i = 0; i < table_.count(); ++i) {
    const uint32_t flow = order[i % case_.flows];
    const uint16_t bytes = case_.size == kImix ? kImixSizes[i % std::size(kImixSizes)] : case_.size;
    if (tunnelled) {
      const unsigned vtep = world_.vtep_of(world_.network_of(flow), world_.remote_of(flow));
      table_.set(i, world_.tunnel_from(vtep, flow, bytes),
                 static_cast<uint16_t>(case_.tunnel->header_bytes() + bytes));
    } else {
      table_.set(i, world_.access_frame(flow, bytes),
                 static_cast<uint16_t>(world_.tag_bytes() + bytes));
    }
  }
  table_.finish();
}

// As after learning: every flow's source, and its destination where one MAC has it.
void Testbed::fill_fdb() {
  const Scenario& scenario = *case_.scenario;
  if (scenario.from == Side::kNone || scenario.destination == Destination::kUnknownVni) return;
  const CompiledIds& ids = control_->ids();
  if (case_.tunnel->is_routed()) return;
  std::vector<std::vector<BridgePortId>> remotes(case_.networks);
  std::vector<std::array<BridgePortId, 3>> members(case_.networks);
  std::vector<NetworkId> networks(case_.networks);
  for (uint32_t network = 0; network < case_.networks; ++network) {
    const std::string name = network_name(network);
    const uint16_t vlan = world_.vlan_of(network);
    networks[network] = ids.networks.at(name);
    members[network][kAccess] = ids.bridge_ports.at(MemberName{name, "access", vlan}).id;
    if (has_other_access(scenario))
      members[network][kOtherAccess] = ids.bridge_ports.at(MemberName{name, "other", vlan}).id;
    for (unsigned remote = 0; remote < scenario.remotes; ++remote) {
      const IpAddr address = world_.vtep_ip(world_.vtep_of(network, remote));
      remotes[network].push_back(ids.bridge_ports.at(RemoteName{name, address}).id);
    }
  }
  const auto now_s = static_cast<uint32_t>(monotonic_ns() / 1'000'000'000);
  for (uint32_t flow = 0; flow < case_.flows; ++flow) {
    const uint32_t network = world_.network_of(flow);
    const auto place = [&](Side side) {
      return side == Side::kUplink ? remotes[network][world_.remote_of(flow)]
                                   : members[network][port_of(side)];
    };
    const auto set = [&](const MacAddr& mac, Side side) {
      if (!dataplane_->fdb().set(fdb_key(networks[network], mac), place(side), false, now_s))
        throw BenchError("the MAC table takes no more than " +
                         std::to_string(dataplane_->fdb().size()) + " addresses");
    };
    set(World::source_mac(flow), scenario.from);
    if (scenario.destination == Destination::kKnown) set(world_.destination_mac(flow), scenario.to);
  }
}

// Sends what control says at its start, so that it is not in any measure.
void Testbed::settle() {
  for (uint64_t pass = 0; pass < kSettlingPasses; ++pass) {
    dataplane_->step(monotonic_ns());
    control_->tick(monotonic_ns());
  }
  clear_buffers(dataplane_->pool());
  checked_ = accounts();
}

uint64_t Testbed::run_pipeline(uint64_t bursts) {
  if (connects()) forget_connections();
  stop_.store(false);
  source_->arm(bursts, stop_);
  LoopArguments arguments{worker(), qsbr_.get(), true};
  const uint64_t start = rte_rdtsc_precise();
  run_loop(&arguments);
  const uint64_t cycles = rte_rdtsc_precise() - start;
  last_run_packets_ = bursts * burst_;
  return cycles;
}

uint64_t Testbed::run_floor(uint64_t bursts) {
  stop_.store(false);
  source_->arm(bursts, stop_);
  Worker& polled = worker();
  const PortIo out = polled.tx[out_].io;
  const uint64_t start = rte_rdtsc_precise();
  while (!stop_.load(std::memory_order_relaxed)) {
    for (const RxQueue& queue : polled.rx) {
      std::array<rte_mbuf*, kMaxBurst> packets;
      const uint16_t n = queue.io.receive(queue.io.context, packets.data(), kRxBurst);
      if (n == 0) continue;
      out.transmit(out.context, packets.data(), n);
    }
  }
  const uint64_t cycles = rte_rdtsc_precise() - start;
  // The pipeline saw nothing of these.
  checked_.fed = source_->packets();
  checked_.taken = sink_.packets();
  return cycles;
}

uint64_t Testbed::run_steps(uint64_t bursts, StepProfile& probe) {
  if (connects()) forget_connections();
  stop_.store(false);
  source_->arm(bursts, stop_);
  Worker& stepped = worker();
  const uint64_t start = rte_rdtsc_precise();
  while (!stop_.load(std::memory_order_relaxed)) {
    begin_pass(stepped, monotonic_ns());
    run_pass(stepped, probe);
  }
  last_run_packets_ = bursts * burst_;
  return rte_rdtsc_precise() - start;
}

void Testbed::play_checked(MemorySource& source, OutputCheck& check, uint64_t bursts) {
  std::vector<TxQueue>& queues = worker().tx;
  for (TxQueue& queue : queues) queue.io = check.io();
  const uint64_t before = source.packets();
  stop_.store(false);
  source.arm(bursts, stop_);
  LoopArguments arguments{worker(), qsbr_.get(), true};
  run_loop(&arguments);
  for (TxQueue& queue : queues) queue.io = sink_.io();
  const uint64_t fed = source.packets() - before;
  if (check.mistakes() != 0)
    throw BenchError(std::to_string(check.mistakes()) + " of " + std::to_string(fed) +
                     " packets came out wrong; the first: " + check.mistake());
  if (check.packets() != fed * case_.scenario->packets_out)
    throw BenchError("of " + std::to_string(fed) + " packets " + std::to_string(check.packets()) +
                     " came out;" + drop_names(*dataplane_));
}

void Testbed::check_output() {
  if (table_.count() == 0) return;
  if (service_) {
    check_service_output();
  } else {
    OutputCheck check(case_, world_);
    const uint64_t packets = std::min<uint64_t>(table_.count(), kPacketsLookedAt);
    play_checked(*source_, check, packets / burst_ + 1);
  }
  checked_ = accounts();
}

Testbed::Accounts Testbed::accounts() const {
  Accounts now;
  now.fed = source_->packets();
  now.taken = sink_.packets();
  now.in = dataplane_->port_traffic(in_);
  now.out = dataplane_->port_traffic(out_);
  const DropReason reason = case_.scenario->dropped_as;
  now.dropped = reason == DropReason::kNone ? 0 : dataplane_->drops(reason);
  now.dropped_otherwise = sum_drops(*dataplane_) - now.dropped;
  now.held = dataplane_->worker_counters(0).held.get();
  now.events_lost = dataplane_->worker_counters(0).events_lost.get();
  return now;
}

// Of the frames with numbers `first` to `last`-1, as they should go out.
uint64_t Testbed::expected_bytes_out(uint64_t first, uint64_t last) const {
  const auto extra = [this](Side side) -> uint64_t {
    if (side == Side::kServers) return service_->wrapping_bytes();
    return side == Side::kUplink ? case_.tunnel->header_bytes() : world_.tag_bytes();
  };
  const uint64_t count = last - first;
  uint64_t inner = table_.bytes_between(first, last);
  // What backends send back is never wrapped.
  if (!service_) inner -= count * extra(case_.scenario->from);
  return case_.scenario->packets_out * (inner + count * extra(case_.scenario->to));
}

void Testbed::check_accounts() {
  std::array<Event, 64> events;
  const unsigned news = dataplane_->poll_events(events);
  control_->tick(monotonic_ns());
  const Accounts now = accounts();
  const Accounts then = std::exchange(checked_, now);
  if (source_->starved() != 0) throw BenchError("the buffer pool ran empty");
  if (table_.count() == 0) return;
  const uint64_t fed = now.fed - then.fed;
  const uint64_t out = fed * case_.scenario->packets_out;
  const bool dropped = case_.scenario->dropped_as != DropReason::kNone;
  auto lines = differences({
      {"packets received", now.in.rx_packets - then.in.rx_packets, fed},
      {"bytes received", now.in.rx_bytes - then.in.rx_bytes,
       table_.bytes_between(then.fed, now.fed)},
      {"packets sent", now.out.tx_packets - then.out.tx_packets, out},
      {"bytes sent", now.out.tx_bytes - then.out.tx_bytes, expected_bytes_out(then.fed, now.fed)},
      {"packets taken by the port", now.taken - then.taken, out},
      {"packets dropped as expected", now.dropped - then.dropped, dropped ? fed : 0},
      {"packets dropped otherwise", now.dropped_otherwise - then.dropped_otherwise, 0},
      {"packets held for a next hop", now.held - then.held, 0},
      {"reports to control", news, 0},
      {"reports lost", now.events_lost - then.events_lost, 0},
      {"connections", dataplane_->connections(), expected_connections()},
      {"buffers in use", dataplane_->buffers_in_use(), 0},
  });
  if (lines.empty()) return;
  std::string text = "no figures, for packets went astray:";
  for (const std::string& line : lines) text += "\n  " + line;
  throw BenchError(text + "\n  drops:" + drop_names(*dataplane_));
}

}  // namespace adit::bench
