// SPDX-License-Identifier: Apache-2.0
// What one datagram's fragments become: their payload is copied to its place, and the whole packet
// gets its headers.
#include <algorithm>

#include "fragments/fragments.h"
#include "fragments/reassembly.h"
#include "packet/inner.h"
#include "packet/ip_packet.h"
#include "packet/segment.h"
#include "worker/worker.h"

namespace adit {
namespace {

constexpr uint32_t kMostPacketBytes = 65535;

// Length of the datagram as in its length field. IPv6 counts the extension headers before the
// fragment header.
uint32_t payload_end(const Fragment& fragment) noexcept {
  const uint32_t end = fragment.offset + fragment.bytes;
  if (!fragment.key.ipv6) return end;
  return end + fragment.fragment_header - fragment.ip - unsigned{sizeof(Ipv6Header)};
}

}  // namespace

void FragmentTable::clear_body(uint32_t slot) noexcept {
  const Entry& entry = entries_[slot];
  if (entry.extent == 0) return;
  Body& body = bodies_[slot];
  const unsigned words = (entry.extent / 8 + 64) / 64 + 1;
  std::fill_n(body.present.begin(), std::min<size_t>(words, body.present.size()), 0);
  std::fill_n(body.starts.begin(), std::min<size_t>(words, body.starts.size()), 0);
  for (rte_mbuf*& buffer : body.buffers) {
    rte_pktmbuf_free(buffer);  // null where there is none
    buffer = nullptr;
  }
}

bool FragmentTable::equals(uint32_t slot, const rte_mbuf* mbuf, const Fragment& fragment) noexcept {
  const Body& body = bodies_[slot];
  std::array<uint8_t, 256> piece;
  for (uint32_t done = 0; done < fragment.bytes;) {
    const uint32_t at = fragment.offset + done, in = at % payload_;
    const uint32_t bytes =
        std::min({fragment.bytes - done, payload_ - in, static_cast<uint32_t>(piece.size())});
    copy_from_mbuf(piece.data(), mbuf, fragment.payload + done, bytes);
    const auto* held = static_cast<const uint8_t*>(body.buffers[at / payload_]->buf_addr) +
                       RTE_PKTMBUF_HEADROOM + kMostFragmentHeader + in;
    if (std::memcmp(piece.data(), held, bytes) != 0) return false;
    done += bytes;
  }
  return true;
}

FragmentTable::Fit FragmentTable::fit(uint32_t slot, const rte_mbuf* mbuf,
                                      const Fragment& fragment) noexcept {
  const Entry& entry = entries_[slot];
  const Body& body = bodies_[slot];
  const uint32_t end = fragment.offset + fragment.bytes;
  const unsigned first = fragment.offset / 8, last = (end + 7) / 8;
  if (!any_bit(body.present, first, last)) {
    const bool beyond = entry.total != 0 && (end > entry.total || !fragment.more);
    return beyond || (!fragment.more && entry.extent > end) ? Fit::kOverlap : Fit::kNew;
  }
  // A duplicate has the same bounds as an earlier fragment.
  const bool is_last = entry.total != 0 && end == entry.total;
  const bool same = has_bit(body.starts, first) && all_bits(body.present, first, last) &&
                    !any_bit(body.starts, first + 1, last) && is_last == !fragment.more &&
                    (is_last || end % 8 == 0) &&
                    (has_bit(body.starts, last) || !has_bit(body.present, last));
  return same && equals(slot, mbuf, fragment) ? Fit::kCopy : Fit::kOverlap;
}

// False: see `why`; with k_fragment_evicted the slot is free again.
bool FragmentTable::make_buffers(Worker& worker, uint32_t slot, const Fragment& fragment,
                                 DropReason& why) noexcept {
  const unsigned begin = fragment.offset / payload_;
  const unsigned end = (fragment.offset + fragment.bytes - 1) / payload_ + 1;
  ADIT_ASSERT(end <= kMostBuffers);
  for (unsigned i = begin; i < end; ++i) {
    if (bodies_[slot].buffers[i] != nullptr) continue;
    why = DropReason::k_fragment_evicted;
    if (!make_room(worker, slot, room_)) return false;
    why = DropReason::k_no_buffer;
    rte_mbuf* buffer = rte_pktmbuf_alloc(worker.pool);
    if (buffer == nullptr) return false;
    bodies_[slot].buffers[i] = buffer;
    charge(entries_[slot], room_);
    // So that clear_body() frees it.
    entries_[slot].extent = std::max(entries_[slot].extent, 1u);
  }
  return true;
}

void FragmentTable::copy_in(Worker& worker, uint32_t slot, const rte_mbuf* mbuf,
                            const Fragment& fragment) noexcept {
  Entry& entry = entries_[slot];
  Body& body = bodies_[slot];
  const uint32_t end = fragment.offset + fragment.bytes;
  for (uint32_t done = 0; done < fragment.bytes;) {
    const uint32_t at = fragment.offset + done, in = at % payload_;
    const uint32_t bytes = std::min(fragment.bytes - done, payload_ - in);
    copy_from_mbuf(static_cast<uint8_t*>(body.buffers[at / payload_]->buf_addr) +
                       RTE_PKTMBUF_HEADROOM + kMostFragmentHeader + in,
                   mbuf, fragment.payload + done, bytes);
    done += bytes;
  }
  set_bits(body.present, fragment.offset / 8, (end + 7) / 8);
  set_bits(body.starts, fragment.offset / 8, fragment.offset / 8 + 1);
  entry.received += fragment.bytes;
  entry.extent = std::max(entry.extent, end);
  entry.largest = std::max(entry.largest, fragment.ip_bytes);
  if (!fragment.more) entry.total = end;
  ++entry.count;
  ++held_;
  if (fragment.offset != 0) return;
  rte_mbuf* head = body.buffers[0];
  ADIT_ASSERT(fragment.payload <= kMostFragmentHeader);
  copy_from_mbuf(static_cast<uint8_t*>(head->buf_addr) + RTE_PKTMBUF_HEADROOM +
                     kMostFragmentHeader - fragment.payload,
                 mbuf, 0, fragment.payload);
  head->port = mbuf->port;
  if (worker.observer != nullptr) rte_mbuf_dynfield_copy(head, mbuf);
  entry.first_bytes = fragment.bytes;
  entry.first_ecn = fragment.ecn;
  entry.ip = fragment.ip;
  entry.header = fragment.payload;
  entry.fragment_header = fragment.fragment_header;
  entry.next_header_at = fragment.next_header_at;
}

rte_mbuf* FragmentTable::add(Worker& worker, uint32_t slot, rte_mbuf* mbuf,
                             const Fragment& fragment) noexcept {
  const auto refuse = [&](DropReason reason) noexcept {
    drop(worker, mbuf, reason);
    return nullptr;
  };
  const bool odd = fragment.more && fragment.bytes % 8 != 0;
  if (fragment.bytes == 0 || odd) {
    if (odd && fragment.key.ipv6)
      report_wrong_fragment(worker, mbuf, fragment, offsetof(Ipv6Header, payload_length));
    return refuse(DropReason::k_fragment_length);
  }
  // The first fragment's header may be longer: write_headers() checks again.
  if (payload_end(fragment) > kMostPacketBytes) {
    spoil(worker, slot, DropReason::k_fragment_length);
    if (fragment.key.ipv6)
      report_wrong_fragment(worker, mbuf, fragment, fragment.fragment_header - fragment.ip + 2);
    return refuse(DropReason::k_fragment_length);
  }
  if (is_pending_offload(mbuf)) return refuse(DropReason::k_offload_malformed);
  entries_[slot].ecn_seen |= static_cast<uint8_t>(1u << fragment.ecn);
  switch (fit(slot, mbuf, fragment)) {
    case Fit::kCopy:
      return refuse(DropReason::k_fragment_duplicate);
    case Fit::kOverlap:
      spoil(worker, slot, DropReason::k_fragment_overlap);
      return refuse(DropReason::k_fragment_overlap);
    case Fit::kNew:
      break;
  }
  DropReason why = DropReason::kNone;
  if (!make_buffers(worker, slot, fragment, why)) return refuse(why);
  copy_in(worker, slot, mbuf, fragment);
  Entry& entry = entries_[slot];
  if (worker.observer != nullptr)
    append(entry, mbuf);
  else
    discard(worker, mbuf);
  return entry.received == entry.total ? finish(worker, slot) : nullptr;
}

// RFC 3168 section 5.3: CE on one fragment is on the whole packet, which is dropped if another
// fragment was not ECN-capable.
DropReason FragmentTable::write_headers(rte_mbuf* mbuf, const Entry& entry) noexcept {
  const bool ce = (entry.ecn_seen & 1u << kEcnCe) != 0;
  if (ce && (entry.ecn_seen & 1) != 0) return DropReason::k_ecn_illegal;
  if (!entry.key.ipv6) {
    if (entry.header - entry.ip + entry.total > kMostPacketBytes)
      return DropReason::k_fragment_length;
    auto* ip = rte_pktmbuf_mtod_offset(mbuf, Ipv4Header*, entry.ip);
    ip->total_length = be16(static_cast<uint16_t>(entry.header - entry.ip + entry.total));
    ip->fragment = be16(static_cast<uint16_t>(ip->fragment.host() & kIpv4DontFragment));
    if (ce) ip->tos |= kEcnCe;
    write_ipv4_checksum(ip);
    return DropReason::kNone;
  }
  const uint32_t before = entry.fragment_header - entry.ip - unsigned{sizeof(Ipv6Header)};
  if (before + entry.total > kMostPacketBytes) return DropReason::k_fragment_length;
  take_off_fragment_header(mbuf, entry.ip, entry.fragment_header, entry.next_header_at);
  auto* ip = rte_pktmbuf_mtod_offset(mbuf, Ipv6Header*, entry.ip);
  ip->payload_length = be16(static_cast<uint16_t>(before + entry.total));
  if (ce) ip->version_class_label = be32(ip->version_class_label.host() | uint32_t{kEcnCe} << 20);
  return DropReason::kNone;
}

rte_mbuf* FragmentTable::finish(Worker& worker, uint32_t slot) noexcept {
  const Entry& entry = entries_[slot];
  Body& body = bodies_[slot];
  const unsigned count = (entry.total - 1) / payload_ + 1;
  rte_mbuf* head = body.buffers[0];
  for (unsigned i = 0; i < count; ++i) {
    rte_mbuf* buffer = body.buffers[i];
    ADIT_ASSERT(buffer != nullptr);
    buffer->data_off = RTE_PKTMBUF_HEADROOM + kMostFragmentHeader;
    buffer->data_len = static_cast<uint16_t>(std::min(payload_, entry.total - i * payload_));
    buffer->next = i + 1 < count ? body.buffers[i + 1] : nullptr;
  }
  head->nb_segs = static_cast<uint16_t>(count);
  head->pkt_len = entry.total;
  put_front(head, entry.header);
  if (const DropReason why = write_headers(head, entry); why != DropReason::kNone) {
    for (unsigned i = 0; i < count; ++i) body.buffers[i]->next = nullptr;
    head->nb_segs = 1;
    drop_held(worker, slot, why);
    erase(slot);
    return nullptr;
  }
  set_put_together(head, {entry.key.id, static_cast<uint16_t>(entry.largest),
                          source_tag(entry.key.source, vrf_of(entry.key.place))});
  body.buffers.fill(nullptr);
  rte_mbuf* named = take_kept(slot);
  while (rte_mbuf* mbuf = pop(named)) discard(worker, mbuf);
  worker.counters.consumed.add(entry.count - 1u);
  held_ -= entry.count;
  erase(slot);
  return head;
}

}  // namespace adit
