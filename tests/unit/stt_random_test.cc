// SPDX-License-Identifier: Apache-2.0
// STT reassembly against a model, and against senders that mean ill.
#include <optional>
#include <random>
#include <set>

#include "stt_test.h"

namespace adit {
namespace {

using namespace stt_test;
using Kind = SttResult::Kind;
using Random = std::mt19937;

unsigned below(Random& random, std::size_t bound) {
  return static_cast<unsigned>(random() % bound);
}

// The rules once more, as simply as can be: no limits but that of a frame's buffers.
class Model {
 public:
  struct Verdict {
    Kind kind;
    DropReason reason = DropReason::kCount;
    Bytes frame = {};
    bool ce_marked = false;
    unsigned segments = 0;
  };

  Verdict add(const SttSegment& segment, const Bytes& payload) {
    const unsigned frame_len = segment.sequence >> 16, offset = segment.sequence & 0xffff;
    if (payload.empty()) return dropped(DropReason::k_stt_empty);
    if (frame_len < 32 || offset + payload.size() > frame_len)
      return dropped(DropReason::k_stt_length);
    const auto id = std::make_pair(segment.key.src, segment.key.packet_id);
    const auto [at, is_new] = frames_.try_emplace(id, Frame{frame_len, 0, false, {}});
    Frame& frame = at->second;
    if (frame.len != frame_len) return dropped(DropReason::k_stt_length_differs);
    frame.ce_marked |= segment.ecn == 3;
    for (const auto& [start, bytes] : frame.parts)
      if (offset < start + bytes.size() && start < offset + payload.size())
        return dropped(DropReason::k_stt_duplicate);
    if (frame.buffers + segment.mbuf->nb_segs > kMaxSttBuffers) {
      if (is_new) frames_.erase(at);
      return dropped(DropReason::k_stt_segments);
    }
    frame.buffers += segment.mbuf->nb_segs;
    frame.parts[offset] = payload;
    Verdict verdict = {.kind = Kind::kComplete};
    for (const auto& [start, bytes] : frame.parts)
      verdict.frame.insert(verdict.frame.end(), bytes.begin(), bytes.end());
    if (verdict.frame.size() != frame.len) return {.kind = Kind::kHeld};
    verdict.ce_marked = frame.ce_marked;
    verdict.segments = static_cast<unsigned>(frame.parts.size());
    frames_.erase(at);
    return verdict;
  }
  std::size_t frames() const { return frames_.size(); }

 private:
  struct Frame {
    unsigned len;
    unsigned buffers;
    bool ce_marked;
    std::map<unsigned, Bytes> parts;
  };
  static Verdict dropped(DropReason reason) { return {.kind = Kind::kDropped, .reason = reason}; }
  std::map<std::pair<std::array<uint8_t, 16>, uint32_t>, Frame> frames_;
};

struct Plan {
  SttKey key;
  unsigned frame;
  Cut cut;
  uint8_t ecn;
  int length_lie;
};

// All segments of some frames, in the order of their arrival.
std::vector<Plan> plan_segments(Random& random, std::vector<Bytes>& frames) {
  std::vector<Plan> plans;
  const unsigned count = 1 + below(random, 8);
  for (unsigned i = 0; i < count; ++i) {
    static constexpr unsigned kSizes[] = {40, 300, 1600, 9000, 65535 - 31};
    frames.push_back(pattern(32 + below(random, kSizes[below(random, 5)]), i));
    const std::size_t size = frames.back().size();
    std::set<unsigned> bounds = {0, static_cast<unsigned>(size)};
    const unsigned cuts = below(random, 20) == 0 ? 140 : below(random, 40);
    for (unsigned n = 0; n < cuts; ++n)
      bounds.insert(below(random, below(random, 2) == 0 ? std::min<std::size_t>(size, 60) : size));
    const bool lossy = below(random, 4) == 0;
    const SttKey frame_key = key(below(random, 3), i / 2 + 100 * (i % 2));
    for (auto at = bounds.begin(); std::next(at) != bounds.end(); ++at) {
      if (lossy && below(random, 20) == 0) continue;
      const uint8_t ecn = static_cast<uint8_t>(below(random, 100) == 0 ? 3 : below(random, 3));
      Plan plan = {frame_key, i, {*at, *std::next(at) - *at}, ecn, 0};
      plans.push_back(plan);
      switch (below(random, 30)) {
        case 0:  // the same again
          plans.push_back(plan);
          break;
        case 1:  // one that overlaps, perhaps
          plan.cut.offset = below(random, size);
          plan.cut.len = below(random, size - plan.cut.offset + 1);
          plans.push_back(plan);
          break;
        case 2:  // one whose frame length is another
          plan.length_lie = static_cast<int>(below(random, 5)) - 2;
          plans.push_back(plan);
          break;
      }
    }
  }
  if (below(random, 3) != 0) std::shuffle(plans.begin(), plans.end(), random);
  return plans;
}

SttSegment make_segment(Random& random, const Plan& plan, const Bytes& frame) {
  std::vector<unsigned> pieces;
  if (below(random, 4) == 0) pieces = {kOuterLen + below(random, 100), below(random, 50)};
  SttSegment made = segment(plan.key, frame, plan.cut, plan.ecn, pieces, below(random, 10));
  made.sequence += static_cast<uint32_t>(plan.length_lie) << 16;
  return made;
}

void run_against_model(uint32_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  TestReassembly stt({.limits = {.max_bytes = 1u << 30, .max_bytes_per_peer = 1u << 30}});
  Model model;
  std::vector<Bytes> frames;
  uint64_t dropped = 0;
  for (const Plan& plan : plan_segments(random, frames)) {
    const Bytes& frame = frames[plan.frame];
    const Bytes payload(frame.begin() + plan.cut.offset,
                        frame.begin() + plan.cut.offset + plan.cut.len);
    const SttSegment made = make_segment(random, plan, frame);
    const Model::Verdict wanted = model.add(made, payload);
    const SttResult result = stt->add(made, 0);
    ASSERT_EQ(result.kind, wanted.kind);
    ASSERT_EQ(result.reason, wanted.reason);
    dropped += result.kind == Kind::kDropped;
    ASSERT_EQ(stt.total_drops(), dropped);
    ASSERT_EQ(stt->held_frames(), model.frames());
    ASSERT_EQ(stt->held_frames() == 0, stt->held_bytes() == 0);
    if (result.kind != Kind::kComplete) continue;
    EXPECT_EQ(fault_of(result, plan.key, wanted.frame), "");
    EXPECT_EQ(result.ce_marked, wanted.ce_marked);
    EXPECT_EQ(result.segments, wanted.segments);
    rte_pktmbuf_free(result.mbuf);
  }
}

TEST(SttReassembly, DoesAsItsModel) {
  for (uint32_t seed = 1; seed <= 1500 && !testing::Test::HasFailure(); ++seed)
    run_against_model(seed);
}

struct Hostile {
  static constexpr uint64_t kBuffer = RTE_PKTMBUF_HEADROOM + kRoom;
  static constexpr uint64_t kCap = 512 * kBuffer;
  static constexpr uint64_t kPeerCap = 100 * kBuffer;

  // An ill-meant segment. The outer headers are whatever the buffer holds.
  SttSegment attack(unsigned first_peer, unsigned peers) {
    SttSegment made = {key(first_peer + below(random, peers), below(random, 5000)),
                       static_cast<uint32_t>(random()),
                       rte_pktmbuf_alloc(pool()),
                       kOuterLen,
                       static_cast<uint16_t>(1 + below(random, 40)),
                       0};
    const unsigned how = below(random, 16);
    if (how < 10)  // a frame that never ends
      made.sequence = 60000u << 16 | below(random, 59000);
    else if (how == 10)
      made.payload_len = static_cast<uint16_t>(random());
    else if (how == 11)
      made.payload_offset = static_cast<uint16_t>(random());
    rte_pktmbuf_append(made.mbuf, static_cast<uint16_t>(kOuterLen + below(random, 60)));
    if (how == 12)  // a chain
      if (rte_mbuf* more = rte_pktmbuf_alloc(pool()))
        if (rte_pktmbuf_append(more, 100) == nullptr || rte_pktmbuf_chain(made.mbuf, more) != 0)
          rte_pktmbuf_free(more);
    return made;
  }

  void add(const SttSegment& made) {
    ++sent;
    const SttResult result = stt->add(made, now_ns);
    if (result.kind == Kind::kComplete) {
      left += result.segments;
      rte_pktmbuf_free(result.mbuf);
    }
    highest = std::max(highest, stt->held_bytes());
    most_frames = std::max(most_frames, stt->held_frames());
  }

  Random random{7};
  TestReassembly stt{{.max_frames = 256,
                      .max_frames_per_peer = 80,
                      .max_peers = 4,
                      .limits = {.max_bytes = kCap,
                                 .max_bytes_per_peer = kPeerCap,
                                 .expiry_ns = 1'000'000}}};
  uint64_t now_ns = 0;
  uint64_t highest = 0;
  uint32_t most_frames = 0;
  uint64_t sent = 0, left = 0;
};

TEST(SttReassembly, HostilePeerDoesNotStopAnother) {
  Hostile run;
  const Bytes frame = pattern(9000);
  constexpr unsigned kSegments = 7, kRounds = 4000, kAttacks = 35;
  unsigned complete = 0;
  for (unsigned round = 0; round < kRounds; ++round)
    for (unsigned i = 0; i < kSegments; ++i) {
      for (unsigned n = 0; n < kAttacks; ++n) run.add(run.attack(50, 2));
      const Cut cut = {i * 1400, std::min(1400u, 9000 - i * 1400)};
      const SttSegment honest = segment(key(1, round), frame, cut);
      ++run.sent;
      const SttResult result = run.stt->add(honest, run.now_ns);
      if (result.kind == Kind::kComplete) {
        ++complete;
        run.left += result.segments;
        EXPECT_EQ(fault_of(result, honest.key, frame), "");
        rte_pktmbuf_free(result.mbuf);
      }
      run.now_ns += 1000;
      run.stt->expire(run.now_ns);
    }
  EXPECT_EQ(complete, kRounds);
  EXPECT_LE(run.highest, Hostile::kCap);
  EXPECT_GT(run.highest, Hostile::kPeerCap);  // the attack was one
  EXPECT_GT(run.stt.drops[DropReason::k_stt_evicted], 1000u);
  run.now_ns += 2'000'000;
  for (int i = 0; i < 100; ++i) run.stt->expire(run.now_ns);
  EXPECT_EQ(run.stt->held_frames(), 0u);
  EXPECT_GT(run.stt.drops[DropReason::k_stt_expired], 0u);
  EXPECT_EQ(run.sent, run.left + run.stt.total_drops());  // each packet counted once
}

TEST(SttReassembly, CapsHoldAgainstManyPeers) {
  Hostile run;
  for (unsigned n = 0; n < 300'000; ++n) {
    run.add(run.attack(0, 2000));
    ASSERT_LE(run.stt->held_bytes(), Hostile::kCap);
    ASSERT_EQ(rte_mempool_in_use_count(pool()) <= run.stt.in_use + 512, true);
    if (n % 64 == 0) run.stt->expire(run.now_ns += 1000);
  }
  EXPECT_GT(run.most_frames, 80u);
  EXPECT_LE(run.most_frames, 256u);
  EXPECT_GT(run.stt.drops[DropReason::k_stt_evicted], 1000u);
}

}  // namespace
}  // namespace adit
