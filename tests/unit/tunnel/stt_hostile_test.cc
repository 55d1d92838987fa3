// SPDX-License-Identifier: Apache-2.0
// STT reassembly against senders that mean ill.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>

#include "stt_test.h"

namespace adit {
namespace {

using namespace stt_test;
using Kind = SttResult::Kind;

struct Hostile {
  static constexpr uint64_t kBuffer = RTE_PKTMBUF_HEADROOM + kRoom;
  static constexpr uint64_t kCap = 512 * kBuffer;
  static constexpr uint64_t kPeerCap = 100 * kBuffer;
  static constexpr SttReassemblyOptions kNarrow = {
      .max_frames = 256,
      .max_frames_per_peer = 80,
      .max_peers = 4,
      .limits = {.max_bytes = kCap, .max_bytes_per_peer = kPeerCap, .expiry_ns = 1'000'000}};

  explicit Hostile(const SttReassemblyOptions& options = kNarrow, uint32_t seed = 7)
      : random(seed), stt(options) {}

  // An ill-meant segment. The outer headers are whatever the buffer holds.
  SttSegment attack(unsigned first_peer, unsigned peers, unsigned packet_ids = 5000) {
    SttSegment made = {key(first_peer + below(random, peers), below(random, packet_ids)),
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

  Random random;
  TestReassembly stt;
  uint64_t now_ns = 0;
  uint64_t highest = 0;
  uint32_t most_frames = 0;
  uint64_t sent = 0, left = 0;
};

TEST(SttReassembly, HostilePeerDoesNotStopAnother) {
  Hostile run;
  const Bytes frame = pattern(9000);
  constexpr unsigned kSegments = 7, kRounds = 1500, kAttacks = 35;
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

// Each hostile peer sends what it wants, frames as small or as large as may be, so that now the
// worker's cap of bytes is reached and now that of frames. Who has less than its share of both
// loses nothing.
TEST(SttReassembly, HostilePeersTogetherDoNotStopAnother) {
  for (const unsigned segments_per_frame : {1u, 3u, 60u}) {
    constexpr unsigned kHostile = 20, kSegments = 7, kRounds = 150;
    Hostile run({.max_frames = 256,
                 .max_frames_per_peer = 80,
                 .max_peers = kHostile + 1,
                 .limits = {.max_bytes = Hostile::kCap,
                            .max_bytes_per_peer = Hostile::kPeerCap,
                            .expiry_ns = UINT64_MAX}});
    const Bytes frame = pattern(9000);
    const Bytes endless = pattern(60000);
    unsigned complete = 0, number = 0;
    for (unsigned round = 0; round < kRounds; ++round)
      for (unsigned i = 0; i < kSegments; ++i) {
        for (unsigned n = 0; n < 100; ++n, ++number) {
          const unsigned turn = number / kHostile;
          run.add(segment(key(50 + number % kHostile, turn / segments_per_frame), endless,
                          {turn % segments_per_frame * 100, 100}));
        }
        const unsigned at = i * 1400;
        const SttKey honest = key(1, round);
        ++run.sent;
        const SttResult result =
            run.stt->add(segment(honest, frame, {at, std::min(1400u, 9000 - at)}), 0);
        if (result.kind != Kind::kComplete) continue;
        ++complete;
        run.left += result.segments;
        EXPECT_EQ(fault_of(result, honest, frame), "");
        rte_pktmbuf_free(result.mbuf);
      }
    EXPECT_EQ(complete, kRounds) << segments_per_frame << " segments of each hostile frame";
    EXPECT_LE(run.highest, Hostile::kCap);
    // The attack was one: the caps that it aimed at were reached by it.
    if (segments_per_frame == 1)
      EXPECT_EQ(run.most_frames, 256u);
    else
      EXPECT_GT(run.highest, Hostile::kCap * 9 / 10);
    EXPECT_GT(run.stt.drops[DropReason::k_stt_evicted], 1000u);
    EXPECT_EQ(run.sent,
              run.left + run.stt.total_drops() + run.stt->held_bytes() / Hostile::kBuffer);
  }
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

// With the bounds that ship; as long as ADIT_STT_HOSTILE_SECONDS says (tests/fuzz/stt-hostile), at
// least kLeastRounds.
struct Siege {
  struct Plan {
    const char* name;
    unsigned first_attacker, attackers;
    unsigned attacks_per_segment;  // of honest ones
    uint64_t least_held;           // or it was no attack
  };
  static constexpr unsigned kHonestPeers = 3;
  static constexpr unsigned kLeastRounds = 128;
  static constexpr unsigned kFrameBytes = 65535 - 40, kSegmentBytes = 1460;

  Siege(const Plan& the_plan, double seconds, uint32_t seed)
      : plan(the_plan), run(SttReassemblyOptions{}, seed), length(seconds) {}

  static constexpr SttLimits kLimits = {};

  // One frame of each honest peer, their segments mixed.
  void round() {
    std::vector<std::pair<unsigned, Cut>> honest;  // peer, part of its frame
    std::vector<Bytes> frames;
    for (unsigned peer = 0; peer < kHonestPeers; ++peer) {
      frames.push_back(pattern(kFrameBytes - below(run.random, 100), below(run.random, 256)));
      for (unsigned at = 0; at < frames[peer].size(); at += kSegmentBytes)
        honest.push_back(
            {peer,
             {at,
              std::min<unsigned>(kSegmentBytes, static_cast<unsigned>(frames[peer].size()) - at)}});
    }
    std::shuffle(honest.begin(), honest.end(), run.random);
    // In turns ever more frames, and ever more segments of a few, overlapping ones among them.
    const unsigned packet_ids = ++rounds / 32 % 2 == 0 ? 5000 : 8;
    for (const auto& [peer, cut] : honest) {
      for (unsigned n = 0; n < plan.attacks_per_segment; ++n)
        run.add(run.attack(plan.first_attacker, plan.attackers, packet_ids));
      add_honest(key(peer, rounds), frames[peer], cut);
      run.stt->expire(run.now_ns += 10'000);
    }
  }

  void add_honest(const SttKey& key, const Bytes& frame, Cut cut) {
    ++run.sent;
    ++segments;
    const SttResult result = run.stt->add(segment(key, frame, cut), run.now_ns);
    run.highest = std::max(run.highest, run.stt->held_bytes());
    if (result.kind != Kind::kComplete) return;
    run.left += result.segments;
    if (fault_of(result, key, frame).empty()) ++exact;
    rte_pktmbuf_free(result.mbuf);
  }

  void hold() {
    const auto start = std::chrono::steady_clock::now();
    do {
      round();
      ASSERT_LE(run.highest, kLimits.max_bytes);
      ASSERT_EQ(exact, rounds * kHonestPeers) << "an honest frame got lost or is not what was sent";
    } while (rounds < kLeastRounds || std::chrono::steady_clock::now() - start < length);
    // The attack has filled what it can, and was held off where it could not.
    EXPECT_GT(run.highest, plan.least_held);
    EXPECT_GT(run.stt.drops[DropReason::k_stt_evicted], 100u);
    EXPECT_GT(run.stt.drops[DropReason::k_stt_duplicate], 0u);
    run.now_ns += 2 * kLimits.expiry_ns;
    while (run.stt->held_frames() != 0) run.stt->expire(run.now_ns);
    EXPECT_EQ(run.stt->held_bytes(), 0u);
    EXPECT_EQ(run.sent, run.left + run.stt.total_drops());  // each packet counted once
    tell();
  }

  void tell() {
    std::printf(
        "%s: %llu hostile segments, %llu honest ones; %llu of %llu honest frames of 64 KiB "
        "exact; at most %llu of %llu bytes held, %u frames\n",
        plan.name, number(run.sent - segments), number(segments), number(exact),
        number(rounds * kHonestPeers), number(run.highest), number(kLimits.max_bytes),
        run.most_frames);
    for (const auto& [reason, count] : run.stt.drops)
      std::printf("  %s %llu\n", kDropReasons[static_cast<std::size_t>(reason)].name.data(),
                  number(count));
  }
  static unsigned long long number(uint64_t value) { return value; }

  Plan plan;
  Hostile run;
  std::chrono::duration<double> length;
  uint32_t rounds = 0;
  uint64_t segments = 0, exact = 0;
};

double number_from(const char* variable, double otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stod(text);
}

void PrintTo(const Siege::Plan& plan, std::ostream* out) {
  *out << plan.name;
}

class SttSiege : public testing::TestWithParam<Siege::Plan> {};
TEST_P(SttSiege, HonestFramesArriveExactlyAndCapsHold) {
  const double seconds = number_from("ADIT_STT_HOSTILE_SECONDS", 0);
  const auto seed = static_cast<uint32_t>(number_from("ADIT_STT_HOSTILE_SEED", 1));
  SCOPED_TRACE("seed " + std::to_string(seed));
  Siege(GetParam(), seconds / 2, seed).hold();
}

// With 61 peers beside the two others, each one's share of the cap is room for 62 segments, and an
// honest frame has 45.
INSTANTIATE_TEST_SUITE_P(Attackers, SttSiege,
                         testing::Values(Siege::Plan{"one hostile peer", 50, 1, 30,
                                                     SttLimits{}.max_bytes_per_peer * 9 / 10},
                                         Siege::Plan{"60 hostile peers", 50, 60, 30,
                                                     SttLimits{}.max_bytes * 9 / 10}));

}  // namespace
}  // namespace adit
