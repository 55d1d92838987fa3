// SPDX-License-Identifier: Apache-2.0
#include "express/bridged_frames.h"

#include <rte_prefetch.h>

#include "packet/mac_bits.h"

namespace adit {
namespace {

// --- what is plain

// The network that frames enter, as far as reading them needs it.
struct Entry {
  explicit Entry(const Snapshot& snapshot, BridgePortId id) noexcept
      : in(id),
        flags(snapshot.bridge_ports[id].flags),
        network(uint64_t{snapshot.bridge_ports[id].network} << 48) {
    if (flags & BridgePort::kHasGateway)
      gateway = snapshot.networks[snapshot.bridge_ports[id].network].gateway_key;
  }
  BridgePortId in;
  uint8_t flags;
  uint64_t network;      // as in FDB keys
  uint64_t gateway = 0;  // FDB key of the gateway's MAC
};

// Whether a network takes frames with tags of their own. Where any could leave in a VLAN of others,
// the pipeline alone looks at them.
bool takes_tags(const Snapshot& snapshot, uint8_t flags) noexcept {
  return (flags & BridgePort::kCarryVlans) != 0 && !snapshot.guards_vlans;
}

bool fits_network(const Snapshot& snapshot, const Entry& entry,
                  const BridgedFrame& frame) noexcept {
  const be16 type = reinterpret_cast<const EthernetHeader*>(frame.at)->ether_type;
  return !is_vlan_type(type) || takes_tags(snapshot, entry.flags);
}

// The frame's MACs are at `macs`.
[[gnu::always_inline]] inline bool read_inside(const Fdb::View& fdb, const Entry& entry,
                                               const uint8_t* macs, BridgedFrame& frame) noexcept {
  const uint64_t destination = entry.network | mac_bits(macs);
  const uint64_t source = entry.network | mac_bits(macs + sizeof(MacAddr));
  fdb.prefetch(source);
  fdb.prefetch(destination);
  frame.in = entry.in;
  frame.source = source;
  frame.destination = destination;
  if (is_group_mac(source | destination) || source == entry.network) [[unlikely]]
    return false;
  // What reading does not depend on. Of any other flag, the pipeline alone knows what it means.
  constexpr uint8_t kOthers = BridgePort::kCarryVlans | BridgePort::kTooBigIcmp |
                              BridgePort::kTooBigFragment | BridgePort::kGuardsVlans;
  constexpr uint8_t kKnown =
      kOthers | BridgePort::kLearning | BridgePort::kHasGateway | BridgePort::kMssClamp;
  if ((entry.flags | kOthers) != (BridgePort::kLearning | kOthers)) {
    if ((entry.flags | kKnown) != kKnown) return false;
    if (entry.flags & BridgePort::kMssClamp) frame.special |= special::kMssClamp;
    if (!(entry.flags & BridgePort::kLearning)) frame.special |= special::kNotLearned;
    return source != entry.gateway && destination != entry.gateway;
  }
  return true;
}

// Where a tagged frame belongs; its tag is to be taken off where that names the member. 0: left.
BridgePortId member_of_tag(const Snapshot& snapshot, const PortEntry& port,
                           BridgedFrame& frame) noexcept {
  const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame.at);
  if (ethernet.ether_type != be16(kEtherTypeVlan) ||
      frame.bytes < sizeof ethernet + sizeof(VlanTag))
    return 0;
  const auto& tag = *reinterpret_cast<const VlanTag*>(frame.at + sizeof ethernet);
  const uint16_t vlan_id = tag.tci.host() & kVlanIdMask;
  if (vlan_id == 0 ||
      (!port.subinterface_by_vlan.empty() && port.subinterface_by_vlan[vlan_id] != 0))
    return 0;
  if (!port.by_vlan.empty() && port.by_vlan[vlan_id] != 0) {
    frame.special = special::kTagged;
    frame.at += sizeof(VlanTag);
    frame.bytes -= unsigned{sizeof(VlanTag)};
    return port.by_vlan[vlan_id];
  }
  return takes_tags(snapshot, snapshot.bridge_ports[port.untagged].flags) ? port.untagged : 0;
}

bool read_tagged(const Fdb::View& fdb, const Snapshot& snapshot, const PortEntry& port,
                 BridgedFrame& frame) noexcept {
  const uint8_t* macs = frame.at;
  const BridgePortId in = member_of_tag(snapshot, port, frame);
  if (in == 0) return false;
  const Entry entry(snapshot, in);
  return read_inside(fdb, entry, macs, frame) && fits_network(snapshot, entry, frame);
}

[[gnu::always_inline]] inline be16 begin_frame(BridgedFrame& frame, rte_mbuf* mbuf,
                                               unsigned index) noexcept {
  frame.mbuf = mbuf;
  frame.at = frame_of(mbuf);
  frame.bytes = mbuf->data_len;
  frame.index = static_cast<uint8_t>(index);
  frame.special = 0;
  frame.by_tunnel = false;
  return reinterpret_cast<const EthernetHeader*>(frame.at)->ether_type;
}

// --- tunnels: whose frame it is

[[gnu::always_inline]] inline bool find_sender(const Fdb::View& fdb, const Snapshot& snapshot,
                                               const Outer& outer, BridgedFrame& frame) noexcept {
  const BridgePortId in = outer.senders->find(outer.sender, outer.hash);
  const BridgePort& remote = snapshot.bridge_ports[in];
  if (remote.kind != BridgePortKind::kTunnel) [[unlikely]] {
    frame.source = frame.destination = 0;
    return false;
  }
  frame.at += outer.inside;
  frame.bytes = outer.end - outer.inside;
  constexpr uint8_t kUniform = outer::kUniformDscp | outer::kUniformTtl;
  if ((outer.tos & kEcnMask) != 0 || (remote.outer & kUniform) != 0) {
    frame.special |= special::kOuterFields;
    frame.outer = {outer.tos, outer.ttl, (remote.outer & outer::kUniformDscp) != 0,
                   (remote.outer & outer::kUniformTtl) != 0};
  }
  const Entry entry(snapshot, in);
  return read_inside(fdb, entry, frame.at, frame) && fits_network(snapshot, entry, frame);
}

[[gnu::noinline]] void find_senders(BridgedBurst& burst) noexcept {
  const Fdb::View fdb = burst.worker.fdb->view();
  const Snapshot& snapshot = burst.snapshot;
  const Outer* outer = burst.outers.packets.data();
  BridgedFrame* const end = burst.frames.packets.data() + burst.count;
  for (BridgedFrame* frame = burst.frames.packets.data(); frame != end; ++frame, ++outer)
    if (frame->by_tunnel && !find_sender(fdb, snapshot, *outer, *frame)) [[unlikely]]
      frame->in = 0;
}

}  // namespace

void read_members(BridgedBurst& burst) noexcept {
  const Snapshot& snapshot = burst.snapshot;
  const PortEntry& port = burst.port;
  const Fdb::View fdb = burst.worker.fdb->view();
  rte_mbuf** const mbufs = burst.mbufs;
  const unsigned n = burst.n;
  const Entry untagged(snapshot, port.untagged);
  BridgedFrame* frame = burst.frames.packets.data();
  uint64_t unread = 0;
  for (unsigned i = 0; i < n; ++i) {
    if (i + kPrefetchAhead < n) rte_prefetch0(frame_of(mbufs[i + kPrefetchAhead]));
    rte_mbuf* mbuf = mbufs[i];
    if (is_plain_buffer(mbuf) && mbuf->data_len >= sizeof(EthernetHeader)) [[likely]] {
      const be16 type = begin_frame(*frame, mbuf, i);
      const bool is_read = is_vlan_type(type)
                               ? read_tagged(fdb, snapshot, port, *frame)
                               : untagged.in != 0 && read_inside(fdb, untagged, frame->at, *frame);
      if (is_read) [[likely]] {
        ++frame;
        continue;
      }
    }
    unread |= bit_of(i);
  }
  burst.count = static_cast<unsigned>(frame - burst.frames.packets.data());
  burst.unread = unread;
}

// Members may be there as well.
void read_underlay(BridgedBurst& burst) noexcept {
  const Snapshot& snapshot = burst.snapshot;
  const PortEntry& port = burst.port;
  const Fdb::View fdb = burst.worker.fdb->view();
  rte_mbuf** const mbufs = burst.mbufs;
  const unsigned n = burst.n;
  OuterReader reader(snapshot);
  BridgedFrame* frame = burst.frames.packets.data();
  Outer* outer = burst.outers.packets.data();
  uint64_t unread = 0;
  for (unsigned i = 0; i < n; ++i) {
    if (i + kPrefetchAhead < n) rte_prefetch0(frame_of(mbufs[i + kPrefetchAhead]));
    rte_mbuf* mbuf = mbufs[i];
    bool is_read = false;
    if (is_plain_buffer(mbuf) && mbuf->data_len >= sizeof(EthernetHeader)) [[likely]] {
      const be16 type = begin_frame(*frame, mbuf, i);
      const MacAddr& to = reinterpret_cast<const EthernetHeader*>(frame->at)->dst;
      if (to == port.mac && reader.read(mbuf, *outer)) [[likely]] {
        outer->senders->prefetch_hash(outer->hash);
        frame->by_tunnel = true;
        is_read = true;
      } else {
        is_read = is_vlan_type(type) && read_tagged(fdb, snapshot, port, *frame);
      }
    }
    if (is_read) [[likely]] {
      ++frame;
      ++outer;
    } else {
      unread |= bit_of(i);
    }
  }
  burst.count = static_cast<unsigned>(frame - burst.frames.packets.data());
  burst.unread = unread;
  find_senders(burst);
}

}  // namespace adit
