// SPDX-License-Identifier: Apache-2.0
#include "bridge/bridge.h"

#include <rte_prefetch.h>

#include "bridge/flood.h"
#include "bridge/gateway.h"
#include "egress/egress.h"
#include "packet/mac_bits.h"
#include "packet/mss.h"
#include "worker/doors.h"

namespace adit {
namespace {

// IEEE 802.1Q table 8-1: 01:80:c2:00:00:00 to 0f.
constexpr bool is_link_local_mac(uint64_t key) noexcept {
  return (key & 0xffff'ffff'fff0) == 0x0180'c200'0000;
}

// Reports a source to control that is not in the FDB, or at another place; once a second.
[[gnu::cold, gnu::noinline]] void report_source(Worker& worker, const Packet& packet) noexcept {
  if (!worker.reported->first_in(worker.now_s, packet.src_key, packet.in)) return;
  Event event{};
  event.kind = Event::Kind::kMacSeen;
  event.bridge_port = packet.in;
  event.fdb_key = packet.src_key;
  report(worker, event);
}

// Drops frames with invalid addresses.
void read_addresses(Worker& worker) noexcept {
  unsigned kept = 0;
  for (Packet* packet : worker.bridged.span()) {
    const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame_of(packet->mbuf));
    const uint64_t network = uint64_t{packet->network} << 48;
    packet->src_key = network | mac_bits(ethernet->src.bytes.data());
    packet->dst_key = network | mac_bits(ethernet->dst.bytes.data());
    if (is_group_mac(packet->src_key) || packet->src_key == network) [[unlikely]] {
      drop(worker, packet->mbuf, DropReason::k_source_mac_invalid);
      continue;
    }
    if ((packet->in_flags & BridgePort::kHasGateway) &&
        packet->src_key == worker.snapshot->networks[packet->network].gateway_key) [[unlikely]] {
      drop_of(worker, packet->in, packet->mbuf, DropReason::k_gateway_mac);
      continue;
    }
    if (is_link_local_mac(packet->dst_key)) [[unlikely]] {
      drop(worker, packet->mbuf, DropReason::k_link_local_multicast);
      continue;
    }
    worker.fdb->prefetch(packet->src_key);
    worker.fdb->prefetch(packet->dst_key);
    worker.bridged.items[kept++] = packet;
  }
  worker.bridged.count = kept;
}

// Compares the FDB with where the sources came in.
void compare_sources(Worker& worker) noexcept {
  for (const Packet* packet : worker.bridged.span()) {
    if (!(packet->in_flags & BridgePort::kLearning)) continue;
    const Fdb::Place place = worker.fdb->lookup(packet->src_key);
    if (place.bridge_port == packet->in) [[likely]]
      place.touch(worker.now_s);
    else
      report_source(worker, *packet);
  }
}

// The bridge port of the network's gateway if the frame is addressed to it.
BridgePortId find_gateway(const Snapshot& snapshot, const Packet& packet) noexcept {
  const NetworkEntry& network = snapshot.networks[packet.network];
  if (packet.dst_key != network.gateway_key) return 0;
  return snapshot.gateways[network.gateway].bridge_port;
}

// Sends a gateway's frame, which is not part of the current burst.
void take_from_gateway(Worker& worker, const FrameToNetwork& frame) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const GatewayEntry* gateway = gateway_of(snapshot, frame.network);
  const BridgePort& in = snapshot.bridge_ports[gateway->bridge_port];
  if (in.flags & BridgePort::kMssClamp) clamp_mss(frame.mbuf, most_connection_bytes(worker, in));
  ADIT_ASSERT(worker.bridged.count < worker.from_gateways.size());
  Packet& packet = worker.from_gateways[worker.bridged.count];
  packet = {};
  packet.mbuf = frame.mbuf;
  packet.src_key = snapshot.networks[frame.network].gateway_key;
  packet.dst_key = fdb_key(frame.network, rte_pktmbuf_mtod(frame.mbuf, const EthernetHeader*)->dst);
  packet.in = gateway->bridge_port;
  packet.routed = frame.routed;
  packet.network = frame.network;
  packet.in_flags = in.flags;
  packet.drop = DropReason::kNone;
  worker.fdb->prefetch(packet.dst_key);
  enter(worker, packet.in, frame.mbuf->pkt_len);
  worker.bridged.push(packet);
}

}  // namespace

void learn_sources(Worker& worker) noexcept {
  read_addresses(worker);
  compare_sources(worker);
}

void look_up_destinations(Worker& worker) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  for (Packet* packet : worker.bridged.span()) {
    BridgePortId out = 0;
    if (packet->in_flags & BridgePort::kHasGateway) out = find_gateway(snapshot, *packet);
    if (out == 0 && !is_group_mac(packet->dst_key))
      out = worker.fdb->lookup(packet->dst_key).bridge_port;
    // An entry may be older than the snapshot: it counts only if its bridge port is still of this
    // network.
    if (out >= snapshot.bridge_ports.size()) out = 0;
    packet->out = out;
    rte_prefetch0(&snapshot.bridge_ports[out]);
    rte_prefetch0(reinterpret_cast<const char*>(&snapshot.bridge_ports[out]) + 64);
    rte_prefetch0(&worker.bridge_port_counters[out]);
  }
}

void forward_known(Worker& worker) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  [[maybe_unused]] const unsigned count = worker.bridged.count;
  for (Packet* packet : worker.bridged.span()) {
    const BridgePort& out = snapshot.bridge_ports[packet->out];
    if (out.network != packet->network) {
      worker.flooded.push(*packet);
    } else if (packet->out == packet->in) [[unlikely]] {
      drop(worker, packet->mbuf, DropReason::k_destination_is_source);
    } else if (out.split_group != 0 && out.split_group == packet->split_group) [[unlikely]] {
      drop(worker, packet->mbuf, DropReason::k_split_horizon);
    } else if (out.kind == BridgePortKind::kGateway) {
      send_to_gateway(worker, *packet);
    } else {
      if (out.kind == BridgePortKind::kTunnel) describe(*packet);
      dispatch(worker, *packet);
    }
  }
  ADIT_ASSERT(worker.bridged.count == count);  // nothing joined them meanwhile
  encap_pending(worker);
  worker.bridged.count = 0;
}

void flood_unknown(Worker& worker) noexcept {
  [[maybe_unused]] const unsigned count = worker.flooded.count;
  for (Packet* packet : worker.flooded.span()) flood(worker, *packet);
  ADIT_ASSERT(worker.flooded.count == count);  // nothing joined them meanwhile
  finish_encap(worker);
  worker.flooded.count = 0;
}

void bridge_from_gateways(Worker& worker) noexcept {
  OutboxList<FrameToNetwork>& frames = worker.outbox.to_network;
  while (const FrameToNetwork* frame = frames.take()) {
    take_from_gateway(worker, *frame);
    if (worker.bridged.count < worker.from_gateways.size() && !frames.empty()) continue;
    look_up_destinations(worker);
    forward_known(worker);
    flood_unknown(worker);
  }
}

}  // namespace adit
