// SPDX-License-Identifier: Apache-2.0
#include "express/bridged.h"

#include <rte_prefetch.h>

#include "express/bridged_frames.h"
#include "express/wrap.h"
#include "packet/mac_bits.h"
#include "packet/mss.h"
#include "packet/vlan.h"
#include "worker/doors.h"
#include "worker/path_mtu.h"

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
  uint32_t bytes = 0;
  BridgedFrame* const end = burst.frames.packets.data() + burst.count;
  for (BridgedFrame* frame = burst.frames.packets.data(); frame != end; ++frame) {
    const BridgePortId in = frame->in;
    bytes += frame->mbuf->pkt_len;
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
  burst.bytes = bytes;
}

// --- wrap and send

// What the pipeline does to a frame on its way into its network. False: it drops it. What has been
// changed then, it would change in the same way.
[[gnu::cold, gnu::noinline]] bool change_inside(const Worker& worker,
                                                const BridgedFrame& frame) noexcept {
  if ((frame.special & special::kOuterFields) != 0 &&
      !apply_outer_fields(frame.at, frame.bytes, frame.outer))
    return false;
  if (frame.special & special::kTagged) move_macs(frame.at, frame.at - sizeof(VlanTag));
  if (frame.special & special::kMssClamp) {
    const auto& bridge_ports = worker.snapshot->bridge_ports;
    const uint32_t most = std::min(most_connection_bytes(worker, bridge_ports[frame.in]),
                                   most_frame_bytes(worker, bridge_ports[frame.out], true));
    clamp_mss(frame.at, frame.bytes, most, TcpChecksum::kComplete);
  }
  return true;
}

// What finishing frames has at hand, in registers as far as possible: no pointer to it is passed to
// anybody.
struct Finishing {
  explicit Finishing(BridgedBurst& burst) noexcept
      : worker(&burst.worker),
        bridge_ports(burst.snapshot.bridge_ports.data()),
        adjacencies(burst.worker.adjacencies) {}

  Worker* worker;
  const BridgePort* bridge_ports;
  const AdjacencyTable* adjacencies;
  // Of the last frame.
  BridgePortId in = 0;
  uint16_t split_group = 0;
};

// Whether something other than the bridge ports themselves decides what becomes of frames.
bool needs_care(const Worker& worker) noexcept {
  return !worker.held.empty() || worker.fits_all_paths != UINT32_MAX;
}

// Makes the frame what leaves by its bridge port. False: it is left.
template <bool kCareful>
[[gnu::always_inline]] inline bool finish(Finishing& now, const BridgedFrame& frame) noexcept {
  const BridgePort& out = now.bridge_ports[frame.out];
  if (frame.in != now.in) {
    now.in = frame.in;
    // No bridge port is in the last group; 0 is none.
    const uint16_t group = now.bridge_ports[frame.in].split_group;
    now.split_group = group != 0 ? group : UINT16_MAX;
  }
  if (out.network != frame.destination >> 48 || frame.bytes > out.max_frame_bytes ||
      out.split_group == now.split_group) [[unlikely]]
    return false;
  if (kCareful && frame.bytes > now.worker->fits_all_paths) return false;
  const auto* room = static_cast<const uint8_t*>(frame.mbuf->buf_addr);
  if (out.kind == BridgePortKind::kTunnel) {
    const unsigned before = out.header_len;
    uint8_t* header = frame.at - before;
    const uint64_t next_hop = now.adjacencies->load(out.adjacency);
    if (out.plain_outer == PlainOuter::kNone || next_hop == 0 || header < room) [[unlikely]]
      return false;
    // How long segments may be depends on the paths.
    if (kCareful && (now.worker->held.waiting_for(out.adjacency) != 0 || out.segment_bytes != 0))
      return false;
    if (out.segment_bytes != 0 && !is_one_segment(out, frame.at, frame.bytes)) return false;
    if (frame.special != 0 && !change_inside(*now.worker, frame)) [[unlikely]]
      return false;
    set_begin(frame, header, before);
    if (out.plain_outer == PlainOuter::kUdpIpv4) [[likely]]
      wrap_udp_ipv4(*now.worker, out, next_hop, frame, header);
    else
      wrap_other(*now.worker, out, next_hop, frame, header);
    return true;
  }
  if (out.kind != BridgePortKind::kAccess) [[unlikely]]
    return false;
  const unsigned before = out.vlan_id != 0 ? unsigned{sizeof(VlanTag)} : 0;
  uint8_t* begin = frame.at - before;
  if (begin < room) [[unlikely]]
    return false;
  if (frame.special != 0 && !change_inside(*now.worker, frame)) [[unlikely]]
    return false;
  set_begin(frame, begin, before);
  if (before != 0) write_tagged_macs(begin, frame.at, out.vlan_id);
  return true;
}

// What came in by one bridge port.
struct Entered {
  BridgePortId in = 0;
  uint32_t packets = 0;
  uint64_t bytes = 0;
};

inline void enter_together(Worker& worker, const Entered& entered) noexcept {
  if (entered.packets != 0) enter(worker, entered.in, entered.packets, entered.bytes);
}

// Lets frames that finish() has made pass the doors, and puts them in the queues.
[[gnu::always_inline]] inline void enqueue(Worker& worker, const BridgePort* bridge_ports,
                                           const BridgedFrame* frame,
                                           const BridgedFrame* end) noexcept {
  const Exits exits(worker);
  Entered entered;
  Enqueuer queues(worker);
  for (; frame != end; ++frame) {
    const uint32_t bytes = frame->bytes;
    if (frame->in != entered.in) {
      enter_together(worker, entered);
      entered = {.in = frame->in, .packets = 0, .bytes = 0};
    }
    ++entered.packets;
    entered.bytes += bytes;
    exits.leave(frame->out, bytes);
    queues.put(bridge_ports[frame->out].port, frame->mbuf);
  }
  enter_together(worker, entered);
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
[[gnu::noinline]] unsigned send_in_order(BridgedBurst& burst, unsigned first) noexcept {
  Finishing now(burst);
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
    const BridgedFrame& frame = burst.frames[next++];
    const uint32_t bytes = mbuf->pkt_len;
    if (frame.out != 0 && !pairs.may_have(frame) && finish<true>(now, frame)) {
      enqueue(burst.worker, now.bridge_ports, &frame, &frame + 1);
    } else {
      pairs.add(frame);
      burst.bytes -= bytes;
      burst.mbufs[kept++] = mbuf;
    }
  }
  return kept;
}

// Returns the first frame that is left.
[[gnu::noinline]] const BridgedFrame* finish_all(BridgedBurst& burst) noexcept {
  Finishing now(burst);
  const BridgedFrame* frame = burst.frames.packets.data();
  const BridgedFrame* const end = frame + burst.count;
  while (frame != end && frame->out != 0 && finish<false>(now, *frame)) ++frame;
  return frame;
}

// All, up to the first one that is left. Returns how many are sent.
[[gnu::noinline]] unsigned send_all(BridgedBurst& burst) noexcept {
  const BridgedFrame* const begin = burst.frames.packets.data();
  const BridgedFrame* const end = finish_all(burst);
  enqueue(burst.worker, burst.snapshot.bridge_ports.data(), begin, end);
  return static_cast<unsigned>(end - begin);
}

// Returns how many are kept, in their order, and leaves in BridgedBurst::bytes those of the others.
unsigned send_read(BridgedBurst& burst) noexcept {
  const bool at_once = burst.unread == 0 && !needs_care(burst.worker);
  const unsigned sent = at_once ? send_all(burst) : 0;
  return sent == burst.n ? 0 : send_in_order(burst, sent);
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
  if (burst.count != 0) {
    look_up(burst);
    kept = send_read(burst);
  }
  note_taken(worker, port_id, use, n, kept, burst.bytes);
  worker.counters.express.add(n - kept);
  return kept;
}

}  // namespace adit
