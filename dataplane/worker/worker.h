// SPDX-License-Identifier: Apache-2.0
// All that one worker owns or reads. The pipeline's steps take it as their first argument.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "adit/dataplane.h"
#include "adit/path_mtus.h"
#include "adit/tunnel_ops.h"
#include "adit/zero_pages.h"
#include "packet/packet.h"
#include "table/id_counters.h"
#include "worker/balancer.h"
#include "worker/changed_ids.h"
#include "worker/connections.h"
#include "worker/doorbell.h"
#include "worker/hold_queue.h"
#include "worker/outbox.h"
#include "worker/peer_queue.h"
#include "worker/persistence_table.h"
#include "worker/reported_sources.h"
#include "worker/tunnel_state.h"

namespace adit {

struct TxQueue {
  std::array<rte_mbuf*, kMaxBurst> packets;
  unsigned count = 0;
  uint16_t max_buffers = UINT16_MAX;  // of one frame
  bool is_down = false;               // nothing can be sent
  PortIo io;
};

// Whether looking for plain packets is worth it at a port (express/established.h).
struct ExpressUse {
  uint32_t in_vain = 0;  // packets looked at since one was taken
  uint32_t skip = 0;     // packets that are not looked at
};

struct RxQueue {
  PortId port = 0;
  PortIo io;
  uint16_t queue = 0;  // of the port
};

struct PortBindings;  // port_bindings.h

// ICMP errors that one worker sends on account of one tenant's packets (RFC 1812 section 4.3.2.8,
// RFC 4443 section 2.4 (f)).
inline const RateLimit kIcmpErrorLimit = RateLimit::per_second(1000);

// In the ring of packets for control (worker/punt.h).
struct PuntedPacket {
  rte_mbuf* mbuf;
  LinkId link;
  VrfId vrf;
  uint16_t port;
  uint8_t protocol;
  bool has_ethernet;
  bool of_host;
  bool is_fresh;  // of no flow that control has sent packets of
};

struct ConnectionDump;  // adit/connection_dump.h
class FragmentTable;    // fragments/reassembly.h
struct FragmentTableDeleter {
  void operator()(FragmentTable* table) const noexcept;
};

struct FloodMeters {
  RateMeter broadcast, multicast, unknown_unicast;
};

struct Worker {
  unsigned id = 0;
  unsigned core = 0;

  // workers read, control writes
  const std::atomic<const Snapshot*>* current = nullptr;
  Fdb* fdb = nullptr;
  const AdjacencyTable* adjacencies = nullptr;
  const HostTable* hosts = nullptr;
  const BackendStatusTable* backend_status = nullptr;
  DirectFlows* direct_flows = nullptr;  // all workers write
  // Likewise: datagrams of connections that were put together (FragmentTable::note_connection()).
  DirectFlows* collected_datagrams = nullptr;
  HostFlows* host_flows = nullptr;  // all workers write
  std::atomic<bool>* stopping = nullptr;
  // What ports' queues lead to, where that has changed: the number changes after the bindings.
  const std::atomic<const PortBindings*>* bindings = nullptr;
  const std::atomic<uint32_t>* bindings_number = nullptr;
  bool express = true;                     // plain packets may go past the pipeline
  const DropObserver* observer = nullptr;  // null but in adit-replay
  PathMtus* path_mtus = nullptr;           // all workers write

  // between this worker and control
  rte_ring* events = nullptr;  // Event, this worker produces
  // Number of a tenant's events in that ring: this worker adds, control subtracts.
  ZeroPages<std::atomic<uint32_t>> events_waiting{kMaxTenants};
  rte_ring* commands = nullptr;  // Command, control produces
  rte_ring* punted = nullptr;    // PuntedPacket, this worker produces
  // Number of a tenant's packets in that ring, counted like events.
  ZeroPages<std::atomic<uint32_t>> punts_waiting{kMaxTenants};
  Doorbell doorbell;  // control rings it
  // Control sets it while it is null; this worker resets it to null.
  std::atomic<ConnectionDump*> dump = nullptr;

  // queues between workers, by the number of the receiving worker
  std::span<PeerQueue> peers;
  // Persistence tables, by worker: persistence_table.h says what other workers may do.
  std::span<const std::unique_ptr<PersistenceTable>> persistence;

  // this worker's own
  const Snapshot* snapshot = nullptr;  // as of the current pass
  uint64_t now_ns = 0;
  uint32_t now_s = 0;
  uint32_t bindings_taken = 0;
  uint32_t fits_all_paths = UINT32_MAX;  // PathMtus::fits_all()
  rte_mempool* pool = nullptr;
  std::vector<uint8_t>
      crowded_peers;  // by worker: whether its queue was crowded at the last packet
  std::vector<RxQueue> rx;
  std::vector<TxQueue> tx;              // by PortId
  std::vector<ExpressUse> express_use;  // by PortId: of connections
  std::vector<ExpressUse> bridged_use;  // by PortId: of bridged frames
  std::vector<ExpressUse> routed_use;   // by PortId: of routed packets
  HoldQueue held;
  std::unique_ptr<FragmentTable, FragmentTableDeleter> fragments;
  TunnelStates tunnels;
  std::unique_ptr<Connections> connections;
  std::unique_ptr<Balancer> balancer;
  std::unique_ptr<ReportedSources> reported = std::make_unique<ReportedSources>();
  std::vector<FloodMeters> flood_meters = std::vector<FloodMeters>(kMaxNetworks + 1);

  // this worker writes, control reads
  WorkerCounters counters;
  std::atomic<uint32_t> held_now = 0;
  std::atomic<uint32_t> fragment_datagrams = 0;
  std::atomic<uint64_t> fragment_bytes = 0;
  ZeroPages<TrafficCounters> port_counters;         // by PortId
  ZeroPages<TrafficCounters> bridge_port_counters;  // by BridgePortId
  ZeroPages<ErrorCounters> bridge_port_errors;      // by BridgePortId

  // the burst in hand
  std::array<Packet, kMaxBurst> packets;
  PacketList bridged;                                 // frames that have their network
  std::array<PacketList, kTunnelKindCount> to_decap;  // by tunnel kind
  PacketList to_host;          // ARP, neighbour discovery and ICMP; Packet::link
  PacketList handed_frames;    // fragments that came to another worker by an underlay port
  PacketList link_fragments;   // from or to link-local addresses, by Packet::link
  PacketList outer_fragments;  // of what came in by the underlay
  PacketList routed;           // IP packets that have their VRF
  PacketList routed_whole;     // the same, put together from fragments
  std::array<Packet, kMaxBurst> whole_packets;  // those of routed_whole
  PacketList flooded;
  std::array<PacketList, kTunnelKindCount> to_encap;
  std::array<Packet, kMaxBurst> copies;  // of flooded frames, on their way out
  unsigned copy_count = 0;
  PacketList to_gateways;                        // frames for the gateways of their networks
  std::array<Packet, kMaxBurst> gateway_copies;  // of flooded frames, for gateways
  unsigned gateway_copy_count = 0;
  std::array<Packet, kMaxBurst> from_gateways;  // those of Outbox::to_network in hand
  Outbox outbox;
  std::array<Packet, kMaxBurst> outbox_packets;    // those of Outbox::to_route in hand
  ZeroPages<RateMeter> icmp_meters{kMaxTenants};   // by TenantId
  ZeroPages<RateMeter> punt_meters{kMaxTenants};   // by TenantId
  ZeroPages<RateMeter> host_meters{kMaxTenants};   // by TenantId
  ZeroPages<RateMeter> fresh_meters{kMaxTenants};  // by TenantId: of flows that others begin
  RateMeter short_quote_meter;                     // ICMP errors for which all remotes are searched
  IdCounters ip_ids;                               // of IPv4 headers of ours that may be fragmented
  IdCounters fragment_ids;                         // of packets that are fragmented
  ChangedIds changed_ids;                          // of those that were translated
  std::array<rte_mbuf*, 4 * kMaxBurst> garbage;    // dropped or used up, freed in bulk
  unsigned garbage_count = 0;
};

// Workers have the same addresses: each has a part of the numbers, or begins elsewhere.
inline uint16_t next_ip_id(Worker& worker, TenantId place, const Ipv6Key& peer) noexcept {
  return static_cast<uint16_t>((worker.id << 10) + worker.ip_ids.next(place, peer));
}

// Frees the buffer at the end of the pass.
inline void discard(Worker& worker, rte_mbuf* mbuf) noexcept {
  if (worker.garbage_count == worker.garbage.size()) {
    rte_pktmbuf_free_bulk(worker.garbage.data(), worker.garbage_count);
    worker.garbage_count = 0;
  }
  ADIT_ASSERT(mbuf != nullptr && worker.garbage_count < worker.garbage.size());
  worker.garbage[worker.garbage_count++] = mbuf;
}

// The buffer stays the caller's.
inline void count_drop(Worker& worker, const rte_mbuf* mbuf, DropReason reason) noexcept {
  ADIT_ASSERT(reason < DropReason::kNone);
  worker.counters.drops[static_cast<std::size_t>(reason)].add(1);
  if (worker.observer != nullptr) [[unlikely]]
    (*worker.observer)(mbuf, reason);
}

// Out of line, so that the way of packets that pass is short.
[[gnu::cold, gnu::noinline]] inline void drop(Worker& worker, rte_mbuf* mbuf,
                                              DropReason reason) noexcept {
  count_drop(worker, mbuf, reason);
  discard(worker, mbuf);
}

// The same, and counts it for the remote or tunnel as well; 0: there is none.
[[gnu::cold, gnu::noinline]] inline void drop_of(Worker& worker, BridgePortId bridge_port,
                                                 rte_mbuf* mbuf, DropReason reason) noexcept {
  if (bridge_port != 0)
    worker.bridge_port_errors[bridge_port].drops[static_cast<std::size_t>(reason)].add(1);
  drop(worker, mbuf, reason);
}

// Whose drop it is: the remote's, or where its id is not known, the first one's of its address.
[[gnu::cold, gnu::noinline]] inline BridgePortId remote_of(const Snapshot& snapshot, uint8_t tunnel,
                                                           const SenderKey& sender) noexcept {
  const BridgePortId in = snapshot.tunnels[tunnel].senders.find(sender);
  return in != 0 ? in : snapshot.remote_addresses.find(sender.source);
}

// Whose news it is: the network's or VRF's that it is about, else what the event itself says.
[[gnu::cold]] inline TenantId tenant_of(const Snapshot& snapshot, const Event& event) noexcept {
  switch (event.kind) {
    case Event::Kind::kMacSeen:
      return tenant_of_network(fdb_key_network(event.fdb_key));
    case Event::Kind::kRemoteSeen:
      return tenant_of_network(event.network);
    case Event::Kind::kNeighbourSeen:
    case Event::Kind::kAddressConflict:
    case Event::Kind::kHostWanted: {
      const Interface* interface = interface_of(snapshot, event.link);
      return interface != nullptr ? tenant_of_vrf(interface->vrf) : kUnderlayTenant;
    }
    case Event::Kind::kNeighbourWanted:
      break;
  }
  return event.tenant;
}

// Tells control. Nobody may have more in the ring than is left of it: a flood of one tenant's news
// takes half of it, and others' find room. What finds none is counted, and the news will come
// again.
[[gnu::cold, gnu::noinline]] inline void report(Worker& worker, Event event) noexcept {
  event.tenant = tenant_of(*worker.snapshot, event);
  std::atomic<uint32_t>& waiting = worker.events_waiting[event.tenant];
  if (waiting.load(std::memory_order_relaxed) >= rte_ring_free_count(worker.events))
    return worker.counters.events_lost.add(1);
  waiting.fetch_add(1, std::memory_order_relaxed);
  if (rte_ring_sp_enqueue_elem(worker.events, &event, sizeof event) == 0) return;
  waiting.fetch_sub(1, std::memory_order_relaxed);
  worker.counters.events_lost.add(1);
}

}  // namespace adit
