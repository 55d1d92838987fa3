// SPDX-License-Identifier: Apache-2.0
#include "balance/handed_over.h"

#include "balance/new_connection.h"
#include "balance/persistence.h"

namespace adit {
namespace {

void begin_packet(Packet& packet, rte_mbuf* mbuf, const HandoverMeta& meta) noexcept {
  packet.mbuf = mbuf;
  packet.drop = DropReason::kNone;
  packet.in = 0;
  packet.network = meta.vrf;
  packet.origin = origin_in(meta.vrf);
  packet.via = nullptr;
  packet.translated = false;
  packet.handed_over = true;
  packet.may_fragment = meta.may_fragment;
}

}  // namespace

void accept_handed_over(Worker& worker, std::span<rte_mbuf* const> mbufs) noexcept {
  ADIT_ASSERT(mbufs.size() <= worker.packets.size());
  Packet* packet = worker.packets.data();
  for (rte_mbuf* mbuf : mbufs) {
    const HandoverMeta meta = handover_of(mbuf);
    begin_packet(*packet, mbuf, meta);
    switch (meta.kind) {
      case HandoverMeta::Kind::kPacket:
        worker.routed.push(*packet);
        break;
      case HandoverMeta::Kind::kFragment:
        packet->handed_over = false;  // its connection may be another worker's
        worker.routed.push(*packet);
        break;
      case HandoverMeta::Kind::kOuterFragment:
        worker.handed_frames.push(*packet);
        break;
      case HandoverMeta::Kind::kResolve:
        answer_resolve(worker, *packet, meta);
        break;
      case HandoverMeta::Kind::kResolved:
      case HandoverMeta::Kind::kSorry:
        resume(worker, *packet, meta);
        break;
    }
    ++packet;
  }
}

}  // namespace adit
