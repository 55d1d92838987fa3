// SPDX-License-Identifier: Apache-2.0
// The frames of a burst, as the express lane of bridged frames reads them.
#pragma once

#include "express/lane.h"
#include "express/outer.h"
#include "packet/inner.h"

namespace adit {

// What has to be changed in a frame, or is otherwise not as usual.
namespace special {
inline constexpr uint8_t kTagged = 1;       // a tag between its MACs and BridgedFrame::at is to go
inline constexpr uint8_t kOuterFields = 2;  // BridgedFrame::outer
inline constexpr uint8_t kMssClamp = 4;
inline constexpr uint8_t kNotLearned = 8;  // its network does not learn
}  // namespace special

// What the lane knows of a frame, in one cache line.
struct alignas(64) BridgedFrame {
  rte_mbuf* mbuf;
  uint8_t* at;                   // the frame as its network has it
  uint64_t source, destination;  // FDB keys
  BridgePortId in, out;          // 0: it is left to the pipeline
  uint32_t bytes;                // of the frame as its network has it
  uint8_t index;                 // in the burst
  uint8_t special;               // special::k...
  bool by_tunnel;                // it has an Outer
  OuterFields outer;             // with special::kOuterFields
};
static_assert(sizeof(BridgedFrame) == 64);

struct BridgedBurst {
  BridgedBurst(Worker& its_worker, PortId port_id, rte_mbuf** its_mbufs, unsigned its_n) noexcept
      : worker(its_worker),
        snapshot(*its_worker.snapshot),
        port(snapshot.ports[port_id]),
        mbufs(its_mbufs),
        n(its_n) {}

  Worker& worker;
  const Snapshot& snapshot;
  const PortEntry& port;
  rte_mbuf** mbufs;
  unsigned n;
  Room<BridgedFrame> frames;  // those that were read, in their order
  Room<Outer> outers;         // by the index in `frames`, of those that came in by a tunnel
  unsigned count = 0;         // of frames
  uint32_t bytes = 0;         // of the buffers of `frames`, as they came in
  uint64_t unread = 0;        // bits of those that are not in `frames`, by their index in the burst
};

// Reads what is plain in the burst and finds where it came in: BridgedFrame::in, and prefetches
// what the FDB has of its MACs. For a port with members alone, or of the underlay.
void read_members(BridgedBurst& burst) noexcept;
void read_underlay(BridgedBurst& burst) noexcept;

}  // namespace adit
