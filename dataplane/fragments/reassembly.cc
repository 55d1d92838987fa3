// SPDX-License-Identifier: Apache-2.0
#include "fragments/reassembly.h"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>
#include <utility>

#include "fragments/fragments.h"
#include "worker/worker.h"

namespace adit {
namespace {

// Memory that a datagram is charged beside its buffers.
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

// For Worker::collected_datagrams: the identification stands where flows have ports.
FlowKey key_of_datagram(const FragmentKey& key) noexcept {
  return {key.source,
          key.destination,
          be16::from_raw(static_cast<uint16_t>(key.id)),
          be16::from_raw(static_cast<uint16_t>(key.id >> 16)),
          vrf_of(key.place),
          key.protocol,
          key.ipv6};
}

uint32_t payload_of_buffer(uint32_t room) noexcept {
  return (room - RTE_PKTMBUF_HEADROOM - kMostFragmentHeader) & ~7u;
}

}  // namespace

FragmentTable::FragmentTable(uint32_t room_bytes, uint64_t seed)
    : room_(room_bytes),
      payload_(payload_of_buffer(room_bytes)),
      entries_(kMostDatagrams, seed),
      shares_(kMostDatagrams, seed + 1),
      by_sender_(kMostDatagrams),
      seed_(seed) {
  if (room_bytes < RTE_PKTMBUF_HEADROOM + kMostFragmentHeader + 65536 / kMostBuffers)
    throw std::runtime_error("buffers of " + std::to_string(room_bytes) +
                             " bytes are too small for reassembly");
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

// Evicts datagrams until `bytes` more fit. False: the datagram itself was evicted.
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

// Drops the datagram's fragments; those still to come are dropped as well.
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

// RFC 1122 section 3.3.2, RFC 4443 section 3.3: only if the first fragment has arrived.
void FragmentTable::tell_expired(Worker& worker, uint32_t slot) noexcept {
  const Entry& entry = entries_[slot];
  if (entry.first_bytes == 0) return;
  ADIT_ASSERT(bodies_[slot].buffers[0] != nullptr);
  rte_mbuf* mbuf = bodies_[slot].buffers[0];
  mbuf->data_off = static_cast<uint16_t>(RTE_PKTMBUF_HEADROOM + kMostFragmentHeader - entry.header);
  mbuf->data_len = static_cast<uint16_t>(entry.header + std::min(entry.first_bytes, payload_));
  mbuf->pkt_len = mbuf->data_len;
  report_reassembly_time(worker, entry.key, mbuf, entry.ip);
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

void FragmentTable::note_connection(const Worker& worker, const FragmentKey& key) noexcept {
  worker.collected_datagrams->add(key_of_datagram(key));
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

// Undecided fragments are forwarded as they came, unless their datagram was of a connection.
void FragmentTable::drop_held(Worker& worker, uint32_t slot, DropReason reason) noexcept {
  Entry& entry = entries_[slot];
  const bool of_connection = entry.state == State::kUndecided &&
                             worker.collected_datagrams->has(key_of_datagram(entry.key));
  if (entry.state != State::kCollecting && !of_connection) return release_kept(slot);
  // The runner that names each packet has them all.
  unsigned unnamed = entry.count;
  rte_mbuf* named = take_kept(slot);  // of undecided ones it lowers the counts itself
  for (; rte_mbuf* mbuf = pop(named); --unnamed) drop(worker, mbuf, reason);
  worker.counters.drops[static_cast<std::size_t>(reason)].add(unnamed);
  held_ -= entry.count;
  entry.count = 0;
}

void FragmentTableDeleter::operator()(FragmentTable* table) const noexcept {
  delete table;
}

}  // namespace adit
