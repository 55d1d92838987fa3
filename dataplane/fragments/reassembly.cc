// SPDX-License-Identifier: Apache-2.0
#include "fragments/reassembly.h"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>
#include <utility>

#include "fragments/fragments.h"
#include "packet/inner.h"
#include "packet/ip_packet.h"
#include "packet/segment.h"
#include "worker/worker.h"

namespace adit {
namespace {

constexpr uint32_t kMostPacketBytes = 65535;
// What a datagram takes beside its buffers.
constexpr int64_t kDatagramBytes = 2688;

uint64_t buffer_bytes(const rte_mbuf* mbuf) noexcept {
  uint64_t bytes = 0;
  for (; mbuf != nullptr; mbuf = mbuf->next) bytes += mbuf->buf_len;
  return bytes;
}

// Kept buffers are linked by a field that only means something on the way out.
rte_mbuf* next_of(const rte_mbuf* mbuf) noexcept {
  return std::bit_cast<rte_mbuf*>(mbuf->tx_offload);
}
void set_next(rte_mbuf* mbuf, rte_mbuf* next) noexcept {
  mbuf->tx_offload = std::bit_cast<uint64_t>(next);
}

uint32_t payload_of_buffer(uint32_t room) noexcept {
  return (room - RTE_PKTMBUF_HEADROOM - kMostFragmentHeader) & ~7u;
}

// Of the datagram, as its length field would tell it. IPv6 counts the headers before the
// fragment's.
uint32_t payload_end(const Fragment& fragment) noexcept {
  const uint32_t end = fragment.offset + fragment.bytes;
  if (!fragment.key.ipv6) return end;
  return end + fragment.fragment_header - fragment.ip - unsigned{sizeof(Ipv6Header)};
}

}  // namespace

FragmentTable::FragmentTable(uint32_t room_bytes, uint64_t seed)
    : room_(room_bytes),
      payload_(payload_of_buffer(room_bytes)),
      entries_(kMostDatagrams, seed),
      shares_(kMostDatagrams, seed + 1),
      by_sender_(kMostDatagrams) {
  if (room_bytes < RTE_PKTMBUF_HEADROOM + kMostFragmentHeader + 65536 / kMostBuffers)
    throw std::runtime_error("buffers of " + std::to_string(room_bytes) +
                             " bytes are too small to put fragments together");
}

FragmentTable::~FragmentTable() {
  for (uint32_t slot = oldest_first_.front(); slot != kNoSlot; slot = entries_[slot].by_age.next) {
    rte_mbuf* kept = take_kept(slot);
    while (rte_mbuf* mbuf = pop(kept)) rte_pktmbuf_free(mbuf);
    for (rte_mbuf* buffer : bodies_[slot].buffers) rte_pktmbuf_free(buffer);
  }
  VrfId vrf = 0;
  while (rte_mbuf* mbuf = take_released(vrf)) rte_pktmbuf_free(mbuf);
}

// --- datagrams

bool FragmentTable::is_expired(const Worker& worker, const Entry& entry) const noexcept {
  return worker.now_ns - entry.first_ns >= worker.snapshot->fragment_limits.expiry_ns;
}

uint32_t FragmentTable::find(Worker& worker, const FragmentKey& key) noexcept {
  const uint32_t slot = entries_.find(key);
  if (slot == kNoSlot || !is_expired(worker, entries_[slot])) [[likely]]
    return slot;
  // expire() has not come to it yet, and the id is in use again.
  if (entries_[slot].state == State::kCollecting) tell_expired(worker, slot);
  drop_held(worker, slot, DropReason::k_ip_reassembly);
  erase(slot);
  return kNoSlot;
}

uint32_t FragmentTable::begin(Worker& worker, const FragmentKey& key, State state) noexcept {
  if (datagrams_ == kMostDatagrams) {
    const uint32_t any = entries_[oldest_first_.front()].sender;
    evict(worker, by_sender_[shares_.heaviest(any, 0)].front());
  }
  const uint32_t slot = entries_.insert(key);
  ADIT_ASSERT(slot != kNoSlot);
  Entry& entry = entries_[slot];
  entry.sender = shares_.join(key);
  entry.first_ns = worker.now_ns;
  entry.first_kept = entry.last_kept = nullptr;
  entry.bytes = entry.received = entry.extent = entry.total = entry.largest = 0;
  entry.first_bytes = 0;
  entry.count = 0;
  entry.ecn_seen = 0;
  entry.owner = 0;
  entry.state = state;
  oldest_first_.push_back(entries_, &Entry::by_age, slot);
  by_sender_[entry.sender].push_back(entries_, &Entry::by_sender_age, slot);
  ++datagrams_;
  if (!make_room(worker, slot, kDatagramBytes)) return kNoSlot;
  charge(entries_[slot], kDatagramBytes);
  return slot;
}

void FragmentTable::charge(Entry& entry, int64_t bytes) noexcept {
  entry.bytes += static_cast<uint32_t>(bytes);
  shares_.charge(entry.sender, bytes);
}

// Until `bytes` more fit. False: the datagram itself had to go.
bool FragmentTable::make_room(Worker& worker, uint32_t slot, uint64_t bytes) noexcept {
  while (shares_.bytes() + bytes > worker.snapshot->fragment_limits.max_bytes) {
    const uint32_t victim = by_sender_[shares_.heaviest(entries_[slot].sender, bytes)].front();
    evict(worker, victim);
    if (victim == slot) return false;
  }
  return true;
}

void FragmentTable::evict(Worker& worker, uint32_t slot) noexcept {
  drop_held(worker, slot, DropReason::k_fragment_evicted);
  erase(slot);
}

// Nothing of the datagram is of use, nor what is still to come of it.
void FragmentTable::spoil(Worker& worker, uint32_t slot, DropReason reason) noexcept {
  drop_held(worker, slot, reason);
  clear_body(slot);
  Entry& entry = entries_[slot];
  charge(entry, kDatagramBytes - int64_t{entry.bytes});
  entry.extent = entry.first_bytes = 0;
  entry.state = State::kSpoilt;
}

void FragmentTable::erase(uint32_t slot) noexcept {
  clear_body(slot);
  Entry& entry = entries_[slot];
  charge(entry, -int64_t{entry.bytes});
  ADIT_ASSERT(entry.first_kept == nullptr && datagrams_ != 0);
  oldest_first_.remove(entries_, &Entry::by_age, slot);
  by_sender_[entry.sender].remove(entries_, &Entry::by_sender_age, slot);
  shares_.leave(entry.sender);
  entries_.erase(slot);
  --datagrams_;
}

void FragmentTable::expire(Worker& worker) noexcept {
  for (unsigned i = 0; i < kMostExpired; ++i) {
    const uint32_t oldest = oldest_first_.front();
    if (oldest == kNoSlot || !is_expired(worker, entries_[oldest])) return;
    if (entries_[oldest].state == State::kCollecting) tell_expired(worker, oldest);
    drop_held(worker, oldest, DropReason::k_ip_reassembly);
    erase(oldest);
  }
}

// RFC 1122 section 3.3.2, RFC 4443 section 3.3: only where the first one came.
void FragmentTable::tell_expired(Worker& worker, uint32_t slot) noexcept {
  const Entry& entry = entries_[slot];
  if (entry.first_bytes == 0) return;
  ADIT_ASSERT(bodies_[slot].buffers[0] != nullptr);
  rte_mbuf* mbuf = bodies_[slot].buffers[0];
  mbuf->data_off = static_cast<uint16_t>(RTE_PKTMBUF_HEADROOM + kMostFragmentHeader - entry.header);
  mbuf->data_len = static_cast<uint16_t>(entry.header + std::min(entry.first_bytes, payload_));
  mbuf->pkt_len = mbuf->data_len;
  report_reassembly_time(worker, entry.key.place, mbuf, entry.ip);
}

// --- fragments as they came

void FragmentTable::append(Entry& entry, rte_mbuf* mbuf) noexcept {
  set_next(mbuf, nullptr);
  if (entry.first_kept == nullptr)
    entry.first_kept = mbuf;
  else
    set_next(entry.last_kept, mbuf);
  entry.last_kept = mbuf;
}

void FragmentTable::keep(Worker& worker, uint32_t slot, rte_mbuf* mbuf) noexcept {
  const uint64_t bytes = buffer_bytes(mbuf);
  if (entries_[slot].count == UINT16_MAX || !make_room(worker, slot, bytes))
    return drop(worker, mbuf, DropReason::k_fragment_evicted);
  Entry& entry = entries_[slot];
  charge(entry, static_cast<int64_t>(bytes));
  append(entry, mbuf);
  ++entry.count;
  ++held_;
}

rte_mbuf* FragmentTable::pop(rte_mbuf*& list) noexcept {
  rte_mbuf* mbuf = list;
  if (mbuf == nullptr) return nullptr;
  list = next_of(mbuf);
  mbuf->tx_offload = 0;
  return mbuf;
}

rte_mbuf* FragmentTable::take_kept(uint32_t slot) noexcept {
  Entry& entry = entries_[slot];
  rte_mbuf* all = std::exchange(entry.first_kept, nullptr);
  if (entry.state != State::kUndecided) return all;
  held_ -= entry.count;
  entry.count = 0;
  charge(entry, kDatagramBytes - int64_t{entry.bytes});
  return all;
}

void FragmentTable::release_kept(uint32_t slot) noexcept {
  const VrfId vrf = vrf_of(entries_[slot].key.place);
  rte_mbuf* kept = take_kept(slot);
  while (rte_mbuf* mbuf = pop(kept)) {
    mbuf->hash.usr = vrf;
    set_next(mbuf, nullptr);
    if (first_released_ == nullptr)
      first_released_ = mbuf;
    else
      set_next(last_released_, mbuf);
    last_released_ = mbuf;
  }
}

rte_mbuf* FragmentTable::take_released(VrfId& vrf) noexcept {
  rte_mbuf* mbuf = pop(first_released_);
  if (mbuf != nullptr) vrf = static_cast<VrfId>(mbuf->hash.usr);
  return mbuf;
}

// Those that were not decided about go as they came.
void FragmentTable::drop_held(Worker& worker, uint32_t slot, DropReason reason) noexcept {
  Entry& entry = entries_[slot];
  if (entry.state != State::kCollecting) return release_kept(slot);
  // The runner that names each packet has them all.
  unsigned unnamed = entry.count;
  rte_mbuf* named = take_kept(slot);
  for (; rte_mbuf* mbuf = pop(named); --unnamed) drop(worker, mbuf, reason);
  worker.counters.drops[static_cast<std::size_t>(reason)].add(unnamed);
  held_ -= entry.count;
  entry.count = 0;
}

// --- putting together

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
  // A copy begins and ends where one began and ended.
  const bool is_last = entry.total != 0 && end == entry.total;
  const bool same = has_bit(body.starts, first) && all_bits(body.present, first, last) &&
                    !any_bit(body.starts, first + 1, last) && is_last == !fragment.more &&
                    (is_last || end % 8 == 0) &&
                    (has_bit(body.starts, last) || !has_bit(body.present, last));
  return same && equals(slot, mbuf, fragment) ? Fit::kCopy : Fit::kOverlap;
}

// False: `why`; at k_fragment_evicted the slot has gone.
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
    // So that clear_body() sees to it.
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
  // The first one's header may be longer: write_headers() looks again.
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
  set_put_together(
      head, {entry.key.id, static_cast<uint16_t>(entry.largest), source_tag(entry.key.source)});
  body.buffers.fill(nullptr);
  rte_mbuf* named = take_kept(slot);
  while (rte_mbuf* mbuf = pop(named)) discard(worker, mbuf);
  worker.counters.consumed.add(entry.count - 1u);
  held_ -= entry.count;
  erase(slot);
  return head;
}

void FragmentTableDeleter::operator()(FragmentTable* table) const noexcept {
  delete table;
}

}  // namespace adit
