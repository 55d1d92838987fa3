// SPDX-License-Identifier: Apache-2.0
#include "adit/dataplane.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <algorithm>
#include <stdexcept>

#include "connection_owners.h"
#include "dataplane_impl.h"
#include "egress/transmit.h"
#include "fragments/reassembly.h"
#include "pipeline.h"
#include "run_loop.h"

namespace adit {
namespace {

constexpr unsigned kRingSize = 8192;
constexpr unsigned kPuntRingSize = 512;  // its packets are in buffers of the pool

// A worker begins a pass every 100 microseconds at least, but the host may deschedule its core for
// longer. After these times it counts as stalled.
constexpr uint64_t kPublishPatienceNs = 1'000'000'000;
constexpr uint64_t kStopPatienceNs = 3'000'000'000;

RingPtr make_ring(const std::string& name, std::size_t element_bytes, unsigned size = kRingSize) {
  RingPtr ring(rte_ring_create_elem(name.c_str(), static_cast<unsigned>(element_bytes), size,
                                    static_cast<int>(rte_socket_id()),
                                    RING_F_SP_ENQ | RING_F_SC_DEQ));
  if (!ring)
    throw std::runtime_error("no memory for ring " + name + ": " + rte_strerror(rte_errno));
  return ring;
}

RingPtr make_handover_ring(unsigned worker) {
  const std::string name = "adit_handover_" + std::to_string(worker);
  RingPtr ring(
      rte_ring_create(name.c_str(), kRingSize, static_cast<int>(rte_socket_id()), RING_F_SC_DEQ));
  if (!ring)
    throw std::runtime_error("no memory for ring " + name + ": " + rte_strerror(rte_errno));
  return ring;
}

QsbrPtr make_qsbr(unsigned threads) {
  QsbrPtr qsbr(static_cast<rte_rcu_qsbr*>(
      rte_zmalloc("adit_qsbr", rte_rcu_qsbr_get_memsize(threads), RTE_CACHE_LINE_SIZE)));
  if (!qsbr || rte_rcu_qsbr_init(qsbr.get(), threads) != 0)
    throw std::runtime_error("no memory for RCU");
  return qsbr;
}

PoolPtr make_pool(const DataplaneOptions& options) {
  PoolPtr pool(rte_pktmbuf_pool_create("adit_mbufs", options.mbufs, 256, 0,
                                       static_cast<uint16_t>(options.mbuf_data_room_bytes),
                                       static_cast<int>(rte_socket_id())));
  if (!pool)
    throw std::runtime_error("no memory for " + std::to_string(options.mbufs) + " buffers of " +
                             std::to_string(options.mbuf_data_room_bytes) +
                             " bytes: " + rte_strerror(rte_errno) +
                             "; lower system.mbufs or raise system.memory_mb");
  return pool;
}

void check(const DataplaneOptions& options) {
  if (options.workers == 0 || options.ports.empty() || options.ports.size() > kMaxPorts)
    throw std::runtime_error("a dataplane takes 1 to " + std::to_string(kMaxPorts) +
                             " ports and at least one worker");
}

}  // namespace

Dataplane::Impl::Impl(const DataplaneOptions& options)
    : busy_poll(options.busy_poll),
      pool(make_pool(options)),
      qsbr(make_qsbr(options.workers)),
      fdb(options.fdb_capacity, qsbr.get()),
      direct_flows(options.seed),
      collected_datagrams(options.seed + 1),
      host_flows(options.seed) {
  peers.reserve(options.workers);  // workers point to them
  for (unsigned id = 0; id < options.workers; ++id) {
    handover_rings.push_back(make_handover_ring(id));
    peers.emplace_back(handover_rings.back().get());
    persistence.push_back(std::make_unique<PersistenceTable>(
        (options.persistence_entries + options.workers - 1) / options.workers, id,
        options.seed + id));
  }
  for (unsigned id = 0; id < options.workers; ++id) add_worker(id, options);
  for (PortId port = 0; port < options.ports.size(); ++port) add_port(port, options.ports[port]);
  bind();
  for (const auto& worker : workers) take_bindings(*worker);
}

void Dataplane::Impl::add_worker(unsigned id, const DataplaneOptions& options) {
  auto worker = std::make_unique<Worker>();
  worker->id = id;
  worker->express = options.express;
  worker->current = &current;
  worker->fdb = &fdb;
  worker->adjacencies = &adjacencies;
  worker->hosts = &hosts;
  worker->backend_status = &backend_status;
  worker->direct_flows = &direct_flows;
  worker->collected_datagrams = &collected_datagrams;
  worker->host_flows = &host_flows;
  worker->peers = peers;
  worker->crowded_peers.resize(options.workers);
  worker->persistence = persistence;
  worker->path_mtus = &path_mtus;
  worker->stopping = &stopping;
  worker->bindings = &bindings;
  worker->bindings_number = &bindings_number;
  event_rings.push_back(make_ring("adit_events_" + std::to_string(id), sizeof(Event)));
  command_rings.push_back(make_ring("adit_commands_" + std::to_string(id), sizeof(Command)));
  punt_rings.push_back(
      make_ring("adit_punted_" + std::to_string(id), sizeof(PuntedPacket), kPuntRingSize));
  worker->events = event_rings.back().get();
  worker->punted = punt_rings.back().get();
  worker->commands = command_rings.back().get();
  worker->pool = pool.get();
  worker->held = HoldQueue(options.seed + id);
  worker->fragments.reset(new FragmentTable(options.mbuf_data_room_bytes, options.seed + id));
  worker->tunnels = TunnelStates(tunnel_registry(), tunnel_states, *worker, options.seed + id);
  const uint32_t connections = (options.connections + options.workers - 1) / options.workers;
  worker->connections =
      std::make_unique<Connections>(connections, options.seed + id, kConnectionOwners);
  worker->balancer = std::make_unique<Balancer>(options.seed + id);
  worker->ip_ids = IdCounters(options.seed + id);
  worker->fragment_ids = IdCounters(options.seed + id);
  worker->changed_ids = ChangedIds(options.seed + id);
  // They grow with the ports, and a worker shall not allocate.
  worker->rx.reserve(kMaxPorts);
  worker->tx.reserve(kMaxPorts);
  for (auto* uses : {&worker->express_use, &worker->bridged_use, &worker->routed_use})
    uses->reserve(kMaxPorts);
  worker->port_counters = ZeroPages<TrafficCounters>(kMaxPorts);
  worker->bridge_port_counters = ZeroPages<TrafficCounters>(kMaxBridgePorts + 1);
  worker->bridge_port_errors = ZeroPages<ErrorCounters>(kMaxBridgePorts + 1);
  workers.push_back(std::move(worker));
  dumps.emplace_back();
}

void Dataplane::Impl::make_room(PortId port) {
  const std::size_t end = std::max<std::size_t>(specs.size(), port + 1u);
  specs.resize(end);
  links.resize(end);
  port_is_down.resize(end);
  interface_names.resize(end);
  rx_missed_before.resize(end);
  devices.resize(end);
  io_facts.resize(end);
  frame_rings.resize(end);
}

void Dataplane::Impl::add_port(PortId port, const PortSpec& spec) {
  make_room(port);
  specs[port] = spec;
  if (spec.device_name.empty()) return;
  if (!interfaces) interfaces = std::make_unique<InterfaceWatch>();
  devices[port] = open_port(spec, static_cast<unsigned>(workers.size()), commons());
  io_facts[port] = devices[port]->facts();
  interface_names[port] = devices[port]->interface();
}

Dataplane::Impl::~Impl() {
  for (const RingPtr& ring : handover_rings)
    for (void* mbuf = nullptr; rte_ring_sc_dequeue(ring.get(), &mbuf) == 0;)
      rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
  for (const RingPtr& ring : punt_rings)
    for (PuntedPacket packet; rte_ring_sc_dequeue_elem(ring.get(), &packet, sizeof packet) == 0;)
      rte_pktmbuf_free(packet.mbuf);
  for (const RingPtr& ring : command_rings)
    for (Command command; rte_ring_sc_dequeue_elem(ring.get(), &command, sizeof command) == 0;)
      rte_pktmbuf_free(command.packet);
  for (auto& worker : workers)
    worker->held.sweep([](const HeldPacket&) noexcept { return std::optional(true); },
                       [](const HeldPacket& held, bool) noexcept { rte_pktmbuf_free(held.mbuf); });
  retired.clear();
  devices.clear();
  delete current.load();
}

Dataplane::Dataplane(const DataplaneOptions& options)
    : impl_((check(options), std::make_unique<Impl>(options))) {}

Dataplane::~Dataplane() {
  // Objects that a worker may still use are kept until the process ends.
  if (!stop()) (void)impl_.release();
}

void Dataplane::start() {
  unsigned id = 0;
  unsigned lcore = 0;
  RTE_LCORE_FOREACH_WORKER(lcore) {
    if (id == impl_->workers.size()) break;
    Worker& worker = *impl_->workers[id++];
    worker.core = lcore;
    impl_->loop_arguments.push_back({worker, impl_->qsbr.get(), impl_->busy_poll});
    const int error = rte_eal_remote_launch(run_loop, &impl_->loop_arguments.back(), lcore);
    if (error != 0)
      throw std::runtime_error("worker " + std::to_string(worker.id) +
                               " does not start: " + rte_strerror(-error));
  }
  if (id < impl_->workers.size())
    throw std::runtime_error("EAL has " + std::to_string(id) + " worker lcores, " +
                             std::to_string(impl_->workers.size()) + " are needed");
  impl_->running = true;
}

bool Dataplane::stop() {
  if (!impl_->running || impl_->stuck) return !impl_->stuck;
  const uint64_t end_ns = monotonic_ns() + kStopPatienceNs;
  impl_->stopping.store(true);
  unsigned lcore = 0;
  RTE_LCORE_FOREACH_WORKER(lcore) {
    while (rte_eal_get_lcore_state(lcore) == RUNNING) {
      impl_->stuck = monotonic_ns() >= end_ns;
      if (impl_->stuck) return false;
      rte_delay_us_sleep(100);
    }
  }
  rte_eal_mp_wait_lcore();
  impl_->running = false;
  drain();
  return true;
}

void Dataplane::drain() {
  std::vector<Worker*> workers;
  for (const auto& worker : impl_->workers) workers.push_back(worker.get());
  adit::drain(workers);
}

void Dataplane::step(uint64_t now_ns) {
  const auto has_packets = [](const PeerQueue& queue) { return !rte_ring_empty(queue.ring); };
  do {
    for (auto& worker : impl_->workers) {
      begin_pass(*worker, now_ns);
      NoProfile probe;
      run_pass(*worker, probe);
    }
  } while (std::ranges::any_of(impl_->peers, has_packets));
}

uint64_t Dataplane::begin_grace() {
  return rte_rcu_qsbr_start(impl_->qsbr.get());
}

bool Dataplane::grace_is_over(uint64_t token) {
  return rte_rcu_qsbr_check(impl_->qsbr.get(), token, false) == 1;
}

void Dataplane::publish(std::unique_ptr<const Snapshot> snapshot) {
  std::unique_ptr<const Snapshot> former(impl_->current.exchange(snapshot.release()));
  if (!former) return;
  const uint64_t token = begin_grace();
  impl_->former.push_back({std::move(former), token});
  // Not rte_rcu_qsbr_synchronize(), which waits for a stalled worker without end.
  const uint64_t end_ns = monotonic_ns() + kPublishPatienceNs;
  while (!grace_is_over(token) && monotonic_ns() < end_ns) rte_delay_us_sleep(10);
  reclaim();
}

void Dataplane::retire(std::shared_ptr<const void> former) {
  if (former) impl_->former.push_back({std::move(former), begin_grace()});
}

size_t Dataplane::reclaim() {
  while (!impl_->former.empty() &&
         rte_rcu_qsbr_check(impl_->qsbr.get(), impl_->former.front().token, false) == 1)
    impl_->former.pop_front();
  return impl_->former.size();
}

Fdb& Dataplane::fdb() noexcept {
  return impl_->fdb;
}
const Fdb& Dataplane::fdb() const noexcept {
  return impl_->fdb;
}
AdjacencyTable& Dataplane::adjacencies() noexcept {
  return impl_->adjacencies;
}

HostTable& Dataplane::hosts() noexcept {
  return impl_->hosts;
}
BackendStatusTable& Dataplane::backend_status() noexcept {
  return impl_->backend_status;
}
const BackendStatusTable& Dataplane::backend_status() const noexcept {
  return impl_->backend_status;
}

unsigned Dataplane::worker_count() const noexcept {
  return static_cast<unsigned>(impl_->workers.size());
}
Worker& Dataplane::worker(unsigned id) noexcept {
  return *impl_->workers[id];
}
unsigned Dataplane::worker_core(unsigned worker) const noexcept {
  return static_cast<unsigned>(
      std::max(0, rte_lcore_to_cpu_id(static_cast<int>(impl_->workers[worker]->core))));
}
const WorkerCounters& Dataplane::worker_counters(unsigned worker) const noexcept {
  return impl_->workers[worker]->counters;
}

const PortFacts& Dataplane::port_facts(PortId port) const noexcept {
  return impl_->io_facts[port];
}
LinkState Dataplane::link_state(PortId port) const noexcept {
  return impl_->links[port];
}
uint64_t Dataplane::device_rx_missed(PortId port) const noexcept {
  const auto& device = impl_->devices[port];
  return impl_->rx_missed_before[port] + (device ? device->rx_missed() : 0);
}

rte_mempool* Dataplane::pool() const noexcept {
  return impl_->pool.get();
}
uint32_t Dataplane::buffers_in_use() const noexcept {
  return rte_mempool_in_use_count(impl_->pool.get());
}

void Dataplane::observe_drops(DropObserver observer) {
  impl_->observer = std::move(observer);
  for (auto& worker : impl_->workers) worker->observer = &impl_->observer;
}

uint64_t monotonic_ns() noexcept {
  // Nanoseconds per cycle times 2^32, so that no division is needed later.
  static const auto kScale =
      static_cast<uint64_t>((__uint128_t{1'000'000'000} << 32) / rte_get_tsc_hz());
  return static_cast<uint64_t>(__uint128_t{rte_rdtsc()} * kScale >> 32);
}

}  // namespace adit
