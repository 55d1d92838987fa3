// SPDX-License-Identifier: Apache-2.0
// Puts STT frames together that came in several segments (draft-davie-stt-08). One worker's
// own. All tables are made with it. The buffers that it holds are capped for the worker and for
// each peer (outer source); at the worker's cap the oldest frame of the peer that holds most gives
// way. The alternatives, and the tests: docs/design/stt-reassembly.md.
//
// A peer's entry lives as long as it has frames here. Peers that find no entry share one more. A
// segment repeated after its frame was complete begins a frame anew, which expires.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "adit/drop_reason.h"
#include "table/slot_table.h"
#include "tunnel/stt_chain.h"
#include "tunnel/stt_limits.h"

namespace adit {

// The segments of one frame have one key.
struct SttKey {
  std::array<uint8_t, 16> src = {};  // outer addresses; IPv4 takes the first four bytes
  std::array<uint8_t, 16> dst = {};
  uint32_t packet_id = 0;  // opaque: any byte order will do
  bool is_v6 = false;
  friend bool operator==(const SttKey&, const SttKey&) = default;
};

struct SttSegment {
  SttKey key;
  uint32_t sequence;        // of the TCP-like header, host order
  rte_mbuf* mbuf;           // from any outer header on; may be a chain
  uint16_t payload_offset;  // behind the TCP-like header, within the first buffer, bytes
  uint16_t payload_len;     // as the outer IP header says, bytes
  uint8_t ecn;              // of the outer IP header
};

struct SttReassemblyOptions {
  uint32_t max_frames = 1024;  // in assembly at a time
  uint32_t max_frames_per_peer = 256;
  uint32_t max_peers = 64;
  SttLimits limits = {};
};

struct SttResult {
  enum class Kind : uint8_t { kHeld, kComplete, kDropped };
  Kind kind = Kind::kHeld;
  DropReason reason = DropReason::kNone;  // kDropped: what the sink was told of the segment
  bool has_ce = false;                    // kComplete: a segment carried CE, repeated ones too
  uint16_t segments = 0;                  // kComplete: how many
  uint16_t payload_offset = 0;            // kComplete: of the STT frame header in mbuf
  rte_mbuf* mbuf = nullptr;               // kComplete: see join_stt(); the caller's
};

// Why a packet is dropped, and whose it is.
struct SttDrop {
  static constexpr uint64_t kNoContext = UINT64_MAX;

  DropReason reason;
  const SttKey& key;
  uint64_t context_id;  // of the frame that was held; kNoContext: its header had not come yet
};

// Takes over every packet that is dropped, each once: it counts and frees. It must not call
// back into the reassembly.
struct SttDropSink {
  void* context;
  void (*drop)(void* context, rte_mbuf* mbuf, const SttDrop& facts) noexcept;
};

class SttReassembly {
 public:
  static constexpr unsigned kMaxExpiredPerCall = 16;

  // Per-peer limits above those of the worker are cut to them; of frames, 1 is the least.
  SttReassembly(const SttReassemblyOptions& options, SttDropSink sink);
  ~SttReassembly();  // frees what is held, uncounted
  SttReassembly(const SttReassembly&) = delete;
  SttReassembly& operator=(const SttReassembly&) = delete;

  // Takes over the packet. Whole frames need not come here: is_whole_stt_frame(). `now_ns`
  // never goes back from call to call.
  SttResult add(const SttSegment& segment, uint64_t now_ns) noexcept;

  // Drops frames whose time is over, at most kMaxExpiredPerCall. To be called once a pass.
  void expire(uint64_t now_ns) noexcept;

  // From now on; drops at once what is beyond them, the oldest frames of each peer first.
  void set_limits(const SttLimits& limits) noexcept;

  // What is held now: bytes of buffers, and frames that are not complete.
  uint64_t held_bytes() const noexcept { return held_bytes_; }
  uint32_t held_frames() const noexcept { return held_frames_; }

 private:
  struct Frame {
    SttKey key;
    uint32_t bucket_next = 0;
    SlotLinks by_age;       // of the worker
    SlotLinks by_peer_age;  // of the peer
    uint32_t peer = kNoSlot;
    uint64_t first_ns = 0;
    uint64_t held_bytes = 0;
    uint32_t received = 0;  // bytes of the frame
    uint16_t frame_len = 0;
    uint16_t segments = 0;
    uint16_t buffers = 0;
    bool has_ce = false;
  };
  struct PeerKey {
    std::array<uint8_t, 16> src = {};
    bool is_v6 = false;
    friend bool operator==(const PeerKey&, const PeerKey&) = default;
  };
  struct Peer {
    PeerKey key;
    uint32_t bucket_next = 0;
    SlotList<Frame> frames;
    uint64_t held_bytes = 0;
    uint32_t held_frames = 0;
  };
  enum class Measure : uint8_t { kBytes, kFrames };
  friend uint64_t hash_of(const SttKey& key, uint64_t seed) noexcept;
  friend uint64_t hash_of(const PeerKey& key, uint64_t seed) noexcept;

  // All that a frame may hold; the first `segments` are in use, in order of offset.
  std::span<SttHeld> held_of(uint32_t slot) noexcept {
    return {&held_[std::size_t{slot} * kMaxSttBuffers], kMaxSttBuffers};
  }
  Peer& peer_at(uint32_t slot) noexcept { return slot == kNoSlot ? crowd_ : peers_[slot]; }

  bool is_expired(const Frame& frame, uint64_t now_ns) const noexcept;
  unsigned position(uint32_t slot, uint16_t offset) noexcept;
  DropReason check_frame(uint32_t slot, unsigned at, const SttSegment& segment) noexcept;
  void evict_beyond_limits() noexcept;
  uint32_t oldest_of_most(Measure measure, const Peer* wanting, uint64_t more) noexcept;
  bool make_room(uint32_t slot, const PeerKey& peer_key, uint64_t bytes) noexcept;
  uint32_t acquire_peer(const PeerKey& key) noexcept;
  uint32_t begin(const SttSegment& segment, uint64_t now_ns) noexcept;
  void insert(uint32_t slot, unsigned at, const SttSegment& segment, uint64_t bytes) noexcept;
  SttResult finish(uint32_t slot) noexcept;
  void release(uint32_t slot) noexcept;
  uint64_t context_of(uint32_t slot) noexcept;
  void drop_frame(uint32_t slot, DropReason reason) noexcept;
  SttResult refuse(const SttSegment& segment, uint32_t slot, DropReason reason) noexcept;

  SttReassemblyOptions options_;
  SttLimits wanted_;  // as options_.limits before they were brought into bounds
  SttDropSink sink_;
  SlotTable<Frame> frames_;
  SlotTable<Peer> peers_;
  Peer crowd_;  // of the peers that found no entry; its slot is kNoSlot
  ZeroPages<SttHeld> held_;
  SlotList<Frame> oldest_first_;
  uint64_t held_bytes_ = 0;
  uint32_t held_frames_ = 0;
};

}  // namespace adit
