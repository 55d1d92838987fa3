// SPDX-License-Identifier: Apache-2.0
// The seam between control and the workers: control drives the dataplane through this
// class and includes nothing else of it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adit/adjacency.h"
#include "adit/counters.h"
#include "adit/events.h"
#include "adit/fdb.h"
#include "adit/host_table.h"
#include "adit/path_mtus.h"
#include "adit/port_io.h"
#include "adit/punt.h"
#include "adit/snapshot.h"

struct rte_mbuf;
struct rte_mempool;

namespace adit {

struct ConnectionDump;  // adit/connection_dump.h
struct Worker;          // dataplane/worker/worker.h

// A device to be opened, or (replay, bench) ready-made functions in `io`.
struct PortSpec {
  std::string name;         // as in the configuration
  std::string device_name;  // "tap:NAME", or DPDK's name of the device; empty: use `io`
  PortIo io;
  unsigned mtu_bytes = 1500;
  unsigned rx_queues = 0;  // 0: one per worker, as many as the device has
  unsigned tx_queues = 0;  // 0: one per worker; must be at least the workers where given
  unsigned rx_ring = 1024;
  unsigned tx_ring = 1024;
  bool promiscuous = false;
  bool offload = true;  // exchange frames with checksum or segmentation left, where it can
  std::string vdev;     // EAL's words for a device that it makes, to make it again; empty: none
};

// Buffers of a port by AF_XDP, which has its own: what fills its rings, and what is under way.
constexpr unsigned xdp_buffers(unsigned queues) noexcept {
  return 4096 + queues * 4608;
}

// What a port turned out to be.
struct PortFacts {
  MacAddr device_mac;                    // zero for `io` ports
  uint16_t max_tx_buffers = UINT16_MAX;  // chained in one frame that it can send
  bool takes_pending_offload = false;    // completes checksums and cuts GSO frames
  std::string driver;
  unsigned rx_queues = 0;
  unsigned tx_queues = 0;
};

// kGone: the device or the kernel's interface below it does not exist any more.
enum class LinkStatus : uint8_t { kUp, kDown, kGone };
constexpr const char* to_string(LinkStatus status) noexcept {
  return status == LinkStatus::kUp ? "up" : status == LinkStatus::kDown ? "down" : "gone";
}

struct LinkState {
  LinkStatus status = LinkStatus::kUp;
  uint32_t speed_mbps = 0;  // 0: unknown
};

// A dropped packet, for whoever asks (adit-replay). `packet` is valid during the call.
using DropObserver = std::function<void(const rte_mbuf* packet, DropReason reason)>;

struct DataplaneOptions {
  unsigned workers = 1;
  bool busy_poll = false;
  uint32_t mbufs = 8192;
  uint32_t mbuf_data_room_bytes = 2176;  // headroom included
  uint32_t fdb_capacity = 65536;
  uint32_t connections = 65536;          // balanced ones, over all workers
  uint32_t persistence_entries = 65536;  // over all workers
  uint64_t seed = 1;                     // of hashes that nobody outside shall foresee
  std::vector<PortSpec> ports;           // index: PortId
};

class Dataplane {
 public:
  // EAL must be up. Opens the ports. Throws std::runtime_error with the port's name, what
  // failed, and the remedy where there is a likely one.
  explicit Dataplane(const DataplaneOptions& options);
  ~Dataplane();  // stops the workers and closes the ports

  // Starts one worker on each EAL worker lcore; a snapshot must have been published.
  void start();
  // Lets the workers finish their burst, send what they hold, and end. False where one has not
  // ended within three seconds: nothing that it may use can be freed then, by nobody.
  bool stop();

  // One pass of worker 0 over its ports in the calling thread, at the given time. Only
  // where start() is never called.
  void step(uint64_t now_ns);

  // A token, and whether every worker has begun a new pass since it was given out.
  uint64_t begin_grace();
  bool grace_is_over(uint64_t token);
  // Makes the snapshot current, waits until no worker reads the former one, and frees it. Where a
  // worker stands still it is kept, and freed by a later reclaim().
  void publish(std::unique_ptr<const Snapshot> snapshot);
  // Keeps what workers may still read until they do not.
  void retire(std::shared_ptr<const void> former);
  // Frees what no worker reads any more; how many are left.
  size_t reclaim();

  Fdb& fdb() noexcept;
  const Fdb& fdb() const noexcept;
  AdjacencyTable& adjacencies() noexcept;
  HostTable& hosts() noexcept;
  BackendStatusTable& backend_status() noexcept;
  const BackendStatusTable& backend_status() const noexcept;

  // Takes reports of the workers, at most events.size(); returns how many.
  unsigned poll_events(std::span<Event> events);
  // Hands control the packets that workers left to it (adit/punt.h), some at a time; they are gone
  // when `take` returns.
  void take_punted(const std::function<void(const Punted&)>& take);
  // Hands a command to a worker; false when its ring is full.
  bool send(Command command);
  // Waits until the workers have carried out what they were sent, 200 ms at most; not at all
  // where they do not run.
  void finish_commands();

  unsigned worker_count() const noexcept;
  unsigned worker_core(unsigned worker) const noexcept;
  const WorkerCounters& worker_counters(unsigned worker) const noexcept;
  Worker& worker(unsigned id) noexcept;  // for bench/ and tests, which measure inside
  // Sums over the workers.
  struct Traffic {
    uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
  };
  Traffic port_traffic(PortId port) const noexcept;
  Traffic bridge_port_traffic(BridgePortId bridge_port) const noexcept;
  // Drops by reason of what came from it or was to leave by it, as far as it was known.
  using Drops = std::array<uint64_t, kDropReasonCount>;
  Drops bridge_port_drops(BridgePortId bridge_port) const noexcept;
  // Second of monotonic_ns() in which the last frame came in by it; 0: none yet.
  uint64_t last_received_s(BridgePortId bridge_port) const noexcept;
  // Told by ICMP; of tunnels by their first bridge port.
  const PathMtus& path_mtus() const noexcept;
  // Sums over the workers.
  struct BackendState {
    uint64_t active = 0, inactive = 0;                       // connections now
    uint64_t connections = 0;                                // that it ever got
    Traffic traffic;                                         // rx: from clients
    uint64_t client_info_sent = 0, client_info_omitted = 0;  // TOA or PROXY; without room for it
  };
  BackendState backend_state(BackendId backend) const noexcept;
  uint64_t connections() const noexcept;  // of all services
  // The same of all services of a VRF.
  uint64_t connections_of_vrf(VrfId vrf) const noexcept;
  uint64_t connection_capacity() const noexcept;
  uint64_t persistence_entries(ServiceId service) const noexcept;
  // Has the worker look through its connections; false while it has another dump.
  bool dump(unsigned worker, std::shared_ptr<ConnectionDump> dump);
  // Whether the worker takes one: it has let go of the last.
  bool takes_dump(unsigned worker);
  // Counts and numbers from 0 again: the id is being given to something new, and no snapshot
  // that workers have names it.
  void reset_bridge_port(BridgePortId bridge_port);
  uint64_t drops(DropReason reason) const noexcept;
  // Packets that wait for next hops now.
  uint64_t held_now() const noexcept;
  // IP datagrams of which fragments are missing, and what they take of memory.
  struct FragmentState {
    uint32_t datagrams = 0;
    uint64_t bytes = 0;
  };
  FragmentState fragment_state(unsigned worker) const noexcept;

  const PortFacts& port_facts(PortId port) const noexcept;
  // As of the last look.
  LinkState link_state(PortId port) const noexcept;
  // Asks all links how they are, and closes devices that no worker has any more. To be called some
  // times a second; it waits for nothing.
  void look_at_links();
  // While it is down, workers drop what is to go there as link_down.
  void set_link_down(PortId port, bool down);
  // Takes a device that is gone away from the workers; it is closed when none of them has it.
  void detach(PortId port);
  // Whether the kernel has an interface by the name that the port's had.
  bool interface_is_back(PortId port) const;
  // Opens a detached port's device anew, with its link down for now. False: the former one is not
  // closed yet. Throws std::runtime_error naming the port; the port stays detached then.
  bool reopen(PortId port);
  // Packets that the device itself dropped before a worker could take them.
  uint64_t device_rx_missed(PortId port) const noexcept;

  rte_mempool* pool() const noexcept;
  uint32_t buffers_in_use() const noexcept;
  void observe_drops(DropObserver observer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Nanoseconds on a clock that does not jump, the one that running workers use.
uint64_t monotonic_ns() noexcept;

}  // namespace adit
