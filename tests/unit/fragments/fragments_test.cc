// SPDX-License-Identifier: Apache-2.0
// The fragment table: against a model at random, its bounds, and fragments that come to two
// workers.
#include "fragments/fragments.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "adit/dataplane.h"
#include "balance/balance.h"
#include "fragments/reassembly.h"
#include "handed_over_packets.h"

namespace adit {
namespace {

using Bytes = std::vector<uint8_t>;
using Random = std::mt19937;

unsigned below(Random& random, unsigned limit) {
  return static_cast<unsigned>(random() % limit);
}

constexpr auto k10001 = 0x0a00'0001, k10002 = 0x0a00'0002;

struct Piece {
  unsigned offset = 0;
  Bytes payload;
  bool more = false;
};

struct FragmentsTest : testing::Test {
  FragmentsTest() {
    DataplaneOptions options;
    options.workers = 2;
    options.mbufs = 16383;
    options.fdb_capacity = 1024;
    options.connections = 1024;
    PortSpec port;
    port.name = "port0";
    port.io = {nullptr, [](void*, rte_mbuf**, uint16_t) -> uint16_t { return 0; },
               [](void*, rte_mbuf** packets, uint16_t n) {
                 rte_pktmbuf_free_bulk(packets, n);
                 return n;
               }};
    options.ports.push_back(port);
    dataplane = std::make_unique<Dataplane>(options);
    publish({});
  }

  // A service's address is 10.0.0.2.
  void publish(const FragmentLimits& limits) {
    auto snapshot = std::make_unique<Snapshot>();
    snapshot->ports.resize(1);
    RouteTarget target;
    target.kind = RouteTarget::Kind::kVirtual;
    snapshot->routes = RouteTable({{1, {IpAddr::v4(be32(k10002)), 32}, target}}, 1);
    snapshot->virtual_addresses.resize(1);
    snapshot->virtual_fwmarks.resize(1);
    snapshot->balances = true;
    snapshot->balanced_vrfs = {0, 1};
    snapshot->fragment_limits = limits;
    dataplane->publish(std::move(snapshot));
    for (unsigned id = 0; id < 2; ++id)
      dataplane->worker(id).snapshot = dataplane->worker(id).current->load();
  }

  Worker& worker(unsigned id = 0) { return dataplane->worker(id); }

  rte_mbuf* make(const Piece& piece, uint16_t ident, uint32_t source = k10001) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane->pool());
    EXPECT_NE(mbuf, nullptr);
    auto* ip = reinterpret_cast<Ipv4Header*>(
        rte_pktmbuf_append(mbuf, static_cast<uint16_t>(20 + piece.payload.size())));
    const auto place = piece.offset / 8 | (piece.more ? unsigned{kIpv4MoreFragments} : 0u);
    *ip = {0x45,
           0,
           be16(static_cast<uint16_t>(20 + piece.payload.size())),
           be16(ident),
           be16(static_cast<uint16_t>(place)),
           64,
           kIpProtocolUdp,
           be16(0),
           be32(source),
           be32(k10002)};
    std::copy(piece.payload.begin(), piece.payload.end(), reinterpret_cast<uint8_t*>(ip + 1));
    return mbuf;
  }

  // What the table makes of it. `place`: of the sender.
  rte_mbuf* add(rte_mbuf* mbuf, FragmentPlace place = place_of(1)) {
    FragmentTable& table = *worker().fragments;
    Fragment fragment;
    EXPECT_TRUE(read_fragment(mbuf, 0, place, fragment));
    uint32_t slot = table.find(worker(), fragment.key);
    if (slot == kNoSlot)
      slot = table.begin(worker(), fragment.key, FragmentTable::State::kCollecting);
    if (slot == kNoSlot || table.state(slot) != FragmentTable::State::kCollecting) {
      drop(worker(), mbuf, DropReason::k_fragment_overlap);
      return nullptr;
    }
    return table.add(worker(), slot, mbuf, fragment);
  }

  void expire_all() {
    for (Worker* one : {&worker(0), &worker(1)}) {
      one->now_ns += 100'000'000'000;
      while (one->fragments->datagrams() != 0) one->fragments->expire(*one);
      rte_pktmbuf_free_bulk(one->garbage.data(), one->garbage_count);
      one->garbage_count = 0;
    }
  }

  uint64_t drops(DropReason reason) { return dataplane->drops(reason); }

  std::unique_ptr<Dataplane> dataplane;
};

Bytes bytes_of(const rte_mbuf* mbuf, uint32_t offset) {
  Bytes bytes(mbuf->pkt_len - offset);
  const auto* at = static_cast<const uint8_t*>(
      rte_pktmbuf_read(mbuf, offset, static_cast<uint32_t>(bytes.size()), bytes.data()));
  if (at != bytes.data()) std::copy(at, at + bytes.size(), bytes.begin());
  return bytes;
}

// The rules once more, as simply as can be.
struct Model {
  enum class Verdict { kKept, kWhole, kCopy, kSpoilt };
  struct Datagram {
    std::map<unsigned, Piece> pieces;
    bool spoilt = false;
  };

  Verdict add(unsigned id, const Piece& piece, Bytes& whole) {
    Datagram& datagram = datagrams[id];
    if (datagram.spoilt) return Verdict::kSpoilt;
    const unsigned end = piece.offset + static_cast<unsigned>(piece.payload.size());
    for (const auto& [at, held] : datagram.pieces) {
      if (at == piece.offset && held.payload == piece.payload && held.more == piece.more)
        return Verdict::kCopy;
      const unsigned held_end = at + static_cast<unsigned>(held.payload.size());
      if ((piece.offset < (held_end + 7) / 8 * 8 && at < (end + 7) / 8 * 8) ||
          (!held.more && end > held_end) || (!piece.more && held_end > end)) {
        datagram.pieces.clear();
        datagram.spoilt = true;
        return Verdict::kSpoilt;
      }
    }
    datagram.pieces[piece.offset] = piece;
    unsigned next = 0;
    bool last = false;
    for (const auto& [at, held] : datagram.pieces) {
      if (at != next) return Verdict::kKept;
      next += static_cast<unsigned>(held.payload.size());
      last = !held.more;
    }
    if (!last) return Verdict::kKept;
    for (const auto& [at, held] : datagram.pieces)
      whole.insert(whole.end(), held.payload.begin(), held.payload.end());
    datagrams.erase(id);
    return Verdict::kWhole;
  }

  std::map<unsigned, Datagram> datagrams;
};

std::vector<std::pair<unsigned, Piece>> plan(Random& random) {
  std::vector<std::pair<unsigned, Piece>> pieces;
  for (unsigned id = 0, count = 1 + below(random, 6); id < count; ++id) {
    static constexpr unsigned kSizes[] = {40, 600, 4000, 9000, 65000};
    Bytes data(9 + below(random, kSizes[below(random, 5)]));
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(i * 7 + id + i / 256);
    const unsigned most = 8 * (1 + below(random, data.size() > 5000 ? 180 : 40));
    for (unsigned at = 0; at < data.size();) {
      // The first one is not all of it.
      const size_t left = at == 0 ? (data.size() - 1) / 8 * 8 : data.size() - at;
      const auto bytes = std::min<size_t>(left, 8 + most);
      Piece piece{at, Bytes(data.begin() + at, data.begin() + at + static_cast<int>(bytes)),
                  at + bytes < data.size()};
      if (below(random, 40) != 0) pieces.emplace_back(id, piece);
      if (below(random, 12) == 0) pieces.emplace_back(id, piece);
      if (below(random, 150) == 0) {
        piece.payload[0] ^= 1;
        pieces.emplace_back(id, piece);
      }
      if (below(random, 150) == 0 && piece.payload.size() > 16) {
        piece.offset += 8;
        pieces.emplace_back(id, piece);
      }
      at += static_cast<unsigned>(bytes);
    }
  }
  if (below(random, 3) != 0) std::shuffle(pieces.begin(), pieces.end(), random);
  return pieces;
}

TEST_F(FragmentsTest, AsTheModelSays) {
  const uint32_t in_use = dataplane->buffers_in_use();
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Model model;
    for (const auto& [id, piece] : plan(random)) {
      Bytes wanted;
      const auto copies = drops(DropReason::k_fragment_duplicate);
      const auto overlaps = drops(DropReason::k_fragment_overlap);
      const Model::Verdict verdict = model.add(id, piece, wanted);
      rte_mbuf* whole = add(make(piece, static_cast<uint16_t>(id)));
      ASSERT_EQ(whole != nullptr, verdict == Model::Verdict::kWhole);
      ASSERT_EQ(drops(DropReason::k_fragment_duplicate) - copies,
                verdict == Model::Verdict::kCopy ? 1u : 0u);
      ASSERT_EQ(drops(DropReason::k_fragment_overlap) > overlaps,
                verdict == Model::Verdict::kSpoilt);
      size_t held = 0;
      for (const auto& [_, datagram] : model.datagrams) held += datagram.pieces.size();
      ASSERT_EQ(worker().fragments->held(), held);
      if (whole == nullptr) continue;
      EXPECT_TRUE(was_put_together(whole));
      EXPECT_EQ(rte_pktmbuf_mtod(whole, const Ipv4Header*)->total_length.host(), whole->pkt_len);
      EXPECT_EQ(bytes_of(whole, 20), wanted);
      rte_pktmbuf_free(whole);
    }
    expire_all();
    ASSERT_EQ(worker().fragments->held_bytes(), 0u);
    ASSERT_EQ(dataplane->buffers_in_use(), in_use);
  }
}

TEST_F(FragmentsTest, NeverMoreThanTheBound) {
  const uint32_t in_use = dataplane->buffers_in_use();
  publish({1u << 20, 1'000'000'000});
  Random random(1);
  uint64_t sent = 0;
  for (unsigned i = 0; i < 20'000; ++i) {
    const Piece piece{8 * below(random, 200), Bytes(8 * (1 + below(random, 180))), true};
    rte_mbuf* whole =
        add(make(piece, static_cast<uint16_t>(below(random, 2000)), k10001 + below(random, 50)),
            place_of(static_cast<VrfId>(below(random, 5))));
    ASSERT_EQ(whole, nullptr);
    ++sent;
    ASSERT_LE(worker().fragments->held_bytes(), 1u << 20);
    ASSERT_LE(dataplane->buffers_in_use() - in_use, (1u << 20) / 2000 + 256);  // and garbage
  }
  expire_all();
  EXPECT_EQ(dataplane->buffers_in_use(), in_use);
  uint64_t dropped = 0;
  for (size_t i = 0; i < kDropReasonCount; ++i) dropped += drops(static_cast<DropReason>(i));
  EXPECT_EQ(dropped, sent);
}

TEST_F(FragmentsTest, WhoHasLessThanItsShareLosesNothing) {
  publish({1u << 20, 1'000'000'000});
  const Piece first{0, Bytes(800), true}, last{800, Bytes(100), false};
  ASSERT_EQ(add(make(first, 1), place_of(2)), nullptr);
  // Another VRF, by one sender and by many; and another sender of the same one.
  for (unsigned i = 0; i < 4000; ++i)
    add(make(first, static_cast<uint16_t>(i), i < 2000 ? k10001 : k10001 + i), place_of(1));
  for (unsigned i = 0; i < 4000; ++i)
    add(make(first, static_cast<uint16_t>(i), k10001 + 1), place_of(2));
  rte_mbuf* whole = add(make(last, 1), place_of(2));
  ASSERT_NE(whole, nullptr);
  rte_pktmbuf_free(whole);
  expire_all();
}

TEST_F(FragmentsTest, AllOfADatagramComeToOneWorker) {
  for (uint16_t ident = 0; ident < 32; ++ident) {
    Piece pieces[] = {{0, Bytes(16), true}, {16, Bytes(8), true}, {24, Bytes(5), false}};
    pieces[0].payload[5] = 29;  // UDP's length
    const uint64_t handed =
        worker(0).counters.handed_over.get() + worker(1).counters.handed_over.get();
    for (unsigned i = 0; i < 3; ++i) {
      Worker& one = worker(i & 1);
      Packet& packet = one.packets[0];
      packet = {};
      packet.mbuf = make(pieces[i], ident);
      packet.network = 1;
      packet.drop = DropReason::kNone;
      one.routed.count = 0;
      one.routed.push(packet);
      balance(one, one.routed);
      collect_fragments(one);
      ASSERT_EQ(one.routed.count, 0u);
    }
    // What one has handed to the other, until neither has anything.
    unsigned whole = 0;
    for (bool any = true; any;) {
      any = false;
      for (unsigned id = 0; id < 2; ++id) {
        worker(id).routed.count = 0;
        any |= take_all_handed_over(worker(id)) != 0;
        balance(worker(id), worker(id).routed);
        collect_fragments(worker(id));
        balance(worker(id), worker(id).routed_whole);
        for (PacketList* list : {&worker(id).routed, &worker(id).routed_whole}) {
          for (Packet* packet : list->span()) {
            ++whole;
            EXPECT_EQ(packet->mbuf->pkt_len, 20u + 29u);
            rte_pktmbuf_free(packet->mbuf);
          }
          list->count = 0;
        }
      }
    }
    // No service has the port: it goes on to be answered for the address, as one packet.
    EXPECT_EQ(whole, 1u);
    EXPECT_GT(worker(0).counters.handed_over.get() + worker(1).counters.handed_over.get(), handed);
    EXPECT_EQ(worker(0).fragments->held() + worker(1).fragments->held(), 0u);
  }
  expire_all();
}

}  // namespace
}  // namespace adit
