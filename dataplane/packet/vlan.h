// SPDX-License-Identifier: Apache-2.0
// 802.1Q tags, put on and taken off in place.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstring>

#include "adit/wire.h"
#include "packet/inner.h"
#include "packet/packet.h"

namespace adit {

inline constexpr unsigned kMacsLen = 2 * sizeof(MacAddr);

// Copies both MACs; the places may overlap.
inline void move_macs(uint8_t* to, const uint8_t* from) noexcept {
  std::array<uint8_t, kMacsLen> macs;  // in registers: memmove would be a call
  std::memcpy(macs.data(), from, kMacsLen);
  std::memcpy(to, macs.data(), kMacsLen);
}

// Takes off the first tag; the frame's first segment must hold it.
inline void strip_vlan(rte_mbuf* mbuf) noexcept {
  uint8_t* frame = frame_of(mbuf);
  move_macs(frame + sizeof(VlanTag), frame);
  cut_front(mbuf, sizeof(VlanTag));
}

// A frame with a VLAN id of 0 belongs to no VLAN: its tag, 802.1Q's or 802.1ad's, carries a
// priority alone, and the frame is what it is without (802.1Q section 6.9.1). Takes such tags off,
// as many as lead the frame; false where it ends inside of a tag.
[[gnu::cold, gnu::noinline]] inline bool strip_priority_tags(rte_mbuf* mbuf) noexcept {
  constexpr unsigned kMostTags = 4;  // what is deeper nested stays, and is refused as a tag
  for (unsigned i = 0; i < kMostTags; ++i) {
    const uint8_t* frame = frame_of(mbuf);
    if (!is_vlan_type(reinterpret_cast<const EthernetHeader*>(frame)->ether_type)) return true;
    if (mbuf->data_len < sizeof(EthernetHeader) + sizeof(VlanTag)) return false;
    const auto* tag = reinterpret_cast<const VlanTag*>(frame + sizeof(EthernetHeader));
    if ((tag->tci.host() & kVlanIdMask) != 0) return true;
    strip_vlan(mbuf);
  }
  return true;
}

// The same, and leaves them: what is behind them, and its type. False: it is in a VLAN, or the
// frame ends inside of a tag.
[[gnu::cold, gnu::noinline]] inline bool skip_priority_tags(const rte_mbuf* mbuf, unsigned& behind,
                                                            be16& type) noexcept {
  constexpr unsigned kMostTags = 4;
  for (unsigned i = 0; i < kMostTags && is_vlan_type(type); ++i) {
    if (mbuf->data_len < behind + sizeof(VlanTag)) return false;
    const auto* tag = rte_pktmbuf_mtod_offset(mbuf, const VlanTag*, behind);
    if ((tag->tci.host() & kVlanIdMask) != 0) return false;
    type = tag->ether_type;
    behind += unsigned{sizeof(VlanTag)};
  }
  return !is_vlan_type(type);
}

// Writes the 16 bytes of MACs and tag; `macs` may overlap `out`.
inline void write_tagged_macs(uint8_t* out, const uint8_t* macs, uint16_t vlan_id) noexcept {
  move_macs(out, macs);
  const be16 words[2] = {be16(kEtherTypeVlan), be16(vlan_id)};
  std::memcpy(out + kMacsLen, words, sizeof words);
}

// False when there is no headroom. The buffer must not be shared.
inline bool push_vlan(rte_mbuf* mbuf, uint16_t vlan_id) noexcept {
  const uint8_t* macs = frame_of(mbuf);
  char* out = rte_pktmbuf_prepend(mbuf, sizeof(VlanTag));
  if (out == nullptr) return false;
  write_tagged_macs(reinterpret_cast<uint8_t*>(out), macs, vlan_id);
  return true;
}

}  // namespace adit
