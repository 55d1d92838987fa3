// SPDX-License-Identifier: Apache-2.0
// What a Dataplane holds. The order of the members is the order of construction.
#pragma once

#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adit/dataplane.h"
#include "io/interface_watch.h"
#include "io/port.h"
#include "io/xdp_pools.h"
#include "port_bindings.h"
#include "run_loop.h"
#include "worker/worker.h"

namespace adit {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* thing) const noexcept {
    Free(thing);
  }
};
using PoolPtr = std::unique_ptr<rte_mempool, FreeWith<rte_mempool_free>>;
using RingPtr = std::unique_ptr<rte_ring, FreeWith<rte_ring_free>>;
using QsbrPtr = std::unique_ptr<rte_rcu_qsbr, FreeWith<rte_free>>;

struct Dataplane::Impl {
  explicit Impl(const DataplaneOptions& options);
  ~Impl();
  void add_worker(unsigned id, const DataplaneOptions& options);
  void add_port(PortId port, const PortSpec& spec);
  // Room for what is known by port.
  void make_room(PortId port);
  // Makes new bindings of devices and port_is_down, and hands them to the workers.
  void bind();
  PortCommons commons() { return {pool.get(), *interfaces, xdp_pools}; }
  // Frees what no worker has any more.
  void mend_devices();
  void reap();

  template <class Counters>
  Traffic sum(Counters counters_of) const noexcept {
    Traffic total;
    for (const auto& worker : workers) {
      const TrafficCounters& counters = counters_of(*worker);
      total.rx_packets += counters.rx_packets.get();
      total.rx_bytes += counters.rx_bytes.get();
      total.tx_packets += counters.tx_packets.get();
      total.tx_bytes += counters.tx_bytes.get();
    }
    return total;
  }

  Traffic port_total(PortId port) const noexcept {
    return sum([port](const Worker& worker) -> const TrafficCounters& {
      return worker.port_counters[port];
    });
  }

  Traffic bridge_port_total(BridgePortId bridge_port) const noexcept {
    return sum([bridge_port](const Worker& worker) -> const TrafficCounters& {
      return worker.bridge_port_counters[bridge_port];
    });
  }

  Drops bridge_port_drops(BridgePortId bridge_port) const noexcept {
    Drops total{};
    for (const auto& worker : workers)
      for (std::size_t i = 0; i < total.size(); ++i)
        total[i] += worker->bridge_port_errors[bridge_port].drops[i].get();
    return total;
  }

  bool busy_poll;
  PoolPtr pool;
  XdpPools xdp_pools;
  QsbrPtr qsbr;
  Fdb fdb;
  AdjacencyTable adjacencies;
  HostTable hosts;
  BackendStatusTable backend_status;
  DirectFlows direct_flows, collected_datagrams;
  HostFlows host_flows;
  SharedTunnelStates tunnel_states = make_shared_states(tunnel_registry());
  PathMtus path_mtus;
  std::atomic<const Snapshot*> current = nullptr;
  struct Former {
    std::shared_ptr<const void> what;
    uint64_t token;  // of RCU: who has passed it reads it no more
  };
  std::deque<Former> former;  // snapshots, and parts of one, that a worker may still read
  std::atomic<bool> stopping = false;
  bool running = false;
  std::size_t first_to_poll = 0;  // worker whose events are taken first
  std::vector<uint8_t> joined;    // a punted packet of several buffers
  bool stuck = false;             // a worker did not end
  DropObserver observer;
  std::vector<RingPtr> event_rings;
  std::vector<RingPtr> command_rings;
  std::vector<RingPtr> punt_rings;
  std::vector<RingPtr> handover_rings;
  std::vector<PeerQueue> peers;                                // of the same
  std::vector<std::unique_ptr<PersistenceTable>> persistence;  // by worker
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::shared_ptr<ConnectionDump>> dumps;  // by worker: as long as it has it
  std::deque<LoopArguments> loop_arguments;            // addresses stay
  std::unique_ptr<InterfaceWatch> interfaces;          // null where no port has a device
  std::vector<std::shared_ptr<Port>> devices;          // null where the port is ready-made or lost
  std::vector<PortFacts> io_facts;

  // Frames that control gives to a port, for one worker.
  struct FrameRing {
    explicit FrameRing(RingPtr ring) : ring(std::move(ring)) {}
    ~FrameRing();
    FrameRing(const FrameRing&) = delete;
    FrameRing& operator=(const FrameRing&) = delete;
    RingPtr ring;
  };
  std::vector<std::shared_ptr<FrameRing>> frame_rings;  // by PortId; null: it takes none
  unsigned frame_rings_made = 0;

  // What workers may still have until they have passed the token.
  struct Retired {
    uint64_t token;
    std::unique_ptr<PortBindings> bindings;
    std::vector<std::shared_ptr<const void>> parts;  // devices and the like
  };
  std::vector<PortSpec> specs;               // by PortId; a closed port's has no name
  std::vector<LinkState> links;              // as of the last look
  std::vector<bool> port_is_down;            // as workers are to see it
  std::vector<std::string> interface_names;  // of the kernel's interfaces; empty: there is none
  std::vector<uint64_t> rx_missed_before;    // of devices that are gone
  std::unique_ptr<PortBindings> bound;
  std::atomic<const PortBindings*> bindings = nullptr;  // the same, for workers
  std::atomic<uint32_t> bindings_number = 0;
  std::deque<Retired> retired;
  std::vector<std::shared_ptr<const void>> unbound;  // to retire with the next bind()
  uint64_t next_poll_ns = 0;                         // how interfaces are
  std::mutex plugging;                               // who has it makes and removes devices

  std::unordered_map<BridgePortId, Traffic> baselines;     // counts before the id was reused
  std::unordered_map<BridgePortId, Drops> drop_baselines;  // the same of its drops
  std::unordered_map<PortId, Traffic> port_baselines;      // and of ports
};

}  // namespace adit
