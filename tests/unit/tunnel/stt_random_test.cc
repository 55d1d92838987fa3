// SPDX-License-Identifier: Apache-2.0
// STT reassembly against a model.
#include <optional>
#include <random>
#include <set>

#include "stt_test.h"

namespace adit {
namespace {

using namespace stt_test;
using Kind = SttResult::Kind;

// The rules once more, as simply as can be: no limits but that of a frame's buffers.
class Model {
 public:
  struct Verdict {
    Kind kind;
    DropReason reason = DropReason::kNone;
    Bytes frame = {};
    bool has_ce = false;
    unsigned segments = 0;
  };

  Verdict add(const SttSegment& segment, const Bytes& payload) {
    const unsigned frame_len = segment.sequence >> 16, offset = segment.sequence & 0xffff;
    if (payload.empty()) return dropped(DropReason::k_stt_empty);
    if (frame_len < 32 || offset + payload.size() > frame_len)
      return dropped(DropReason::k_stt_length);
    const auto id = std::make_pair(segment.key.src, segment.key.packet_id);
    const auto [at, is_new] = frames_.try_emplace(id, Frame{frame_len, 0, 0, false, {}});
    Frame& frame = at->second;
    if (frame.len != frame_len) return dropped(DropReason::k_stt_length_differs);
    frame.has_ce |= segment.ecn == 3;
    for (const auto& [start, bytes] : frame.parts)
      if (offset < start + bytes.size() && start < offset + payload.size())
        return dropped(DropReason::k_stt_duplicate);
    if (frame.buffers + segment.mbuf->nb_segs > kMaxSttBuffers) {
      if (is_new) frames_.erase(at);
      return dropped(DropReason::k_stt_segments);
    }
    frame.buffers += segment.mbuf->nb_segs;
    frame.parts[offset] = payload;
    frame.bytes += payload.size();
    if (frame.bytes != frame.len) return {.kind = Kind::kHeld};
    Verdict verdict = {.kind = Kind::kComplete};
    for (const auto& [start, bytes] : frame.parts)
      verdict.frame.insert(verdict.frame.end(), bytes.begin(), bytes.end());
    verdict.has_ce = frame.has_ce;
    verdict.segments = static_cast<unsigned>(frame.parts.size());
    frames_.erase(at);
    return verdict;
  }
  std::size_t frames() const { return frames_.size(); }

 private:
  struct Frame {
    unsigned len;
    unsigned buffers;
    std::size_t bytes;
    bool has_ce;
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
    EXPECT_EQ(result.has_ce, wanted.has_ce);
    EXPECT_EQ(result.segments, wanted.segments);
    rte_pktmbuf_free(result.mbuf);
  }
}

TEST(SttReassembly, DoesAsItsModel) {
  for (uint32_t seed = 1; seed <= 500 && !testing::Test::HasFailure(); ++seed)
    run_against_model(seed);
}

}  // namespace
}  // namespace adit
