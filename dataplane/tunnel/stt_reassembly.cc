// SPDX-License-Identifier: Apache-2.0
#include "tunnel/stt_reassembly.h"

#include <rte_random.h>

#include <algorithm>
#include <cstring>

#include "adit/flat_table.h"
#include "packet/inner.h"

namespace adit {
namespace {

// The memory of a packet's buffers, which its pool lacks meanwhile. Not its payload, which a sender
// may make as small as it likes.
uint64_t buffer_bytes(const rte_mbuf* mbuf) noexcept {
  uint64_t bytes = 0;
  for (; mbuf != nullptr; mbuf = mbuf->next) bytes += mbuf->buf_len;
  return bytes;
}

// The seed enters again between the last two rounds: a sender that knows mix64() cannot
// work out which packet ids share a bucket.
uint64_t hash_address(const std::array<uint8_t, 16>& address, bool is_v6, uint64_t seed) noexcept {
  const uint64_t low = mix64(load64(address.data()) ^ seed);
  return mix64(low + load64(address.data() + 8) + is_v6);
}

SttLimits within_bounds(SttLimits limits) noexcept {
  limits.max_bytes_per_peer = std::min(limits.max_bytes_per_peer, limits.max_bytes);
  return limits;
}

// make_room() relies on one frame always finding room where there is no other.
SttReassemblyOptions within_bounds(SttReassemblyOptions options) noexcept {
  options.max_frames = std::max(options.max_frames, 1u);
  options.max_frames_per_peer = std::clamp(options.max_frames_per_peer, 1u, options.max_frames);
  options.limits = within_bounds(options.limits);
  return options;
}

}  // namespace

uint64_t hash_of(const SttKey& key, uint64_t seed) noexcept {
  const uint64_t addresses = hash_address(key.dst, key.is_v6, hash_address(key.src, false, seed));
  return mix64(mix64(addresses + key.packet_id) ^ seed);
}
uint64_t hash_of(const SttReassembly::PeerKey& key, uint64_t seed) noexcept {
  return mix64(hash_address(key.src, key.is_v6, seed) ^ seed);
}

SttReassembly::SttReassembly(const SttReassemblyOptions& options, SttDropSink sink)
    : options_(within_bounds(options)),
      wanted_(options.limits),
      sink_(sink),
      frames_(options_.max_frames, rte_rand()),
      peers_(options_.max_peers, rte_rand()),
      held_(std::size_t{options_.max_frames} * kMaxSttBuffers) {}

SttReassembly::~SttReassembly() {
  sink_ = {nullptr, [](void*, rte_mbuf* mbuf, const SttDrop&) noexcept { rte_pktmbuf_free(mbuf); }};
  while (oldest_first_.front() != kNoSlot)
    drop_frame(oldest_first_.front(), DropReason::k_stt_expired);
}

bool SttReassembly::is_expired(const Frame& frame, uint64_t now_ns) const noexcept {
  return now_ns - frame.first_ns >= options_.limits.expiry_ns;
}

// Where a segment of this offset goes among those that are held.
unsigned SttReassembly::position(uint32_t slot, uint16_t offset) noexcept {
  const auto held = held_of(slot).first(frames_[slot].segments);
  if (held.empty() || held.back().offset < offset) return frames_[slot].segments;
  const auto after = std::ranges::lower_bound(held, offset, {}, &SttHeld::offset);
  return static_cast<unsigned>(after - held.begin());
}

DropReason SttReassembly::check_frame(uint32_t slot, unsigned at,
                                      const SttSegment& segment) noexcept {
  Frame& frame = frames_[slot];
  const SttPlace place = stt_place(segment.sequence);
  if (place.frame_len != frame.frame_len) return DropReason::k_stt_length_differs;
  // A repeated segment may have CE set as well (RFC 3168 section 5.3).
  frame.has_ce |= segment.ecn == kEcnCe;
  const auto held = held_of(slot).first(frame.segments);
  if ((at > 0 && held[at - 1].offset + held[at - 1].payload_len > place.offset) ||
      (at < held.size() && place.offset + segment.payload_len > held[at].offset))
    return DropReason::k_stt_duplicate;
  if (frame.buffers + segment.mbuf->nb_segs > kMaxSttBuffers) return DropReason::k_stt_segments;
  return DropReason::kNone;
}

void SttReassembly::set_limits(const SttLimits& limits) noexcept {
  if (limits == wanted_) [[likely]]
    return;
  wanted_ = limits;
  options_.limits = within_bounds(limits);
  evict_beyond_limits();
}

void SttReassembly::evict_beyond_limits() noexcept {
  for (uint32_t slot = oldest_first_.front(); slot != kNoSlot;) {
    const uint32_t next = frames_[slot].by_age.next;
    if (peer_at(frames_[slot].peer).held_bytes > options_.limits.max_bytes_per_peer)
      drop_frame(slot, DropReason::k_stt_evicted);
    slot = next;
  }
  while (held_bytes_ > options_.limits.max_bytes)
    drop_frame(oldest_of_most(Measure::kBytes, nullptr, 0), DropReason::k_stt_evicted);
}

// The oldest frame of the peer that holds most, counting `more` for `wanting`: a peer below its
// share of a limit loses nothing to others. Reads all peers, which are few, and only when the
// worker is at a limit. At least one frame is held.
uint32_t SttReassembly::oldest_of_most(Measure measure, const Peer* wanting,
                                       uint64_t more) noexcept {
  uint32_t oldest = kNoSlot;
  uint64_t most = 0;
  for (uint32_t slot = 0; slot <= options_.max_peers; ++slot) {
    const Peer& peer = slot == options_.max_peers ? crowd_ : peers_[slot];
    if (peer.held_frames == 0) continue;
    const uint64_t held = measure == Measure::kBytes ? peer.held_bytes : peer.held_frames;
    const uint64_t would_have = held + (&peer == wanting ? more : 0);
    if (would_have < most || (would_have == most && &peer != wanting)) continue;
    most = would_have;
    oldest = peer.frames.front();
  }
  ADIT_ASSERT(oldest != kNoSlot);
  return oldest;
}

// Drops the oldest frames until `bytes` more fit: of the peer if it exceeds its limits, of the peer
// that holds most if the worker does. False: the segment cannot be held, because its frame was
// dropped, or dropping frames would not help.
bool SttReassembly::make_room(uint32_t slot, const PeerKey& peer_key, uint64_t bytes) noexcept {
  if (bytes > options_.limits.max_bytes_per_peer) return false;
  const uint32_t new_frames = slot == kNoSlot ? 1 : 0;
  const Peer& peer = peer_at(slot == kNoSlot ? acquire_peer(peer_key) : frames_[slot].peer);
  while (peer.held_bytes + bytes > options_.limits.max_bytes_per_peer ||
         peer.held_frames + new_frames > options_.max_frames_per_peer) {
    const uint32_t oldest = peer.frames.front();
    drop_frame(oldest, DropReason::k_stt_evicted);
    if (oldest == slot) return false;
  }
  while (held_bytes_ + bytes > options_.limits.max_bytes) {
    const uint32_t oldest = oldest_of_most(Measure::kBytes, &peer, bytes);
    drop_frame(oldest, DropReason::k_stt_evicted);
    if (oldest == slot) return false;
  }
  while (held_frames_ + new_frames > options_.max_frames)
    drop_frame(oldest_of_most(Measure::kFrames, &peer, 1), DropReason::k_stt_evicted);
  return true;
}

// kNoSlot: the entry that latecomers share.
uint32_t SttReassembly::acquire_peer(const PeerKey& key) noexcept {
  const uint32_t slot = peers_.find(key);
  return slot != kNoSlot ? slot : peers_.insert(key);
}

// After make_room(): a slot is free.
uint32_t SttReassembly::begin(const SttSegment& segment, uint64_t now_ns) noexcept {
  const uint32_t slot = frames_.insert(segment.key);
  ADIT_ASSERT(slot != kNoSlot);
  Frame& frame = frames_[slot];
  // make_room() may have released the peer's entry, with the last of its frames.
  frame.peer = acquire_peer({segment.key.src, segment.key.is_v6});
  frame.first_ns = now_ns;
  frame.held_bytes = 0;
  frame.received = 0;
  frame.frame_len = stt_place(segment.sequence).frame_len;
  frame.segments = 0;
  frame.buffers = 0;
  frame.has_ce = segment.ecn == kEcnCe;
  oldest_first_.push_back(frames_, &Frame::by_age, slot);
  Peer& peer = peer_at(frame.peer);
  peer.frames.push_back(frames_, &Frame::by_peer_age, slot);
  ++peer.held_frames;
  ++held_frames_;
  return slot;
}

void SttReassembly::insert(uint32_t slot, unsigned at, const SttSegment& segment,
                           uint64_t bytes) noexcept {
  Frame& frame = frames_[slot];
  const auto held = held_of(slot);
  ADIT_ASSERT(frame.segments < held.size() && at <= frame.segments);
  std::move_backward(held.begin() + at, held.begin() + frame.segments,
                     held.begin() + frame.segments + 1);
  held[at] = {segment.mbuf, stt_place(segment.sequence).offset, segment.payload_len,
              segment.payload_offset};
  ++frame.segments;
  frame.buffers = static_cast<uint16_t>(frame.buffers + segment.mbuf->nb_segs);
  frame.received += segment.payload_len;
  frame.held_bytes += bytes;
  peer_at(frame.peer).held_bytes += bytes;
  held_bytes_ += bytes;
}

// Passes the frame's buffers to the caller.
void SttReassembly::release(uint32_t slot) noexcept {
  const Frame& frame = frames_[slot];
  Peer& peer = peer_at(frame.peer);
  ADIT_ASSERT(held_bytes_ >= frame.held_bytes && peer.held_bytes >= frame.held_bytes);
  peer.frames.remove(frames_, &Frame::by_peer_age, slot);
  peer.held_bytes -= frame.held_bytes;
  if (--peer.held_frames == 0 && frame.peer != kNoSlot) peers_.erase(frame.peer);
  oldest_first_.remove(frames_, &Frame::by_age, slot);
  held_bytes_ -= frame.held_bytes;
  --held_frames_;
  frames_.erase(slot);
}

// As the frame's header says, if that is here and contiguous.
uint64_t SttReassembly::context_of(uint32_t slot) noexcept {
  if (slot == kNoSlot || frames_[slot].segments == 0) return SttDrop::kNoContext;
  const SttHeld& first = held_of(slot).front();
  const unsigned contiguous =
      std::min<unsigned>(first.payload_len, first.mbuf->data_len - first.payload_offset);
  if (first.offset != 0 || contiguous < sizeof(SttFrameHeader)) return SttDrop::kNoContext;
  SttFrameHeader header;
  std::memcpy(&header, rte_pktmbuf_mtod_offset(first.mbuf, const uint8_t*, first.payload_offset),
              sizeof header);
  return header.context_id.host();
}

void SttReassembly::drop_frame(uint32_t slot, DropReason reason) noexcept {
  const SttDrop facts{reason, frames_[slot].key, context_of(slot)};
  for (const SttHeld& held : held_of(slot).first(frames_[slot].segments))
    sink_.drop(sink_.context, held.mbuf, facts);
  release(slot);
}

// `slot`: the frame that the segment belongs to, where there is one.
SttResult SttReassembly::refuse(const SttSegment& segment, uint32_t slot,
                                DropReason reason) noexcept {
  sink_.drop(sink_.context, segment.mbuf, {reason, segment.key, context_of(slot)});
  return {.kind = SttResult::Kind::kDropped, .reason = reason};
}

SttResult SttReassembly::finish(uint32_t slot) noexcept {
  const Frame& frame = frames_[slot];
  const auto held = held_of(slot).first(frame.segments);
  if (!can_join_stt(held, frame.frame_len)) [[unlikely]] {
    drop_frame(slot, DropReason::k_stt_no_room);
    return {.kind = SttResult::Kind::kDropped, .reason = DropReason::k_stt_no_room};
  }
  const SttResult result = {.kind = SttResult::Kind::kComplete,
                            .has_ce = frame.has_ce,
                            .segments = frame.segments,
                            .payload_offset = held.front().payload_offset,
                            .mbuf = join_stt(held, frame.frame_len)};
  release(slot);
  return result;
}

SttResult SttReassembly::add(const SttSegment& segment, uint64_t now_ns) noexcept {
  rte_mbuf* mbuf = segment.mbuf;
  const SttPlace place = stt_place(segment.sequence);
  const DropReason wrong = check_stt_segment(place, segment.payload_len);
  if (wrong != DropReason::kNone) [[unlikely]]
    return refuse(segment, kNoSlot, wrong);
  if (segment.payload_offset > mbuf->data_len ||
      uint32_t{segment.payload_offset} + segment.payload_len > mbuf->pkt_len) [[unlikely]]
    return refuse(segment, kNoSlot, DropReason::k_stt_truncated);
  if (mbuf->nb_segs > kMaxSttBuffers) [[unlikely]]
    return refuse(segment, kNoSlot, DropReason::k_stt_segments);

  uint32_t slot = frames_.find(segment.key);
  if (slot != kNoSlot && is_expired(frames_[slot], now_ns)) [[unlikely]] {
    // expire() has not come to it yet, and the packet id is in use again.
    drop_frame(slot, DropReason::k_stt_expired);
    slot = kNoSlot;
  }
  unsigned at = 0;
  bool completes = false;
  if (slot != kNoSlot) {
    at = position(slot, place.offset);
    const DropReason misfit = check_frame(slot, at, segment);
    if (misfit != DropReason::kNone) [[unlikely]]
      return refuse(segment, slot, misfit);
    completes = frames_[slot].received + segment.payload_len == place.frame_len;
  }
  const uint64_t bytes = buffer_bytes(mbuf);
  // The last segment is not held: the frame is complete with it.
  if (!completes && !make_room(slot, {segment.key.src, segment.key.is_v6}, bytes)) [[unlikely]]
    return refuse(segment, kNoSlot, DropReason::k_stt_evicted);  // its frame may have gone
  if (slot == kNoSlot) slot = begin(segment, now_ns);
  insert(slot, at, segment, bytes);
  return frames_[slot].received == place.frame_len ? finish(slot) : SttResult{};
}

void SttReassembly::expire(uint64_t now_ns) noexcept {
  for (unsigned i = 0; i < kMaxExpiredPerCall; ++i) {
    const uint32_t oldest = oldest_first_.front();
    if (oldest == kNoSlot || !is_expired(frames_[oldest], now_ns)) return;
    drop_frame(oldest, DropReason::k_stt_expired);
  }
}

}  // namespace adit
