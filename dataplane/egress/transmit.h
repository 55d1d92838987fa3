// SPDX-License-Identifier: Apache-2.0
// The way out: packets gather per port and leave in bursts.
#pragma once

#include <optional>

#include "egress/to_network.h"
#include "egress/to_subinterface.h"
#include "icmp/report.h"
#include "worker/worker.h"

namespace adit {

// Why the port did not take a frame. Control may not have noticed yet that its link is down.
[[gnu::cold, gnu::noinline]] inline DropReason refusal_of(const TxQueue& queue) noexcept {
  const bool is_down =
      queue.is_down || (queue.io.is_down != nullptr && queue.io.is_down(queue.io.context));
  return is_down ? DropReason::k_link_down : DropReason::k_tx_full;
}

// Sends the burst that waits for the port. What the port does not take is dropped.
inline void flush(Worker& worker, PortId port) noexcept {
  TxQueue& queue = worker.tx[port];
  const unsigned count = queue.count;
  uint64_t bytes = 0;
  for (unsigned i = 0; i < count; ++i) bytes += queue.packets[i]->pkt_len;
  const unsigned sent =
      queue.io.transmit(queue.io.context, queue.packets.data(), static_cast<uint16_t>(count));
  for (unsigned i = sent; i < count; ++i) {
    bytes -= queue.packets[i]->pkt_len;
    drop(worker, queue.packets[i], refusal_of(queue));
  }
  queue.count = 0;
  TrafficCounters& counters = worker.port_counters[port];
  counters.tx_packets.add(sent);
  counters.tx_bytes.add(bytes);
  worker.counters.sent.add(sent);
}

// The frame in one buffer: in its first one where that is its own and has the room, else in a
// copy. Null, and `mbuf` still the caller's, where there is no buffer that takes it.
[[gnu::cold]] inline rte_mbuf* flatten(Worker& worker, rte_mbuf* mbuf) noexcept {
  const bool own = RTE_MBUF_DIRECT(mbuf) && rte_mbuf_refcnt_read(mbuf) == 1;
  if (own && rte_pktmbuf_linearize(mbuf) == 0) return mbuf;
  rte_mbuf* copy = rte_pktmbuf_copy(mbuf, worker.pool, 0, UINT32_MAX);
  if (copy == nullptr) return nullptr;
  if (copy->nb_segs != 1) {
    rte_pktmbuf_free(copy);
    return nullptr;
  }
  rte_pktmbuf_free(mbuf);
  return copy;
}

// A complete frame leaves by the port with the next burst. The buffer is the queue's then.
inline void enqueue(Worker& worker, PortId port, rte_mbuf* mbuf) noexcept {
  TxQueue& queue = worker.tx[port];
  if (mbuf->nb_segs > queue.max_buffers) [[unlikely]] {
    rte_mbuf* flat = flatten(worker, mbuf);
    if (flat == nullptr) return drop(worker, mbuf, DropReason::k_no_buffer);
    mbuf = flat;
  }
  ADIT_ASSERT(queue.count < queue.packets.size());
  queue.packets[queue.count++] = mbuf;
  if (queue.count == queue.packets.size()) flush(worker, port);
}

// Sends what the queues of all ports hold.
inline void flush_all(Worker& worker) noexcept {
  for (PortId port = 0; port < worker.tx.size(); ++port)
    if (worker.tx[port].count != 0) flush(worker, port);
}

// For a frame that is made of the packet.
inline RoutedFrame routed_frame(const Packet& packet) noexcept {
  return {packet.origin, packet.translated ? RoutedFrame::kTranslated : RoutedFrame::kAsSent};
}

// A finished frame of our own leaves by the port, untagged or by VLAN, or goes into the network.
inline void transmit_on_link(Worker& worker, LinkId link, rte_mbuf* mbuf,
                             const RoutedFrame& routed) noexcept {
  if (is_port_link(link)) [[likely]]
    return enqueue(worker, static_cast<PortId>(link), mbuf);
  if (is_network_link(link)) return send_to_network(worker, network_of_link(link), mbuf, routed);
  transmit_on_subinterface(worker, subinterface_of_link(link), mbuf);
}

// Whether the port of the link is down: then no host answers, and packets need not wait.
inline bool link_is_down(const Worker& worker, LinkId link) noexcept {
  if (is_network_link(link)) return false;
  return worker
      .tx[is_port_link(link) ? link
                             : worker.snapshot->subinterfaces[subinterface_of_link(link)].port]
      .is_down;
}

// Which host of a routed link's subnet a packet is for.
struct HostKey {
  Ipv6Key address;
  bool ipv6 = false;
};

// Keeps the finished frame until its next hop is resolved. `packet`: what was routed; null: none.
[[gnu::cold, gnu::noinline]] inline void hold(Worker& worker, TenantId whose, LinkId link,
                                              AdjacencyId adjacency, rte_mbuf* mbuf,
                                              const HostKey& host, const Packet* packet) noexcept {
  const RoutedFrame routed = packet != nullptr ? routed_frame(*packet) : RoutedFrame{};
  NextHopKey hop{whose, link, adjacency};
  if (adjacency == 0) hop.ipv6 = host.ipv6, hop.host = host.address;
  if (link_is_down(worker, link)) {
    report_host_unreachable(worker, link, mbuf, routed);
    return drop(worker, mbuf, DropReason::k_link_down);
  }
  worker.counters.held.add(1);
  const auto give_way = [&worker](rte_mbuf* gives_way) noexcept {
    drop(worker, gives_way, DropReason::k_neighbour_queue_full);
  };
  worker.held.push(mbuf, hop, worker.now_ns, give_way, routed);
  if (adjacency == 0 || worker.held.waiting_for(adjacency) != 1) return;
  Event event{};
  event.kind = Event::Kind::kNeighbourWanted;
  event.adjacency = adjacency;
  event.tenant = whose;
  report(worker, event);
}

// Writes the next hop's MAC into the finished frame and sends it. False: the next hop is
// unresolved, or older packets wait for it, behind which this one has to queue: hold() is for it,
// with the same `packet`.
inline bool send_if_resolved(Worker& worker, LinkId link, AdjacencyId adjacency, rte_mbuf* mbuf,
                             const Packet* packet) noexcept {
  const uint64_t word = worker.adjacencies->load(adjacency);
  if (word == 0 || (!worker.held.empty() && worker.held.waiting_for(adjacency) != 0)) [[unlikely]]
    return false;
  AdjacencyTable::write_mac(word, frame_of(mbuf));
  transmit_on_link(worker, link, mbuf, packet != nullptr ? routed_frame(*packet) : RoutedFrame{});
  return true;
}

// The same, and keeps it where it has to wait. Not for a host of a routed link's subnet.
inline void send_to_next_hop(Worker& worker, TenantId whose, LinkId link, AdjacencyId adjacency,
                             rte_mbuf* mbuf) noexcept {
  if (!send_if_resolved(worker, link, adjacency, mbuf, nullptr)) [[unlikely]]
    hold(worker, whose, link, adjacency, mbuf, {}, nullptr);
}

// Sends or drops held packets whose next hop answered, or whose time is over.
inline void sweep_held(Worker& worker) noexcept {
  if (!worker.held.is_due(worker.adjacencies->resolved(), worker.now_ns)) return;
  // The next hop's word, 0: it is too late; nothing: the packet waits on.
  const auto judge = [&worker](const HeldPacket& held) noexcept -> std::optional<uint64_t> {
    const NextHopKey& hop = held.hop;
    const AdjacencyId adjacency =
        hop.adjacency != 0 ? hop.adjacency : worker.hosts->find(hop.link, hop.host, hop.ipv6);
    const uint64_t word = worker.adjacencies->load(adjacency);
    if (word != 0 || worker.now_ns >= held.deadline_ns) return word;
    return std::nullopt;
  };
  worker.held.sweep(judge, [&worker](const HeldPacket& held, uint64_t word) noexcept {
    if (word != 0) {
      AdjacencyTable::write_mac(word, frame_of(held.mbuf));
      return transmit_on_link(worker, held.hop.link, held.mbuf, held.routed);
    }
    report_host_unreachable(worker, held.hop.link, held.mbuf, held.routed);
    drop(worker, held.mbuf, DropReason::k_neighbour_unresolved);
  });
}

}  // namespace adit
