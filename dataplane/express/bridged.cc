// SPDX-License-Identifier: Apache-2.0
#include "express/bridged.h"

#include <rte_prefetch.h>

#include "egress/transmit.h"
#include "express/bridged_frames.h"
#include "packet/mac_bits.h"
#include "packet/mss.h"
#include "packet/vlan.h"

namespace adit {
namespace {

// --- where it goes

[[gnu::noinline]] void look_up(BridgedBurst& burst) noexcept {
  Worker& worker = burst.worker;
  const Fdb::View fdb = worker.fdb->view();
  const BridgePort* const bridge_ports = burst.snapshot.bridge_ports.data();
  const std::size_t bridge_port_count = burst.snapshot.bridge_ports.size();
  const TrafficCounters* const counters = &worker.bridge_port_counters[0];
  const uint32_t now_s = worker.now_s;
  BridgedFrame* const end = burst.frames.packets.data() + burst.count;
  for (BridgedFrame* frame = burst.frames.packets.data(); frame != end; ++frame) {
    const BridgePortId in = frame->in;
    frame->out = 0;
    if (in == 0) [[unlikely]]
      continue;
    BridgePortId out = fdb.lookup(frame->destination).bridge_port;
    // An entry may be older than the snapshot.
    if (out >= bridge_port_count || out == in) [[unlikely]]
      out = 0;
    if ((frame->special & special::kNotLearned) == 0) [[likely]] {
      const Fdb::Place from = fdb.lookup(frame->source);
      if (from.bridge_port == in) [[likely]]
        from.touch(now_s);
      else
        out = 0;
    }
    frame->out = out;
    rte_prefetch0(&bridge_ports[out]);
    rte_prefetch0(reinterpret_cast<const char*>(&bridge_ports[out]) + 64);
    rte_prefetch0(&counters[out]);
  }
}

// --- wrap and send

// What sending a burst has at hand, in registers as far as possible: no pointer to it is passed to
// anybody.
struct Sending {
  explicit Sending(BridgedBurst& burst) noexcept
      : worker(&burst.worker),
        bridge_ports(burst.snapshot.bridge_ports.data()),
        counters(&burst.worker.bridge_port_counters[0]),
        adjacencies(burst.worker.adjacencies),
        now_s(burst.worker.now_s),
        holds(!burst.worker.held.empty()),
        knows_paths(burst.worker.fits_all_paths != UINT32_MAX) {}

  Worker* worker;
  const BridgePort* bridge_ports;
  TrafficCounters* counters;
  const AdjacencyTable* adjacencies;
  uint32_t now_s;
  bool holds;        // packets wait for next hops
  bool knows_paths;  // some path is narrower than its port
  // The queue of the last frame, and what came in by the last one's bridge port.
  TxQueue* queue = nullptr;
  PortId port = kNoPort;
  BridgePortId in = 0;
  uint32_t entered = 0;
  uint64_t entered_bytes = 0;
};

// What the pipeline does to a frame on its way into its network. False: it drops it. What has been
// changed then, it would change in the same way.
[[gnu::cold, gnu::noinline]] bool change_inside(const Worker& worker,
                                                const BridgedFrame& frame) noexcept {
  if ((frame.special & special::kOuterFields) != 0 &&
      !apply_outer_fields(frame.at, frame.bytes, frame.outer))
    return false;
  if (frame.special & special::kTagged) move_macs(frame.at, frame.at - sizeof(VlanTag));
  if (frame.special & special::kMssClamp) {
    const Snapshot& snapshot = *worker.snapshot;
    const NetworkId network = snapshot.bridge_ports[frame.in].network;
    clamp_mss(frame.at, frame.bytes, snapshot.networks[network].flood.least_frame_bytes(),
              TcpChecksum::kComplete);
  }
  return true;
}

// The buffer begins at `begin` from now on.
[[gnu::always_inline]] inline void set_begin(const BridgedFrame& frame, uint8_t* begin,
                                             unsigned before) noexcept {
  rte_mbuf* mbuf = frame.mbuf;
  mbuf->data_off = static_cast<uint16_t>(begin - static_cast<uint8_t*>(mbuf->buf_addr));
  mbuf->data_len = static_cast<uint16_t>(frame.bytes + before);
  mbuf->pkt_len = frame.bytes + before;
}

// Any frame, any template.
[[gnu::cold, gnu::noinline]] void wrap_unusual(Worker& worker, const BridgePort& out,
                                               const BridgedFrame& frame,
                                               uint8_t* header) noexcept {
  const InnerFlow inner = describe_inner(frame.at, frame.bytes);
  const unsigned ip_end = outer_ip_len(out);
  patch_outer_ip(worker, header, out, frame.bytes + out.header_len - ip_end, inner);
  finish_plain(header, ip_end, out, frame.mbuf, inner.entropy);
}

// Puts the remote's header before the frame.
[[gnu::always_inline]] inline void wrap(Worker& worker, const BridgePort& out, uint64_t next_hop,
                                        const BridgedFrame& frame, uint8_t* header) noexcept {
  constexpr unsigned kLeast = sizeof(EthernetHeader) + sizeof(Ipv4Header);
  const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame.at);
  const uint32_t bytes = frame.bytes;
  copy_header(header, out);
  if (ethernet.ether_type == be16(kEtherTypeIpv4) && bytes >= kLeast &&
      (out.outer & outer::kInnerDependent) == 0) [[likely]] {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(&ethernet + 1);
    const uint32_t entropy = entropy_of(ip, bytes - unsigned{sizeof ethernet});
    const uint8_t ecn = ip->tos & kEcnMask;
    if (out.outer & outer::kIpv6) {
      constexpr unsigned kEnd = outer_ip_len(true);
      patch_outer_ipv6(header, bytes + out.header_len - kEnd, ecn, entropy);
      finish_plain(header, kEnd, out, frame.mbuf, entropy);
    } else {
      constexpr unsigned kEnd = outer_ip_len(false);
      patch_outer_ipv4(header, out, bytes + out.header_len - kEnd, ecn);
      finish_plain(header, kEnd, out, frame.mbuf, entropy);
    }
  } else {
    wrap_unusual(worker, out, frame, header);
  }
  AdjacencyTable::write_mac(next_hop, header);
}

[[gnu::always_inline]] inline void count_entered(Sending& now, BridgePortId in,
                                                 uint32_t bytes) noexcept {
  if (in != now.in) {
    TrafficCounters& counters = now.counters[now.in];
    counters.rx_packets.add(now.entered);
    counters.rx_bytes.add(now.entered_bytes);
    if (now.entered != 0) counters.last_rx_s.store(now.now_s, std::memory_order_relaxed);
    now.in = in;
    now.entered = 0;
    now.entered_bytes = 0;
  }
  ++now.entered;
  now.entered_bytes += bytes;
}

[[gnu::always_inline]] inline void put_in_queue(Sending& now, PortId port,
                                                rte_mbuf* mbuf) noexcept {
  if (port != now.port) [[unlikely]] {
    now.port = port;
    now.queue = &now.worker->tx[port];
  }
  TxQueue& queue = *now.queue;
  const unsigned count = queue.count;
  queue.packets[count] = mbuf;
  queue.count = count + 1;
  if (count + 1 == queue.packets.size()) [[unlikely]]
    flush(*now.worker, port);
}

// False: it is left.
[[gnu::always_inline]] inline bool send(Sending& now, const BridgedFrame& frame) noexcept {
  const BridgePort& out = now.bridge_ports[frame.out];
  const BridgePort& in = now.bridge_ports[frame.in];
  if (out.network != frame.destination >> 48 || frame.bytes > out.max_frame_bytes ||
      (now.knows_paths && frame.bytes > now.worker->fits_all_paths) ||
      (out.split_group != 0 && out.split_group == in.split_group)) [[unlikely]]
    return false;
  rte_mbuf* mbuf = frame.mbuf;
  const auto* room = static_cast<const uint8_t*>(mbuf->buf_addr);
  if (out.kind == BridgePortKind::kTunnel) {
    const unsigned before = out.header_len;
    uint8_t* header = frame.at - before;
    const uint64_t next_hop = now.adjacencies->load(out.adjacency);
    if ((out.flags & BridgePort::kPlainHeader) == 0 || next_hop == 0 || header < room ||
        (now.holds && now.worker->held.waiting_for(out.adjacency) != 0)) [[unlikely]]
      return false;
    if (frame.special != 0 && !change_inside(*now.worker, frame)) [[unlikely]]
      return false;
    set_begin(frame, header, before);
    wrap(*now.worker, out, next_hop, frame, header);
  } else if (out.kind == BridgePortKind::kAccess) {
    const unsigned before = out.vlan_id != 0 ? unsigned{sizeof(VlanTag)} : 0;
    uint8_t* begin = frame.at - before;
    if (begin < room) [[unlikely]]
      return false;
    if (frame.special != 0 && !change_inside(*now.worker, frame)) [[unlikely]]
      return false;
    set_begin(frame, begin, before);
    if (before != 0) write_tagged_macs(begin, frame.at, out.vlan_id);
  } else {
    return false;
  }
  count_entered(now, frame.in, frame.bytes);
  TrafficCounters& counters = now.counters[frame.out];
  counters.tx_packets.add(1);
  counters.tx_bytes.add(frame.bytes);
  put_in_queue(now, out.port, mbuf);
  return true;
}

// --- the order of those that are left

// Bits of senders and receivers. What was not read as a tunnel's frame may be one, and is known by
// its outer addresses.
struct LeftPairs {
  uint64_t macs = 0, addresses = 0;

  static uint64_t mac_bit(uint64_t source, uint64_t destination) noexcept {
    return pair_bit(source << 16, destination << 16);  // without the network
  }
  bool may_have(const BridgedFrame& frame) const noexcept {
    return (macs & mac_bit(frame.source, frame.destination)) != 0 ||
           (addresses != 0 && frame.by_tunnel && (addresses & pair_bit_of(frame.mbuf)) != 0);
  }
  void add(const BridgedFrame& frame) noexcept { macs |= mac_bit(frame.source, frame.destination); }
  void add_unread(const rte_mbuf* mbuf) noexcept {
    addresses |= pair_bit_of(mbuf);
    if (mbuf->data_len < sizeof(EthernetHeader)) return;
    const uint8_t* begin = rte_pktmbuf_mtod(mbuf, const uint8_t*);
    macs |= mac_bit(mac_bits(begin + sizeof(MacAddr)), mac_bits(begin));
  }
};

// Sends those from `first` on that need not wait for others; the rest is kept in order. Returns how
// many are kept.
[[gnu::noinline]] unsigned send_in_order(BridgedBurst& burst, unsigned first,
                                         uint64_t& bytes) noexcept {
  Sending now(burst);
  LeftPairs pairs;
  unsigned kept = 0;
  unsigned next = first;
  for (unsigned i = first == 0 ? 0 : burst.frames[first - 1].index + 1u; i < burst.n; ++i) {
    rte_mbuf* mbuf = burst.mbufs[i];
    if ((burst.unread & bit_of(i)) != 0) {
      pairs.add_unread(mbuf);
      burst.mbufs[kept++] = mbuf;
      continue;
    }
    const BridgedFrame& frame = burst.frames[next];
    const uint32_t frame_bytes = mbuf->pkt_len;
    if (frame.out != 0 && !pairs.may_have(frame) && send(now, frame)) {
      bytes += frame_bytes;
    } else {
      pairs.add(frame);
      burst.mbufs[kept++] = mbuf;
    }
    ++next;
  }
  count_entered(now, 0, 0);
  return kept;
}

// All, up to the first one that is left.
[[gnu::noinline]] unsigned send_all(BridgedBurst& burst, uint64_t& bytes) noexcept {
  Sending now(burst);
  unsigned sent = 0;
  uint64_t sum = 0;
  if (burst.unread == 0) [[likely]]
    for (; sent < burst.count; ++sent) {
      const BridgedFrame& frame = burst.frames[sent];
      const uint32_t frame_bytes = frame.mbuf->pkt_len;
      if (frame.out == 0 || !send(now, frame)) [[unlikely]]
        break;
      sum += frame_bytes;
    }
  count_entered(now, 0, 0);
  bytes = sum;
  if (sent == burst.n) [[likely]]
    return 0;
  return send_in_order(burst, sent, bytes);
}

}  // namespace

unsigned send_bridged(Worker& worker, PortId port_id, rte_mbuf** mbufs, unsigned n) noexcept {
  ExpressUse& use = worker.bridged_use[port_id];
  if (is_skipped(use, n)) [[unlikely]]
    return n;
  BridgedBurst burst(worker, port_id, mbufs, n);
  for (unsigned i = 0; i < n && i < kPrefetchAhead; ++i) rte_prefetch0(frame_of(mbufs[i]));
  if (burst.port.is_underlay)
    read_underlay(burst);
  else
    read_members(burst);
  unsigned kept = n;
  uint64_t bytes = 0;
  if (burst.count != 0) {
    look_up(burst);
    kept = send_all(burst, bytes);
  }
  note_taken(worker, port_id, use, n, kept, bytes);
  return kept;
}

}  // namespace adit
