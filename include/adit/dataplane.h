// SPDX-License-Identifier: Apache-2.0
// The interface between control and the workers. Control uses the dataplane only through this
// class and includes no other header of it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adit/adjacency.h"
#include "adit/bond.h"
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
class Port;             // dataplane/io/port.h
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
  bool offload = true;  // use GSO frames and partial checksums if the device can
  std::string vdev;     // EAL's arguments of a vdev, to create it again; empty: not a vdev
  std::shared_ptr<const BondSpec> bond = {};  // null: no bond
};

// What DPDK calls the port's device, and the members of a bond; those also as the configuration
// does.
inline std::vector<std::string> device_names(const PortSpec& spec) {
  std::vector<std::string> names = {spec.device_name};
  if (spec.bond)
    for (const BondMemberSpec& member : spec.bond->members)
      names.insert(names.end(), {member.device_name, member.name});
  return names;
}

// Number of buffers of an AF_XDP port, which has a pool of its own: for its rings and in flight.
constexpr unsigned xdp_buffers(unsigned queues) noexcept {
  return 4096 + queues * 4608;
}

// Properties of an open port.
struct PortFacts {
  MacAddr device_mac;                    // zero for `io` ports
  uint16_t max_tx_buffers = UINT16_MAX;  // most chained buffers of a frame that it can send
  bool takes_pending_offload = false;    // completes checksums and segments GSO frames
  std::string driver;
  unsigned rx_queues = 0;
  unsigned tx_queues = 0;
};

// A device that is open, and that no worker has yet. Without an owner it is closed.
struct OpenedPort {
  PortSpec spec;
  PortFacts facts;
  std::shared_ptr<Port> device;  // null: ready-made
};

// kGone: the device, or the kernel interface below it, no longer exists.
enum class LinkStatus : uint8_t { kUp, kDown, kGone };
constexpr const char* to_string(LinkStatus status) noexcept {
  return status == LinkStatus::kUp ? "up" : status == LinkStatus::kDown ? "down" : "gone";
}

struct LinkState {
  LinkStatus status = LinkStatus::kUp;
  uint32_t speed_mbps = 0;  // 0: unknown
};

// Callback for each dropped packet (adit-replay). `packet` is valid during the call.
using DropObserver = std::function<void(const rte_mbuf* packet, DropReason reason)>;

struct DataplaneOptions {
  unsigned workers = 1;
  bool busy_poll = false;
  bool express =
      true;  // plain packets go past the pipeline where they can; what comes out is equal
  uint32_t mbufs = 8192;
  uint32_t mbuf_data_room_bytes = 2176;  // headroom included
  uint32_t fdb_capacity = 65536;
  uint32_t connections = 65536;          // balanced ones, over all workers
  uint32_t persistence_entries = 65536;  // over all workers
  uint64_t seed = 1;                     // of hashes that senders must not predict
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
  // Stops the workers after they have finished their burst and sent what they hold. Returns false
  // if a worker has not ended within three seconds; memory that it may use must not be freed then.
  bool stop();

  // Runs one pass of each worker over its ports in the calling thread, at time `now_ns` in
  // nanoseconds, and further ones until no worker has packets that another handed over to it. Only
  // if start() is never called.
  void step(uint64_t now_ns);
  // Sends or gives up all that waits, as the end of workers does. Nothing else is done afterwards.
  // Only where start() is never called.
  void drain();

  // Returns a token; and whether every worker has begun a new pass since that token was returned.
  uint64_t begin_grace();
  bool grace_is_over(uint64_t token);
  // Makes the snapshot current, waits until no worker reads the former one, and frees it. If a
  // worker is stalled, the former one is kept, and a later reclaim() frees it.
  void publish(std::unique_ptr<const Snapshot> snapshot);
  // Keeps `former` until no worker can read it any more.
  void retire(std::shared_ptr<const void> former);
  // Frees former objects that no worker reads any more; returns how many are left.
  size_t reclaim();

  // Tables that control writes and workers read without a lock. They live as long as the
  // dataplane.
  Fdb& fdb() noexcept;
  const Fdb& fdb() const noexcept;
  AdjacencyTable& adjacencies() noexcept;
  HostTable& hosts() noexcept;
  BackendStatusTable& backend_status() noexcept;
  const BackendStatusTable& backend_status() const noexcept;

  // Copies at most events.size() reports of the workers to `events`; returns how many.
  unsigned poll_events(std::span<Event> events);
  // Calls `take` with packets that workers punted (adit/punt.h), a bounded number for each call.
  // A packet is valid until `take` returns.
  void take_punted(const std::function<void(const Punted&)>& take);
  // Sends a command to a worker; false if its ring is full.
  bool send(Command command);
  // Sends an IP packet of control's own by the routes of the VRF; or to the backend, which is in
  // this VRF, as packets of clients go to it. Replies come back by take_punted(). False: it is too
  // long, there is no buffer, or control has sent too many just now.
  bool send_packet(VrfId vrf, BackendId backend, std::span<const uint8_t> packet);
  // Waits until the workers have executed all commands, 200 ms at most. Returns at once if they do
  // not run.
  void finish_commands();

  // `worker`: 0 to worker_count() - 1. The core is the kernel's number of a CPU.
  unsigned worker_count() const noexcept;
  unsigned worker_core(unsigned worker) const noexcept;
  const WorkerCounters& worker_counters(unsigned worker) const noexcept;
  Worker& worker(unsigned id) noexcept;  // for bench/ and tests, which measure inside
  // Sums over the workers.
  struct Traffic {
    uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
    Traffic& operator-=(const Traffic& other) noexcept {
      rx_packets -= other.rx_packets;
      rx_bytes -= other.rx_bytes;
      tx_packets -= other.tx_packets;
      tx_bytes -= other.tx_bytes;
      return *this;
    }
  };
  // Totals since the id was assigned. Bytes are counted from the
  // Ethernet header on, without FCS.
  Traffic port_traffic(PortId port) const noexcept;
  Traffic bridge_port_traffic(BridgePortId bridge_port) const noexcept;
  // Drops by reason of packets received from it or to be sent by it, as far as it was known.
  using Drops = std::array<uint64_t, kDropReasonCount>;
  Drops bridge_port_drops(BridgePortId bridge_port) const noexcept;
  // Second of monotonic_ns() of the last frame received from it; 0: none yet.
  uint64_t last_received_s(BridgePortId bridge_port) const noexcept;
  // Learned from ICMP, in bytes; 0: none. Of tunnels by their first bridge port.
  const PathMtus& path_mtus() const noexcept;
  // Sums over the workers.
  struct BackendState {
    uint64_t active = 0, inactive = 0;                       // connections now
    uint64_t connections = 0;                                // total since the start
    Traffic traffic;                                         // rx: from clients
    uint64_t client_info_sent = 0, client_info_omitted = 0;  // TOA or PROXY; without room for it
  };
  // All zero for an id that no backend has.
  BackendState backend_state(BackendId backend) const noexcept;
  uint64_t connections() const noexcept;  // of all services
  // The same of all services of a VRF.
  uint64_t connections_of_vrf(VrfId vrf) const noexcept;
  // How many all workers have room for.
  uint64_t connection_capacity() const noexcept;
  // Clients that the service remembers now.
  uint64_t persistence_entries(ServiceId service) const noexcept;
  // Submits a dump to the worker; false while it works on another one.
  bool dump(unsigned worker, std::shared_ptr<ConnectionDump> dump);
  // Whether the worker has finished the last dump and accepts another.
  bool takes_dump(unsigned worker);
  // Resets counters and sequence numbers, before an id is assigned again. No snapshot that a
  // worker may read uses the id.
  void reset_bridge_port(BridgePortId bridge_port);
  // Packets of all workers since the start.
  uint64_t drops(DropReason reason) const noexcept;
  // Number of packets that wait for next hops now.
  uint64_t held_now() const noexcept;
  // Incomplete IP datagrams, and the bytes of buffers that they take.
  struct FragmentState {
    uint32_t datagrams = 0;
    uint64_t bytes = 0;
  };
  // As of the worker's last pass.
  FragmentState fragment_state(unsigned worker) const noexcept;

  // As found when the port was opened.
  const PortFacts& port_facts(PortId port) const noexcept;
  // As of the last look_at_links().
  LinkState link_state(PortId port) const noexcept;
  // Of a bond, as of now; none: the port is no bond, or is detached.
  std::optional<BondState> bond_state(PortId port) const;
  // Updates the state of all links, and closes devices that no worker uses any more. To be called a
  // few times a second; it does not block.
  void look_at_links();
  // While the link is down, workers drop packets to it as link_down.
  void set_link_down(PortId port, bool down);
  // Detaches a device from the workers; it is closed when none of them uses it.
  void detach(PortId port);
  // Whether the kernel has an interface with the name of the port's former one.
  bool interface_is_back(PortId port) const;
  // Opens a detached port's device again, with its link down at first. False: the former one is not
  // closed yet, or open() is at work. Throws std::runtime_error with the port's name; the port
  // stays detached then.
  bool reopen(PortId port);

  // Ports come and go. Opens a device for attach(), which may take long: for another thread than
  // the one that calls all else. `former`: the device on whose TAP interface it shall be, which
  // goes on; the interface stays the same. Throws std::runtime_error with the port's name.
  std::shared_ptr<OpenedPort> open(const PortSpec& spec, const std::shared_ptr<Port>& former = {});
  // Null: the port has none at this time.
  std::shared_ptr<Port> device(PortId port) const noexcept;
  // Room for ports with ids below `end`, to which nothing is sent yet. A snapshot that has such may
  // be published when all workers have begun another pass.
  void make_room(PortId end);
  // Give a port this device; close the port for good. A port that there is not yet gets counters of
  // its own; the current snapshot has it already. Workers follow from their next pass on after
  // bind_ports(), and devices that they had are closed then.
  void attach(PortId port, std::shared_ptr<OpenedPort> opened);
  void close(PortId port);
  void bind_ports();
  // Detaches what the port has, so that reopen() opens what it had before.
  void restore(PortId port, const PortSpec& spec, const PortFacts& facts);
  // Whether all devices are closed that were detached or replaced; closes some.
  bool are_closed();
  const PortSpec& port_spec(PortId port) const noexcept;
  // From now on the port receives what put_frame() gives it, too.
  void take_frames(PortId port);
  // A frame that the kernel has received by the port's interface, for a worker as if the device
  // had; at most one buffer long. False: there is no room, or the port does not take any.
  bool put_frame(PortId port, std::span<const uint8_t> frame);
  // Where it goes on with another's TAP interface: sets that up as the port is to have it. Throws
  // std::runtime_error with the port's name.
  void activate(PortId port);
  // Whether the device takes frames for any MAC address. Throws likewise.
  void set_promiscuous(PortId port, bool promiscuous);
  // Packets that the device itself dropped before a worker could take them.
  uint64_t device_rx_missed(PortId port) const noexcept;

  // The buffers of all ports and workers.
  rte_mempool* pool() const noexcept;
  // Includes those that devices' queues hold.
  uint32_t buffers_in_use() const noexcept;
  // `observer` is called by the thread of step() for each drop, before the buffer is freed. Only if
  // start() is never called.
  void observe_drops(DropObserver observer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Nanoseconds on a clock that does not jump, the one that running workers use.
uint64_t monotonic_ns() noexcept;

}  // namespace adit
