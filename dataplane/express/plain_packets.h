// SPDX-License-Identifier: Apache-2.0
// The packets of a burst, as the express lane of established connections reads them.
#pragma once

#include "express/lane.h"

namespace adit {

// What the lane knows of a packet.
struct PlainPacket {
  FlowKey key;
  uint64_t hash;
  rte_mbuf* mbuf;
  uint32_t ip_bytes;  // of the IP packet
  uint32_t end;       // TCP: the sequence number behind the segment
  uint32_t ack;       // TCP: what it acknowledges
  ConnectionTable::Guess guess;
  PortId out;     // where it leaves
  uint8_t index;  // in the burst
};

struct PlainBurst {
  PlainBurst(Worker& its_worker, rte_mbuf** its_mbufs, unsigned its_n) noexcept
      : worker(its_worker), mbufs(its_mbufs), n(its_n) {}

  Worker& worker;
  rte_mbuf** mbufs;
  unsigned n;
  Room<PlainPacket> plain;     // those that were read, in their order
  unsigned count = 0;          // of them
  uint32_t bytes = 0;          // of their frames, as they came in
  uint64_t unread = 0;         // bits of the others
  bool from_peers = false;     // read_handed_over()
  bool may_hand_over = false;  // a packet may be of another worker's connection
  unsigned handed_over = 0;    // of them
};

// Reads what is plain in the burst: untagged IPv4 or IPv6 without options, TCP or UDP, whole, and
// prefetches where the table may have its connection. The burst came in by the port.
void read_plain_packets(PlainBurst& burst, const PortEntry& port) noexcept;

// The same of what other workers handed over (worker/handover.h). What is plain gets an Ethernet
// header once more, whose type is right and whose addresses are anything; the others stay as they
// are.
void read_handed_over(PlainBurst& burst) noexcept;

}  // namespace adit
